"""docker-compose.yml in a real engine: a run with restarts, kills, a lost network and more clients; Prometheus."""

import json
import unittest
import urllib.request

import stage
from compose import Compose, last_measurement
from engine import eventually, say


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


class FederationTest(unittest.TestCase):
    ROUNDS = 400  # enough for all that follows to happen meanwhile
    VOTERS = 15

    def setUp(self):
        self.compose = Compose(stage.ENGINE, stage.CHECKOUT, "run", SIGNVOTE_ROUNDS=str(self.ROUNDS), SIGNVOTE_PORT="0", PROMETHEUS_PORT="0")
        self.addCleanup(self.compose.close)

    def status(self):
        return json.loads(self.compose.control("status", "--json") or "{}")

    def voters(self):
        return sum(client["connected"] and client["role"] == "VOTER"
                   for client in json.loads(self.compose.control("clients", "--json") or '{"clients":[]}')["clients"])

    def goes_on(self, what):
        """All voters are there, and three more rounds close."""
        eventually(lambda: self.voters() >= self.VOTERS, what=f"all voters after {what}")
        now = self.status()["round"]
        eventually(lambda: self.status().get("round", 0) >= now + 3, what=f"three more rounds after {what}")
        say(f"{what}: round {now} and on")
        return now

    def published(self, service, port):
        return "http://" + self.compose("port", service, str(port)).strip()

    def test_training_survives_restarts_kills_lost_networks_and_growth(self):
        compose = self.compose
        compose("up", "-d", seconds=300)
        server = compose.containers("server")[0]
        phones = compose.containers("phone")
        eventually(lambda: compose.state(server)["Health"]["Status"] == "healthy", what="a healthy server")
        before = self.goes_on("the start")
        for container in (server, phones[0]):
            self.assertTrue(stage.ENGINE.inspect("container", container)["HostConfig"]["ReadonlyRootfs"])
        self.assertIn('"ok":true', fetch(self.published("server", 7402) + "/healthz"))

        compose("restart", "server")
        after = self.goes_on("restart server")
        self.assertGreaterEqual(after, before)

        compose.kill_process(server)
        eventually(lambda: compose.state(server)["Running"] and stage.ENGINE.inspect("container", server)["RestartCount"] == 1,
                   what="the engine's restart of a crashed server")
        self.assertGreaterEqual(self.goes_on("a crash of the server"), after)

        stage.ENGINE.docker("kill", phones[0])
        eventually(lambda: self.voters() == self.VOTERS - 1, what="the loss of a killed phone")
        stage.ENGINE.docker("start", phones[0])
        self.goes_on("kill and start of a phone")

        network = compose.network()
        stage.ENGINE.docker("network", "disconnect", network, phones[1])
        now = self.status()["round"]
        eventually(lambda: self.status().get("round", 0) >= now + 2, what="rounds without a phone")
        stage.ENGINE.docker("network", "connect", network, phones[1])
        self.goes_on("a lost network")

        compose("up", "-d", "--scale", f"phone={len(phones) + 1}", seconds=300)
        self.VOTERS += 1
        self.goes_on("--scale")

        compose("up", "-d", "--scale", f"phone={len(phones) + 1}", "prometheus", seconds=300)
        query = self.published("prometheus", 9090) + "/api/v1/query?query=signvote_round"
        eventually(lambda: '"job":"signvote"' in fetch(query), what="Prometheus's sight of the run")

        observer = compose.containers("observer")[0]
        eventually(lambda: not compose.state(observer)["Running"], seconds=900, what="the end of the run")
        eventually(lambda: not compose.state(server)["Running"], what="the server's end")
        summary = json.loads(compose.file("run", "summary.json"))
        number, accuracy, fingerprint = last_measurement(compose.log(observer))
        say(f"round {number}: accuracy {accuracy}, fingerprint {fingerprint}")
        self.assertEqual((int(number), fingerprint), (self.ROUNDS, summary["fingerprint"]))
        self.assertGreater(float(accuracy), 0.97)
        for container in (server, observer, *compose.containers("workstation")):
            self.assertEqual(compose.state(container)["ExitCode"], 0)
