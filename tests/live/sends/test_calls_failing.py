"""Calls that fail: each reason, told with the target where the kernel found one."""

from __future__ import annotations

import errno
import os
import platform
import signal
import subprocess
from typing import Any

import pytest

from ..actors import acting
from ..senders import NOBODY
from .callers import (
    BLOCK,
    HANDLER,
    SI_QUEUE,
    SIGNAL_THREAD,
    SIGNAL_THREAD_GROUP,
    STRANGER,
    UNBLOCK,
    Caller,
    only,
    read_out,
    tracing,
)
from .test_calls import SIX, USR1, VALUE, arguments

RTMIN = 34
QUEUEING = ("rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")


def gone() -> int:
    """The pid of a process that has just ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize("number", [0, USR1])
@pytest.mark.parametrize("name", SIX)
def test_a_process_that_is_gone_is_no_target(
    name: str, number: int, caller: Caller, sleeper: subprocess.Popen[bytes]
) -> None:
    caller.info(number, SI_QUEUE, VALUE)
    given = arguments(name, caller, sleeper.pid, number)
    sleeper.kill()
    sleeper.wait()
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == "ESRCH"
        event = only(tracer)
    assert (event.origin, event.signal, event.error) == (name, number, "ESRCH")
    assert (event.target, event.target_arg) == (
        None,
        given[0] if name == "pidfd_send_signal" else sleeper.pid,
    )
    assert event.tgid_arg == (sleeper.pid if "tg" in name else None)
    assert (event.sender.pid, event.sender.comm) == (caller.pid, "caller")
    assert (event.recipients, event.result, event.disposition, event.blocked) == (
        0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("number", [0, USR1])
@pytest.mark.parametrize("name", SIX)
def test_a_process_that_may_not_be_signalled_is_named(
    name: str, number: int, caller: Caller, target: Caller
) -> None:
    caller.info(number, SI_QUEUE, VALUE)
    given = arguments(name, caller, target.pid, number)
    caller.do("uid", STRANGER)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == "EPERM"
        event = only(tracer)
    assert (event.error, event.target.pid, event.target.uid) == ("EPERM", target.pid, 0)
    assert (event.sender.pid, event.sender.uid) == (caller.pid, STRANGER)
    assert (event.recipients, event.result, event.fatal) == (0, None, None)


@pytest.mark.parametrize("number", [65, -1, 2**31 - 1])
@pytest.mark.parametrize("name", SIX)
def test_a_number_that_no_signal_has_is_told_as_given(
    name: str, number: int, caller: Caller, target: Caller
) -> None:
    caller.info(number, SI_QUEUE, VALUE)
    given = arguments(name, caller, target.pid, number)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == "EINVAL"
        event = only(tracer)
    assert (event.error, event.signal, event.signal.name) == ("EINVAL", number, None)
    assert event.target.pid == target.pid


@pytest.mark.parametrize("name", QUEUEING)
@pytest.mark.parametrize("fault", ["ESRCH", "EPERM"])
def test_a_failed_queueing_tells_its_code_and_value(
    name: str, fault: str, caller: Caller, target: Caller
) -> None:
    # A code that says the kernel sent it is refused towards others.
    code = -77 if fault == "ESRCH" else 128
    caller.info(USR1, code, VALUE)
    if fault == "EPERM":
        given = arguments(name, caller, target.pid, USR1)
    elif name == "pidfd_send_signal":
        process = subprocess.Popen(["sleep", "600"])
        given = arguments(name, caller, process.pid, USR1)
        process.kill()
        process.wait()
    else:
        given = arguments(name, caller, gone(), USR1)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == fault
        event = only(tracer)
    assert (event.error, event.value) == (fault, VALUE)
    assert event.si_code == ("-77" if fault == "ESRCH" else "SI_KERNEL")
    assert (event.target and event.target.pid) == (target.pid if fault == "EPERM" else None)


@pytest.mark.parametrize("name", QUEUEING)
def test_siginfo_that_cannot_be_read_is_told_without_code(
    name: str, caller: Caller, target: Caller
) -> None:
    given = ["bad" if a == "info" else a for a in arguments(name, caller, target.pid, USR1)]
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == "EFAULT"
        event = only(tracer)
    assert (event.error, event.si_code, event.value) == ("EFAULT", None, None)
    assert event.target.pid == target.pid


@pytest.mark.parametrize("name", ["tkill", "tgkill", *QUEUEING])
def test_a_full_queue_of_the_target_is_an_overflow(
    name: str, caller: Caller, target: Caller
) -> None:
    target.do("mask", BLOCK, RTMIN)
    assert target.do("pending", 0) == [0]
    caller.info(RTMIN, SI_QUEUE, VALUE)
    given = arguments(name, caller, target.pid, RTMIN)
    with tracing(sender_pid=caller.pid, failed_only=True) as tracer:
        assert caller.call(name, *given) == "EAGAIN"
        event = only(tracer)
        stats = tracer.stats
    assert (event.error, event.result, event.target.pid) == ("EAGAIN", "overflow", target.pid)
    assert (event.disposition, event.blocked) == ("default", True)
    assert event.value == (VALUE if name in QUEUEING else None)
    assert (stats.calls.received, stats.signals.received) == (1, 1)


@pytest.mark.parametrize(("name", "number"), [("kill", RTMIN), ("rt_sigqueueinfo", USR1)])
def test_where_a_full_queue_costs_only_the_siginfo_the_result_says_so(
    name: str, number: int, caller: Caller, target: Caller
) -> None:
    target.do("mask", BLOCK, number)
    target.do("pending", 0)
    caller.info(number, SI_QUEUE, VALUE)
    given = arguments(name, caller, target.pid, number)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == 0
        event = only(tracer)
    assert (event.ret, event.result) == (0, "lost_info")


def test_a_siginfo_that_is_lost_beside_one_that_waits_is_nobody_s_end(
    caller: Caller, target: Caller
) -> None:
    # It is taken away with the last of that number that has its siginfo.
    target.do("action", RTMIN, HANDLER)
    target.do("mask", BLOCK, RTMIN)
    caller.info(RTMIN, SI_QUEUE, VALUE)
    with tracing(sender_pid=caller.pid, outcomes=True) as tracer:
        assert caller.call("rt_sigqueueinfo", target.pid, RTMIN, "info") == 0
        target.do("pending", 0)
        assert caller.call("kill", target.pid, RTMIN) == 0
        target.do("mask", UNBLOCK, RTMIN)
        tracer.stop()
        told: list[Any] = list(tracer)
    queued, lost, delivery = told
    assert (queued.result, lost.result) == ("queued", "lost_info")
    assert (queued.outcome, lost.outcome) == ("delivered", "discarded")
    assert delivery.send_id == queued.id


_TOLD_ON_ARM64 = pytest.mark.skipif(
    platform.machine() == "aarch64", reason="docs/events.md: what is put back there is the argument"
)


@pytest.mark.parametrize("group", [False, pytest.param(True, marks=_TOLD_ON_ARM64)])
def test_a_call_that_seccomp_stops_is_none(group: bool) -> None:
    with (
        acting("detours", "stopped", -1 if group else 1, 0) as actor,
        tracing(sender_pid=actor.pid, origins="kill") as tracer,
    ):
        actor.go()
        assert actor.line() == ["2"]
        assert actor.end() == 0
        assert read_out(tracer) == []
        assert (tracer.stats.calls.received, tracer.stats.in_flight) == (0, 0)


def test_a_call_that_seccomp_refuses_as_an_overflow_has_failed() -> None:
    with (
        acting("detours", "stopped", 1, errno.EAGAIN) as actor,
        tracing(sender_pid=actor.pid, origins="kill") as tracer,
    ):
        actor.go()
        assert actor.line() == ["0"]
        events = read_out(tracer)
        if tracer.attachment.syscalls == "fentry":
            # Its function was never called.
            assert events == []
            return
    assert [(event.error, event.result) for event in events] == [("EAGAIN", None)] * 2
    assert {event.target.pid for event in events} == {int(actor.said[0])}


@pytest.mark.parametrize("path", ["/dev/null", "/", "/proc/self/status", "/proc/version", None])
@pytest.mark.parametrize("number", [0, USR1])
def test_a_descriptor_of_anything_else_names_nobody(
    number: int, path: str | None, caller: Caller
) -> None:
    # 0 is a pipe.
    fd = caller.do("open", path)[0] if path else 0
    with tracing(sender_pid=caller.pid) as tracer:
        for given in (fd, -1, 9999):
            assert caller.call("pidfd_send_signal", given, number, 0, 0) == "EBADF"
        events = read_out(tracer)
    assert [event.target_arg for event in events] == [fd, -1, 9999]
    assert [(event.error, event.target) for event in events] == [("EBADF", None)] * 3


@pytest.mark.parametrize("flags", [0x80, 0x7FFFFFFF, SIGNAL_THREAD | SIGNAL_THREAD_GROUP])
def test_flags_that_the_kernel_does_not_know_are_told_as_given(
    flags: int, caller: Caller, target: Caller
) -> None:
    fd = caller.pidfd(target.pid)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("pidfd_send_signal", fd, USR1, 0, flags) == "EINVAL"
        event = only(tracer)
    assert (event.flags, event.target_arg, event.error) == (flags, fd, "EINVAL")


@pytest.mark.parametrize("number", [0, USR1])
def test_a_thread_of_another_process_is_not_reached_and_not_named(
    number: int, caller: Caller, target: Caller
) -> None:
    caller.info(number, SI_QUEUE)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("tgkill", "pid", target.pid, number) == "ESRCH"
        assert caller.call("rt_tgsigqueueinfo", "pid", target.pid, number, "info") == "ESRCH"
        assert caller.call("tgkill", 0, target.pid, number) == "EINVAL"
        assert caller.call("tgkill", target.pid, 0, number) == "EINVAL"
        assert caller.call("tkill", 0, number) == "EINVAL"
        assert caller.call("tkill", -1, number) == "EINVAL"
        events = read_out(tracer)
    assert [event.target for event in events] == [None] * 6
    assert [event.tgid_arg for event in events] == [caller.pid, caller.pid, 0, target.pid] + (
        [None] * 2
    )


@pytest.mark.parametrize("number", [0, 65])
@pytest.mark.parametrize("name", ["kill", "tkill", "rt_sigqueueinfo"])
def test_a_thread_id_as_argument_names_that_thread(
    name: str, number: int, caller: Caller, target: Caller
) -> None:
    (tid,) = target.threads(1)
    caller.info(number, SI_QUEUE)
    with tracing(sender_pid=caller.pid) as tracer:
        ret = caller.call(name, tid, number, *(["info"] if name == "rt_sigqueueinfo" else []))
        event = only(tracer)
    assert ret == (event.error or 0) == ("EINVAL" if number else 0)
    assert (event.target.pid, event.target.tid, event.target_arg) == (target.pid, tid, tid)


@pytest.mark.parametrize("pid", [NOBODY, -NOBODY, -(2**31), 2**31 - 1])
def test_numbers_that_nobody_has_are_told_as_given(pid: int, caller: Caller) -> None:
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", pid, USR1) == "ESRCH"
        event = only(tracer)
    assert (event.target_arg, event.target, event.error) == (pid, None, "ESRCH")


def test_every_number_of_the_namespace_finds_its_process(caller: Caller, target: Caller) -> None:
    # Failed sends to low and high numbers look in different depths of the kernel's tree.
    caller.do("uid", STRANGER)
    mine = [target.pid, os.getpid(), 1]
    with tracing(sender_pid=caller.pid) as tracer:
        assert [caller.call("kill", pid, 0) for pid in mine] == ["EPERM"] * 3
        events = read_out(tracer)
    assert [event.target.pid for event in events] == mine
    assert len({event.target.host_pid for event in events}) == 3


def test_a_bad_signal_to_nobody_is_esrch(caller: Caller) -> None:
    with tracing(sender_pid=caller.pid, signals=None) as tracer:
        assert caller.call("kill", gone(), int(signal.NSIG)) == "ESRCH"
        assert only(tracer).error == "ESRCH"
