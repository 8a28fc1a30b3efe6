"""usage: prepare.py TASK DIRECTORY: writes the model of a task as TorchScript, and its data."""

import sys

from tasks import prepare

prepare(sys.argv[1], sys.argv[2])
