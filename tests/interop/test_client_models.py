# SPDX-License-Identifier: GPL-3.0-or-later
"""The client models against the programs themselves, as Debian has them.

Each program sorts the same answer 100,000 times, as the authority would send it: in a fixed order,
or in a new weighted one every time. How often each target was tried first, and second, must agree
with the planner's exact probabilities by a χ² test at 0.1 %. Seeds are fixed and printed. A program
whose random numbers cannot be seeded gets a second run when the first one is unlucky.

The programs are driven by tests/interop/clients: answer in, order out."""

import os
import random
import subprocess
import sys
import tempfile
import unittest
from collections import Counter
from fractions import Fraction
from pathlib import Path

import aioxmpp.network
import dns.flags
import dns.message
import dns.rrset
import slixmpp.xmlstream.resolver

import chi_square
from ask_shares import Planner, Target

OWNER = "_xmpp-client._tcp.example.org."
DRAWS = 100_000
CLIENTS = Path(__file__).parent / "clients"
JARS = ":".join(f"/usr/share/java/minidns-{part}.jar" for part in ("core", "client", "hla"))


def random_targets(rng, weights=(0, 0, 1, 1, 2, 3, 5, 10, 50)):
    """At least two of the priority that counts."""
    targets = [Target(rng.choice(weights), priority=10 if i < 2 else rng.choice([10, 10, 10, 20]),
                      port=5222, host=f"n{i}.example.org") for i in range(rng.randint(3, 5))]
    return sorted(targets, key=lambda t: t.priority)


def shuffled(rng, targets):
    """As the authority sends it: by priority, then drawn by weight, weight 0 behind."""
    keyed = [(t.priority, t.weight == 0, -rng.random() ** (1 / (t.weight or 1)), t)
             for t in targets]
    return [t for *_, t in sorted(keyed, key=lambda k: k[:3])]


def line_of(answer):
    return " ".join(f"{t.priority}:{t.weight}:{t.port}:{t.host}" for t in answer)


def run_lines(command, lines):
    """A driver that reads answers from its input and prints orders."""
    done = subprocess.run(command, input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True,
                          check=True)
    return done.stdout.splitlines()


def hosts(lines):
    return [[host.rstrip(".") for host in line.split(" ")] for line in lines]


class Programs:
    """Each takes answers and a seed, and gives the hosts of each in the order tried."""

    @staticmethod
    def glib(answers, seed):
        return hosts(run_lines([os.environ["GLIB_ORDER"], str(seed)], map(line_of, answers)))

    @staticmethod
    def strophe(answers, _seed):
        def wire(answer):
            message = dns.message.make_query(OWNER, "SRV")
            message.flags |= dns.flags.QR
            message.answer = [dns.rrset.from_text(
                OWNER, 60, "IN", "SRV",
                f"{t.priority} {t.weight} {t.port} {t.host}.") for t in answer]
            return message.to_wire().hex()
        known = {}
        for answer in answers:
            if line_of(answer) not in known:
                known[line_of(answer)] = wire(answer)
        return hosts(run_lines([os.environ["STROPHE_ORDER"]],
                               [known[line_of(answer)] for answer in answers]))

    @staticmethod
    def slixmpp(answers, seed):
        class Answer:
            def __init__(self, answer):
                self.answer = answer

            def __await__(self):
                return self.answer
                yield

        class Resolver:
            def query(self, _name, _type):
                return Answer(self.answer)

        resolver, orders = Resolver(), []
        random.seed(seed)
        for answer in answers:
            resolver.answer = answer
            try:
                slixmpp.xmlstream.resolver.get_SRV("example.org", 5222, "xmpp-client",
                                                   resolver=resolver).send(None)
            except StopIteration as result:
                orders.append([host for host, _port in result.value])
        return orders

    @staticmethod
    def aioxmpp(answers, seed):
        rng = random.Random(seed)
        return [list(aioxmpp.network.group_and_order_srv_records(
            [(t.priority, t.weight, t.host) for t in answer], rng)) for answer in answers]

    @staticmethod
    def prosody(answers, seed):
        lines = run_lines(["lua5.4", str(CLIENTS / "prosody_order.lua"), str(seed)],
                          map(line_of, answers))
        Programs.prosody_is_weighted = lines[0] == "weighted"
        return hosts(lines[1:])

    @staticmethod
    def minidns(mode, answers):
        return hosts(run_lines(["java", "-cp", JARS, str(CLIENTS / "MinidnsOrder.java"), mode],
                               map(line_of, answers)))

    @staticmethod
    def smack(answers, _seed):
        return Programs.minidns("smack", answers)

    @staticmethod
    def ejabberd(answers, seed):
        with tempfile.TemporaryDirectory() as folder:
            given, tried = Path(folder, "in"), Path(folder, "out")
            given.write_text("\n".join(map(line_of, answers)) + "\n")
            subprocess.run(["escript", str(CLIENTS / "ejabberd_order.escript"), str(seed),
                            str(given), str(tried)], check=True)
            return hosts(tried.read_text().splitlines())


