"""The wall clock is stepped while a trace runs: no time of an event goes backwards but that of day.

Events have their times from the boot clock; the wall clock is added when they are read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from pysigsnoop import SignalTracer

from .. import requirement
from ..conftest import MakeCommand
from ..senders import NOBODY, PATIENCE, Sender

HOUR = 3600


@pytest.fixture
def _clock() -> Iterator[None]:
    """The wall clock may be stepped, and is put right again."""
    requirement.guest("changes the machine's clock")
    offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    try:
        yield
    finally:
        time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_BOOTTIME) + offset)


def step(seconds: float) -> None:
    """As who sets the time does."""
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)


@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_wall_times_are_by_the_clock_as_it_stood_when_they_were_read(
    seconds: int, sender: Sender
) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(1, target=NOBODY)
        (before,) = tracer.read(PATIENCE)
        sender.send(1, target=NOBODY)  # sent before the step, and read after it
        step(seconds)
        sender.send(1, target=NOBODY)
        tracer.stop()
        between, after = tracer
        assert tracer.stats.received == 3
        assert tracer.stats.lost_total == 0
    # By the boot clock nothing happened.
    assert before.boot_ns < between.boot_ns < after.boot_ns < before.boot_ns + 60 * 10**9
    moved = [event.time_ns - before.time_ns - (event.boot_ns - before.boot_ns) for event in
             (between, after)]  # fmt: skip
    assert all(abs(by - seconds * 10**9) < 10**9 for by in moved)


@pytest.mark.usefixtures("_clock")
@pytest.mark.parametrize("kind", ["wall", "relative"])
def test_lines_show_the_step_but_not_relative_times(
    kind: str, sender: Sender, command: MakeCommand
) -> None:
    running = command("-p", str(sender.pid), "--time", kind, "--duration", "2", "--no-outcomes")
    running.wait_for_header()
    began = time.monotonic()
    times = []
    for seconds in (0, HOUR):
        step(seconds)
        sender.send(1, target=NOBODY)
        times.append(running.line().split()[0])
    ended = running.end(0)
    # Neither does it end sooner or later.
    assert 1 < time.monotonic() - began < PATIENCE
    assert (ended.status, ended.summary) == (0, "2 received, 0 lost\n")
    if kind == "relative":
        assert 0 < float(times[1]) - float(times[0]) < 2
    else:
        first, second = (
            sum(
                int(part) * size
                for part, size in zip(text[:8].split(":"), (3600, 60, 1), strict=True)
            )
            for text in times
        )
        assert (second - first) % (24 * HOUR) in range(HOUR, HOUR + 3)


@pytest.mark.usefixtures("_clock")
def test_waiting_is_not_cut_short(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        began = time.monotonic()
        step(HOUR)
        assert tracer.read(0.3) == []
        assert time.monotonic() - began >= 0.3
        step(-2 * HOUR)
        began = time.monotonic()
        assert tracer.read(0.3) == []
        assert 0.3 <= time.monotonic() - began < PATIENCE
