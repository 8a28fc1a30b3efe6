#!/usr/bin/python3
"""docker-compose.yml in a real engine: images, a run with restarts, kills, a lost network and more clients, shards, Prometheus."""

import argparse
import json
import os
import re
import signal
import sys
import unittest
import urllib.request

from compose import Compose, make_checkout
from engine import BASE, SKIPPED, Engine, Unavailable, eventually, say

ARGUMENTS = None
ENGINE = None
CHECKOUT = None


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def last_measurement(log):
    """Round, accuracy and fingerprint of an observer's last."""
    return re.findall(r"round (\d+): accuracy ([\d.]+), .* fingerprint ([0-9a-f]{32})", log)[-1]


class ImagesTest(unittest.TestCase):
    def image(self, name):
        return ENGINE.inspect("image", f"{name}:{ENGINE.tag}")

    def shell(self, name, script):
        return ENGINE.docker("run", "--rm", "--network=none", "--entrypoint=sh", f"{name}:{ENGINE.tag}", "-c", script)

    def test_the_server_is_small_and_has_no_libtorch(self):
        size = self.image("signvote-server")["Size"] - ENGINE.inspect("image", BASE)["Size"]
        say(f"signvote-server is {size / 1e6:.0f} MB over its base, signvote-client "
            f"{(self.image('signvote-client')['Size'] - ENGINE.inspect('image', BASE)['Size']) / 1e6:.0f} MB")
        self.assertLess(size, 150e6)
        self.assertEqual(self.shell("signvote-server", "ls -d /usr/lib/*/libtorch* 2>/dev/null || true"), "")

    def test_nobody_is_root(self):
        for name in ("signvote-server", "signvote-client", "signvote-prometheus"):
            self.assertNotIn(self.image(name)["Config"]["User"], ("", "root", "0"), name)

    def test_the_authoritys_key_is_with_nobody(self):
        config = Compose(ENGINE, CHECKOUT, "config")("--profile", "shards", "--profile", "monitoring", "config")
        self.assertEqual(len(re.findall(r"- authority:", config)), 1)


class FederationTest(unittest.TestCase):
    ROUNDS = 150
    VOTERS = 15

    def setUp(self):
        self.compose = Compose(ENGINE, CHECKOUT, "run", SIGNVOTE_ROUNDS=str(self.ROUNDS), SIGNVOTE_PORT="0", PROMETHEUS_PORT="0")
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
            self.assertTrue(ENGINE.inspect("container", container)["HostConfig"]["ReadonlyRootfs"])
        self.assertIn('"ok":true', fetch(self.published("server", 7402) + "/healthz"))

        compose("restart", "server")
        after = self.goes_on("restart server")
        self.assertGreaterEqual(after, before)

        compose.kill_process(server)
        eventually(lambda: compose.state(server)["Running"] and ENGINE.inspect("container", server)["RestartCount"] == 1,
                   what="the engine's restart of a crashed server")
        self.assertGreaterEqual(self.goes_on("a crash of the server"), after)

        ENGINE.docker("kill", phones[0])
        eventually(lambda: self.voters() == self.VOTERS - 1, what="the loss of a killed phone")
        ENGINE.docker("start", phones[0])
        self.goes_on("kill and start of a phone")

        network = compose.network()
        ENGINE.docker("network", "disconnect", network, phones[1])
        now = self.status()["round"]
        eventually(lambda: self.status().get("round", 0) >= now + 2, what="rounds without a phone")
        ENGINE.docker("network", "connect", network, phones[1])
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


class ShardsTest(unittest.TestCase):
    def test_two_servers_share_a_model_and_one_may_crash(self):
        compose = Compose(ENGINE, CHECKOUT, "shards", SIGNVOTE_ROUNDS="30", SIGNVOTE_PORT="0")
        self.addCleanup(compose.close)
        compose("--profile", "shards", "up", "-d", "shards", seconds=300)
        observer, shard = compose.containers("shards")[0], compose.containers("shard-1")[0]
        both = ("--server", "127.0.0.1:7401", "status", "--json")
        eventually(lambda: json.loads(compose.control(*both, service="shard-1") or '{"round":0}')["round"] >= 5, what="round 5")
        compose.kill_process(shard)
        eventually(lambda: not compose.state(observer)["Running"], seconds=900, what="the end of the run")
        number, accuracy, fingerprint = last_measurement(compose.log(observer))
        say(f"shards, round {number}: accuracy {accuracy}, fingerprint {fingerprint}")
        self.assertEqual((number, compose.state(observer)["ExitCode"]), ("30", 0))
        for volume in ("run-shard-0", "run-shard-1"):
            eventually(lambda v=volume: json.loads(compose.file(v, "summary.json"))["whole_fingerprint"] == fingerprint,
                       what=f"the observer's fingerprint in {volume}")
        self.assertEqual(compose.containers("server"), [], "the other run is not started")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="the repository")
    parser.add_argument("--bin", required=True, help="directory of the programs")
    global ARGUMENTS, ENGINE, CHECKOUT  # pylint: disable=global-statement
    ARGUMENTS, rest = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open("/etc/os-release", encoding="utf-8") as release:
        if "VERSION_CODENAME=bookworm" not in release.read():
            print("skipped: programs built here do not run in an image of Debian 12")
            sys.exit(SKIPPED)
    try:
        ENGINE = Engine()
    except Unavailable as reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    try:
        CHECKOUT = os.path.join(ENGINE.scratch, "checkout")
        make_checkout(ARGUMENTS.source, ARGUMENTS.bin, CHECKOUT)
        say("building the images")
        Compose(ENGINE, CHECKOUT, "build")("--profile", "monitoring", "build", seconds=1500)
        program = unittest.main(argv=[sys.argv[0], *rest], verbosity=2, exit=False)
    finally:
        ENGINE.close()
    sys.exit(0 if program.result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
