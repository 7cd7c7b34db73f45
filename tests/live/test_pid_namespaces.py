"""Pids are as the tracer's own pid namespace sees them; host pids are beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pysigsnoop import SignalTracer

from .actors import all_events
from .books import assert_missing
from .commands import environment, forced_script
from .conftest import MakeSender
from .senders import NOBODY, PATIENCE, Sender, only_child

NEW_NAMESPACE = ("unshare", "--pid", "--fork", "--kill-child")


def pids(pid: int) -> list[int]:
    """A process's pids, from our namespace inwards; the kernel's own words."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    return [int(word) for word in line.split()[1:]]


def test_a_sender_in_a_child_namespace_is_told_by_the_pid_that_we_see(
    make_sender: MakeSender,
) -> None:
    sender = make_sender(*NEW_NAMESPACE)
    pid = only_child(sender.pid)
    assert pids(pid) == [pid, 1]
    with SignalTracer(sender_pid=pid) as tracer, SignalTracer(sender_pid=[1]) as init:
        sent = sender.flood(2, 1009)
        events = all_events(tracer)
        init.stop()
        assert all(event.sender.pid == 1 for event in init)
        skipped = tracer.stats.lost.skipped
        assert_missing(tracer.stats, 2 * 1009 - len(events))
    assert {event.sender.pid for event in events} == {pid}
    seen = {event.sender.tid for event in events}
    # All of a thread's are skipped where the other one was preempted in the program.
    assert len(seen) == len(sent) == 2 or (skipped and len(seen) == 1)
    # Inside, threads have other numbers than the ones we see.
    assert seen.isdisjoint(sent)
    assert pid not in seen


# A tracer inside a pid namespace of its own. Its own numbers are small and are not the kernel's.
_INSIDE = """
import json, os, sys
from pysigsnoop import SignalTracer

def trace(**filters):
    with SignalTracer(**filters) as tracer:
        print(json.dumps({"pid": os.getpid()}), flush=True)
        sys.stdin.readline()
        os.kill(os.getpid(), 0)
        tracer.stop()
        print(json.dumps([event.as_dict() for event in tracer]), flush=True)

trace(signals=["0"])
trace(signals=["0"], sender_pid=os.getpid())
trace(signals=["0"], sender_pid=int(sys.argv[1]))
"""


class Inside:
    """The tracer in its namespace, as seen from outside."""

    def __init__(self, outsider: int) -> None:
        self.process = subprocess.Popen(
            [*NEW_NAMESPACE, sys.executable, "-c", forced_script(_INSIDE), str(outsider)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )

    def next(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def go_on(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def host_pid(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0])


@pytest.fixture
def inside(sender: Sender) -> Iterator[Inside]:
    tracer = Inside(sender.pid)
    with tracer.process as process:
        yield tracer
        process.kill()


def test_a_tracer_in_a_namespace_numbers_senders_as_it_sees_them(
    inside: Inside, sender: Sender
) -> None:
    assert inside.next() == {"pid": 1}
    host = inside.host_pid()
    sender.send(3, target=NOBODY)
    inside.go_on()
    events = inside.next()
    ours = [event for event in events if event["sender"]["host_pid"] == sender.pid]
    own = [event for event in events if event["sender"]["host_pid"] == host]
    # Whom it cannot see has no number there.
    assert [(e["sender"]["pid"], e["sender"]["tid"]) for e in ours] == [(None, None)] * 3
    assert [(e["sender"]["pid"], e["sender"]["tid"]) for e in own] == [(1, 1)]
    # Its filters take its own numbers.
    assert inside.next() == {"pid": 1}
    sender.send(3, target=NOBODY)
    inside.go_on()
    assert [event["sender"]["host_pid"] for event in inside.next()] == [host]
    # A number of the host names nobody there.
    assert inside.next() == {"pid": 1}
    sender.send(3, target=NOBODY)
    inside.go_on()
    assert inside.next() == []
    assert inside.process.wait(PATIENCE) == 0


def test_in_the_initial_namespace_both_views_agree(sender: Sender) -> None:
    if Path("/proc/self/ns/pid").stat().st_ino != 0xEFFFFFFC:
        pytest.skip("these tests do not run in the initial pid namespace")
    with SignalTracer(sender_pid=[sender.pid, os.getpid()]) as tracer:
        sender.send(2, target=NOBODY)
        os.kill(os.getpid(), 0)
        tracer.stop()
        for event in tracer:
            assert event.sender.pid == event.sender.host_pid
            assert event.sender.tid == event.sender.host_tid
