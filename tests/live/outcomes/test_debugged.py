"""Targets under a debugger, which decides what they get."""

from __future__ import annotations

import ctypes
import os
import platform
import signal

import pytest

from ..actors import state, until
from .conftest import MakeTarget
from .targets import story, tracing

TERM, USR1, USR2, KILL = signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGKILL
# include/uapi/linux/ptrace.h
_TRACEME, _CONT = 0, 7


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


def test_what_a_debugger_makes_up_is_not_taken_for_what_was_taken_in_silence(
    make_target: MakeTarget,
) -> None:
    target, debugger = make_target(), make_target()
    target.do("handle", USR1)
    target.do("block", USR1)
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, USR1)
        target.do("wait", USR1, 1000)
        target.do("unblock", USR1)
        assert debugger.do("trace", target.pid, USR1, 1) == [0]
        os.kill(target.pid, TERM)
        assert debugger.answer() == [1]
        assert [each.signo for each in target.seen()] == [USR1]
        told = story(tracer)
    (delivery,) = told.deliveries
    assert (delivery.send_id, delivery.no_send) == (None, "unknown")
    assert [send.outcome for send in told.sends] == ["pending", "pending"]


def test_sigkill_asks_no_debugger(make_target: MakeTarget) -> None:
    target, debugger = make_target(), make_target()
    assert debugger.do("trace", target.pid, 0, 9) == [0]
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, KILL)
        assert os.WTERMSIG(target.status()) == KILL
        told = story(tracer)
    assert told.deaths[0].send_id == told.sends[0].id


def test_one_that_the_debugger_reaped_is_told_to_its_parent_as_itself(
    make_target: MakeTarget,
) -> None:
    target, debugger = make_target(), make_target()
    assert debugger.do("trace", target.pid, -1, 2) == [0]
    with tracing(target_pid=os.getpid(), signals="CHLD") as tracer:
        os.kill(target.pid, TERM)
        target.status()
        told = story(tracer)
    assert {send.origin for send in told.sends} == {"child"}
    assert {send.sender.pid for send in told.sends if send.sender} == {target.pid}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="docs/events.md: only x86 shows it")
def test_what_a_debugged_thread_puts_back_is_no_call_of_its_own() -> None:
    # It stops for a signal that it sent itself, and is killed before its debugger, which is this
    # test, asks: Linux 5.17 and newer put the signal back.
    child = os.fork()
    if not child:
        ctypes.CDLL(None).ptrace(_TRACEME, 0, 0, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.kill(os.getpid(), USR1)
        os._exit(0)
    # Its first stop is for the tracer to be there.
    os.waitpid(child, 0)
    with tracing(target_pid=child, scope="all") as tracer:
        ctypes.CDLL(None).ptrace(_CONT, child, 0, 0)
        until("it stopped", lambda: state(child) == "t")
        os.kill(child, KILL)
        os.waitpid(child, 0)
        told = story(tracer)
        calls = tracer.stats.calls.received
    by_call = [(send.origin, send.signal.name) for send in told.sends if send.origin != "kernel"]
    assert by_call == [("kill", "SIGUSR1"), ("kill", "SIGKILL")]
    assert calls == 2
    put_back = [send for send in told.sends if send.origin == "kernel"]
    assert [(send.signal.name, send.sender) for send in put_back] in ([], [("SIGUSR1", None)])
