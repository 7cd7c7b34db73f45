"""Ends that are about to go or to change: brief senders, suicides, execs; and inits."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from ..senders import PATIENCE
from .callers import BLOCK, HANDLER, Caller, only, read_out, tracing
from .conftest import MakeCaller

USR1 = int(signal.SIGUSR1)
TERM = int(signal.SIGTERM)


def test_a_sender_that_ends_at_once_is_known(caller: Caller, target: Caller) -> None:
    target.ignore(USR1)
    with tracing(target_pid=target.pid, origins="kill") as tracer:
        senders = caller.do("brief", 200, USR1, target.pid)
        senders += caller.do("brief", 200, 0, target.pid)
        events = read_out(tracer)
    assert [event.sender.pid for event in events] == senders
    assert {event.sender.comm for event in events} == {"caller"}
    assert {event.sender.parent_pid for event in events} == {caller.pid}
    assert {event.target.pid for event in events} == {target.pid}


def test_the_kill_program_is_the_sender_not_its_shell(target: Caller) -> None:
    target.ignore(USR1)
    with tracing(target_pid=target.pid, signals=USR1) as tracer:
        with subprocess.Popen(["/bin/kill", "-USR1", str(target.pid)]) as command:
            pass
        event = only(tracer)
    assert (event.sender.pid, event.sender.comm) == (command.pid, "kill")
    assert event.sender.parent_pid == os.getpid()


@pytest.mark.parametrize("name", ["kill", "tkill", "tgkill"])
@pytest.mark.parametrize("number", [9, TERM])
def test_a_thread_that_ends_its_own_process_is_told_once(
    number: int, name: str, caller: Caller
) -> None:
    (tid,) = caller.threads(1)
    given = {"kill": "pid", "tkill": "tid", "tgkill": "pid tid"}[name]
    with tracing(sender_pid=caller.pid) as tracer:
        caller.tell(f"in 0 call {name} {given} {number}")
        assert caller.process.wait(PATIENCE) == -number
        event = only(tracer)
        assert tracer.stats.calls.received == tracer.stats.signals.received == 1
    assert (event.sender.pid, event.sender.tid) == (caller.pid, tid)
    assert (event.target.pid, event.origin) == (caller.pid, name)
    assert event.target.tid == (caller.pid if name == "kill" else tid)
    assert (event.ret, event.fatal, event.result, event.disposition) == (
        0,
        True,
        "queued",
        "default",
    )


def test_a_process_in_a_loop_of_execs_is_always_the_target(
    caller: Caller, caller_program: Path
) -> None:
    # What is ignored stays ignored across an exec, so each one survives.
    script = 'trap "" USR1; echo; exec "$0" execs'
    with subprocess.Popen(
        ["sh", "-c", script, str(caller_program)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"\n"
        with tracing(sender_pid=caller.pid) as tracer:
            done = caller.flood(0, 2003, "kill", process.pid, USR1)
            zeros = caller.flood(0, 1009, "kill", process.pid, 0)
            events = read_out(tracer)
            stats = tracer.stats
        process.kill()
    assert (done.failed, zeros.failed) == (0, 0)
    assert len(events) + stats.lost_total == 2003 + 1009
    # The leader is whichever thread called exec, so the thread's own number is not looked at.
    assert {(event.target.pid, event.target_arg) for event in events} == {
        (process.pid, process.pid)
    }
    sent = [event for event in events if event.signal]
    assert {event.disposition for event in sent} == {"ignored"}
    # While it starts a thread the C library blocks all signals, and ignored ones are kept then.
    results = {event.result for event in sent}
    assert "ignored" in results <= {"ignored", "queued", "already_pending"}
    assert {event.fatal for event in sent} == {False}


def test_an_init_cannot_kill_itself_and_is_told_so(make_caller: MakeCaller) -> None:
    inside = make_caller("unshare", "--pid", "--fork", "--kill-child")
    pid = child_of(inside)
    with tracing(sender_pid=pid) as tracer:
        for number in (9, TERM, USR1, int(signal.SIGSTOP)):
            assert inside.call("kill", 1, number) == 0
        events = read_out(tracer)
    for event in events:
        assert (event.result, event.disposition, event.fatal) == ("ignored", "default", False)
        assert (event.target.pid, event.target.ns_pid, event.ret) == (pid, 1, 0)


def test_from_outside_only_kill_and_stop_reach_an_init(
    make_caller: MakeCaller, caller: Caller
) -> None:
    inside = make_caller("unshare", "--pid", "--fork", "--kill-child")
    pid = child_of(inside)
    inside.do("action", int(signal.SIGHUP), HANDLER)
    inside.do("mask", BLOCK, int(signal.SIGUSR2))
    with (
        tracing(sender_pid=caller.pid) as tracer,
        tracing(sender_pid=caller.pid, fatal_only=True) as fatal,
    ):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2, signal.SIGKILL):
            assert caller.call("kill", pid, int(number)) == 0
        term, hup, usr2, kill = read_out(tracer)
        (ending,) = read_out(fatal)
    assert (term.result, term.fatal, term.disposition) == ("ignored", False, "default")
    assert (hup.result, hup.fatal, hup.disposition) == ("queued", False, "handler")
    # Kept while it is blocked, and dropped when it is not: an init takes no default.
    assert (usr2.result, usr2.fatal, usr2.blocked) == ("queued", False, True)
    assert (kill.result, kill.fatal) == ("queued", True)
    assert ending.signal.name == "SIGKILL"
    assert inside.process.wait(PATIENCE) != 0


def child_of(caller: Caller) -> int:
    """The one child of a command that runs a caller; an answer tells that it has begun."""
    caller.ignore(int(signal.SIGWINCH))
    (child,) = Path(f"/proc/{caller.pid}/task/{caller.pid}/children").read_text().split()
    return int(child)
