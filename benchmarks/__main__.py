"""Measure, pair by pair, and print a table: `make bench`, as root.

Each figure is the median of several pairs: the sender alone, then with the
tracer at work, or the other way round, by turns. What others on the machine do
is in both. Runs during which the host took time away (steal) are repeated.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from .tools import Tool, running, tools

SENDER = Path(__file__).with_name("sender.c")
PAIRS = 5
# Calls in a run: enough to take tens of ms untraced, and seconds with the slowest tracer.
COUNTS = {"check": 100_000, "ignored": 100_000, "other": 1_000_000}
HEADINGS = {
    "check": "added per kill(self, 0)",
    "ignored": "added per ignored SIGUSR1",
    "other": "added per unrelated getppid()",
}
# Of the time of all CPUs; more than this and the run is repeated, so often at most.
STEAL, REPEATS = 0.05, 3


def steal() -> tuple[int, int]:
    """Ticks that the host took away, and all ticks: the first line of /proc/stat."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return ticks[7], sum(ticks)


def run(sender: str, kind: str) -> float:
    """ns for each call of one run."""
    for _ in range(REPEATS):
        before = steal()
        done = subprocess.run(
            [sender, kind, str(COUNTS[kind])], check=True, capture_output=True, text=True
        )
        after = steal()
        if after[0] - before[0] <= STEAL * max(1, after[1] - before[1]):
            break
    sent, ns = done.stdout.split()
    assert int(sent) == COUNTS[kind]
    return float(ns)


def measure(sender: str, tool: Tool) -> dict[str, tuple[float, float, float]]:
    """For each kind of call the median cost alone, the median added, and the spread of that."""
    alone: dict[str, list[float]] = {kind: [] for kind in COUNTS}
    added: dict[str, list[float]] = {kind: [] for kind in COUNTS}
    for pair in range(PAIRS):
        first = {kind: run(sender, kind) for kind in COUNTS} if pair % 2 == 0 else None
        with running(tool, [sender, "check", "3"]):
            traced = {kind: run(sender, kind) for kind in COUNTS}
        base = first or {kind: run(sender, kind) for kind in COUNTS}
        for kind in COUNTS:
            alone[kind].append(base[kind])
            added[kind].append(traced[kind] - base[kind])
    return {
        kind: (
            statistics.median(alone[kind]),
            statistics.median(added[kind]),
            max(added[kind]) - min(added[kind]),
        )
        for kind in COUNTS
    }


Figures = tuple[float, float, float]


def cell(kind: str, figures: Figures, first: Figures) -> str:
    """What one kind of call cost more, as the table shows it."""
    alone, added, spread = figures
    if kind == "other":
        return f"{100 * added / alone:+.0f} %"
    return f"{added / 1000:.2f} µs (±{spread / 1000:.2f}; {added / first[1]:.1f} times)"


def main() -> int:
    if os.geteuid():
        sys.exit("benchmarks: must be root\n  hint: sudo make bench")
    with tempfile.TemporaryDirectory() as folder:
        sender = f"{folder}/benchsender"
        subprocess.run(["cc", "-O2", "-o", sender, str(SENDER)], check=True)
        rows = {tool.name: measure(sender, tool) for tool in tools()}
    print(f"Linux {platform.release()}, {os.cpu_count()} CPUs, medians of {PAIRS} pairs.")
    print("In brackets the spread (largest less smallest), and the ratio to the first row.\n")
    print("| tracer |", " | ".join(HEADINGS.values()), "|")
    print("|---|" + "---|" * len(HEADINGS))
    first = next(iter(rows.values()))
    for name, row in rows.items():
        print(f"| {name} |", " | ".join(cell(k, row[k], first[k]) for k in HEADINGS), "|")
    base = ", ".join(f"{kind} {first[kind][0]:.0f} ns" for kind in COUNTS)
    print(f"\nUntraced, a call: {base}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
