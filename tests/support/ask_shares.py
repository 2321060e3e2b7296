# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the planner about shares through the program ask_shares, whose path the environment gives."""

import os
import subprocess
from dataclasses import dataclass, replace
from fractions import Fraction


@dataclass(frozen=True)
class Target:
    weight: int
    priority: int = 0
    port: int = 5222
    host: str = ""
    direct: bool = False
    down: bool = False

    def word(self):
        return (f"{self.priority}:{self.weight}:{self.port}:{self.host}:"
                f"{'D' if self.direct else 'T'}:{'down' if self.down else 'up'}")


def named(weights, **common):
    """Targets of these weights with hosts xmpp1, xmpp2, …"""
    return [Target(w, host=f"xmpp{i + 1}.example.org", **common) for i, w in enumerate(weights)]


def with_down(targets, down):
    return [replace(t, down=i in down) for i, t in enumerate(targets)]


class Planner:
    """One process that answers a question a line."""

    def __enter__(self):
        self.process = subprocess.Popen([os.environ["ASK_SHARES"]], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        assert self.process.returncode == 0

    def ask(self, what, model, targets, order="weighted", merge="mixed"):
        words = " ".join(t.word() for t in targets)
        self.process.stdin.write(f"{what} {model} {merge} {order} {words}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line or line.startswith("error:"):
            raise AssertionError(line)
        return line.split()

    def fractions(self, what, model, targets, order="weighted", merge="mixed"):
        return [Fraction(word) for word in self.ask(what, model, targets, order, merge)]

    def first(self, model, targets, order="weighted", merge="mixed"):
        return self.fractions("first", model, targets, order, merge)

    def order(self, model, targets, merge="mixed"):
        """Of a model with one order only, under fixed answers."""
        return [int(word) for word in self.ask("orders", model, targets, "fixed", merge)]
