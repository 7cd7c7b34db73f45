"""What was measured, as the tables of the page. Pure text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .figures import Spread, added, number, percent, ratio, spread, table
from .tracers import EACH, FILTERED, GENERATED, GENERATED_FILTERED, KINDS, SENDS, references

if TYPE_CHECKING:
    from .cost import Cost
    from .flood import Flood, Quiet
    from .growth import Point

_ADDED = {
    "check": "`kill(self, 0)`",
    "ignored": "ignored SIGUSR1",
    "handled": "handled SIGUSR2",
    "other": "`getppid()`",
}


def costs(rows: Mapping[str, Cost], limit: Cost | None, missing: Mapping[str, str]) -> str:
    """What each tracer adds to a call of whoever sends."""
    floor = added(limit.cpu["check"]) if limit else None
    headings = ["tracer", *_ADDED.values(), "× the limit", "`kill(self, 0)`, elapsed", "not told"]
    lines = []
    for name, cost in rows.items():
        pairs = cost.cpu
        check = added(pairs["check"])
        lines.append(
            [
                name,
                *(str(added(pairs[kind])) for kind in KINDS if kind in SENDS),
                f"{_signed(percent(pairs['other']))} %",
                _times(check, floor) if floor else "–",
                str(added(cost.elapsed["check"])),
                f"{number(100 * cost.missing / cost.sent)} %" if cost.sent else "–",
            ]
        )
    width = len(headings) - 1
    lines += [[name, why, *["–"] * (width - 1)] for name, why in missing.items()]
    return table(headings, lines)


def _signed(figures: Spread) -> str:
    if not figures.spread:
        return f"{figures.median:+.1f}"
    return f"{figures.median:+.1f} ±{figures.spread:.1f} ({figures.least:+.1f})"


def _times(figures: Spread, of: Spread) -> str:
    """How many times another figure: by the medians, and in brackets by the least."""
    return f"{ratio(figures.median, of.median)} ({ratio(figures.least, of.least)})"


def untraced(rows: Iterable[Cost]) -> str:
    """What a call costs whoever nobody traces."""
    alone: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for cost in rows:
        for kind in KINDS:
            alone[kind] += [before for before, _ in cost.cpu[kind]]
    said = [f"{_ADDED[kind]} {spread(alone[kind])}" for kind in KINDS]
    return f"Untraced, ns of CPU time a call: {', '.join(said)}."


def ratios(rows: Mapping[str, Cost], ours: Sequence[str], peers: Sequence[str]) -> str:
    """How many times more a peer adds to a kill."""
    headings = ["adds to `kill(self, 0)`, as many times as", *ours]
    lines = []
    for peer in peers:
        more = added(rows[peer].cpu["check"])
        lines.append([peer, *(_times(more, added(rows[own].cpu["check"])) for own in ours)])
    return table(headings, lines)


def filtered(rows: Mapping[str, Cost], floor: Cost | None) -> str:
    """What a signal that is filtered out costs of one that is recorded; `floor` is what the
    kernel takes of both for watching calls."""
    said = []
    for how, recorded, refused in (
        ("", EACH, FILTERED),
        (" where only what is generated is watched", GENERATED, GENERATED_FILTERED),
    ):
        if recorded in rows and refused in rows:
            one, all_ = (added(rows[name].cpu["ignored"]) for name in (refused, recorded))
            said.append(f"{_times(one, all_)}{how}")
            if floor and not how:
                less = added(floor.cpu["ignored"])
                one, all_ = (
                    Spread(each.median - less.median, 0, each.least - less.least)
                    for each in (one, all_)
                )
                said.append(f"{_times(one, all_)} without what empty programs on exit add to both")
    return f"A signal that is filtered out adds, of what a recorded one adds, {'; '.join(said)}."


def footprints(rows: Mapping[str, Cost], first: Mapping[str, Sequence[float]]) -> str:
    """What each tracer takes for itself."""
    headings = [
        "tracer",
        "its CPU, µs a send",
        "resident, MB",
        "without the ring",
        "first event, s",
    ]
    lines = []
    for name, cost in rows.items():
        own = [ns / 1000 for ns in cost.own if not math.isnan(ns)]
        lines.append(
            [
                name,
                str(spread(own)) if own else "–",
                number(max(total for total, _ in cost.memory)),
                number(max(without for _, without in cost.memory)),
                str(spread(first[name])) if first.get(name) else "–",
            ]
        )
    return table(headings, lines)


def imported(times_ms: Sequence[float]) -> str:
    """The import of SignalTracer."""
    return f"`from pysigsnoop import SignalTracer` in a fresh interpreter: {spread(times_ms)} ms."


def reader(ns: Mapping[str, float]) -> str:
    """What the reading side costs by itself."""
    return table(["a record as", "ns"], [[name, number(value)] for name, value in ns.items()])


def floods(runs: Mapping[str, Flood], quiet: Quiet | None) -> str:
    """Loss and latency."""
    headings = [
        *("sent", "in s", "calls", "lost", "of others"),
        *("p50, µs", "p99, µs", "max, µs", "reader, % of a CPU", "stolen, %"),
        *("MB before", "after"),
    ]
    lines = [
        [
            name,
            number(run.seconds),
            f"{run.sent:,}",
            f"{run.lost:,}",
            f"{run.others:,}",
            *(number(us) for us in (run.half_us, run.most_us, run.worst_us, run.reader)),
            number(run.stolen),
            *(number(mb) for mb in run.memory),
        ]
        for name, run in runs.items()
    ]
    if quiet is None:
        return table(headings, lines)
    alone = (
        f"When quiet, {quiet.sent} single signals, one every 3 ms: half came within "
        f"{number(quiet.half_us)} µs, 99 of 100 within {number(quiet.most_us)} µs, all within "
        f"{number(quiet.worst_us)} µs. In {number(quiet.seconds)} s without a signal the reader's "
        f"threads woke {quiet.woken} times."
    )
    return f"{table(headings, lines)}\n\n{alone}"


def growths(found: Mapping[str, Sequence[Point]]) -> str:
    """What an event costs at each size, and against the smallest."""
    headings = ["what grows", "size", "alone, ns", "added, ns", "added, × the smallest", "lost"]
    lines = []
    for what, points in found.items():
        first = added(points[0].pairs)
        for point in points:
            more = added(point.pairs)
            lines.append(
                [
                    what if point is points[0] else "",
                    f"{point.size:,}",
                    str(spread([alone for alone, _ in point.pairs])),
                    str(more),
                    _times(more, first),
                    f"{sum(pair.lost for pair in point.measured):,}",
                ]
            )
    return table(headings, lines)


def steps(rows: Mapping[str, Cost]) -> str:
    """Ways to see a call, by what each adds."""
    headings = ["attached", "`kill(self, 0)`", "ignored SIGUSR1", "`getppid()`"]
    return table(
        headings,
        [
            [
                name,
                str(added(cost.cpu["check"])),
                str(added(cost.cpu["ignored"])),
                f"{_signed(percent(cost.cpu['other']))} %",
            ]
            for name, cost in rows.items()
        ],
    )


def instructions(series: str, found: Mapping[str, Mapping[str, float]]) -> str:
    """What each way adds on an emulated kernel; `alone` of what was found is what is added to."""
    alone = found["alone"]
    plain = {key: tracer.name for key, tracer in references(Path()).items()}
    rows = [
        [plain.get(way, way), *(number(calls[kind] - alone[kind]) for kind in KINDS)]
        for way, calls in found.items()
        if way != "alone"
    ]
    rows.insert(0, ["untraced, in all", *(number(alone[kind]) for kind in KINDS)])
    return f"Linux {series}.\n\n{table(['attached', *_ADDED.values()], rows)}"
