# SPDX-License-Identifier: GPL-3.0-or-later
"""Pearson's χ² test of counts against exact probabilities."""

import math

SIGNIFICANCE = 0.001


def upper_tail(x, degrees):
    """P(χ² >= x): the regularised upper incomplete gamma function of degrees/2 and x/2."""
    a, x = degrees / 2, x / 2
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:  # the series of the lower one
        term = total = 1 / a
        k = a
        while term > total * 1e-15:
            k += 1
            term *= x / k
            total += term
        return 1 - total * scale
    b, c = x + 1 - a, 1e300  # Lentz's continued fraction
    d = 1 / b
    h = d
    for i in range(1, 1000):
        an = -i * (i - a)
        b += 2
        d = 1 / (an * d + b)
        c = b + an / c
        h *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return scale * h


def compare(counts, probabilities):
    """(χ², degrees of freedom, P-value). What cannot happen must not: then χ² is infinite."""
    draws = sum(counts)
    if any(count and not p for count, p in zip(counts, probabilities)):
        return math.inf, 0, 0.0
    cells = [(count, float(p) * draws) for count, p in zip(counts, probabilities) if p]
    statistic = sum((count - mean) ** 2 / mean for count, mean in cells)
    degrees = len(cells) - 1
    return statistic, degrees, upper_tail(statistic, degrees) if degrees else 1.0
