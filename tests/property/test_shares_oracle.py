# SPDX-License-Identifier: GPL-3.0-or-later
"""The client models against the algorithms themselves, written down as the programs have them and
run over every number that they can draw and every order in which the records could be answered.

Nothing here shares a formula with the planner: the planner has closed forms and enumerates subsets,
this enumerates draws. Both give exact fractions, which must be equal."""

import itertools
import os
import random
import unittest
from collections import Counter
from fractions import Fraction

from ask_shares import Planner, Target, with_down

ROUNDS = 400 if os.environ.get("SRVPLAN_LONG") else 60


# Each algorithm takes the targets of one priority as answered, and yields (probability, order): how
# they are tried. `each(n)` stands for the program's random number: the numbers 0..n-1, one each.

def draws(listed, numbers, pick, remove):
    """Draws until the list is empty: `pick` is what the program does with one random number."""
    if not listed:
        yield Fraction(1), []
        return
    n = numbers(listed)
    for at, hits in Counter(pick(listed, number) for number in range(n)).items():
        for p, rest in draws(remove(listed, at), numbers, pick, remove):
            yield p * hits / n, [listed[at]] + rest


def without(listed, at):
    return listed[:at] + listed[at + 1:]


def swapped_to_front(listed, at):
    """Swiften swaps what it took with the front, and goes on behind it."""
    rest = list(listed)
    rest[0], rest[at] = rest[at], rest[0]
    return rest[1:]


def total(listed):
    return sum(t.weight for t in listed)


def reaches(listed, number):
    running = 0
    for at, t in enumerate(listed):
        running += t.weight
        if running >= number:
            return at
    raise AssertionError("a number that nobody reaches")


def rfc2782(answered):
    listed = [t for t in answered if t.weight == 0] + [t for t in answered if t.weight]
    return draws(listed, lambda l: total(l) + 1, reaches, without)


def ascending(answered):
    listed = sorted(answered, key=lambda t: t.weight)
    return draws(listed, lambda l: total(l) + 1, reaches, without)


def prosody(answered):
    return draws(list(answered), lambda l: total(l) + 1, reaches, without)


def slixmpp(answered):
    listed = []
    for t in answered:
        if t.weight == 0:
            listed.insert(0, t)
        else:
            listed.append(t)

    def pick(l, number):  # a dictionary: of equal sums the last one stays
        sums, running = {}, 0
        for at, t in enumerate(l):
            running += t.weight
            sums[running] = at
        return next(at for running, at in sums.items() if running >= number)

    return draws(listed, lambda l: total(l) + 1, pick, without)  # sum + 1 is drawn again


def swiften(answered):
    def reach(listed, number):
        running = 0
        for at, t in enumerate(listed):
            running += t.weight + 1
            if running >= number:
                return at
        raise AssertionError

    return draws(list(answered), lambda l: sum(t.weight + 1 for t in l) + 1, reach,
                 swapped_to_front)


def psi(answered):
    listed = sorted(answered, key=lambda t: t.weight)
    return draws(listed, lambda l: total(l) or 1, reaches, without)


def java_string(text):
    h = 0
    for c in text:
        h = (31 * h + ord(c)) & 0xffffffff
    return h


def java_sequence(elements):
    h = 1
    for e in elements:
        h = (31 * h + e) & 0xffffffff
    return h


class JavaHashSet:
    """java.util.HashMap: buckets are lists, the table doubles above three quarters."""

    def __init__(self, initial=16):
        size = 1
        while size < initial:
            size *= 2
        self.table, self.count = [[] for _ in range(size)], 0

    def add(self, element, h):
        h ^= h >> 16
        self.table[h & (len(self.table) - 1)].append((h, element))
        self.count += 1
        if self.count > len(self.table) * 3 // 4:
            old = self.table
            self.table = [[] for _ in range(2 * len(old))]
            for bucket in old:
                for entry in bucket:
                    self.table[entry[0] & (len(self.table) - 1)].append(entry)

    def __iter__(self):
        return (element for bucket in self.table for _, element in bucket)


