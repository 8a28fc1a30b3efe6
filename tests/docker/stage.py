"""What all cases share; run.py sets both before the first."""

ENGINE = None    # engine.Engine
CHECKOUT = None  # directory: the repository's files as a clone has them
