"""How the target stood to a signal at that moment, and what became of it at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..actors import until
from .callers import (
    BLOCK,
    DEFAULT,
    HANDLER,
    IGNORED,
    SI_QUEUE,
    UNBLOCK,
    Caller,
    only,
    read_out,
    tracing,
)

USR1 = int(signal.SIGUSR1)
TERM = int(signal.SIGTERM)
RTMIN = 34


@pytest.mark.parametrize("number", [USR1, int(signal.SIGCHLD), RTMIN, 64])
@pytest.mark.parametrize("what", [IGNORED, HANDLER])
def test_the_disposition_is_the_target_s(
    what: int, number: int, caller: Caller, target: Caller
) -> None:
    target.do("action", number, what)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", target.pid, number) == 0
        event = only(tracer)
    told = (event.disposition, event.result, event.blocked, event.fatal)
    if what == IGNORED:
        assert told == ("ignored", "ignored", False, False)
    else:
        assert told == ("handler", "queued", False, False)


def test_a_default_is_fatal_unless_it_stops_continues_or_does_nothing(
    caller: Caller, target: Caller
) -> None:
    children = target.children(64)
    with tracing(sender_pid=caller.pid) as tracer:
        for number, pid in enumerate(children, 1):
            assert caller.call("kill", pid, number) == 0
        events = read_out(tracer)
    harmless = {17, 18, 19, 20, 21, 22, 23, 28}
    nothing = {17, 18, 23, 28}
    assert [event.signal for event in events] == [*range(1, 65)]
    assert [event.target.pid for event in events] == children
    assert {event.disposition for event in events} == {"default"}
    assert {event.signal for event in events if not event.fatal} == harmless
    assert {event.blocked for event in events} == {False}
    # What the default does not act upon is dropped at once; a continue has then been done.
    assert {event.signal for event in events if event.result == "ignored"} == nothing
    assert {event.result for event in events} == {"ignored", "queued"}
    # Fatal means what it says: so many end of it, and no more.
    assert target.do("reap", 64 - len(harmless)) == [64 - len(harmless)]


@pytest.mark.parametrize("how", [BLOCK, UNBLOCK])
def test_a_thread_that_has_ended_blocks_nothing_and_dies_of_nothing(
    how: int, caller: Caller
) -> None:
    child = os.fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_BLOCK if how == BLOCK else signal.SIG_UNBLOCK, [TERM])
        os._exit(0)
    try:
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        with tracing(sender_pid=caller.pid) as tracer:
            assert caller.call("tkill", child, TERM) == 0
            assert caller.call("kill", child, TERM) == 0
            events = read_out(tracer)
    finally:
        os.waitpid(child, 0)
    assert [(event.blocked, event.fatal) for event in events] == [(False, False)] * 2


def test_who_waits_for_a_signal_blocks_it(caller: Caller) -> None:
    # sigwait() lets it through for the kernel; its default does nothing, as with any other mask.
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        signal.pthread_sigmask(signal.SIG_BLOCK, [TERM])
        os.write(writing, b"x")
        os._exit(signal.sigwait([TERM]) != TERM)
    ended = None
    try:
        os.read(reading, 1)
        until("it waits", lambda: not _blocks(child, TERM))
        with tracing(sender_pid=caller.pid) as tracer:
            assert caller.call("kill", child, TERM) == 0
            ended = os.waitpid(child, 0)[1]
            event = only(tracer)
    finally:
        if ended is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)
    assert os.waitstatus_to_exitcode(ended) == 0
    assert (event.result, event.disposition, event.blocked) == ("queued", "default", True)


def _blocks(pid: int, number: int) -> bool:
    """As the kernel shows it, to which who waits for a signal does not block it."""
    status = Path(f"/proc/{pid}/status").read_text()
    (mask,) = re.findall(r"^SigBlk:\s*(\w+)$", status, re.MULTILINE)
    return bool(int(mask, 16) >> (number - 1) & 1)


@pytest.mark.parametrize("what", [DEFAULT, IGNORED, HANDLER])
def test_blocked_is_told_apart_from_the_disposition(
    what: int, caller: Caller, target: Caller
) -> None:
    target.do("action", TERM, what)
    target.do("mask", BLOCK, TERM)
    with tracing(sender_pid=caller.pid) as tracer:
        for _ in range(2):
            assert caller.call("kill", target.pid, TERM) == 0
        first, second = read_out(tracer)
    for event in (first, second):
        assert event.blocked is True
        assert event.disposition == ("default", "ignored", "handler")[what]
        # The default stands and will end it, once it is no longer blocked.
        assert event.fatal == (what == DEFAULT)
    # The kernel keeps even an ignored signal while it is blocked.
    assert (first.result, second.result) == ("queued", "already_pending")


def test_real_time_signals_queue_again_and_again(caller: Caller, target: Caller) -> None:
    target.do("mask", BLOCK, RTMIN)
    caller.info(RTMIN, SI_QUEUE, 1)
    with tracing(sender_pid=caller.pid) as tracer:
        for _ in range(5):
            assert caller.call("rt_sigqueueinfo", target.pid, RTMIN, "info") == 0
        events = read_out(tracer)
    assert [(event.result, event.blocked, event.fatal) for event in events] == [
        ("queued", True, True)
    ] * 5


@pytest.mark.parametrize("others", [3, 299])
def test_a_process_blocks_a_signal_when_every_thread_does(
    others: int, caller: Caller, target: Caller
) -> None:
    # Threads begin with the mask of the one that starts them.
    target.do("mask", BLOCK, USR1)
    tids = target.threads(others)
    target.do("action", USR1, HANDLER)
    told = []
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", target.pid, USR1) == 0
        # The thread that a tkill names decides alone.
        assert caller.call("tkill", tids[-1], USR1) == 0
        target.do("mask", UNBLOCK, USR1, thread=1)
        assert caller.call("kill", target.pid, USR1) == 0
        assert caller.call("tkill", tids[1], USR1) == 0
        assert caller.call("tkill", tids[0], USR1) == 0
        told = [event.blocked for event in read_out(tracer)]
    # Of 300 threads not all are looked at.
    assert told == [None if others > 256 else True, True, False, False, True]


def test_one_thread_that_does_not_block_is_found_wherever_it_stands(
    caller: Caller, target: Caller
) -> None:
    target.do("action", USR1, HANDLER)
    target.threads(200)
    target.do("mask", BLOCK, USR1)
    for n in range(199):
        target.do("mask", BLOCK, USR1, thread=n)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", target.pid, USR1) == 0
        target.do("mask", BLOCK, USR1, thread=199)
        assert caller.call("kill", target.pid, USR1) == 0
        events = read_out(tracer)
    assert [event.blocked for event in events] == [False, True]


def test_a_leader_that_has_left_does_not_decide_for_its_threads(
    caller: Caller,
) -> None:
    # Its mask is that of an exiting thread; the others still take the signal.
    program = (
        "import ctypes, threading, signal, sys, time\n"
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "leader = threading.main_thread().native_id\n"
        "def rest():\n"
        "    import pathlib\n"
        "    stat = pathlib.Path(f'/proc/self/task/{leader}/stat')\n"
        "    while stat.read_text().rpartition(')')[2].split()[0] != 'Z': time.sleep(0.001)\n"
        "    print(flush=True)\n"
        "    sys.stdin.read()\n"
        "threading.Thread(target=rest).start()\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "ctypes.CDLL(None).syscall(60, 0)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"\n"
        with tracing(sender_pid=caller.pid) as tracer:
            assert caller.call("kill", process.pid, USR1) == 0
            event = only(tracer)
        process.stdin.close()
    assert (event.target.pid, event.disposition, event.blocked) == (process.pid, "ignored", False)


def test_a_stopped_process_is_continued_and_ended(caller: Caller, target: Caller) -> None:
    (pid,) = target.children(1)
    with tracing(sender_pid=caller.pid) as tracer:
        for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
            assert caller.call("kill", pid, int(number)) == 0
        stop, term, cont = read_out(tracer)
    assert (stop.disposition, stop.fatal, stop.result) == ("default", False, "queued")
    assert (term.disposition, term.fatal, term.result) == ("default", True, "queued")
    assert (cont.disposition, cont.fatal, cont.result) == ("default", False, "ignored")
    assert target.do("reap", 1) == [1]


def test_a_zombie_takes_a_signal_that_does_nothing(caller: Caller) -> None:
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        with tracing(sender_pid=caller.pid) as tracer:
            assert caller.call("kill", zombie.pid, TERM) == 0
            assert caller.call("kill", zombie.pid, 0) == 0
            term, probe = read_out(tracer)
    assert (term.target.pid, term.target.comm, term.ret) == (zombie.pid, "true", 0)
    assert (term.disposition, term.blocked, term.fatal) == ("default", False, False)
    assert term.result in ("ignored", "queued")  # 5.10 keeps what nobody will take
    assert (probe.target.pid, probe.target.comm, probe.ret) == (zombie.pid, "true", 0)


def test_a_second_kill_of_a_dying_process_is_told(caller: Caller, target: Caller) -> None:
    (pid,) = target.children(1)
    with tracing(sender_pid=caller.pid) as tracer:
        assert caller.call("kill", pid, 9) == 0
        assert caller.call("kill", pid, 9) == 0
        first, second = read_out(tracer)
    assert (first.result, first.fatal) == ("queued", True)
    assert second.result in ("ignored", "already_pending", "queued")
    assert (second.target.pid, second.ret) == (pid, 0)
