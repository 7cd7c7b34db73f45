"""Targets under a debugger, which decides what they get."""

from __future__ import annotations

import os
import signal

import pytest

from .conftest import MakeTarget
from .targets import story, tracing

TERM, USR1, USR2, KILL = signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGKILL


@pytest.mark.parametrize("number", [TERM, signal.SIGSEGV, 40])
def test_a_fatal_signal_that_the_debugger_passes_on(number: int, make_target: MakeTarget) -> None:
    target, debugger = make_target(), make_target()
    # Its end is the second thing that a debugger waits for, before the parent can.
    assert debugger.do("trace", target.pid, -1, 2) == [0]
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, number)
        status = target.status()
        told = story(tracer)
    assert os.WTERMSIG(status) == number
    (send,), (death,) = told.sends, told.deaths
    assert death.send_id == send.id
    assert told.ends_of(send) == ["default", "killed"]


def test_a_handled_signal_that_the_debugger_passes_on(make_target: MakeTarget) -> None:
    target, debugger = make_target(), make_target()
    target.do("handle", USR1)
    assert debugger.do("trace", target.pid, -1, 1) == [0]
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        assert debugger.answer() == [1]
        assert len(target.seen()) == 1
        told = story(tracer)
    assert told.ends_of(told.sends[0]) == ["handler"]


def test_a_signal_that_the_debugger_holds_back(make_target: MakeTarget) -> None:
    target, debugger = make_target(), make_target()
    assert debugger.do("trace", target.pid, 0, 1) == [0]
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, TERM)
        assert debugger.answer() == [1]
        assert target.do("seen") == []
        told = story(tracer)
    assert told.ends_of(told.sends[0]) == []
    assert told.sends[0].outcome == "pending"


def test_a_signal_that_the_debugger_puts_in_place_of_another(make_target: MakeTarget) -> None:
    target, debugger = make_target(), make_target()
    target.do("handle", USR2)
    assert debugger.do("trace", target.pid, USR2, 1) == [0]
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, TERM)
        assert debugger.answer() == [1]
        assert [each.signo for each in target.seen()] == [USR2]
        told = story(tracer)
    (send,), (delivery,) = told.sends, told.deliveries
    assert told.ends_of(send) == []
    # Nobody sent that one, and nothing tells it from one that was sent before.
    assert delivery.signal == USR2
    assert (delivery.send_id, delivery.no_send) == (None, "unknown")


def test_sigkill_asks_no_debugger(make_target: MakeTarget) -> None:
    target, debugger = make_target(), make_target()
    assert debugger.do("trace", target.pid, 0, 9) == [0]
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, KILL)
        assert os.WTERMSIG(target.status()) == KILL
        told = story(tracer)
    assert told.deaths[0].send_id == told.sends[0].id
