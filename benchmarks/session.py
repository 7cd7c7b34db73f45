"""One run: part after part is measured, and told as text for the page."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from . import flood, growth, machine, reference, report, start
from .books import BooksOpen
from .cost import Cost, nothing_yet, one_more
from .tracers import EACH, FILTERED, Tracer, missing_peers, own_tracers, peers, references

#: What can be measured by itself.
PARTS = ("cost", "start", "reader", "flood", "growth")

_Value = TypeVar("_Value")


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


class Session:
    """What was asked for, the parts of the page so far, and what did not come out."""

    def __init__(self, folder: Path, pairs: int, seconds: float) -> None:
        self._folder, self._pairs, self._seconds = folder, pairs, seconds
        self._costs: dict[str, Cost] = {}
        #: Text by its place on the page.
        self.parts: dict[str, str] = {}
        #: By name, why there is no figure.
        self.failed: dict[str, str] = {}

    def measure(self, wanted: Collection[str]) -> None:
        """These parts, in the page's order."""
        begin = time.monotonic()
        others = machine.other_programs()
        if others:
            _say(f"{others} BPF programs of others trace here too, and make all of it dearer")
        for part, one in {
            "cost": self._cost,
            "start": self._start,
            "reader": self._reader,
            "flood": self._flood,
            "growth": self._growth,
        }.items():
            if part in wanted:
                one()
        # The command as it was given, and no date: the tables are of what this machine is.
        command = "sudo make bench"
        if sys.argv[1:]:
            command += f" ARGS='{' '.join(sys.argv[1:])}'"
        took = (time.monotonic() - begin) / 60
        self.parts["machine"] = f"{machine.described()}. `{command}`, {took:.0f} minutes."
        if others:
            self.parts["machine"] += f" {others} BPF programs of others were at work."

    def _each(
        self, what: str, names: Iterable[str], one: Callable[[str], _Value]
    ) -> dict[str, _Value]:
        """One figure for each name; those without one are noted."""
        found = {}
        for name in names:
            _say(f"{what}: {name}")
            try:
                found[name] = one(name)
            except (BooksOpen, RuntimeError, OSError, subprocess.SubprocessError) as error:
                why = (str(error).splitlines() or ["?"])[0]
                _say(f"no figure: {why}")
                self.failed[name] = f"not measured: {why[:100]}"
        return found

    def _turn(
        self, what: str, all_of: Mapping[str, Tracer], rows: Mapping[str, Cost]
    ) -> dict[str, Cost]:
        """A pair more for each tracer that has not failed."""
        return self._each(what, rows, lambda name: one_more(self._folder, all_of[name], rows[name]))

    def _cost(self) -> None:
        """All that comes of pairs."""
        own, other, refs = own_tracers(), peers(), references(reference.build(self._folder))
        all_of = {tracer.name: tracer for tracer in (*own, *other, *refs.values())}
        rows = {name: nothing_yet() for name in all_of}
        for turn in range(self._pairs):
            rows = self._turn(f"cost, turn {turn + 1}", all_of, rows)
        limit = refs["both_record"].name
        names = [each.name for each in (*own, *other)]
        self._costs = {name: rows[name] for name in names if name in rows}
        missing = {name: why for name, why in self.failed.items() if name in names}
        how = next((cost.syscalls for cost in rows.values() if cost.syscalls), "?")
        words = (
            f"Calls were watched by `{how}`. ns of CPU time that each adds to a call, as the "
            f"median of {self._pairs} pair{'s' * (self._pairs != 1)} ± half their range; in "
            f"brackets the least traced less the least alone."
        )
        shown = report.costs(
            {name: rows[name] for name in (limit, *self._costs) if name in rows},
            rows.get(limit),
            missing | missing_peers(),
        )
        ours = [each.name for each in own if each.sees and each.name in rows][:3]
        times = report.ratios(rows, ours, [each.name for each in other if each.name in rows])
        if EACH in rows and FILTERED in rows:
            times += f"\n\n{report.filtered(rows, rows.get(refs['one_end'].name))}"
        self.parts |= {
            "cost": f"{words}\n\n{shown}\n\n{report.untraced(rows.values())}",
            "ratios": times,
            "steps": report.steps(
                {each.name: rows[each.name] for each in refs.values() if each.name in rows}
            ),
        }

    def _start(self) -> None:
        api = Tracer(EACH, (sys.executable, "-c", start.FIRST), line=b" ")
        all_of = {
            each.name: each
            for each in (api, *own_tracers(), *peers())
            if each.line and not each.wraps
        }
        first = self._each(
            "first event",
            all_of,
            lambda name: [
                start.first_event_s(self._folder, all_of[name]) for _ in range(self._pairs)
            ],
        )
        _say("import")
        start.import_ms()
        times = [start.import_ms() for _ in range(3 * self._pairs)]
        shown = report.footprints(self._costs, first)
        self.parts["footprint"] = f"{shown}\n\n{report.imported(times)}"

    def _reader(self) -> None:
        """What the reading side costs by itself, where that is measured too."""
        found = {}
        if importlib.util.find_spec("benchmarks.reader"):
            _say("reader")
            found = dict(importlib.import_module("benchmarks.reader").measure())
        self.parts["reader"] = report.reader(found) if found else "Not measured."

    def _flood(self) -> None:
        kinds = {"`kill(self, 0)`": "check", "ignored SIGUSR1": "ignored"}
        runs = self._each(
            "flood", kinds, lambda name: flood.flood(self._folder, kinds[name], self._seconds)
        )
        count, seconds = (200, 2.0) if self._seconds < 10 else (1000, 5.0)
        quiet = self._each("quiet", ["quiet"], lambda _: flood.quiet(self._folder, count, seconds))
        self.parts["flood"] = report.floods(runs, quiet.get("quiet"))

    def _growth(self) -> None:
        pairs = min(5, self._pairs)
        found = self._each(
            "growth", growth.GROWING, lambda what: growth.measure(self._folder, what, pairs)
        )
        self.parts["growth"] = report.growths(found)