def openfire(answered):
    records = JavaHashSet()
    for t in answered:
        records.add(t, java_sequence([java_string(t.host), t.port, 1231 if t.direct else 1237,
                                      t.priority, t.weight]))
    listed = [t for t in records if t.weight]
    zeros = [t for t in records if not t.weight]
    shuffles = list(itertools.permutations(zeros))

    def pick(l, needle):
        for at, t in enumerate(l):
            needle -= t.weight
            if needle <= 0:
                return at
        raise AssertionError

    for p, order in draws(listed, total, pick, without):
        for shuffled in shuffles:
            yield p / len(shuffles), order + list(shuffled)


def rdata(t):
    name = b"".join(bytes([len(l)]) + l.encode() for l in t.host.split(".")) + b"\0"
    return (t.priority.to_bytes(2, "big") + t.weight.to_bytes(2, "big") +
            t.port.to_bytes(2, "big") + name)


def conversations(answered):
    records = JavaHashSet(len(answered))
    for t in answered:
        signed = [b - 256 if b > 127 else b for b in rdata(t)]
        records.add(t, java_sequence(signed))
    yield Fraction(1), list(records)


def heaviest(answered):
    yield Fraction(1), sorted(answered, key=lambda t: -t.weight)


def answer_order(answered):
    yield Fraction(1), list(answered)


def plackett_luce(answered, weight=lambda t: t.weight):
    positive = [t for t in answered if weight(t)]
    zeros = [t for t in answered if not weight(t)]
    for p, order in urn([(t, weight(t)) for t in positive]):
        for q, behind in urn([(t, 1) for t in zeros]):
            yield p * q, order + behind


def haproxy(answered):
    share = lambda t: (t.weight + 255) // 256
    return plackett_luce([t for t in answered if t.weight], share)


def nginx(answered):
    return plackett_luce(answered, lambda t: t.weight or 1)


def urn(pulls):
    """All orders of draws without replacement."""
    if not pulls:
        yield Fraction(1), []
        return
    whole = sum(pull for _, pull in pulls)
    for i, (t, pull) in enumerate(pulls):
        for p, rest in urn(pulls[:i] + pulls[i + 1:]):
            yield p * Fraction(pull, whole), [t] + rest


def ejabberd(answered):
    """Sorts by -(w + 1) * U. The probability of each order is an integral over the keys
    x1 > x2 > … with density 1/a each below its a: computed from the innermost, piece by piece, as
    polynomials on the intervals between the a."""
    positive = [t for t in answered if t.weight]
    zeros = sorted((t for t in answered if not t.weight), key=lambda t: (t.host, t.port, t.direct))
    cuts = [Fraction(0)] + sorted({Fraction(t.weight + 1) for t in positive})
    for order in itertools.permutations(positive):
        below = [[Fraction(1)] for _ in cuts[1:]]  # P(the rest in order, all keys below x), by piece
        for t in reversed(order):
            a, start, pieces = Fraction(t.weight + 1), Fraction(0), []
            for low, high, poly in zip(cuts, cuts[1:], below):
                if high > a:  # x stops at a
                    pieces.append([start])
                    continue
                integral = [Fraction(0)] + [c / (i + 1) / a for i, c in enumerate(poly)]
                integral[0] = start - value(integral, low)
                pieces.append(integral)
                start = value(integral, high)
            below = pieces
        yield (value(below[-1], cuts[-1]) if positive else Fraction(1)), list(order) + zeros


def value(poly, x):
    return sum(c * x ** i for i, c in enumerate(poly))


ALGORITHMS = {
    "plackett-luce": plackett_luce, "rfc2782": rfc2782, "rfc2782-ascending": ascending,
    "prosody": prosody, "slixmpp": slixmpp, "openfire": openfire, "psi": psi, "ejabberd": ejabberd,
    "swiften": swiften, "heaviest": heaviest, "answer-order": answer_order,
    "conversations": conversations, "haproxy": haproxy, "nginx": nginx,
}


def answers(targets, order):
    """The orders in which the authority may send one priority."""
    if order == "fixed":
        yield Fraction(1), list(targets)
        return
    positive = [(t, t.weight) for t in targets if t.weight]
    zeros = [(t, 1) for t in targets if not t.weight]
    for p, front in urn(positive):
        for q, behind in urn(zeros):
            yield p * q, front + behind


