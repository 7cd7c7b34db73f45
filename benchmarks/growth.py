"""Whether an event costs the same whatever the size: of filters, threads, groups, tracers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from .books import BooksOpen
from .running import Running, running
from .senders import NAME, PROBE, Run, Sender
from .tracers import EACH, Tracer, api

CALLS, BURST, GAP_US = 25_000, 2_500, 5_000
# Signals between two pauses, of all recipients of a group.
_SIGNALS = 2_500
# Pids that no process is likely to have: the kernel gives out low numbers first.
_UNUSED = 4_000_000


class Pair(NamedTuple):
    """ns for each event, alone and traced; and how many events were lost."""

    alone: float
    traced: float
    lost: int


class Point(NamedTuple):
    """One size, measured again and again."""

    size: int
    measured: list[Pair]

    @property
    def pairs(self) -> list[tuple[float, float]]:
        return [(pair.alone, pair.traced) for pair in self.measured]


@contextmanager
def _traced(folder: Path, pid: int, number: int = 1, **options: object) -> Iterator[list[Any]]:
    """So many tracers of one sender; at the block's end the list holds what each saw."""
    tracer = Tracer(EACH, api("iterate", **({"sender_pid": pid} | options)))
    saw: list[Any] = []
    with ExitStack() as stack:
        started = [stack.enter_context(running(tracer, folder / PROBE)) for _ in range(number)]
        yield saw
        for each in started:
            assert isinstance(each, Running)
            saw.append(each.finish().report)


def _lost(run: Run, recipients: int, reports: list[Any]) -> int:
    """Raises BooksOpen where what was lost does not explain what was not told."""
    for report in reports:
        told = report["by_pid"].get(str(run.pid), 0)
        if told != report["received"] or told + report["lost"] != run.sent * recipients:
            raise BooksOpen(f"{run.sent} sends to {recipients}, {told} told")
    return sum(report["lost"] for report in reports)


def _pair(
    folder: Path, turn: int, options: tuple[object, ...], recipients: int, trace: dict[str, Any]
) -> Pair:
    """Of each recipient of a call."""
    kind, *more = options

    def alone() -> float:
        with Sender(folder / NAME, str(kind), *more) as sender:
            return sender.go().cpu_ns / recipients

    def traced() -> tuple[float, int]:
        filters = dict(trace)
        with Sender(folder / NAME, str(kind), *more) as sender:
            pids = filters.pop("more_pids", 0)
            if pids:
                filters["sender_pid"] = [sender.pid, *range(_UNUSED, _UNUSED + pids - 1)]
            with _traced(folder, sender.pid, **filters) as reports:
                run = sender.go()
            return run.cpu_ns / recipients, _lost(run, recipients, reports)

    if turn % 2:
        ns, lost = traced()
        return Pair(alone(), ns, lost)
    return Pair(alone(), *traced())


def filters(folder: Path, size: int, turn: int) -> Pair:
    """So many pids in a filter that the sender passes."""
    options = ("ignored", "-n", CALLS, "-b", BURST, "-g", GAP_US)
    return _pair(folder, turn, options, 1, {"more_pids": size})


def sender_threads(folder: Path, size: int, turn: int) -> Pair:
    """So many threads live in the sender, which is the target too."""
    options = ("ignored", "-n", CALLS, "-b", BURST, "-g", GAP_US, "-t", size - 1)
    return _pair(folder, turn, options, 1, {})


def target_threads(folder: Path, size: int, turn: int) -> Pair:
    """So many threads live in another process, which is the target."""
    with Sender(folder / NAME, "sleep", "-t", size - 1) as target:
        options = ("ignored", "-n", CALLS, "-b", BURST, "-g", GAP_US, "-T", target.pid)
        return _pair(folder, turn, options, 1, {})


def tracers(folder: Path, size: int, turn: int) -> Pair:
    """So many tracers at once: what one of them adds."""
    options = ("ignored", "-n", CALLS, "-b", BURST, "-g", GAP_US)
    alone, traced, lost = _pair(folder, turn, options, 1, {"number": size})
    return Pair(alone, alone + (traced - alone) / size, lost)


def recipients(folder: Path, size: int, turn: int) -> Pair:
    """So many recipients of one call: what one of them costs."""
    with Sender(folder / NAME, "group", "-n", size) as group:
        calls, burst = max(10, CALLS // size), max(1, _SIGNALS // size)
        options = ("ignored", "-n", calls, "-b", burst, "-g", GAP_US, "-T", -group.pid)
        return _pair(folder, turn, options, size, {})


Measured = Callable[[Path, int, int], Pair]
#: What grows, by what the table calls it, and the sizes.
GROWING: dict[str, tuple[Measured, tuple[int, ...]]] = {
    "pids in a filter": (filters, (1, 100, 10_000)),
    "threads in the sender": (sender_threads, (1, 400, 4_000)),
    "threads in the target": (target_threads, (1, 400, 4_000)),
    "tracers at once, for each": (tracers, (1, 2, 4)),
    "recipients of a call, for each": (recipients, (1, 10, 100, 1_000)),
}


def measure(folder: Path, what: str, pairs: int) -> list[Point]:
    """All sizes, one after the other in each turn."""
    one, sizes = GROWING[what]
    points = [Point(size, []) for size in sizes]
    for turn in range(pairs):
        for point in points:
            point.measured.append(one(folder, point.size, turn))
    return points