class ProgramsAgreeWithTheirModels(unittest.TestCase):
    def setUp(self):
        self.planner = Planner().__enter__()

    def tearDown(self):
        self.planner.__exit__()

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def draw(self, program, targets, order, seed):
        rng = random.Random(seed)
        answers = [targets if order == "fixed" else shuffled(rng, targets) for _ in range(DRAWS)]
        tried = program(answers, seed)
        self.assertEqual(len(tried), DRAWS)
        return answers, tried

    def statistics(self, name, model, targets, tried, order, positions):
        """The worst P-value over the positions asked for."""
        n, worst = len(targets), 1.0
        cells = self.planner.fractions("positions", model, targets, order)
        for k in range(positions):
            seen = Counter(hosts[k] for hosts in tried if k < len(hosts))
            counts = [seen.pop(t.host, 0) for t in targets]
            self.assertFalse(seen, "a host that nobody published")
            chi, degrees, p = chi_square.compare(counts, [cells[i * n + k] for i in range(n)])
            worst = min(worst, p)
            self.say(f"{name} as {model}, {order} {line_of(targets)}, position {k + 1}: "
                     f"chi2 {chi:.2f}, {degrees} degrees, P {p:.4f}")
        return worst

    def agree(self, name, model, order, sets=5, positions=2, is_seeded=True, **of_targets):
        program = getattr(Programs, name)
        for k in range(sets):
            seed = 1000 + k
            targets = random_targets(random.Random(f"{name} {order} {seed}"), **of_targets)
            for attempt in range(1 if is_seeded else 2):
                answers, tried = self.draw(program, targets, order, seed)
                p = self.statistics(f"{name}, seed {seed}", model, targets, tried, order,
                                    min(positions, len(targets)))
                if p >= chi_square.SIGNIFICANCE:
                    break
            self.assertGreaterEqual(p, chi_square.SIGNIFICANCE,
                                    f"{name} is not {model}: {order}, seed {seed}, {targets}")
            yield answers, tried

    def check(self, *arguments, **named):
        for _ in self.agree(*arguments, **named):
            pass

    def test_glib_sorts_as_rfc2782_ascending(self):
        self.check("glib", "rfc2782-ascending", "fixed")
        self.check("glib", "rfc2782-ascending", "weighted")

    def test_aioxmpp_sorts_as_rfc2782_ascending(self):
        self.check("aioxmpp", "rfc2782-ascending", "fixed")
        self.check("aioxmpp", "rfc2782-ascending", "weighted")

    def test_slixmpp_sorts_as_slixmpp(self):
        self.check("slixmpp", "slixmpp", "fixed")
        self.check("slixmpp", "slixmpp", "weighted")

    def test_libstrophe_takes_the_heaviest(self):
        self.check("strophe", "heaviest", "weighted", sets=2)
        # of equal ones that answered last, whatever the model says about the first
        self.check("strophe", "heaviest", "fixed", sets=2, weights=range(0, 5000, 7))

    def test_prosody_sorts_as_its_version_does(self):
        for order in ("fixed", "weighted"):
            Programs.prosody([random_targets(random.Random(0))], 0)
            if Programs.prosody_is_weighted:
                self.check("prosody", "prosody", order, sets=2, positions=1)
                continue
            for answers, tried in self.agree("prosody", "answer-order", order, sets=2,
                                             positions=1):
                self.assertTrue(all(a[0].host == t[0] for a, t in zip(answers, tried)))

    def test_smack_sorts_as_plackett_luce(self):
        self.check("smack", "plackett-luce", "fixed", sets=3, is_seeded=False)

    def test_ejabberd_sorts_as_ejabberd(self):
        self.check("ejabberd", "ejabberd", "fixed", sets=3)

    def test_conversations_follows_the_hash_set_of_minidns(self):
        rng = random.Random(2026)
        sets = [[Target(rng.randrange(65536), rng.choice([0, 10, 20]), rng.randrange(1, 65536),
                        f"h{rng.randrange(10 ** rng.randint(1, 9))}-{i}.example.{rng.choice(['org', 'im'])}")
                 for i in range(rng.randint(1, 40))] for _ in range(3000)]
        orders = Programs.minidns("conversations", sets)
        for targets, order in zip(sets, orders):
            expected = [targets[i].host for i in self.planner.order("conversations", targets)]
            self.assertEqual(order, expected, targets)
        self.say(f"conversations: {len(sets)} orders of 1 to 40 records, all equal (seed 2026)")

    def test_openfire_lists_records_as_javas_hash_set_does(self):
        rng = random.Random(2027)
        sets = [[Target(rng.choice([1, 2, 5, 50, 5000]), 10, 5269,
                        f"h{rng.randrange(10 ** rng.randint(1, 9))}-{i}.example.org")
                 for i in range(rng.randint(1, 40))] for _ in range(3000)]
        orders = Programs.minidns("openfire", sets)
        for targets, order in zip(sets, orders):
            whole = sum(t.weight for t in targets)
            expected = [Fraction(t.weight + (t.host == order[0]) - (t.host == order[-1]), whole)
                        for t in targets]
            self.assertEqual(self.planner.first("openfire", targets, "fixed"), expected, targets)
        self.say(f"openfire: both ends of {len(sets)} lists of 1 to 40 records, all equal (seed 2027)")


if __name__ == "__main__":
    unittest.main(verbosity=2)
