"""All processes are frozen, as for a suspend: the trace then goes on, and nothing is missed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pysigsnoop import SignalTracer

from .. import requirement
from ..senders import NOBODY, Sender

STATE, TEST = Path("/sys/power/state"), Path("/sys/power/pm_test")


def test_a_freeze_of_all_processes_loses_nothing(sender: Sender) -> None:
    requirement.guest("freezes the machine")
    if not STATE.exists() or "freeze" not in STATE.read_text().split():
        pytest.skip("this kernel cannot suspend to idle (CONFIG_SUSPEND)")
    if not TEST.exists():
        pytest.skip("this kernel cannot try a suspend (CONFIG_PM_DEBUG)")
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(101, target=NOBODY)
        TEST.write_text("freezer")
        began = time.clock_gettime(time.CLOCK_BOOTTIME)
        try:
            # Frozen for five seconds, amid calls.
            with sender.flooding(1):
                STATE.write_text("freeze")
        finally:
            TEST.write_text("none")
        sent = 101 + sum(sender.answer().values())
        assert time.clock_gettime(time.CLOCK_BOOTTIME) - began > 4
        sent += sender.send(101, target=NOBODY)
        tracer.stop()
        received = len(list(tracer))
        assert received > 202
        assert received + tracer.stats.lost_total == sent
