"""Tracers that come and go amid a flood, each with another filter and another way to read: each
must see of one process, which comes and goes too, what passes its filter, and of others nothing."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from pysigsnoop import Event, SignalTracer

from ..live.books import assert_calls_closed
from ..live.control_groups import enter, group_in, unified
from ..live.kernel_objects import objects_of, wait_until_gone
from ..live.senders import NOBODY, PATIENCE
from ..live.sends.callers import Caller
from .flooding import USR1, Made

USR2 = 12
#: The calls that a visitor makes under its tracer, by kind; primes, so that sums tell them apart.
CALLS = {"zero": 101, "ignored": 211, "failing": 307}
#: What it makes before anybody follows it.
UNSEEN = 53

#: Options of a tracer, for a visitor of that pid, name and cgroup, and the kinds that pass them.
Filter = tuple[Callable[[int, str, Path], dict[str, Any]], set[str]]
FILTERS: tuple[Filter, ...] = (
    (lambda pid, _comm, _group: {"sender_pid": pid}, {"zero", "ignored", "failing"}),
    (lambda pid, _comm, _group: {"sender_pid": pid, "failed_only": True}, {"failing"}),
    (lambda pid, _comm, _group: {"sender_pid": pid, "signals": "USR1"}, {"ignored"}),
    (
        lambda pid, _comm, _group: {"sender_pid": pid, "exclude_signals": ["USR1"]},
        {"zero", "failing"},
    ),
    (lambda pid, _comm, _group: {"target_pid": pid}, {"zero", "ignored"}),
    (lambda _pid, comm, _group: {"sender_comm": comm}, {"zero", "ignored", "failing"}),
    (lambda _pid, _comm, group: {"sender_cgroup": str(group)}, {"zero", "ignored", "failing"}),
    (lambda pid, _comm, _group: {"follow": pid}, {"zero", "ignored", "failing"}),
    (
        lambda pid, _comm, _group: {"sender_pid": pid, "outcomes": True, "details": True},
        {"zero", "ignored", "failing"},
    ),
)


def _at_the_end(tracer: SignalTracer, work: Callable[[], None]) -> int:
    work()
    tracer.stop()
    return len(list(tracer))


def _as_columns(tracer: SignalTracer, work: Callable[[], None]) -> int:
    work()
    tracer.stop()
    return sum(len(batch) for batch in iter(tracer.read_columns, b""))


def _meanwhile(tracer: SignalTracer, work: Callable[[], None]) -> int:
    """On a thread of its own, which the end of the trace ends."""
    events: list[Event] = []
    reader = threading.Thread(target=lambda: events.extend(tracer))
    reader.start()
    work()
    tracer.stop()
    reader.join(PATIENCE)
    return len(events)


def _in_part(tracer: SignalTracer, work: Callable[[], None]) -> int:
    """The rest is unread at the close."""
    work()
    return len(tracer.read(PATIENCE, limit=7))


READERS = (_at_the_end, _as_columns, _meanwhile, _in_part)


def _calls(visitor: Caller) -> Made:
    """Its calls under a tracer."""
    zero = visitor.flood(0, CALLS["zero"], "kill", "pid", 0)
    ignored = visitor.flood(0, CALLS["ignored"], "kill", "pid", USR1)
    failing = visitor.flood(0, CALLS["failing"], "kill", NOBODY, USR2)
    assert (zero.failed, ignored.failed, failing.failed) == (0, 0, failing.calls)
    return Made(zero.calls + ignored.calls + failing.calls, failing.calls, ignored.calls)


class Visits:
    """Visit after visit; `lasting` is the tracer that stays, and is told to follow each visitor."""

    def __init__(self, program: Path, lasting: SignalTracer) -> None:
        self._program, self._lasting = program, lasting
        self._ways: Iterator[tuple[int, Filter]] = enumerate(itertools.cycle(FILTERS))
        #: What the visitors did from when the lasting tracer followed them.
        self.made = Made()

    def visit(self) -> None:
        """One visitor and one tracer, of which nothing stays."""
        number, (options, passing) = next(self._ways)
        before = objects_of(os.getpid())
        comm = f"visitor-{number}"
        with group_in(unified()) as group, closing(Caller(self._program)) as visitor:
            visitor.ignore(USR1)
            visitor.do("name", comm.encode().hex())
            visitor.flood(0, UNSEEN, "kill", "pid", USR1)
            enter(group, visitor.pid)
            self._lasting.add_followed(visitor.pid)
            expected = sum(CALLS[kind] for kind in passing)
            tracer = SignalTracer(**options(visitor.pid, comm, group))
            with tracer:
                held = objects_of(os.getpid()) - before

                def work() -> None:
                    self.made = self.made.plus(_calls(visitor))

                received = READERS[number % len(READERS)](tracer, work)
            stats = tracer.stats
            assert stats.received == received > 0
            assert_calls_closed(stats, expected)
            assert stats.lost_total == stats.lost.unread + stats.lost.skipped, stats
            # And those of the flood.
            assert stats.calls.filtered >= sum(CALLS.values()) - expected, stats
            # It ends by itself, so that nobody sends it anything.
            visitor.process.stdin.close()
            visitor.process.wait(PATIENCE)
        assert {kind for kind, _ in held} == {"link", "map", "prog"}
        assert objects_of(os.getpid()) == before
        wait_until_gone(held)
