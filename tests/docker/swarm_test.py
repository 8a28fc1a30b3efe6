"""deploy/swarm in a swarm of one node. Only in an engine that the test started: a swarm is the whole engine's."""

import os
import shutil
import unittest

import stage
from engine import eventually, run, say


class SwarmTest(unittest.TestCase):
    def setUp(self):
        self.engine = stage.ENGINE
        if not self.engine.is_ours:
            self.skipTest("the engine is somebody's: it will not be made a swarm")
        self.docker = self.engine.docker
        self.place = os.path.join(self.engine.scratch, "swarm")
        shutil.copytree(os.path.join(stage.CHECKOUT, "deploy"), os.path.join(self.place, "deploy"))
        # Files that an operator would put into the host's /etc and /var, and a port of the host, are the test's own.
        self.stack = os.path.join(self.place, "deploy/swarm/stack.yml")
        with open(self.stack, encoding="utf-8") as file:
            text = file.read()
        for ours in ("/etc/signvote/tls", "/etc/signvote/tls-observer", "/var/lib/signvote/data"):
            self.assertIn(f"source: {ours},", text)
            text = text.replace(f"source: {ours},", f"source: {self.place}{ours},")
            os.makedirs(self.place + ours)
        with open(self.stack, "w", encoding="utf-8") as file:
            file.write(text.replace("published: 7400", "published: 37400"))
        self.environment = dict(self.engine.environment, SIGNVOTE_SERVER_IMAGE=f"signvote-server:{self.engine.tag}",
                                SIGNVOTE_CLIENT_IMAGE=f"signvote-client:{self.engine.tag}")

    def make_certificates(self, node):
        certs = os.path.join(self.place, "certs")
        for words in (["init"], ["server", "server"], ["admin", "operator"], ["client", node],
                      ["client", "observer", "--role", "observer"]):
            run(os.path.join(self.place, "deploy/certs.sh"), "--directory", certs, *words)
        for client, directory in ((node, "tls"), ("observer", "tls-observer")):
            for name in os.listdir(f"{certs}/clients/{client}"):
                shutil.copy(f"{certs}/clients/{client}/{name}", f"{self.place}/etc/signvote/{directory}")
        run("chmod", "-R", "a+rX", self.place)

    def server(self, *words):
        container = self.docker("ps", "-q", "--filter", "name=signvote_server").split()
        return self.docker("exec", container[0], *words, check=False).stdout if container else ""

    def test_a_stack_trains(self):
        self.docker("swarm", "init", "--advertise-addr", "127.0.0.1")
        self.addCleanup(self.docker, "swarm", "leave", "--force", check=False)
        node = self.docker("node", "ls", "--format", "{{.Hostname}}").strip()
        self.docker("node", "update", *(f"--label-add=signvote_{part}=true" for part in ("server", "client", "observer")), node)
        self.make_certificates(node)
        self.docker("run", "--rm", "-v", "signvote_model:/var/lib/signvote/model", f"signvote-client:{self.engine.tag}", "init-model",
                    "--model", "mnist_cnn", "--out", "/var/lib/signvote/model")
        run("docker", "stack", "deploy", "-c", self.stack, "signvote", env=self.environment)
        self.addCleanup(self.docker, "stack", "rm", "signvote", check=False)
        eventually(lambda: self.server("signvotectl", "health") == "serving\n", what="the server's health")
        for client, service in ((node, "client"), ("observer", "observer")):
            try:
                eventually(lambda c=client: '"connected": true' in self.server("signvotectl", "client", c, "--json"),
                           what=f"{client} at the server")
            except AssertionError as error:
                tasks = self.docker("service", "ps", "--no-trunc", f"signvote_{service}", check=False).stdout
                log = self.docker("service", "logs", "--tail", "20", f"signvote_{service}", check=False)
                raise AssertionError(f"{error}: {tasks}{log.stdout}") from error
        say("swarm:", self.server("signvotectl", "status").splitlines()[1])
