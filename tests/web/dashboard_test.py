#!/usr/bin/python3
"""The dashboard in a real Chromium, against a live run: it shows what the API says, also after the server came back."""

import argparse
import os
import subprocess
import sys
import unittest

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from federation import Federation, eventually

ARGUMENTS = None
FLIPPED = "c-0"


def open_browser():
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--window-size=1280,1000", "--no-proxy-server"):
        options.add_argument(argument)
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class DashboardTest(unittest.TestCase):
    def setUp(self):
        self.federation = Federation(ARGUMENTS.bin)
        self.addCleanup(self.federation.close)
        self.federation.start_server()
        self.federation.start_clients()
        self.browser = open_browser()
        self.addCleanup(self.browser.quit)
        self.browser.get(f"http://{self.federation.addresses['http']}/")

    def script(self, code, *arguments):
        return self.browser.execute_script("return " + code, *arguments)

    def text(self, selector):
        # In one call: the page replaces its parts while one looks.
        return self.script("document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def number(self, name):
        return self.text(f'[data-number="{name}"] b')

    def cell(self, client, column):
        return self.text(f'#clients tr[data-name="{client}"] [data-column="{column}"]')

    def picture(self, name):
        os.makedirs(ARGUMENTS.pictures, exist_ok=True)
        height = self.script("document.documentElement.scrollHeight")
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": self.script("innerWidth"), "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.browser.save_screenshot(os.path.join(ARGUMENTS.pictures, name + ".png"))
        self.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def wait_for_the_same_round(self):
        """Pauses the run, and waits until the page has heard of it."""
        self.federation.control("pause")
        status = eventually(lambda: (s := self.federation.api("status"))["phase"] == "PAUSED" and s, what="the pause")
        eventually(lambda: self.text("#phase") == "paused" and self.script("state.reliability?.round") == status["round"]
                   and self.script("state.rounds.at(-1)?.round") == status["round"], what="the page's pause")
        return status

    def assert_shows_the_api(self):
        status = self.wait_for_the_same_round()
        self.assertEqual(self.number("round"), f"{status['round']:,}")
        self.assertEqual(self.number("trust λ"), f"{status['trust']:.2f}")
        self.assertEqual(self.number("voters"), str(Federation.VOTERS))
        # The observer may still be measuring.
        measured = eventually(lambda: (last := self.federation.api("rounds")["evaluations"][-1]) and last
                              == self.script("[...state.evaluations.values()].at(-1)") and last, what="its evaluation")
        self.assertEqual(self.number("accuracy"), f"{100 * measured[1]:.2f} %")
        clients = self.federation.api("clients")["clients"]
        self.assertEqual(len(clients), Federation.VOTERS + 1)
        for client in clients:
            self.assertEqual(self.cell(client["name"], "rounds"), f"{client['rounds_counted']:,}")
            voter = client["role"] == "VOTER"
            self.assertEqual(self.cell(client["name"], "crossover"), f"{client['crossover']:.4f}" if voter else "–")
            self.assertEqual(self.cell(client["name"], "weight"), f"{client['mean_weight']:.3f}" if voter else "–")
        report = self.federation.api("reliability")
        order = [voter["name"] for voter in report["voters"]]
        for table in ("agreement", "crossover"):
            self.assertEqual(self.script(f"[...document.querySelectorAll('#{table} tbody tr')].map(r => r.dataset.name)"),
                             order)
        shown = self.script("[...document.querySelectorAll('#agreement tbody td')].map(c => c.textContent)")
        self.assertEqual(shown, [f"{x:.2f}" for voter in report["voters"] for x in voter["agreement"]])
        self.assertIn(FLIPPED, (order[0], order[-1]), "who votes against the others stands apart")
        return status

    def test_shows_what_the_api_says_and_who_flips_its_signs(self):
        eventually(lambda: f"{FLIPPED} votes against the others" in self.text("#findings"), what="the accusation")
        eventually(lambda: self.federation.api("rounds")["evaluations"], what="an evaluation")
        self.assertEqual(self.script("[...document.querySelectorAll('#clients tr.bad')].map(r => r.dataset.name)"),
                         [FLIPPED])
        self.assert_shows_the_api()
        joined = self.script("[...document.querySelectorAll('#events tr[data-kind=JOINED]')].map(r => r.cells[2].textContent)")
        self.assertIn(FLIPPED, joined)
        self.browser.find_element(By.XPATH, "//button[text()='crossover']").click()
        names = "[...document.querySelectorAll('#clients tbody tr')].map(r => r.dataset.name)"
        self.assertEqual(self.script(names)[-2:], [FLIPPED, "observer"])
        self.browser.find_element(By.XPATH, "//button[text()='crossover']").click()
        self.assertEqual(self.script(names)[0], FLIPPED)
        self.picture("dashboard")
        light = self.script("getComputedStyle(document.body).backgroundColor")
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                     {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        self.assertNotEqual(self.script("getComputedStyle(document.body).backgroundColor"), light)
        self.picture("dashboard-dark")
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                     {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True})
        wide = self.script("[...document.querySelectorAll('body *')].filter(e => !e.parentElement.closest('.scroll') && "
                           "e.getBoundingClientRect().right > 391).map(e => e.outerHTML.slice(0, 200))")
        self.assertLessEqual(self.script("document.documentElement.scrollWidth"), 390,
                             f"a phone need not scroll sideways: {wide}")
        self.browser.save_screenshot(os.path.join(ARGUMENTS.pictures, "dashboard-phone.png"))
        self.assertEqual([e for e in self.browser.get_log("browser") if e["level"] == "SEVERE"], [])

    def test_goes_on_when_the_server_comes_back(self):
        eventually(lambda: self.script("state.evaluations.size") > 0, what="an evaluation")
        before = self.assert_shows_the_api()["round"]
        self.federation.kill("server", "voters", "observer")
        eventually(lambda: "lost" in self.text("#live"), what="the page's notice")
        self.assertEqual(self.number("round"), f"{before:,}", "what was known stays")
        self.federation.start_server()
        eventually(lambda: self.text("#live") == "live", what="the reconnection")
        self.federation.start_clients()
        eventually(lambda: (self.script("state.status?.round") or 0) > before, what="a new round")
        self.assertLess(self.script("state.rounds[0].round"), before, "the rounds before the restart are there")
        self.assertIn("recovered", self.text("#events"))
        eventually(lambda: self.script("[...state.evaluations.keys()].at(-1) ?? 0") > before, what="a new evaluation")
        self.assert_shows_the_api()

    def test_metrics_are_what_prometheus_takes_and_the_api_says(self):
        eventually(lambda: any(v["suspicion"] == "VOTES_AGAINST" for v in self.federation.api("reliability")["voters"]),
                   what="the accusation")
        status = self.wait_for_the_same_round()
        eventually(lambda: f"signvote_round {status['round']}\n" in self.federation.get("/metrics"), what="the round")
        text = self.federation.get("/metrics")
        check = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
        self.assertEqual((check.returncode, check.stderr), (0, ""))
        self.assertIn('signvote_client_suspicion{client="c-0",suspicion="votes_against"} 1\n', text)
        self.assertIn('signvote_phase{phase="paused"} 1\n', text)
        self.assertIn(f'signvote_clients_connected{{role="voter"}} {Federation.VOTERS}\n', text)
        self.assertIn('"ok":true', self.federation.get("/healthz"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="directory of the programs")
    parser.add_argument("--pictures", required=True, help="directory for screenshots")
    ARGUMENTS, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
