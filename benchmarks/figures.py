"""Arithmetic on repeated figures, and tables of them. Knows nothing of what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Repeated figures of one thing."""

    median: float
    #: Half the way from the least to the most.
    spread: float
    #: What the least disturbed figures say.
    least: float

    def __str__(self) -> str:
        if not self.spread:
            return number(self.median)
        return f"{number(self.median)} ±{number(self.spread)} ({number(self.least)})"


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError where there are none."""
    if not values:
        raise ValueError("no figure")
    return Spread(statistics.median(values), (max(values) - min(values)) / 2, min(values))


def added(pairs: Sequence[tuple[float, float]]) -> Spread:
    """What each (alone, traced) pair has more; pairwise, since a machine drifts.

    The least: of the traced, less that of those alone.
    """
    least = min(traced for _, traced in pairs) - min(alone for alone, _ in pairs)
    return spread([traced - alone for alone, traced in pairs])._replace(least=least)


def percent(pairs: Sequence[tuple[float, float]]) -> Spread:
    """The same in hundredths of what it costs alone."""
    least = min(traced for _, traced in pairs) / min(alone for alone, _ in pairs)
    more = spread([100 * (traced / alone - 1) for alone, traced in pairs])
    return more._replace(least=100 * (least - 1))


def percentile(histogram: dict[int, int], share: float) -> int:
    """The least value that this share of all has not passed; `histogram` is value: how often."""
    left = share * sum(histogram.values())
    for value in sorted(histogram):
        left -= histogram[value]
        if left <= 0:
            return value
    raise ValueError("no figure")


def number(value: float) -> str:
    """Three digits or so, without an exponent."""
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{value:.{digits}f}"
    return text.replace("-", "") if float(text) == 0 else text


def ratio(value: float, to: float) -> str:
    """How many times another value; a dash where that is nothing."""
    return f"{number(value / to)} ×" if to > 0 else "–"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown: the first column is words, the others are figures."""
    if any(len(row) != len(headings) for row in rows):
        raise ValueError("a row is not as wide as the headings")
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    rule = "|---|" + "---:|" * (len(headings) - 1)
    return "\n".join(["| " + " | ".join(headings) + " |", rule, *lines])
