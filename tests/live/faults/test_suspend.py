"""All processes are frozen, as for a suspend: the trace then goes on, and nothing is missed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pysigsnoop import SignalTracer

from .. import requirement
from ..senders import NOBODY, Sender

POWER = Path("/sys/power")
STATE, TEST, FAILED = POWER / "state", POWER / "pm_test", POWER / "suspend_stats"
# Should the machine really go to sleep, this wakes it.
ALARM = Path("/sys/class/rtc/rtc0/wakealarm")


@pytest.fixture
def _may_freeze() -> Iterator[None]:
    requirement.guest("freezes the machine")
    if not STATE.exists() or "freeze" not in STATE.read_text().split():
        pytest.skip("this kernel cannot suspend to idle (CONFIG_SUSPEND)")
    if not TEST.exists() and not ALARM.exists():
        pytest.skip("nothing could wake this machine: it has no clock with an alarm")
    try:
        yield
    finally:
        if TEST.exists():
            TEST.write_text("none")


def failures(step: str) -> int:
    """How often that step of a suspend failed."""
    return int((FAILED / f"failed_{step}").read_text())


def freeze() -> None:
    """Freeze all processes for a while.

    A guest's files are its host's (virtiofs), and those cannot be suspended. So a real suspend ends
    there: after all processes are frozen, and before the machine sleeps.
    """
    if TEST.exists():
        # The kernel's own trial goes no further, and takes five seconds.
        TEST.write_text("freezer")
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        STATE.write_text("freeze")
        assert time.clock_gettime(time.CLOCK_BOOTTIME) - began > 4
        return
    ALARM.write_text("0")
    ALARM.write_text("+10")
    before = failures("freeze"), failures("suspend")
    # Unbuffered: what is refused would be written once more when the file is closed.
    with STATE.open("wb", buffering=0) as state, pytest.raises(OSError, match="not supported"):
        state.write(b"freeze")
    ALARM.write_text("0")
    assert (failures("freeze"), failures("suspend")) == (before[0], before[1] + 1)


@pytest.mark.usefixtures("_may_freeze")
def test_a_freeze_of_all_processes_loses_nothing(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sent = sender.send(101, target=NOBODY)
        for _ in range(3):
            # Amid calls.
            with sender.flooding(1):
                freeze()
            sent += sum(sender.answer().values())
        sent += sender.send(101, target=NOBODY)
        tracer.stop()
        received = len(list(tracer))
        assert received > 202
        assert received + tracer.stats.lost_total == sent
