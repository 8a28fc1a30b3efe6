"""A container engine for tests: the one that runs, else one of our own in a scratch directory, gone afterwards."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

BASE = "debian:bookworm-slim"
SKIPPED = 77


class Unavailable(Exception):
    """No engine can be had here; the message says why."""


def eventually(look, seconds=300, what="it"):
    """The first true value of look(); fails after the limit."""
    end = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.2)


def say(*words):
    print("==", *words, file=sys.stderr, flush=True)


def run(*command, seconds=300, check=True, **options):
    """What the command prints; AssertionError with all that it said when it fails."""
    done = subprocess.run(command, timeout=seconds, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout if check else done


class Engine:
    """docker() and its images. `tag` is on every image that a test makes; close() removes these and what else was made. In an
    engine that ran before, layers stay as its cache."""

    def __init__(self):
        self.scratch = tempfile.mkdtemp(prefix="signvote-docker-", dir="/var/tmp")
        self.environment = dict(os.environ, COMPOSE_INTERACTIVE_NO_CLI="1", BUILDKIT_PROGRESS="plain")
        self.tag = f"test-{os.getpid()}"
        self.daemon = None  # ours
        self.has_engine = False
        self.made_base = False
        try:
            self._install()
            if self.docker("info", check=False, seconds=60).returncode != 0:
                self._start()
            self.has_engine = True
            self._have_base()
        except BaseException:
            self.close()
            raise

    @property
    def is_ours(self):
        return self.daemon is not None

    def docker(self, *words, **options):
        return run("docker", *words, env=self.environment, **options)

    def inspect(self, kind, name):
        return json.loads(self.docker(kind, "inspect", name))[0]

    def _install(self):
        missing = [package for package, program in (("docker.io", "dockerd"), ("docker-compose", "docker-compose"),
                                                    ("debootstrap", "debootstrap")) if not shutil.which(program)]
        if not shutil.which("docker") and "docker.io" not in missing:
            missing.append("docker.io")
        if not missing:
            return
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Unavailable(f"{', '.join(missing)} not installed, and no right to install them")
        say("installing", *missing)
        quiet = dict(self.environment, DEBIAN_FRONTEND="noninteractive")
        run("apt-get", "update", "-q", env=quiet, check=False, seconds=300)
        done = run("apt-get", "install", "-y", "-q", "--no-install-recommends", *missing, "iptables",
                   "cgroupfs-mount", env=quiet, check=False,
                   seconds=600)
        if done.returncode != 0:
            raise Unavailable(f"apt-get does not install {', '.join(missing)}: {done.stdout[-300:]}")

    def _start(self):
        """A daemon of our own."""
        if os.geteuid() != 0:
            raise Unavailable("no engine runs, and starting one needs root")
        log = os.path.join(self.scratch, "dockerd.log")
        socket = "unix://" + os.path.join(self.scratch, "docker.sock")
        self.environment["DOCKER_HOST"] = socket
        if not os.path.ismount("/sys/fs/cgroup") and shutil.which("cgroupfs-mount"):  # no init system did it
            run("cgroupfs-mount", check=False)
        say("starting dockerd")
        with open(log, "wb") as out:
            # pylint: disable-next=consider-using-with
            self.daemon = subprocess.Popen(
                ["dockerd", "--host", socket, "--data-root", os.path.join(self.scratch, "data"), "--exec-root",
                 os.path.join(self.scratch, "exec"), "--pidfile", os.path.join(self.scratch, "dockerd.pid")],
                stdout=out, stderr=out, start_new_session=True)
        try:
            eventually(lambda: self.daemon.poll() is not None
                       or self.docker("info", check=False, seconds=60).returncode == 0, what="the engine")
        except AssertionError as error:
            raise Unavailable(str(error)) from error
        if self.daemon.poll() is not None:
            with open(log, encoding="utf-8", errors="replace") as lines:
                raise Unavailable("dockerd does not start: " + lines.read().strip().splitlines()[-1])

    def _have_base(self):
        """Debian as an image: there, pulled, or made from packages."""
        if self.docker("image", "inspect", BASE, check=False).returncode == 0:
            return
        if self.docker("pull", "-q", BASE, check=False, seconds=180).returncode == 0:
            self.made_base = True
            return
        if os.geteuid() != 0:
            raise Unavailable(f"{BASE} cannot be pulled, and making it needs root")
        say(f"{BASE} cannot be pulled: making it by debootstrap")
        root = os.path.join(self.scratch, "root")
        done = run("debootstrap", "--variant=minbase", "bookworm", root, self._mirror(), check=False, seconds=900)
        if done.returncode != 0:
            raise Unavailable(f"debootstrap fails: {done.stdout[-300:]}")
        run("tar", "-C", root, "--exclude=./var/cache/apt/*", "--exclude=./var/lib/apt/lists/*", "-cf", root + ".tar", ".")
        self.docker("import", root + ".tar", BASE, seconds=300)
        shutil.rmtree(root)
        os.remove(root + ".tar")
        self.made_base = True

    @staticmethod
    def _mirror():
        """Where this machine has its own packages from."""
        indexes = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Codename: bookworm",
                      check=False).stdout.splitlines()
        return indexes[0] if indexes else "http://deb.debian.org/debian"

    def close(self):
        try:
            if self.daemon is not None:
                self._stop()
            elif self.has_engine:
                images = self.docker("images", "-q", "--filter", f"reference=*:{self.tag}").split()
                images += [BASE] if self.made_base else []
                if images:
                    self.docker("rmi", "--force", "--no-prune", *images, check=False)
        finally:
            shutil.rmtree(self.scratch, ignore_errors=True)

    def _stop(self):
        self.daemon.terminate()
        try:
            self.daemon.wait(60)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
        for line in reversed(run("cat", "/proc/mounts").splitlines()):
            if line.split()[1].startswith(self.scratch):
                run("umount", "--lazy", line.split()[1], check=False)
