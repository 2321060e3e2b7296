#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""simulate, explain and tune as operators use them: shares, tables, JSON, pictures, mistakes.

SRVPLAN is the path of the program, SRVPLAN_SOURCE the root of the source tree. What they print is
kept in tests/e2e/simulate/; SRVPLAN_UPDATE_GOLDEN=1 writes it anew: read the difference.
"""
import json
import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree
from fractions import Fraction

import yaml

SRVPLAN = os.environ["SRVPLAN"]
SOURCE = os.environ["SRVPLAN_SOURCE"]
GOLDEN = os.path.join(SOURCE, "tests/e2e/simulate")
AT = "2026-12-06T01:17:30Z"
MODELS = ["plackett-luce", "rfc2782", "rfc2782-ascending", "prosody", "slixmpp", "openfire", "psi",
          "ejabberd", "swiften", "heaviest", "answer-order", "conversations", "haproxy", "nginx"]

# 5:3:2 and the audiences of the worked example.
CLUSTER = {
    "srvplan": 1,
    "defaults": {"base": "example.org", "ttl": "5m",
                 "services": ["xmpp-client", "xmpps-client", "xmpp-server"]},
    "domains": {"example.org": {}, "example.net": {"services": ["xmpp-client", "imap"]}},
    "nodes": {"xmpp1": {"addresses": ["192.0.2.1"], "capacity": 50, "server": "openfire"},
              "xmpp2": {"addresses": ["192.0.2.2"], "capacity": 30},
              "xmpp3": {"addresses": ["192.0.2.3"], "capacity": 20}},
    "policy": {
        "audience": {"conversations": "45%", "gajim": "12%", "monal": "12%", "dino": "10%",
                     "siskin": "8%", "smack": "5%", "psi": "4%", "libstrophe": "4%",
                     "ejabberd": "40%", "prosody": "40%", "openfire": "15%", "mongooseim": "5%"},
        "sessions": {"mean_life": "8h", "login_rate_limit": 50}},
}


def run(*arguments, **more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SRVPLAN_")}
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "timeout": 120,
                "stdin": subprocess.DEVNULL, "env": {**kept, "LC_ALL": "C.UTF-8"}, **more}
    return subprocess.run([SRVPLAN, *arguments], check=False, **settings)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.inventory = self.write(CLUSTER)

    def write(self, document, name="inventory.jsonc"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        return path

    def run_for(self, code, *arguments, file=None, **more):
        done = run(*arguments, "-f", file or self.inventory, **more)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        self.assertNotIn("runtime error", done.stderr)
        return done

    def json_of(self, *arguments, **more):
        return json.loads(self.run_for(0, *arguments, "-o", "json", **more).stdout)

    def assertGolden(self, text, name):
        path = os.path.join(GOLDEN, name)
        if os.environ.get("SRVPLAN_UPDATE_GOLDEN"):
            os.makedirs(GOLDEN, exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(text, file.read(), f"{name} differs; SRVPLAN_UPDATE_GOLDEN=1 renews it")


def fractions(shares):
    return {node: Fraction(share) for node, share in shares.items()}


class Simulate(Case):
    def test_every_model_has_exact_shares_of_every_published_node(self):
        found = self.json_of("simulate", "example.org/xmpp-server")
        self.assertEqual(list(found["first_choice"]), MODELS)
        for model, shares in found["first_choice"].items():
            with self.subTest(model=model):
                self.assertEqual(set(shares), {"xmpp1", "xmpp2", "xmpp3"})
                self.assertEqual(sum(fractions(shares).values()), 1)
                for share in shares.values():
                    self.assertRegex(share, r"^\d+/[1-9]\d*$")
        self.assertEqual(found["first_choice"]["plackett-luce"],
                         {"xmpp1": "1/2", "xmpp2": "3/10", "xmpp3": "1/5"})
        self.assertEqual(found["first_choice"]["heaviest"],
                         {"xmpp1": "1/1", "xmpp2": "0/1", "xmpp3": "0/1"})

    def test_the_order_of_answers_counts_for_those_who_read_it(self):
        rows = [("weighted", {"xmpp1": "1/2", "xmpp2": "3/10", "xmpp3": "1/5"}),
                ("fixed", {"xmpp1": "1/1", "xmpp2": "0/1", "xmpp3": "0/1"}),
                ("rotated", {"xmpp1": "1/3", "xmpp2": "1/3", "xmpp3": "1/3"})]
        for order, expected in rows:
            with self.subTest(order=order):
                found = self.json_of("simulate", "example.org/xmpp-client", "--answer-order", order,
                                     "--model", "answer-order")
                self.assertEqual(found["first_choice"], {"answer-order": expected})
                self.assertEqual(found["answer_order"], order)
        default = self.json_of("simulate", "example.org/xmpp-client")
        self.assertEqual(default["answer_order"], "weighted")

    def test_the_audience_of_the_example_goes_76_13_10_instead_of_50_30_20(self):
        found = self.json_of("simulate", "example.org/xmpp-client", "--answer-order", "rotated")
        self.assertEqual([int(100 * found["audience"]["ratios"][node])
                          for node in ("xmpp1", "xmpp2", "xmpp3")], [76, 13, 10])
        self.assertEqual(found["ideal"]["shares"], {"xmpp1": "1/2", "xmpp2": "3/10",
                                                    "xmpp3": "1/5"})
        peers = self.json_of("simulate", "example.org/xmpp-server")
        self.assertEqual([round(100 * peers["audience"]["ratios"][node], 1)
                          for node in ("xmpp1", "xmpp2", "xmpp3")], [58.7, 26.7, 14.6])

    def test_an_audience_is_the_sum_of_its_clients(self):
        found = self.json_of("simulate", "example.org/xmpp-client")
        self.assertEqual(sum(client["part"] for client in found["clients"]), 1)
        for node in ("xmpp1", "xmpp2", "xmpp3"):
            merged = sum(Fraction(client["part"]).limit_denominator(10**9) *
                         Fraction(client["shares"][node]) for client in found["clients"])
            self.assertEqual(merged, Fraction(found["audience"]["shares"][node]))
        self.assertEqual(found["audience"]["lost"], "0/1")

    def test_the_dead_are_tried_and_the_living_take_over(self):
        found = self.json_of("simulate", "example.org/xmpp-client", "--down", "xmpp1",
                             "--model", "plackett-luce")
        self.assertEqual(found["down"], ["xmpp1"])
        self.assertEqual(found["first_choice"]["plackett-luce"],
                         {"xmpp1": "0/1", "xmpp2": "3/5", "xmpp3": "2/5"})
        self.assertEqual(found["first_tried"]["plackett-luce"],
                         {"xmpp1": "1/2", "xmpp2": "3/10", "xmpp3": "1/5"})
        smack = next(client for client in found["clients"] if client["id"] == "smack")
        self.assertEqual(smack["dead_tried"], 0.5)

    def test_positions_are_a_distribution_both_ways(self):
        found = self.json_of("simulate", "example.org/xmpp-client")
        for model, nodes in found["failover"].items():
            with self.subTest(model=model):
                for chances in nodes.values():
                    self.assertLessEqual(sum(map(Fraction, chances)), 1)
                self.assertEqual(sum(Fraction(chances[0]) for chances in nodes.values()), 1)

    def test_each_node_is_out_once(self):
        found = self.json_of("simulate", "example.org/xmpp-client")
        self.assertEqual([row["node"] for row in found["n_minus_1"]], ["xmpp1", "xmpp2", "xmpp3"])
        for row in found["n_minus_1"]:
            self.assertEqual(row["audience"]["shares"][row["node"]], "0/1")
            self.assertEqual(sum(fractions(row["audience"]["shares"]).values()), 1)

    def test_decay_is_monotone_and_ends_at_the_ttl(self):
        found = self.json_of("simulate", "example.org/xmpp-client", "--clients", "1000")
        curves = {curve["id"]: curve for curve in found["decay"]["curves"]}
        self.assertEqual(curves["published"]["clean_after_s"], 300)
        self.assertEqual(curves["published"]["safe_after_s"], 330)
        self.assertEqual(curves["lowered"]["clean_after_s"], 60)
        for curve in curves.values():
            parts = [part for _, part in curve["points"]]
            self.assertEqual(parts, sorted(parts, reverse=True))
            self.assertEqual((parts[0], parts[-1]), (1, 0))
        self.assertEqual(found["sessions"]["mean_life_s"], 28800)
        self.assertGreater(found["sessions"]["drains"][0]["kick_per_s"], 0)

    def test_a_service_that_is_no_xmpp_has_models_alone(self):
        found = self.json_of("simulate", "example.net/imap")
        self.assertEqual(found["pool"], ["imap"])
        self.assertEqual({client["model"] for client in found["clients"]}, set(MODELS))

    def test_what_people_read(self):
        for name, arguments in [
                ("client.txt", ["example.org/xmpp-client", "--clients", "100000"]),
                ("server-down.txt", ["example.org/xmpp-server", "--down", "xmpp1", "-v"]),
                ("other.txt", ["example.net/imap", "--model", "nginx"])]:
            with self.subTest(name=name):
                done = self.run_for(0, "simulate", *arguments, "--at", AT)
                self.assertGolden(done.stdout, name)
                self.assertNotRegex(done.stdout, r"(?m) $")
                self.assertEqual(done.stderr, "")

    def test_what_programs_read(self):
        done = self.run_for(0, "simulate", "example.org/xmpp-client", "--clients", "100000", "--at",
                            AT, "-o", "json")
        self.assertGolden(done.stdout, "client.json")

    def test_yaml_is_the_same_tree(self):
        for command in [["simulate", "example.org/xmpp-client"], ["explain", "xmpp1"],
                        ["tune", "example.org/xmpp-client"]]:
            done = self.run_for(0, *command, "--at", AT, "-o", "yaml")
            self.assertEqual(yaml.safe_load(done.stdout), self.json_of(*command, "--at", AT))

    def test_the_same_question_gives_the_same_bytes(self):
        arguments = ["simulate", "example.org/xmpp-client", "-o", "json", "--at", AT]
        self.assertEqual(self.run_for(0, *arguments).stdout, self.run_for(0, *arguments).stdout)

    def test_outside_utf_8_only_ascii_is_written(self):
        done = self.run_for(0, "simulate", "example.org/xmpp-client",
                            env={**os.environ, "LC_ALL": "C"})
        self.assertTrue(done.stdout.isascii())

    def test_colours_are_only_where_they_are_wanted(self):
        for command in [["simulate", "example.org/xmpp-client"], ["explain", "xmpp1"],
                        ["tune", "example.org/xmpp-client"]]:
            self.assertNotIn("\033", self.run_for(0, *command).stdout)
            self.assertIn("\033", self.run_for(0, *command, "--color", "always").stdout)

    def test_mistakes_are_told_with_what_there_is(self):
        rows = [
            (1, ["example.com/xmpp-client"], "no such domain"),
            (1, ["example.org/xmpp"], "there is no service 'xmpp'"),
            (1, ["example.net/xmpp-server"], "it has imap, xmpp-client"),
            (64, ["example.org"], "expected DOMAIN/SERVICE"),
            (1, ["example.org/xmpp-client", "--down", "xmpp9"], "no such node"),
            (64, ["example.org/xmpp-client", "--model", "rfc-2782"], "did you mean rfc2782?"),
            (64, ["example.org/xmpp-client", "--answer-order", "random"],
             "expected weighted|fixed|rotated"),
            (64, [], "needs DOMAIN/SERVICE"),
        ]
        for code, arguments, message in rows:
            with self.subTest(arguments=arguments):
                done = self.run_for(code, "simulate", *arguments)
                self.assertIn(message, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_a_wrong_inventory_is_told_as_plan_tells_it(self):
        path = self.write({**CLUSTER, "nodess": {}}, "wrong.jsonc")
        for command in [["simulate", "example.org/xmpp-client"], ["explain", "xmpp1"],
                        ["tune", "example.org/xmpp-client"]]:
            done = self.run_for(1, *command, file=path)
            self.assertIn("(/nodess)", done.stderr)
            done = self.run_for(1, *command, "-o", "json", file=path)
            self.assertEqual(json.loads(done.stdout)["findings"][0]["pointer"], "/nodess")


class Pictures(Case):
    def draw(self, *arguments, document=None, target="example.org/xmpp-client"):
        path = os.path.join(self.folder, "picture.svg")
        file = self.write(document) if document else self.inventory
        self.run_for(0, "simulate", target, "--svg", path, *arguments, file=file)
        done = subprocess.run(["xmllint", "--noout", "--nonet", path], check=False,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open(path, encoding="utf-8") as picture:
            return picture.read()

    def test_a_picture_is_whole_and_says_what_it_shows(self):
        text = self.draw("--answer-order", "rotated")
        root = xml.etree.ElementTree.fromstring(text)
        space = {"svg": "http://www.w3.org/2000/svg"}
        self.assertEqual(root.get("role"), "img")
        self.assertIn("example.org/xmpp-client", root.find("svg:title", space).text)
        description = root.find("svg:desc", space).text
        self.assertIn("Ideal: xmpp1 50.0 %, xmpp2 30.0 %, xmpp3 20.0 %", description)
        self.assertIn("Audience: xmpp1 76.5 %, xmpp2 13.3 %, xmpp3 10.2 %", description)
        words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        for word in ["Conversations", "45 %", "share of new connections, %",
                     "time after the withdrawal, minutes", "safe: 5 m 30 s"]:
            self.assertIn(word, words)

    def test_the_sample_picture_is_what_the_sample_gives(self):
        sample = os.path.join(SOURCE, "srvplan/sample")
        path = os.path.join(self.folder, "audience.svg")
        self.run_for(0, "simulate", "example.org/xmpp-client", "--answer-order", "rotated", "--svg",
                     path, "--at", AT, file=os.path.join(sample, "audience.jsonc"))
        with open(path, encoding="utf-8") as picture:
            self.assertGolden(picture.read(), os.path.join(sample, "audience.svg"))

    def test_a_picture_needs_nothing_from_elsewhere_and_runs_nothing(self):
        text = self.draw()
        for forbidden in ["<script", "href", "url(", "@import", "onload", "<image", "<foreign"]:
            self.assertNotIn(forbidden, text)
        self.assertIn("prefers-color-scheme:dark", text)

    def test_bars_are_as_wide_as_their_shares(self):
        root = xml.etree.ElementTree.fromstring(self.draw("--answer-order", "rotated"))
        space = "{http://www.w3.org/2000/svg}"
        rows = [row for row in root.iter(space + "g") if row.get("class") == "row"]
        whole = float(rows[0].find(f"{space}rect[@class='track']").get("width"))
        audience = [float(bar.get("width")) + 1 for bar in rows[1].findall(space + "rect")
                    if bar.get("class") in ("n0", "n1", "n2")]
        for seen, expected in zip(audience, (0.765, 0.133, 0.102)):
            self.assertAlmostEqual(seen / whole, expected, places=2)

    def test_a_large_pool_has_a_colour_for_the_rest(self):
        document = {**CLUSTER, "nodes": {
            f"n{i:02}": {"addresses": [f"192.0.2.{i}"], "capacity": 10 + i} for i in range(1, 21)}}
        text = self.draw(document=document)
        self.assertIn("13 other nodes", text)
        self.assertNotIn('class="n8"', text)

    def test_who_is_down_is_said(self):
        self.assertIn("down: xmpp2", self.draw("--down", "xmpp2"))

    def test_a_place_that_cannot_be_written_is_told(self):
        path = os.path.join(self.folder, "none", "picture.svg")
        done = self.run_for(1, "simulate", "example.org/xmpp-client", "--svg", path)
        self.assertIn("none", done.stderr)
        self.assertEqual(done.stdout, "")


class Explain(Case):
    def test_the_culprits_are_named_with_their_reason(self):
        done = self.run_for(0, "explain", "xmpp2", "--at", AT)
        self.assertIn("Conversations (45 % of your users): 0.0 % instead of 30.0 %; all of them "
                      "land on xmpp1", done.stdout)
        self.assertIn("MongooseIM (5 % of your peers)", done.stdout)
        self.assertGolden(done.stdout, "explain.txt")

    def test_one_set_can_be_asked_for(self):
        found = self.json_of("explain", "xmpp1", "example.org/xmpp-server", "--at", AT)
        self.assertEqual([(item["domain"], item["service"]) for item in found["sets"]],
                         [("example.org.", "xmpp-server")])
        only = found["sets"][0]
        self.assertEqual(only["ideal"]["share"], "1/2")
        self.assertEqual(only["drain"]["one_more_failure"]["node"], "xmpp2")
        self.assertEqual([culprit["client"] for culprit in only["culprits"]][:2],
                         ["ejabberd", "mongooseim"])
        self.assertGolden(json.dumps(found, indent=2) + "\n", "explain.json")

    def test_a_guard_is_asked_beforehand(self):
        path = self.write({**CLUSTER, "policy": {**CLUSTER["policy"], "guard": {"min_nodes": 3}}})
        done = self.run_for(0, "explain", "xmpp3", "example.org/xmpp-client", file=path)
        self.assertIn("a guard refuses: ", done.stdout)

    def test_sessions_have_their_notes(self):
        done = self.run_for(0, "explain", "xmpp1", "example.org/xmpp-client")
        for words in ["stream.management.location.enabled", "BOSH", "dialled by Dino, Smack, Psi"]:
            self.assertIn(words, done.stdout)

    def test_mistakes(self):
        done = self.run_for(1, "explain", "xmpp9")
        self.assertIn("'xmpp9': the inventory has no such node", done.stderr)
        done = self.run_for(1, "explain", "xmpp1", "example.net/xmpp-server")
        self.assertIn("does not offer xmpp-server", done.stderr)


class Tune(Case):
    def test_the_worst_load_falls_and_the_fragment_is_an_inventory(self):
        found = self.json_of("tune", "example.org/xmpp-client")
        self.assertTrue(found["gained"])
        self.assertLess(found["after"]["worst"]["load"], 1.05)
        self.assertGreater(found["before"]["worst"]["load"], 1.5)
        self.assertGreaterEqual(found["after"]["worst"]["load"], found["reach"] - 0.01)
        tuned = json.loads(json.dumps(CLUSTER))
        for node, more in found["fragment"]["nodes"].items():
            tuned["nodes"][node].update(more)
        again = self.json_of("simulate", "example.org/xmpp-client",
                             file=self.write(tuned, "tuned.jsonc"))
        self.assertEqual(again["audience"]["shares"], found["after"]["shares"])

    def test_what_people_read(self):
        done = self.run_for(0, "tune", "example.org/xmpp-server", "--at", AT)
        self.assertGolden(done.stdout, "tune.txt")
        steps = self.run_for(0, "tune", "example.org/xmpp-server", "--steps")
        self.assertRegex(steps.stdout, r"(?m)^  present +32000 +19200 +12800 +1\.1744x$")
        self.assertRegex(steps.stdout, r"(?m)^  \d+ weights tried$")

    def test_nothing_is_gained_where_everybody_follows_the_weights(self):
        document = {**CLUSTER, "policy": {}}
        done = self.run_for(0, "tune", "example.org/xmpp-client", file=self.write(document))
        self.assertIn("Nothing is gained by other weights.", done.stdout)
        self.assertIn("No audience is declared", done.stdout)
        self.assertNotIn('"nodes"', done.stdout)
        self.assertIsNone(self.json_of("tune", "example.org/xmpp-client",
                                       file=self.write(document))["fragment"])

    def test_one_node_in_front_cannot_be_tuned(self):
        document = {**CLUSTER, "nodes": {"xmpp1": CLUSTER["nodes"]["xmpp1"]}}
        done = self.run_for(1, "tune", "example.org/xmpp-client", file=self.write(document))
        self.assertRegex(done.stderr, r"weights decide nothing with 1 node")


if __name__ == "__main__":
    unittest.main(verbosity=2)