def expected(model, targets, order):
    """Everything that the planner says, from the orders in which the targets are tried."""
    index = {t: i for i, t in enumerate(targets)}
    first = [Fraction(0)] * len(targets)
    positions = [[Fraction(0)] * len(targets) for _ in targets]
    dead = Fraction(0)
    for p, answered in answers(targets, order):
        for q, tried in ALGORITHMS[model](answered):
            live = next((k for k, t in enumerate(tried) if not t.down), None)
            dead += p * q * (len(tried) if live is None else live)
            if live is not None:
                first[index[tried[live]]] += p * q
            for k, t in enumerate(tried):
                positions[index[t]][k] += p * q
    return first, dead, [cell for row in positions for cell in row]


def random_targets(rng, most, weights):
    count = rng.randint(1, most)
    return [Target(rng.choice(weights), priority=10, port=rng.choice([5222, 5269, 443]),
                   host=f"n{i}-{rng.randint(0, 999)}.example.{rng.choice(['org', 'net', 'im'])}")
            for i in range(count)]


class ModelsFollowTheirAlgorithms(unittest.TestCase):
    def setUp(self):
        self.planner = Planner().__enter__()

    def tearDown(self):
        self.planner.__exit__()

    def check(self, model, targets, order, seed, parts):
        first, dead, positions = expected(model, targets, order)
        place = f"rerun: SRVPLAN_SEED={seed} meson test shares_oracle: {model}, {order}, {targets}"
        self.assertEqual(self.planner.first(model, targets, order), first, place)
        if "dead" in parts:
            self.assertEqual(self.planner.fractions("dead", model, targets, order), [dead], place)
        if "positions" in parts:
            self.assertEqual(self.planner.fractions("positions", model, targets, order),
                             positions, place)

    def for_all(self, check):
        only = os.environ.get("SRVPLAN_SEED")
        seeds = [int(only)] if only else range(ROUNDS)
        for seed in seeds:
            check(random.Random(seed), seed)

    def test_first_choice_and_fail_over_of_every_model(self):
        def check(rng, seed):
            targets = random_targets(rng, 4, [0, 0, 1, 1, 2, 3, 5])
            down = {i for i in range(len(targets)) if rng.random() < 0.3}
            for model in ALGORITHMS:
                for order in ("fixed", "weighted"):
                    # after the first draw Swiften's list is no longer the model's
                    parts = ("dead", "positions") if model != "swiften" else ()
                    self.check(model, with_down(targets, down if parts else set()), order, seed,
                               parts)
        self.for_all(check)

    def test_larger_weights(self):
        def check(rng, seed):
            targets = random_targets(rng, 3, [0, 7, 11, 30, 256, 300])
            for model in ALGORITHMS:
                self.check(model, targets, rng.choice(["fixed", "weighted"]), seed, ())
        self.for_all(check)

    def test_records_that_meet_in_a_bucket(self):
        """Hash tables of four nodes with equal weights collide often; here with unequal ones, too."""
        found = 0
        for seed in range(ROUNDS):
            rng = random.Random(seed)
            targets = random_targets(rng, 4, [1, 2, 3])
            buckets = {(h ^ h >> 16) & 15 for h in
                       (java_sequence([java_string(t.host), t.port, 1237, t.priority, t.weight])
                        for t in targets)}
            if len(buckets) == len(targets):
                continue
            found += 1
            down = {rng.randrange(len(targets))}
            for t in (targets, with_down(targets, down)):
                self.check("openfire", t, "weighted", seed, ("dead", "positions"))
                self.check("conversations", t, "weighted", seed, ("dead", "positions"))
        self.assertGreater(found, ROUNDS // 20)

    def test_many_records_fill_the_hash_table(self):
        for seed in range(ROUNDS // 2):
            targets = random_targets(random.Random(seed), 60, [1, 2, 3])
            _, order = next(conversations(targets))
            index = {t: i for i, t in enumerate(targets)}
            self.assertEqual(self.planner.order("conversations", targets),
                             [index[t] for t in order], f"seed {seed}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
