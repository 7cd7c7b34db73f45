"""What becomes of a child: told to its parent by the kernel, with the child as sender."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from pysigsnoop import Event, SignalTracer

from .actors import acting, all_events, check_kernel, next_event, sender_of, state, until
from .conftest import MakeCommand


def _check(event: Event, code: str, child: int) -> None:
    check_kernel(event, "child", code, target=os.getpid(), fatal=False)
    assert int(event.signal) == signal.SIGCHLD
    assert event.disposition == "default"
    sender = sender_of(event)
    assert (sender.pid, sender.tid, sender.comm) == (child, child, "families")
    assert sender.parent_pid == os.getpid()


def test_a_childs_end_stop_and_continuation_are_sent_by_the_child(tmp_path: Path) -> None:
    with ExitStack() as stack:
        ending = stack.enter_context(acting("families", "forged", 10, 0, 0))
        waiting = stack.enter_context(acting("families", "wait"))
        dumping = stack.enter_context(acting("families", "dump", cwd=tmp_path))
        pids = [ending.pid, waiting.pid, dumping.pid]
        tracer = stack.enter_context(SignalTracer(sender_pid=pids, origins="child"))
        ending.go()
        _check(next_event(tracer), "CLD_EXITED", ending.pid)
        for number, code in (
            (signal.SIGSTOP, "CLD_STOPPED"),
            (signal.SIGCONT, "CLD_CONTINUED"),
            (signal.SIGTERM, "CLD_KILLED"),
        ):
            os.kill(waiting.pid, number)
            _check(next_event(tracer), code, waiting.pid)
        if dumping.said == ["0"]:
            pytest.skip("no core can be dumped here: its hard limit is 0 (ulimit -Hc)")
        os.kill(dumping.pid, signal.SIGQUIT)
        _check(next_event(tracer), "CLD_DUMPED", dumping.pid)


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ({}, False),
        ({"scope": "kernel"}, True),
        ({"scope": "all"}, True),
        ({"signals": ["CHLD", 0]}, True),
        ({"origins": ["child", "kill"]}, True),
    ],
)
def test_a_childs_end_is_shown_where_it_is_asked_for_only(
    filters: dict[str, object], shown: bool
) -> None:
    with ExitStack() as stack:
        actor = stack.enter_context(acting("families", "wait"))
        tracer = SignalTracer(sender_pid=actor.pid, **filters)  # type: ignore[arg-type]
        stack.enter_context(tracer)
        os.kill(actor.pid, signal.SIGTERM)
        actor.end()
        origins = [event.origin for event in all_events(tracer)]
    assert origins == (["child"] if shown else [])


@pytest.mark.parametrize(
    ("options", "shown"), [([], False), (["--all"], True), (["-s", "CHLD,URG,0"], True)]
)
def test_the_command_shows_a_childs_end_where_it_is_asked_for_only(
    command: MakeCommand, options: list[str], shown: bool
) -> None:
    with acting("families", "wait") as actor:
        pids = f"{os.getpid()},{actor.pid}"
        trace = command("-j", "--no-outcomes", "-p", pids, *options)
        trace.wait_by_probe()
        os.kill(actor.pid, signal.SIGTERM)
        actor.end()
        # It does nothing to us, and marks the end.
        os.kill(os.getpid(), signal.SIGURG)
        lines = []
        while (line := trace.object())["signal"] != "SIGURG":
            if line["sender"]["pid"] == actor.pid:
                lines.append(line)
        found = [(line["origin"], line["signal"], line["si_code"]) for line in lines]
        assert found == ([("child", "SIGCHLD", "CLD_KILLED")] if shown else [])
        if shown:
            assert lines[0]["target"]["pid"] == os.getpid()
            assert (lines[0]["target_arg"], lines[0]["ret"]) == (None, None)


# Takes in what its child leaves behind: a zombie, of which it is told as that child ends.
_REAPER = """
import ctypes, os
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
input()
reading, writing = os.pipe()
parent = os.fork()
if not parent:
    child = os.fork()
    if not child:
        os._exit(7)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    os.write(writing, str(child).encode())
    os._exit(3)
print(parent, int(os.read(reading, 20)), flush=True)
input()
"""


def test_a_zombie_is_told_as_itself_though_its_parent_runs() -> None:
    reaper = subprocess.Popen(
        [sys.executable, "-c", _REAPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reaper.stdin
    assert reaper.stdout
    try:
        with SignalTracer(target_pid=reaper.pid, origins="child", details=True) as tracer:
            reaper.stdin.write("\n")
            reaper.stdin.flush()
            parent, child = map(int, reaper.stdout.readline().split())
            until("both have ended", lambda: {*map(state, (parent, child))} == {"Z"})
            events = all_events(tracer)
    finally:
        reaper.kill()
        reaper.communicate()
    # To the first of its own the parent is told the child's end, which it did not take.
    told = {sender.pid: sender for sender in map(sender_of, events)}
    assert told.keys() == {parent, child}
    assert {event.si_code for event in events} == {"CLD_EXITED"}
    for sender in told.values():
        assert sender.parent_pid == reaper.pid
        assert sender.parents
        assert sender.parents[0].pid == reaper.pid


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGRTMIN + 6])
def test_a_child_that_ends_with_any_signal_is_told_as_one_though_a_debugger_reaped_it(
    number: int,
) -> None:
    with acting("detours", "reaped", number) as actor:
        child = int(actor.said[0])
        with SignalTracer(target_pid=actor.pid, scope="all", signals=number) as tracer:
            actor.go()
            assert actor.line() == ["1"]
            (event,) = all_events(tracer)
    check_kernel(event, "child", "CLD_EXITED", target=actor.pid, fatal=False)
    assert (int(event.signal), sender_of(event).pid) == (number, child)
