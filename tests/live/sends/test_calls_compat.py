"""Calls of 32-bit programs: what they generate is always seen, their failures by most means."""

from __future__ import annotations

import platform

import pytest

from pysigsnoop._records import COUNTER

from ..senders import NOBODY
from .callers import SI_QUEUE, Caller, only, read_out, sees_compat, tracing
from .test_calls import SIX, USR1, arguments
from .test_groups import reached

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="int 0x80 is x86's")

VALUE = 0xFEDC_BA98
SI_KERNEL = 128


@pytest.mark.parametrize("name", SIX)
def test_a_signal_by_a_32_bit_caller_is_told_in_full(
    name: str, caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    caller.info(USR1, SI_QUEUE, VALUE)
    given = ["info32" if a == "info" else a for a in arguments(name, caller, target.pid, USR1)]
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call32(name, *given) == 0
        event = only(tracer)
        without_exit = tracer._controls.counters()[COUNTER["single_no_exit"]]
        assert bool(without_exit) != sees_compat(tracer)
    assert (event.origin, event.signal.name, event.ret) == (name, "SIGUSR1", 0)
    assert (event.sender.pid, event.target.pid) == (caller.pid, target.pid)
    assert event.target_arg == (given[0] if name == "pidfd_send_signal" else target.pid)
    assert event.tgid_arg == (target.pid if "tg" in name else None)
    assert event.value == (VALUE if "info32" in given else None)


@pytest.mark.parametrize("name", ["rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"])
def test_a_32_bit_caller_that_claims_to_be_the_kernel_is_still_the_sender(
    name: str, caller: Caller
) -> None:
    caller.ignore(USR1)
    caller.info(USR1, SI_KERNEL, VALUE)
    given = ["info32" if a == "info" else a for a in arguments(name, caller, caller.pid, USR1)]
    with tracing(sender_pid=caller.pid, target_pid=caller.pid) as tracer:
        assert caller.call32(name, *given) == 0
        event = only(tracer)
    assert (event.origin, event.si_code, event.sender.pid) == (name, "SI_KERNEL", caller.pid)


@pytest.mark.parametrize("name", SIX)
def test_calls_that_reach_nobody_are_seen_but_by_syscall_tracepoints(
    name: str, caller: Caller, target: Caller
) -> None:
    caller.info(65, SI_QUEUE, VALUE)
    given = ["info32" if a == "info" else a for a in arguments(name, caller, target.pid, 65)]
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call32(name, *given) == "EINVAL"
        seen = sees_compat(tracer)
        events = read_out(tracer)
    assert [(event.origin, event.error) for event in events] == [(name, "EINVAL")] * seen
    for event in events:
        assert (event.target.pid, event.signal) == (target.pid, 65)
        if "info32" in given:
            assert (event.si_code, event.value) == ("SI_QUEUE", VALUE)


def test_signal_0_and_esrch_by_a_32_bit_caller(caller: Caller, target: Caller) -> None:
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call32("kill", target.pid, 0) == 0
        assert caller.call32("kill", NOBODY, USR1) == "ESRCH"
        assert caller.call32("kill", -NOBODY, USR1) == "ESRCH"
        seen = sees_compat(tracer)
        events = read_out(tracer)
    told = [(event.target_arg, event.error, event.target is None) for event in events]
    assert told == seen * [
        (target.pid, None, False),
        (NOBODY, "ESRCH", True),
        (-NOBODY, "ESRCH", True),
    ]


def test_a_group_send_by_a_32_bit_caller_lacks_its_answer_by_syscall_tracepoints(
    caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    children = target.children(3)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call32("kill", -children[0], USR1) == 0
        seen = sees_compat(tracer)
        events = read_out(tracer)
        stats = tracer.stats
    assert reached(events) == sorted(children)
    assert {event.target_arg for event in events} == {-children[0]}
    assert {(event.ret, event.recipients) for event in events} == {(0, 3) if seen else (None, None)}
    (call_id,) = {event.call_id for event in events}
    assert (call_id is not None) == seen
    assert (stats.signals.received, stats.calls.received) == (3, int(seen))


def test_numbers_mean_other_calls_in_64_bit_programs(caller: Caller, target: Caller) -> None:
    # 37 is alarm there, and 62 ustat in 32-bit ones: neither is a kill.
    with tracing(sender_pid=caller.pid) as tracer:
        caller.call("alarm", 0)
        caller.call32("alarm", 0)
        assert caller.call("kill", target.pid, 0) == 0
        assert only(tracer).origin == "kill"


def test_where_the_kernel_has_no_x32_nothing_is_sent_by_its_numbers(
    caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    with tracing(sender_pid=caller.pid) as tracer:
        ret = caller.call("x32_kill", target.pid, USR1)
        events = read_out(tracer)
    if ret == 0:
        (event,) = events
        assert (event.origin, event.target.pid, event.result) == ("kill", target.pid, "ignored")
    else:
        assert ret == "ENOSYS"
        assert [(event.error, event.recipients) for event in events] == [("ENOSYS", 0)] * len(
            events
        )
