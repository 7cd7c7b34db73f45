"""Measure everything in one go, and write the tables of docs/performance.md: `make bench`."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from . import flood, growth, machine, page, reference, report, senders, start
from .cost import Cost, measure
from .tracers import EACH, FILTERED, Tracer, missing_peers, own_tracers, peers, references

_Value = TypeVar("_Value")
PARTS = ("cost", "start", "reader", "flood", "growth")


def _options() -> argparse.Namespace:
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    top.add_argument("--quick", action="store_true", help="all of it, shortly; writes no page")
    top.add_argument("--pairs", type=int, metavar="N", help="pairs for each figure (default 5)")
    top.add_argument("--seconds", type=float, metavar="S", help="of a flood (default 30)")
    top.add_argument("--only", choices=PARTS, action="append", help="this part; writes no page")
    chosen = top.parse_args()
    chosen.pairs = chosen.pairs or (1 if chosen.quick else 5)
    chosen.seconds = chosen.seconds or (2.0 if chosen.quick else 30.0)
    return chosen


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def _each(what: str, names: Iterable[str], one: Callable[[str], _Value]) -> dict[str, _Value]:
    found = {}
    for name in names:
        _say(f"{what}: {name}")
        found[name] = one(name)
    return found


def _costs(folder: Path, pairs: int, parts: dict[str, str]) -> dict[str, Cost]:
    """All that comes of pairs; returns what each tracer cost."""
    own, other, refs = own_tracers(), peers(), references(reference.build(folder))
    all_of = {tracer.name: tracer for tracer in (*own, *other, *refs.values())}
    rows = _each("cost", all_of, lambda name: measure(folder, all_of[name], pairs))
    limit = refs["both_record"].name
    real = {each.name: rows[each.name] for each in (*own, *other)}
    how = next(cost.syscalls for cost in rows.values() if cost.syscalls)
    words = (
        f"Calls were watched by `{how}`. ns of CPU time that each adds to a call, as the median "
        f"of {pairs} pair{'s' * (pairs != 1)} ± half their range; in brackets the least traced "
        f"less the least alone."
    )
    shown = report.costs({limit: rows[limit]} | real, rows[limit], missing_peers())
    parts["cost"] = f"{words}\n\n{shown}\n\n{report.untraced(rows.values())}"
    ours = [each.name for each in own if each.sees][:3]
    times = report.ratios(rows, ours, [each.name for each in other])
    parts["ratios"] = f"{times}\n\n{report.filtered(rows[EACH], rows[FILTERED])}"
    parts["steps"] = report.steps({each.name: rows[each.name] for each in refs.values()})
    return real


def _starts(folder: Path, repeats: int, rows: dict[str, Cost], parts: dict[str, str]) -> None:
    api = Tracer(EACH, (sys.executable, "-c", start.FIRST), line=b" ")
    all_of = {
        each.name: each for each in (api, *own_tracers(), *peers()) if each.line and not each.wraps
    }
    first = _each(
        "first event",
        all_of,
        lambda name: [start.first_event_s(folder, all_of[name]) for _ in range(repeats)],
    )
    start.import_ms()
    times = [start.import_ms() for _ in range(3 * repeats)]
    parts["footprint"] = f"{report.footprints(rows, first)}\n\n{report.imported(times)}"


def _reader() -> dict[str, float]:
    """What the reading side costs by itself, where that is measured too."""
    if importlib.util.find_spec("benchmarks.reader") is None:
        return {}
    _say("reader")
    return dict(importlib.import_module("benchmarks.reader").measure())


def _floods(folder: Path, seconds: float) -> str:
    names = {"check": "`kill(self, 0)`", "ignored": "ignored SIGUSR1"}
    runs = _each("flood", names, lambda kind: flood.flood(folder, kind, seconds))
    _say("quiet")
    quiet = flood.quiet(folder, 200 if seconds < 10 else 1000, min(5.0, seconds))
    return report.floods({names[kind]: run for kind, run in runs.items()}, quiet)


def _measure(chosen: argparse.Namespace, folder: Path) -> dict[str, str]:
    """The parts of the page, by their names there."""
    parts: dict[str, str] = {}
    wanted = chosen.only or PARTS
    begin = time.monotonic()
    others = machine.other_programs()
    if others:
        _say(f"{others} BPF programs of others trace here too: nothing below is the machine's own")
    rows = _costs(folder, chosen.pairs, parts) if "cost" in wanted else {}
    if "start" in wanted:
        _starts(folder, chosen.pairs, rows, parts)
    reading = _reader() if "reader" in wanted else {}
    parts["reader"] = report.reader(reading) if reading else "Not measured."
    if "flood" in wanted:
        parts["flood"] = _floods(folder, chosen.seconds)
    if "growth" in wanted:
        pairs = min(3, chosen.pairs)
        found = _each("growth", growth.GROWING, lambda what: growth.measure(folder, what, pairs))
        parts["growth"] = report.growths(found)
    # The command as it was given, and no date: the tables are of what this machine is.
    command = " ".join(
        ["sudo make bench", *[f"ARGS='{' '.join(sys.argv[1:])}'"][: len(sys.argv) > 1]]
    )
    took = (time.monotonic() - begin) / 60
    disturbed = f" {others} BPF programs of others were at work." if others else ""
    parts["machine"] = f"{machine.described()}. `{command}`, {took:.0f} minutes.{disturbed}"
    return parts


def main() -> int:
    """Print the parts, and write them to the page unless some are missing."""
    chosen = _options()
    if os.geteuid():
        sys.exit("benchmarks: must be root\n  hint: sudo make bench")
    # What is measured is started by this process, and shares its CPUs; senders have their own.
    os.sched_setaffinity(0, machine.split_cpus()[1])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Others import what they have imported before, and so do ours.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "pycache")
        senders.build(folder)
        parts = _measure(chosen, folder)
    for part, content in parts.items():
        print(f"## {part}\n\n{content}\n")
    if not chosen.quick and not chosen.only:
        page.write(parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
