"""Two servers by docker-compose's profile `shards`."""

import json
import unittest

import stage
from compose import Compose, last_measurement
from engine import eventually, say


class ShardsTest(unittest.TestCase):
    def test_two_servers_share_a_model_and_one_may_crash(self):
        compose = Compose(stage.ENGINE, stage.CHECKOUT, "shards", SIGNVOTE_ROUNDS="400", SIGNVOTE_PORT="0")
        self.addCleanup(compose.close)
        compose("--profile", "shards", "up", "-d", "shards", seconds=300)
        observer, shard = compose.containers("shards")[0], compose.containers("shard-1")[0]
        both = ("--server", "127.0.0.1:7401", "status", "--json")
        eventually(lambda: json.loads(compose.control(*both, service="shard-1") or '{"round":0}')["round"] >= 5, what="round 5")
        compose.kill_process(shard)
        eventually(lambda: not compose.state(observer)["Running"], seconds=900, what="the end of the run")
        number, accuracy, fingerprint = last_measurement(compose.log(observer))
        say(f"shards, round {number}: accuracy {accuracy}, fingerprint {fingerprint}")
        self.assertEqual((number, compose.state(observer)["ExitCode"]), ("400", 0))
        for volume in ("run-shard-0", "run-shard-1"):
            eventually(lambda v=volume: json.loads(compose.file(v, "summary.json"))["whole_fingerprint"] == fingerprint,
                       what=f"the observer's fingerprint in {volume}")
        self.assertEqual(compose.containers("server"), [], "the other run is not started")
