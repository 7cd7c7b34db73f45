"""Filters let through exactly what they name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from pysigsnoop import Event, SignalTracer

from .conftest import MakeSender
from .senders import NOBODY, PATIENCE, Sender


def seen(tracer: SignalTracer) -> list[Event]:
    tracer.stop()
    return list(tracer)


def test_by_sender_lets_through_these_processes_only(make_sender: MakeSender) -> None:
    one, two, three = (make_sender() for _ in range(3))
    with SignalTracer(sender_pid=[one.pid, three.pid]) as tracer:
        for count, sender in ((3, one), (5, two), (7, three)):
            sender.send(count, target=NOBODY)
        senders = [event.sender.pid for event in seen(tracer)]
    assert senders == [one.pid] * 3 + [three.pid] * 7


def test_by_sender_lets_through_threads_by_their_process_and_not_by_their_tid(
    sender: Sender,
) -> None:
    with sender.flooding(1):
        with SignalTracer(sender_pid=sender.pid) as tracer:
            thread = tracer.read(PATIENCE)[0].sender.tid
        assert thread
        assert thread != sender.pid
        with SignalTracer(sender_pid=thread) as tracer:
            assert tracer.read(0.1) == []
        with SignalTracer(sender_pid=sender.pid) as tracer:
            assert {event.sender.tid for event in tracer.read(PATIENCE)} == {thread}
    sender.answer()


def test_by_target_lets_through_these_processes_only(
    sender: Sender, make_sleeper: Callable[[], subprocess.Popen[bytes]]
) -> None:
    one, two, three = (make_sleeper().pid for _ in range(3))
    with SignalTracer(sender_pid=sender.pid, target_pid=[one, three]) as tracer:
        for count, target in ((3, one), (5, two), (7, three)):
            sender.send(count, target=target)
        targets = [event.target_arg for event in seen(tracer)]
    assert targets == [one] * 3 + [three] * 7


# A process in a group and session of its own: 0 and its -pgid reach nobody else.
_GROUP = """
import os, sys
os.setsid()
print(os.getpid(), flush=True)
for line in sys.stdin:
    os.kill(int(line), 0)
    print("sent", flush=True)
"""


@pytest.mark.parametrize("which", ["0", "-1", "-pgid"])
def test_by_target_lets_through_what_is_no_pid_as_it_was_given(which: str) -> None:
    command = [sys.executable, "-c", _GROUP]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as group:
        assert group.stdin
        assert group.stdout
        pid = int(group.stdout.readline())
        target = {"0": 0, "-1": -1, "-pgid": -pid}[which]
        with SignalTracer(sender_pid=pid, target_pid=target) as tracer:
            for argument in (pid, 0, -1, -pid):  # signal 0 in all: nobody feels it
                group.stdin.write(f"{argument}\n")
                group.stdin.flush()
                assert group.stdout.readline() == "sent\n"
            events = seen(tracer)
        group.stdin.close()
    assert [event.target_arg for event in events] == [target]


@pytest.mark.parametrize(
    ("signals", "numbers"),
    [
        (["KILL", "SIGTERM", "hup"], {1, 9, 15}),
        ([9, "15"], {9, 15}),
        (["RTMIN+1", "SIGRTMAX", "RTMAX-1", "34"], {34, 35, 63, 64}),
        (0, {0}),
        ("0", {0}),
        ([32, 33], {32, 33}),
        (range(65), set(range(65))),
        (None, {*range(65), -1, 65}),
    ],
)
def test_by_signal_lets_through_these_numbers_only(
    sender: Sender, signals: object, numbers: set[int]
) -> None:
    with SignalTracer(sender_pid=sender.pid, signals=signals) as tracer:  # type: ignore[arg-type]
        for number in (*range(65), -1, 65):
            sender.send(signal=number, target=NOBODY)
        found = [int(event.signal) for event in seen(tracer)]
    assert len(found) == len(numbers)
    assert set(found) == numbers


def test_failed_only_lets_through_calls_that_failed(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid, failed_only=True) as tracer:
        sender.send(3, target=sender.pid)
        sender.send(5, target=NOBODY)
        sender.send(7, signal=99, target=sender.pid)
        errors = [event.error for event in seen(tracer)]
    assert errors == ["ESRCH"] * 5 + ["EINVAL"] * 7


def test_all_filters_must_be_met(sender: Sender, sleeper: subprocess.Popen[bytes]) -> None:
    with SignalTracer(
        sender_pid=sender.pid, target_pid=sleeper.pid, signals=["0", 99 - 35], failed_only=False
    ) as tracer:
        sender.send(2, target=sleeper.pid)
        sender.send(3, target=sender.pid)
        sender.send(5, signal=18, target=sleeper.pid)
        os.kill(sleeper.pid, 0)
        found = [(event.sender.pid, event.target_arg, int(event.signal)) for event in seen(tracer)]
    assert found == [(sender.pid, sleeper.pid, 0)] * 2


def test_a_thousand_pids_are_as_good_as_one(sender: Sender) -> None:
    others = set(range(100_000, 101_000)) - {sender.pid}
    with SignalTracer(sender_pid=[*others, sender.pid]) as tracer:
        sender.send(5, target=NOBODY)
        assert len(seen(tracer)) == 5
