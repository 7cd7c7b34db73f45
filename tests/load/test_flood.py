"""A flood of calls on all CPUs, while tracers and those whom they watch come and go: each call is
received, filtered or lost, and counted as what it is; no memory grows, and nothing is left."""

from __future__ import annotations

import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from pysigsnoop import Columns, SignalTracer

from ..live.books import assert_calls_closed
from ..live.kernel_objects import objects_of
from ..live.test_nothing_left import nothing_left
from .flooding import Flooder, Made
from .held import held_here, resident
from .scale import SCALE, show
from .visits import FILTERS, Visits

#: What memory may differ by from one moment of a flood to another: what an allocator keeps.
SWING = 4 << 20
#: A ring that a flood fills many times between two looks at it.
NARROW = 256 << 10
#: No batch is larger.
MOST = 1 << 16

_DTYPE = np.dtype(Columns.dtype)
(_GENERATED,) = (bit for bit, name in Columns.words["known"].items() if name == "generated")


class Received:
    """What a reader counted: events, those of failed calls, and those with a signal; and whose
    they were, of a few."""

    def __init__(self, senders: list[int]) -> None:
        self.made = Made()
        self.by_sender = dict.fromkeys(senders, 0)
        # numpy keeps what small results took, some of each size, so there are none.
        self._true = np.empty(MOST, bool)
        self._bits = np.empty(MOST, np.uint32)

    def read(self, tracer: SignalTracer, timeout: float | None = None) -> int:
        """One batch."""
        batch = tracer.read_columns(timeout)
        count = len(batch)
        table: Any = np.frombuffer(batch, dtype=_DTYPE)
        true, bits = self._true[:count], self._bits[:count]
        failed = np.count_nonzero(np.less(table["ret"], 0, out=true))
        signals = np.count_nonzero(np.bitwise_and(table["known"], _GENERATED, out=bits))
        self.made = self.made.plus(Made(count, int(failed), int(signals)))
        for pid in self.by_sender:
            sent = np.count_nonzero(np.equal(table["sender.pid"], pid, out=true))
            self.by_sender[pid] += int(sent)
        return count

    def read_all(self, tracer: SignalTracer) -> None:
        """Until the trace has ended."""
        while self.read(tracer):
            pass


def assert_accounted(tracer: SignalTracer, received: Received, made: Made) -> None:
    """Calls, signals and failures, against what the senders made."""
    stats = tracer.stats
    assert_calls_closed(stats, made.calls)
    assert stats.lost_total == stats.lost.ring_full + stats.lost.skipped, stats
    assert stats.received == stats.calls.received == received.made.calls > 0
    assert stats.signals.received == received.made.signals > 0
    assert stats.signals.received + stats.signals.lost == made.signals
    # Failed calls and those that sent 0 are lost apart from signals, but not from each other.
    lost = stats.calls.lost - stats.signals.lost
    assert made.failed - lost <= received.made.failed <= made.failed


def test_a_flood_is_counted_to_the_last_call_while_tracers_come_and_go(
    caller_program: Path,
) -> None:
    me = os.getpid()
    held_before = held_here()
    with nothing_left() as objects, ExitStack() as stack:
        flooders = [stack.enter_context(Flooder(caller_program)) for _ in range(2)]
        pids = [each.pid for each in flooders]
        all_of_it, some_of_it = Received(pids), Received(pids)
        over = threading.Event()
        pool = stack.enter_context(ThreadPoolExecutor(len(pids) + 1))
        # One is read all the time, and told of each that comes; the other only now and then.
        wide = stack.enter_context(SignalTracer(follow=pids))
        narrow = stack.enter_context(SignalTracer(sender_pid=pids, buffer_size=NARROW))
        objects.update(objects_of(me))
        reader = pool.submit(all_of_it.read_all, wide)
        floods = [
            pool.submit(one.flood, other, over)
            for one, other in zip(flooders, reversed(pids), strict=True)
        ]
        visits = Visits(caller_program, wide)
        memory: list[int] = []
        end = time.monotonic() + SCALE.flood
        try:
            while time.monotonic() < end or len(memory) < 2:
                visits.visit()
                some_of_it.read(narrow, 0)
                gc.collect()
                memory.append(resident(me))
        finally:
            over.set()
            # What failed there is raised below.
            for flood in floods:
                flood.exception()
            wide.stop()
        for flood in floods:
            flood.result()
        reader.result()
        narrow.stop()
        some_of_it.read_all(narrow)
    flooded = flooders[0].made.plus(flooders[1].made)
    show(flooded=flooded, visitors=visits.made, wide=wide.stats, narrow=narrow.stats, memory=memory)
    assert_accounted(wide, all_of_it, flooded.plus(visits.made))
    assert_accounted(narrow, some_of_it, flooded)
    assert narrow.stats.lost.ring_full > 0
    for each in flooders:
        for tracer, received in ((wide, all_of_it), (narrow, some_of_it)):
            seen = received.by_sender[each.pid]
            assert each.made.calls - tracer.stats.calls.lost <= seen <= each.made.calls
    # Once each kind of tracer was there, no more is needed.
    warm = min(max(len(FILTERS), len(memory) // 10), len(memory) // 2)
    assert memory[-1] - max(memory[:warm]) <= SWING, memory
    assert held_here() == held_before
