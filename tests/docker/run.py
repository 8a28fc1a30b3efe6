#!/usr/bin/python3
"""Runs the cases of *_test.py here in one engine, on the images of a pristine checkout."""

import argparse
import os
import signal
import sys
import unittest

import stage
from compose import Compose, make_checkout
from engine import SKIPPED, Engine, Unavailable, say


def build_images():
    say("building the images")
    done = Compose(stage.ENGINE, stage.CHECKOUT, "build")("--profile", "monitoring", "build", check=False, seconds=1500)
    if done.returncode != 0:
        if any(words in done.stdout for words in ("Failed to fetch", "Temporary failure resolving", "Unable to connect")):
            raise Unavailable("containers reach no packages: " + done.stdout[-500:])
        raise AssertionError(done.stdout[-4000:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="the repository")
    parser.add_argument("--bin", required=True, help="directory of the programs")
    parser.add_argument("--only", default="*_test.py", help="of these files")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open("/etc/os-release", encoding="utf-8") as release:
        if "VERSION_CODENAME=bookworm" not in release.read():
            print("skipped: programs built here do not run in an image of Debian 12")
            sys.exit(SKIPPED)
    try:
        stage.ENGINE = Engine()
        stage.CHECKOUT = os.path.join(stage.ENGINE.scratch, "checkout")
        make_checkout(arguments.source, arguments.bin, stage.CHECKOUT)
        build_images()
        cases = unittest.defaultTestLoader.discover(os.path.dirname(__file__), pattern=arguments.only)
        succeeded = unittest.TextTestRunner(verbosity=2).run(cases).wasSuccessful()
    except Unavailable as reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    finally:
        if stage.ENGINE:
            stage.ENGINE.close()
    sys.exit(0 if succeeded else 1)


if __name__ == "__main__":
    main()
