"""The demonstration of the original: a sleep killed by 9, and the same pid once more."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from pysigsnoop import SignalTracer

from .conftest import MakeCommand
from .senders import PATIENCE, Sender


def kill_twice(sender: Sender, victim: subprocess.Popen[bytes]) -> None:
    """SIGKILL that works, then, with the victim reaped, SIGKILL that finds nobody."""
    sender.send(signal=9, target=victim.pid)
    assert victim.wait(PATIENCE) == -9
    sender.send(signal=9, target=victim.pid)


def test_api_tells_the_kill_and_then_that_nobody_is_there(
    sender: Sender, sleeper: subprocess.Popen[bytes]
) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        kill_twice(sender, sleeper)
        events = tracer.read(PATIENCE)
        if len(events) < 2:
            events += tracer.read(PATIENCE)
    first, second = events
    assert (first.ret, first.error) == (0, None)
    assert (second.ret, second.error) == (-3, "ESRCH")
    assert first.boot_ns < second.boot_ns
    assert first.id != second.id
    assert (first.target.pid, first.target.comm) == (sleeper.pid, "sleep")
    assert (first.result, first.disposition, first.fatal) == ("queued", "default", True)
    # Nobody is there any more, so nobody is named.
    assert (second.target, second.result, second.fatal) == (None, None, None)
    for event in events:
        assert event.origin == "kill"
        assert (event.signal, event.signal.name) == (9, "SIGKILL")
        assert event.target_arg == sleeper.pid
        assert (event.sender.pid, event.sender.tid) == (sender.pid, sender.pid)
        assert (event.sender.comm, event.sender.comm_bytes) == ("sender", b"sender")
        assert event.sender.uid == os.getuid()
        assert "SIGKILL" in repr(event)
        assert str(sleeper.pid) in repr(event)


def test_text_tells_the_kill_and_then_that_nobody_is_there(
    sender: Sender, sleeper: subprocess.Popen[bytes], command: MakeCommand
) -> None:
    running = command("-p", str(sender.pid), "--count", "3")
    running.wait_for_header()
    kill_twice(sender, sleeper)
    first, death, second = (running.line().split() for _ in range(3))
    pid = str(sleeper.pid)
    sent = ["sender", str(sender.pid), "\u2192", "sleep", pid, "SIGKILL", "kill"]
    # It may have died before the line was written.
    assert first[1:] in ([*sent, "fatal", "#1"], [*sent, "died", "#1"])
    assert death[1:6] == ["#1", "\u2514", "sleep", pid, "SIGKILL"]
    assert death[6].startswith("+")
    assert death[-1] == "died"
    # Nobody is there any more, so nobody is named.
    nobody = ["sender", str(sender.pid), "\u2192", pid, "SIGKILL", "kill"]
    assert second[1:9] == [*nobody, "failed", "ESRCH"]
    ended = running.end(0)
    assert (ended.status, ended.lines, ended.summary) == (0, [], "3 received, 0 lost\n")


def test_json_tells_the_kill_and_then_that_nobody_is_there(
    sender: Sender, sleeper: subprocess.Popen[bytes], command: MakeCommand
) -> None:
    running = command("-j", "-p", f"{sender.pid},{os.getpid()}")
    running.wait_by_probe()
    kill_twice(sender, sleeper)
    found_all: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    while len(objects) < 2:
        found_all.append(running.object())
        objects = [
            found
            for found in found_all
            if found["type"] == "send" and found["sender"]["pid"] == sender.pid
        ]
    (death,) = (found for found in found_all if found["type"] == "death")
    assert (death["send_id"], death["signal"]) == (objects[0]["id"], "SIGKILL")
    assert death["target"]["pid"] == sleeper.pid
    answers = [(found["ret"], found["error"]) for found in objects]
    assert answers == [(0, None), (-3, "ESRCH")]
    for found in objects:
        assert found["type"] == "send"
        assert found["origin"] == "kill"
        assert (found["signal"], found["signo"]) == ("SIGKILL", 9)
        assert found["target_arg"] == sleeper.pid
        assert found["sender"]["tid"] == sender.pid
        assert found["sender"]["comm"] == "sender"
        assert found["sender"]["uid"] == os.getuid()
        assert found["time"].endswith("Z")
        assert len(found["time"]) == len("2026-01-01T00:00:00.000000000Z")
        assert isinstance(found["boot_ns"], int)
    assert running.end().status == 130
