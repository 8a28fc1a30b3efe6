"""A live federation for tests of the dashboard: a server, made-up voters of whom the first flips its signs, an observer."""

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request


def eventually(look, seconds=60, what="it"):
    """The first true value of look(); fails after the limit."""
    end = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.05)


class Federation:
    VOTERS = 9

    def __init__(self, binaries):
        self.binaries = binaries
        self.directory = tempfile.TemporaryDirectory(prefix="signvote-web-")
        self.processes = {}
        self.addresses = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "http": "127.0.0.1:0"}
        subprocess.run([self._program("signvote-client"), "init-model", "--model", "mlp", "--out", self.path("model")],
                       check=True, capture_output=True)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def _program(self, name):
        return os.path.join(self.binaries, name)

    def start(self, name, program, *arguments):
        with open(self.path(name + ".log"), "ab") as log:
            self.processes[name] = subprocess.Popen([self._program(program), *arguments], stdout=log, stderr=log)

    def start_server(self):
        """On the same ports as before, if it ran before."""
        with open(self.path("server.yaml"), "w", encoding="utf-8") as file:
            file.write(f"""
listen: {self.addresses['listen']}
admin: {{listen: "{self.addresses['admin']}"}}
http: {{listen: "{self.addresses['http']}"}}
model: {self.path('model')}
directory: {self.path('run')}
rounds: {{total: 1000000, quorum: {self.VOTERS}, deadline: 60s}}
durability: decisions
""")
        told = self.path("run/addresses.json")
        if os.path.exists(told):
            os.remove(told)
        self.start("server", "signvote-server", "--config", self.path("server.yaml"))
        eventually(lambda: os.path.exists(told) or self.processes["server"].poll() is not None, what="the server")
        with open(told, encoding="utf-8") as file:
            self.addresses = json.load(file)

    def start_clients(self):
        self.start("voters", "signvote-loadgen", "--server", self.addresses["listen"], "--voters", str(self.VOTERS),
                   "--flipped", "1", "--rounds", "0", "--prefix", "c")
        with open(self.path("observer.yaml"), "w", encoding="utf-8") as file:
            file.write(f"server: {self.addresses['listen']}\nname: observer\nrole: observer\n"
                       "evaluate: {every: 5}\ndata: {format: digits}\n")
        self.start("observer", "signvote-client", "--config", self.path("observer.yaml"))

    def control(self, *words):
        subprocess.run([self._program("signvotectl"), "--server", self.addresses["admin"], *words], check=True,
                       capture_output=True)

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.addresses['http']}{path}", timeout=30) as answer:
            return answer.read().decode()

    def api(self, name):
        return json.loads(self.get("/api/" + name))

    def kill(self, *names):
        for name in names:
            process = self.processes.pop(name)
            process.send_signal(signal.SIGKILL)
            process.wait()

    def close(self):
        self.kill(*list(self.processes))
        self.directory.cleanup()
