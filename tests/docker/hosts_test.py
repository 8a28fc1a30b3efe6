"""The `docker run` lines of docs/operations.md, as two machines would type them."""

import os
import re
import shutil
import unittest

import stage
from engine import eventually, run, say

SERVER = """
listen: 0.0.0.0:7400
tls: {directory: /etc/signvote/tls}
model: /var/lib/signvote/model
directory: /var/lib/signvote/run
rounds: {total: 100000, quorum: 1}
"""
CLIENT = """
server: fed.example.org:7400
name: workstation
tls: {directory: /etc/signvote/tls}
batch: 16
data: {format: digits, partition: iid}
"""


class HostsTest(unittest.TestCase):
    def setUp(self):
        self.docker = stage.ENGINE.docker
        self.place = os.path.join(stage.ENGINE.scratch, "hosts")
        self.certs = os.path.join(self.place, "certs")
        for words in (["init"], ["server", "fed.example.org", "localhost"], ["admin", "operator"], ["client", "workstation"]):
            run(os.path.join(stage.CHECKOUT, "deploy/certs.sh"), "--directory", self.certs, *words)
        with open(os.path.join(stage.CHECKOUT, "docs/operations.md"), encoding="utf-8") as page:
            block = next(text for text in re.findall(r"```sh\n(.*?)```", page.read(), re.DOTALL) if "--name server" in text)
        self.lines = [line.split() for line in block.replace("\\\n", "").splitlines()]

    def make_host(self, name, **files):
        """A directory for what belongs into the /etc/signvote of a machine."""
        host = os.path.join(self.place, name)
        os.makedirs(f"{host}/etc/signvote")
        os.makedirs(f"{host}/var/lib/signvote")
        for file, text in files.items():
            with open(f"{host}/etc/signvote/{file}.yaml", "w", encoding="utf-8") as out:
                out.write(text)
        return host

    def type(self, line, host, *more):
        """With this host's files, the images under test, and names that nothing else has."""
        words = [re.sub(r"^(/(etc|srv|var)/[^:]*):", host + r"\1:", word) if word.startswith("/") else word for word in line]
        words = [f"{word}:{stage.ENGINE.tag}" if word in ("signvote-server", "signvote-client") else word for word in words]
        words = ["0:7400" if word == "7400:7400" else word for word in words]
        at = words.index("--name") + 1
        words[at] += stage.ENGINE.tag
        self.addCleanup(self.docker, "rm", "--force", words[at], check=False)
        self.docker(*words[1:at + 1], *more, *words[at + 1:])
        return words[at]

    def test_two_machines_train_by_the_lines_of_the_page(self):
        server_line, client_line = self.lines
        host = self.make_host("server-host", server=SERVER)
        shutil.copytree(f"{self.certs}/server", f"{host}/etc/signvote/tls")
        shutil.copytree(f"{self.certs}/admins/operator", f"{host}/etc/signvote/admin")
        run("chown", "-R", "10001", f"{host}/etc/signvote", f"{host}/var/lib/signvote")
        self.docker("run", "--rm", "-v", f"{host}/var/lib/signvote:/var/lib/signvote", f"signvote-client:{stage.ENGINE.tag}",
                    "init-model", "--model", "mlp", "--out", "/var/lib/signvote/model")
        server = self.type(server_line, host)
        address = stage.ENGINE.inspect("container", server)["NetworkSettings"]["IPAddress"]

        host = self.make_host("client-host", workstation=CLIENT)
        shutil.copytree(f"{self.certs}/clients/workstation", f"{host}/etc/signvote/tls")
        run("chown", "-R", "10001", f"{host}/etc/signvote")
        self.type(client_line, host, "--add-host", f"fed.example.org:{address}")

        def status():
            return self.docker("exec", server, "signvotectl", "status", check=False).stdout
        eventually(lambda: re.search(r"round +[1-9]\d* of 100000", status()), what="a round")
        eventually(lambda: stage.ENGINE.inspect("container", server)["State"]["Health"]["Status"] == "healthy", what="health")
        say("two machines:", status().splitlines()[1])


if __name__ == "__main__":
    unittest.main()
