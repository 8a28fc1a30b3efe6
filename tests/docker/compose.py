"""docker-compose in a pristine checkout, with the programs of a build directory in prebuilt/."""

import os
import re
import shutil
import subprocess

from engine import run


def make_checkout(source, binaries, place):
    """The files that git has, and programs, so that images need no compiler."""
    names = run("git", "-C", source, "ls-files", "-co", "--exclude-standard", "-z").split("\0")
    for name in filter(None, names):
        if os.path.exists(os.path.join(source, name)):
            os.makedirs(os.path.join(place, os.path.dirname(name)), exist_ok=True)
            shutil.copy2(os.path.join(source, name), os.path.join(place, name))
    os.makedirs(os.path.join(place, "prebuilt"))
    for program in ("signvote-server", "signvote-client", "signvotectl"):
        run("strip", "-o", os.path.join(place, "prebuilt", program), os.path.join(binaries, program))


def last_measurement(log):
    """Round, accuracy and fingerprint of an observer's last."""
    return re.findall(r"round (\d+): .*accuracy ([\d.]+) .*fingerprint ([0-9a-f]{32})", log)[-1]


class Compose:
    """One project; close() removes its containers, networks and volumes."""

    def __init__(self, engine, checkout, name, **settings):
        self.engine = engine
        self.checkout = checkout
        self.name = f"{name}{os.getpid()}"
        self.environment = dict(engine.environment, COMPOSE_PROJECT_NAME=self.name, SIGNVOTE_TAG=engine.tag, **settings)
        self.program = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]

    def __call__(self, *words, **options):
        return run(*self.program, *words, cwd=self.checkout, env=self.environment, **options)

    def containers(self, service):
        """Ids, also of those that ended; in the order of their numbers."""
        found = [self.engine.inspect("container", name) for name in self("--profile", "shards", "--profile", "monitoring", "ps", "-aq", service).split()]
        return [c["Id"] for c in sorted(found, key=lambda c: int(c["Config"]["Labels"]["com.docker.compose.container-number"]))]

    def state(self, container):
        return self.engine.inspect("container", container)["State"]

    def log(self, container):
        return self.engine.docker("logs", container)

    def control(self, *words, service="server"):
        """signvotectl as docs say: inside the server's container."""
        done = subprocess.run([*self.program, "exec", "-T", service, "signvotectl", *words], cwd=self.checkout, timeout=120,
                              env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def network(self):
        return self.engine.docker("network", "ls", "-q", "--filter", f"label=com.docker.compose.project={self.name}").strip()

    def file(self, volume, path):
        return self.engine.docker("run", "--rm", "--network=none", "-v", f"{self.name}_{volume}:/volume:ro", "--entrypoint", "cat",
                                  f"signvote-server:{self.engine.tag}", f"/volume/{path}")

    def kill_process(self, container):
        """As a crash would: unlike `docker kill`, the engine does not take it for somebody's wish."""
        self.engine.docker("run", "--rm", "--pid=host", "--user=0", "--entrypoint=sh",
                           f"signvote-server:{self.engine.tag}", "-c", f"kill -9 {self.state(container)['Pid']}")

    def close(self):
        self("--profile", "shards", "--profile", "monitoring", "down", "--volumes", "--timeout", "5", check=False, seconds=180)
