"""The six calls that send a signal, and what each adds; made, answered and told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from .callers import (
    PIDFD_THREAD,
    SI_QUEUE,
    SI_TKILL,
    SIGNAL_PROCESS_GROUP,
    SIGNAL_THREAD,
    SIGNAL_THREAD_GROUP,
    Caller,
    only,
    read_out,
    tracing,
)
from .conftest import MakeCaller

USR1 = int(signal.SIGUSR1)
VALUE = 0xFEDC_BA98_7654_3210
SIX = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")


def arguments(name: str, caller: Caller, pid: int, number: int) -> list[int | str]:
    """What the call takes to reach a process, with siginfo where there is one."""
    if name == "pidfd_send_signal":
        return [caller.pidfd(pid), number, "info", 0]
    end: list[int | str] = ["info"] if name.endswith("info") else []
    return [*([pid] if "tg" in name else []), pid, number, *end]


@pytest.mark.parametrize("name", SIX)
def test_each_call_names_both_ends_and_its_answer(
    name: str, caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    caller.info(USR1, SI_QUEUE, VALUE)
    given = arguments(name, caller, target.pid, USR1)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == 0
        event = only(tracer)
    assert (event.origin, event.signal.name) == (name, "SIGUSR1")
    assert (event.ret, event.error, event.result) == (0, None, "ignored")
    assert (event.recipients, event.disposition) == (1, "ignored")
    assert event.target_arg == (given[0] if name == "pidfd_send_signal" else target.pid)
    assert event.tgid_arg == (target.pid if "tg" in name else None)
    assert event.flags == (0 if name == "pidfd_send_signal" else None)
    carries = name.endswith(("info", "pidfd_send_signal"))
    assert event.value == (VALUE if carries else None)
    code = "SI_QUEUE" if carries else "SI_USER" if name == "kill" else "SI_TKILL"
    assert event.si_code == code
    for process, is_it in ((event.sender, caller), (event.target, target)):
        assert (process.pid, process.tid) == (is_it.pid, is_it.pid)
        assert (process.comm, process.uid) == ("caller", 0)
        assert process.parent_pid == os.getpid()
        assert process.parent_comm == Path("/proc/self/comm").read_text().rstrip("\n")
        stat = Path(f"/proc/{is_it.pid}/stat").read_text()
        ticks = int(stat.rpartition(")")[2].split()[19])
        assert process.start_ns // (10**9 // os.sysconf("SC_CLK_TCK")) == ticks


@pytest.mark.parametrize("name", SIX)
def test_signal_0_names_the_target_and_generates_nothing(
    name: str, caller: Caller, target: Caller
) -> None:
    caller.info(0, SI_QUEUE, VALUE)
    given = arguments(name, caller, target.pid, 0)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == 0
        event = only(tracer)
    assert (event.origin, event.signal.name, event.ret) == (name, "0", 0)
    assert (event.target.pid, event.target.tid) == (target.pid, target.pid)
    assert event.sender.pid == caller.pid
    assert (event.recipients, event.result, event.fatal) == (0, None, None)
    assert event.tgid_arg == (target.pid if "tg" in name else None)


@pytest.mark.parametrize("name", SIX)
def test_a_thread_is_the_target_where_a_call_reaches_a_thread(
    name: str, caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    (tid,) = target.threads(1)
    caller.info(USR1, SI_QUEUE)
    given = arguments(name, caller, target.pid, USR1)
    if name == "pidfd_send_signal":
        tid = target.pid  # a process's pidfd stands for the process
    else:
        # The last number but the signal's.
        given[given.index(USR1) - 1] = tid
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(name, *given) == 0
        event = only(tracer)
    assert (event.target.pid, event.target.tid) == (target.pid, tid)
    assert event.target.host_tid != 0


@pytest.mark.parametrize("number", [0, USR1])
def test_the_calling_thread_is_the_sender(number: int, caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    tids = caller.threads(3)
    with tracing(sender_pid=caller.pid) as tracer:
        for n in range(3):
            assert caller.call("kill", target.pid, number, thread=n) == 0
        events = read_out(tracer)
    assert [(event.sender.pid, event.sender.tid) for event in events] == [
        (caller.pid, tid) for tid in tids
    ]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (-1, "SI_QUEUE"),
        (-2, "SI_TIMER"),
        (-3, "SI_MESGQ"),
        (-4, "SI_ASYNCIO"),
        (-5, "SI_SIGIO"),
        (-60, "SI_ASYNCNL"),
        (-1000, "-1000"),
        (-(2**31), "-2147483648"),
    ],
)
@pytest.mark.parametrize("call", ["rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"])
def test_a_forged_code_is_told_by_name_and_changes_neither_origin_nor_sender(
    call: str, code: int, name: str, caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    caller.info(USR1, code, VALUE)
    given = arguments(call, caller, target.pid, USR1)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call(call, *given) == 0
        event = only(tracer)
    assert (event.origin, event.si_code, event.value) == (call, name, VALUE)
    assert (event.sender.pid, event.target.pid) == (caller.pid, target.pid)


@pytest.mark.parametrize(
    ("code", "number", "name"),
    [
        (0, USR1, "SI_USER"),
        (SI_TKILL, USR1, "SI_TKILL"),
        (128, USR1, "SI_KERNEL"),
        (1, int(signal.SIGCHLD), "CLD_EXITED"),
        (1, int(signal.SIGSEGV), "SEGV_MAPERR"),
        (6, int(signal.SIGIO), "POLL_HUP"),
    ],
)
def test_what_a_process_forges_towards_itself_is_still_its_own_send(
    code: int, number: int, name: str, caller: Caller
) -> None:
    caller.ignore(number)
    caller.info(number, code, VALUE)
    with tracing(sender_pid=caller.pid, signals=number) as tracer:
        assert caller.call("rt_sigqueueinfo", "pid", number, "info") == 0
        event = only(tracer)
    assert (event.origin, event.si_code) == ("rt_sigqueueinfo", name)
    assert event.value == VALUE
    assert event.sender.pid == event.target.pid == caller.pid


@pytest.mark.parametrize("number", [32, 33, 34, 37, 64])
def test_real_time_signals_are_told_by_name(number: int, caller: Caller, target: Caller) -> None:
    target.ignore(number) if number > 33 else target.do("mask", 1, number)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", target.pid, number) == 0
        event = only(tracer)
    names = {32: "32", 33: "33", 34: "SIGRTMIN", 37: "SIGRTMIN+3", 64: "SIGRTMIN+30"}
    assert (event.signal, event.signal.name) == (number, names[number])


def test_a_pidfd_without_siginfo_sends_as_kill_does(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    fd = caller.pidfd(target.pid)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("pidfd_send_signal", fd, USR1, 0, 0) == 0
        event = only(tracer)
    assert (event.si_code, event.value, event.target_arg) == ("SI_USER", None, fd)


@pytest.mark.parametrize("number", [0, USR1])
def test_a_folder_of_proc_does_as_a_pidfd(number: int, caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    (fd,) = caller.do("open", f"/proc/{target.pid}")
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("pidfd_send_signal", fd, number, 0, 0) == 0
        event = only(tracer)
    assert (event.target.pid, event.target_arg, event.ret) == (target.pid, fd, 0)


def has_scopes(caller: Caller) -> bool:
    """Whether this kernel knows flags of pidfd_send_signal (6.9): it looks at them first."""
    return caller.call("pidfd_send_signal", -1, 0, 0, SIGNAL_THREAD) == "EBADF"


@pytest.mark.parametrize("flags", [SIGNAL_THREAD, SIGNAL_THREAD_GROUP, SIGNAL_PROCESS_GROUP])
@pytest.mark.parametrize("number", [0, USR1])
def test_a_pidfd_with_a_scope_is_told_with_its_flags(
    number: int, flags: int, caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    known = has_scopes(caller)
    fd = caller.pidfd(target.pid)
    with tracing(sender_pid=caller.pid) as tracer:
        ret = caller.call("pidfd_send_signal", fd, number, 0, flags)
        event = only(tracer)
    assert (event.flags, event.target_arg) == (flags, fd)
    assert event.target.pid == target.pid
    if not known:
        assert ret == event.error == "EINVAL"
        return
    assert (ret, event.error) == (0, None)
    assert event.recipients == bool(number)
    if number:
        assert event.si_code == ("SI_TKILL" if flags == SIGNAL_THREAD else "SI_USER")


# include/uapi/linux/fcntl.h; the process was another number before 6.17.
@pytest.mark.parametrize("fd", [-10000, -10001, -20000])
@pytest.mark.parametrize("number", [0, USR1])
def test_a_number_in_a_pidfds_place_that_stands_for_the_caller_names_it(
    number: int, fd: int, caller: Caller
) -> None:
    caller.ignore(USR1)
    (tid,) = caller.threads(1)
    with tracing(sender_pid=caller.pid) as tracer:
        ret = caller.call("pidfd_send_signal", fd, number, 0, 0, thread=0)
        event = only(tracer)
    assert (event.target_arg, event.sender.tid) == (fd, tid)
    # Kernels that do not know the number, and all before 6.14.
    if ret != 0:
        assert (ret, event.error, event.target) == ("EBADF", "EBADF", None)
        return
    assert (event.ret, event.recipients) == (0, 1 if number else 0)
    assert (event.target.pid, event.target.tid) == (caller.pid, tid if fd == -10000 else caller.pid)


@pytest.mark.parametrize("number", [0, USR1])
@pytest.mark.parametrize("flags", [0, SIGNAL_THREAD, SIGNAL_THREAD_GROUP])
def test_a_pidfd_of_a_thread_reaches_that_thread(
    flags: int, number: int, caller: Caller, target: Caller
) -> None:
    target.ignore(USR1)
    (tid,) = target.threads(1)
    if not has_scopes(caller):
        # Older kernels have no pidfds of threads, and say so in one of two ways.
        assert caller.call("pidfd_open", tid, PIDFD_THREAD) == "EINVAL"
        return
    fd = caller.pidfd(tid, PIDFD_THREAD)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("pidfd_send_signal", fd, number, 0, flags) == 0
        event = only(tracer)
    assert (event.target.pid, event.target.tid) == (target.pid, tid)


def test_a_process_in_a_pid_namespace_is_told_in_both_views(
    make_caller: MakeCaller, caller: Caller
) -> None:
    inside = make_caller("unshare", "--pid", "--fork", "--kill-child")
    inside.ignore(USR1)  # an answer: it has begun
    (child,) = Path(f"/proc/{inside.pid}/task/{inside.pid}/children").read_text().split()
    with tracing(sender_pid=[int(child), caller.pid]) as tracer:
        for number in (0, USR1):
            assert inside.call("kill", 1, number) == 0
            assert caller.call("kill", int(child), number) == 0
        events = read_out(tracer)
    for event in events:
        assert (event.target.pid, event.target.host_pid != 1, event.target.ns_pid) == (
            int(child),
            True,
            1,
        )
    assert [event.target_arg for event in events] == [1, int(child)] * 2
    assert [event.sender.ns_pid for event in events] == [1, caller.pid] * 2
