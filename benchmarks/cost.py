"""What a tracer costs whoever sends, what it costs itself, and how much memory it takes.

In pairs: the sender alone, then traced, or the other way round, by turns. In each turn all
tracers have theirs, so that what is compared was measured in the same minutes.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .books import BooksOpen, missing
from .machine import cpu_ns, memory_mb
from .running import Wrapping, running
from .senders import NAME, PROBE, REPEATS, Run, Sender, runs
from .tracers import KINDS, SENDS, Tracer

#: Calls in a run, and between two pauses.
CALLS, OTHER_CALLS, BURST = 25_000, 250_000, 2_500

#: (alone, traced) for each pair.
Pairs = list[tuple[float, float]]


class Cost(NamedTuple):
    """One tracer, all pairs."""

    #: By kind of call, ns of the sender's CPU time for each.
    cpu: dict[str, Pairs]
    #: By kind of call, ns that each took.
    elapsed: dict[str, Pairs]
    #: ns of the tracer's own CPU time for each send.
    own: list[float]
    #: MB resident, with and without what it shares with the kernel.
    memory: list[tuple[float, float]]
    sent: int
    #: Of those, never told.
    missing: int
    #: How it watches calls, where it says.
    syscalls: str | None


class _Round(NamedTuple):
    by_kind: dict[str, Run]
    own: float
    memory: tuple[float, float]
    sent: int
    missing: int
    syscalls: str | None


def _options(tracer: Tracer, kind: str) -> tuple[object, ...]:
    # Alone it pauses too: what a call costs depends on what the caches still hold.
    calls = OTHER_CALLS if kind == "other" else CALLS
    return (
        *("-n", int(calls * tracer.share), "-b", int(BURST * tracer.share)),
        *("-g", tracer.gap_us if kind in SENDS else 0),
    )


def _alone(folder: Path, tracer: Tracer) -> dict[str, Run]:
    return {kind: runs(folder / NAME, kind, *_options(tracer, kind))[-1] for kind in KINDS}


class _Sampled:
    """CPU time and memory of a tracer that exists only while it runs the sender: its last run."""

    cpu = 0
    memory = (0.0, 0.0)

    def __call__(self, sender: Sender) -> None:
        self.cpu = cpu_ns(sender.process.pid)
        self.memory = memory_mb(sender.process.pid)


def _traced(folder: Path, tracer: Tracer) -> _Round:
    told: list[Run] = []
    silent: list[Run] = []
    by_kind: dict[str, Run] = {}
    with running(tracer, folder / PROBE) as started:
        if not isinstance(started, Wrapping):
            before = cpu_ns(started.pid)
        sampled, own = _Sampled(), 0
        for kind in KINDS:
            done = runs(
                folder / NAME,
                kind,
                *_options(tracer, kind),
                prefix=started.prefix,
                after=sampled if started.prefix and kind in SENDS else None,
            )
            by_kind[kind] = done[-1]
            if kind not in SENDS:
                continue
            own += sampled.cpu
            if tracer.sees is None:
                continue
            # Who runs the sender keeps the lines of the last run only.
            counted = done[-1:] if started.prefix else done
            (told if kind in tracer.sees else silent).extend(counted)
            started.drain(sum(run.sent for run in told))
        memory = sampled.memory
        if not isinstance(started, Wrapping):
            own, memory = cpu_ns(started.pid) - before, memory_mb(started.pid)
        saw = started.finish()
    lost = 0 if tracer.sees is None else missing(saw, told, silent)
    sent = sum(run.sent for run in told)
    return _Round(
        by_kind,
        own / sent if sent else float("nan"),
        memory,
        sent,
        lost,
        saw.report.get("syscalls"),
    )


def nothing_yet() -> Cost:
    """Of a tracer that has had no turn."""
    return Cost({k: [] for k in KINDS}, {k: [] for k in KINDS}, [], [], 0, 0, None)


def one_more(folder: Path, tracer: Tracer, cost: Cost) -> Cost:
    """With another pair.

    Raises BooksOpen where its accounting was not exact, RuntimeError where it did not run;
    each after some trials.
    """
    alone = _alone(folder, tracer) if len(cost.own) % 2 == 0 else None
    for attempt in range(REPEATS):
        try:
            round_ = _traced(folder, tracer)
        except (BooksOpen, RuntimeError):
            if attempt + 1 == REPEATS:
                raise
        else:
            break
    alone = alone or _alone(folder, tracer)
    for kind in KINDS:
        run = round_.by_kind[kind]
        cost.cpu[kind].append((alone[kind].cpu_ns, run.cpu_ns))
        cost.elapsed[kind].append((alone[kind].elapsed_ns, run.elapsed_ns))
    cost.own.append(round_.own)
    cost.memory.append(round_.memory)
    return cost._replace(
        sent=cost.sent + round_.sent,
        missing=cost.missing + round_.missing,
        syscalls=round_.syscalls,
    )
