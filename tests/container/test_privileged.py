"""In a privileged container with a pid namespace of its own, both views of each process are told.

Counts are primes, so that no two of them add up to a third by chance.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from .engine import Engine
from .traced import IDLE, PRIVILEGED, TRACER, Sender, Traced

_WINCH = signal.SIGWINCH
_FROM_INSIDE, _FROM_OUTSIDE = 13, 11


@contextmanager
def idle(engine: Engine, image: str) -> Iterator[Traced]:
    """A container with no tracer in it."""
    with Traced(engine, image, (), *IDLE) as container:
        assert container.wait_for_first_line() == "runs"
        yield container


def test_a_sender_inside_is_told_as_the_container_and_as_the_host_number_it(
    engine: Engine, image: str
) -> None:
    with Traced(engine, image, PRIVILEGED, TRACER, "-j", "-s", "WINCH") as traced:
        traced.wait_for_first_event()
        with Sender(traced) as sender:
            sender.send(_WINCH, _FROM_INSIDE)
        events = traced.end_with_events()
    assert sender.pid != sender.host_pid
    # A terminal that changes its size sends WINCH too.
    mine = [e for e in events if (e["sender"] or {}).get("host_pid") == sender.host_pid]
    assert len(mine) == _FROM_INSIDE
    for event in mine:
        told = event["sender"]
        assert (told["pid"], told["tid"]) == (sender.pid, sender.pid)
        assert (told["host_pid"], told["host_tid"]) == (sender.host_pid, sender.host_pid)
        assert (event["signal"], event["target_arg"]) == ("SIGWINCH", sender.child)
        assert (event["ret"], event["error"]) == (0, None)


def test_a_sender_outside_has_no_pid_inside(engine: Engine, image: str) -> None:
    with Traced(engine, image, PRIVILEGED, TRACER, "-j", "-s", "WINCH") as traced:
        traced.wait_for_first_event()
        with Sender(traced) as target:
            for _ in range(_FROM_OUTSIDE):
                os.kill(target.host_child, _WINCH)
            target.send(_WINCH, _FROM_INSIDE)
        events = traced.end_with_events()
    assert {event["signal"] for event in events} == {"SIGWINCH"}
    # The outside caller names the target by the host's number, the inside one by its own.
    mine = [e for e in events if (e["sender"] or {}).get("host_pid") == os.getpid()]
    outside = [e for e in mine if e["target_arg"] != os.getpid()]
    assert [e["target_arg"] for e in outside] == [target.host_child] * _FROM_OUTSIDE
    assert {(e["sender"]["pid"], e["sender"]["tid"]) for e in mine} == {(None, None)}
    inside = [e for e in events if e["sender"]["pid"] == target.pid]
    assert [e["target_arg"] for e in inside] == [target.child] * _FROM_INSIDE


def test_a_filter_takes_the_containers_pid(engine: Engine, image: str) -> None:
    # One container to keep a sender whose pid is known, and the tracer joins its pid namespace.
    with idle(engine, image) as first, Sender(first) as sender:
        joined = (*PRIVILEGED, "--pid", f"container:{first.name}")
        arguments = (TRACER, "-p", str(sender.pid), "-s", "WINCH")
        with Traced(engine, image, joined, *arguments) as traced:
            assert traced.wait_for_first_line().split()[0] == "TIME"
            os.kill(sender.host_child, _WINCH)  # not by the sender: refused in the kernel
            sender.send(_WINCH, _FROM_INSIDE)
            status, lines, said = traced.end(signal.SIGINT)
    assert status == 130
    assert said == f"{_FROM_INSIDE} received, 0 lost\n"
    told = re.compile(
        rf"[0-9:.]+ python\S* {sender.pid} +\u2192 sleep {sender.child} +SIGWINCH +kill +ignored"
    )
    assert [line for line in lines if told.fullmatch(line)] == lines
    assert len(lines) == _FROM_INSIDE


def test_tracefs_can_be_mounted_inside_as_the_hint_says(engine: Engine, image: str) -> None:
    bare = engine.run("run", "--rm", "--privileged", image, TRACER, "--trace-pipe")
    assert bare.returncode == 1
    (hint,) = (line for line in bare.stderr.splitlines() if "hint:" in line)
    mount = hint.partition("hint:")[2].strip().removeprefix("sudo ")
    assert mount.startswith("mount ")
    shell = ("sh", "-c", f"{mount} && exec {TRACER} -j -s WINCH")
    with Traced(engine, image, ("--privileged",), *shell) as traced:
        traced.wait_for_first_event()
        with Sender(traced) as sender:
            sender.send(_WINCH, _FROM_INSIDE)
        events = traced.end_with_events()
    assert [e["sender"]["pid"] for e in events].count(sender.pid) == _FROM_INSIDE


def test_the_original_program_prints_the_hosts_pid_of_the_sender(
    engine: Engine, image: str
) -> None:
    with (
        idle(engine, image) as first,
        Sender(first) as sender,
        Traced(engine, image, PRIVILEGED, TRACER, "--trace-pipe") as traced,
    ):
        traced.wait_for_first_event()
        sender.send(_WINCH, _FROM_INSIDE)
        _, lines, said = traced.end()
    line = f"PID {sender.host_pid} (python) sent signal 28 to PID {sender.child}, ret = 0"
    # Another reader of trace_pipe on this machine may have taken some; those are not told at all.
    assert line in lines, said
