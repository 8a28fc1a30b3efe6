"""The images: small, nobody is root, the authority's key is with nobody."""

import re
import unittest

import stage
from compose import Compose
from engine import BASE, say


class ImagesTest(unittest.TestCase):
    def image(self, name):
        return stage.ENGINE.inspect("image", f"{name}:{stage.ENGINE.tag}")

    def shell(self, name, script):
        return stage.ENGINE.docker("run", "--rm", "--network=none", "--entrypoint=sh", f"{name}:{stage.ENGINE.tag}", "-c", script)

    def test_the_server_is_small_and_has_no_libtorch(self):
        size = self.image("signvote-server")["Size"] - stage.ENGINE.inspect("image", BASE)["Size"]
        say(f"signvote-server is {size / 1e6:.0f} MB over its base, signvote-client "
            f"{(self.image('signvote-client')['Size'] - stage.ENGINE.inspect('image', BASE)['Size']) / 1e6:.0f} MB")
        self.assertLess(size, 150e6)
        self.assertEqual(self.shell("signvote-server", "ls -d /usr/lib/*/libtorch* 2>/dev/null || true"), "")

    def test_nobody_is_root(self):
        for name in ("signvote-server", "signvote-client", "signvote-prometheus"):
            self.assertNotIn(self.image(name)["Config"]["User"], ("", "root", "0"), name)

    def test_the_authoritys_key_is_with_nobody(self):
        config = Compose(stage.ENGINE, stage.CHECKOUT, "config")("--profile", "shards", "--profile", "monitoring", "config")
        self.assertEqual(len(re.findall(r"- authority:", config)), 1)
