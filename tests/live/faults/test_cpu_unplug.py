"""A CPU goes and comes back while a trace runs: its counts stay, and none is missed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pysigsnoop import SignalTracer

from .. import requirement
from ..books import assert_calls_closed
from ..senders import NOBODY, Sender

SWITCH = Path("/sys/devices/system/cpu/cpu1/online")


@pytest.fixture
def _second() -> Iterator[None]:
    """CPU 1 may be taken away, and is put back."""
    requirement.guest("takes a CPU away")
    if not SWITCH.exists():
        pytest.skip("there is no second CPU that can be taken away")
    try:
        yield
    finally:
        SWITCH.write_text("1")


def on_both(sender: Sender, count: int) -> int:
    """So many calls on each CPU that there is; how many they are."""
    total = 0
    for cpu in sorted(os.sched_getaffinity(0)):
        os.sched_setaffinity(sender.pid, {cpu})
        total += sender.send(count, target=NOBODY)
    return total


@pytest.mark.usefixtures("_second")
@pytest.mark.parametrize("size", [4096, 8 << 20], ids=["losing", "enough"])
def test_counts_hold_while_a_cpu_is_away_and_back(size: int, sender: Sender) -> None:
    usual = os.sched_getaffinity(0)
    assert usual == {0, 1}
    with SignalTracer(sender_pid=sender.pid, buffer_size=size) as tracer:
        sent = on_both(sender, 503)
        os.sched_setaffinity(sender.pid, {0, 1})
        # In the middle of calls.
        with sender.flooding(2):
            SWITCH.write_text("0")
        sent += sum(sender.answer().values())
        os.sched_setaffinity(sender.pid, {0})
        sent += sender.send(503, target=NOBODY)
        SWITCH.write_text("1")
        os.sched_setaffinity(0, usual)
        sent += on_both(sender, 503)
        tracer.stop()
        received = len(list(tracer))
        stats = tracer.stats
    assert stats.received == received > 0
    assert_calls_closed(stats, sent)
    # Kernel 7.3 can preempt a program; whom it lets run meanwhile on that CPU, it skips.
    assert stats.lost_total == stats.lost.ring_full + stats.lost.skipped
    assert stats.lost.ring_full > 0 or size > 4096


@pytest.mark.usefixtures("_second")
def test_a_tracer_that_is_opened_without_a_cpu_sees_it_when_it_comes(sender: Sender) -> None:
    SWITCH.write_text("0")
    with SignalTracer(sender_pid=sender.pid) as tracer:
        SWITCH.write_text("1")
        os.sched_setaffinity(sender.pid, {1})
        assert sender.send(503, target=NOBODY) == 503
        tracer.stop()
        assert len(list(tracer)) == 503
        assert tracer.stats.lost_total == 0
