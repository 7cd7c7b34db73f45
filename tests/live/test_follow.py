"""Following: every process that a followed one creates, from its first instruction; nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from contextlib import closing

import pytest

from pysigsnoop import Event, FilterInvalid, SignalTracer, TracerClosed
from pysigsnoop.stats import Stats

from .actors import Actor, acting, all_events, sender_of
from .conftest import MakeSender
from .senders import NOBODY, PATIENCE

WAYS = set(range(1, 12))


def finish(actor: Actor) -> tuple[int, int]:
    """Wait for the actor's end: how many calls and processes it counted itself."""
    # Ten thousand processes take their time on an emulated processor.
    assert actor.process.wait(4 * PATIENCE) == 0
    calls, processes = map(int, actor.line())
    return calls, processes


def read_out(tracer: SignalTracer) -> tuple[list[Event], Stats]:
    """End the trace; all that it saw. No signal may be lost, and no process."""
    events = all_events(tracer)
    assert tracer.stats.lost.unfollowed == 0
    return events, tracer.stats


def test_a_storm_of_ten_thousand_processes_is_told_in_full_and_nobody_else_is(
    make_sender: MakeSender,
) -> None:
    stranger = make_sender()
    with acting("followed", "storm", 100, 100) as actor:
        root = int(actor.said[0])
        with SignalTracer(follow=root, buffer_size=32 << 20) as tracer:
            stranger.tell(f"flood 1 10000 0 {stranger.pid} 0")
            actor.go()
            calls, processes = finish(actor)
            assert sum(stranger.answer().values()) == 10_000
            events, stats = read_out(tracer)
    assert (calls, processes) == (30_000, 10_001)
    # What is missing the kernel skipped, which counts those of others too.
    assert calls - stats.lost.skipped <= len(events) <= calls
    assert stats.filtered + stats.lost.skipped >= 10_000
    senders = {(sender_of(e).host_pid, sender_of(e).start_ns) for e in events}
    assert len(senders) == processes
    # Signals are never missed, and each process dies of its own.
    killed = Counter(e.target for e in events if int(e.signal) == signal.SIGKILL)
    assert sum(killed.values()) == processes - 1
    assert root in {sender_of(e).pid for e in events}
    assert stranger.pid not in {sender_of(e).pid for e in events}


def test_every_way_to_create_a_process_is_followed() -> None:
    with acting("followed", "ways") as actor, SignalTracer(follow=int(actor.said[0])) as tracer:
        actor.go()
        finish(actor)
        events, _ = read_out(tracer)
    beeps = Counter(e.value for e in events if int(e.signal) == signal.SIGURG)
    assert beeps == dict.fromkeys(WAYS, 1)


@pytest.mark.parametrize("rounds", [10])
def test_descendants_that_run_already_are_taken_in_while_they_fork(rounds: int) -> None:
    told = 0
    senders = set()
    with SignalTracer(follow=[], buffer_size=32 << 20) as tracer:
        for _ in range(rounds):
            with acting("followed", "tree", 3, 60) as actor:
                tracer.add_followed(int(actor.said[0]))
                actor.go()
                calls, processes = finish(actor)
                # The processes of the tree, and grandchildren whose parent left.
                assert processes == 15
                assert calls >= 60
                told += calls
                found = tracer.read(0)
                while found:
                    senders |= {(sender_of(e).host_pid, sender_of(e).start_ns) for e in found}
                    found = tracer.read(0)
        tracer.stop()
        senders |= {(sender_of(e).host_pid, sender_of(e).start_ns) for e in tracer}
        stats = tracer.stats
    assert (stats.signals.lost, stats.lost.unfollowed) == (0, 0)
    assert len(senders) == stats.received == told


def test_a_group_send_finds_processes_followed_before_they_first_run() -> None:
    with acting("followed", "group") as actor:
        group = int(actor.said[0])
        with SignalTracer(follow=group, buffer_size=32 << 20) as tracer:
            actor.go()
            end = time.monotonic() + 1.0
            sent = 0
            # No more than the ring has room for.
            while time.monotonic() < end and sent < 20_000:
                os.killpg(group, signal.SIGURG)
                sent += 1
            actor.go()
            finish(actor)
            events, stats = read_out(tracer)
    reached = Counter(e.call_id for e in events)
    assert len(reached) == sent
    # How many a call reached is counted before anybody asks who is followed.
    told = {e.call_id: e.recipients for e in events if e.recipients is not None}
    assert len(told) >= sent - stats.lost.skipped
    assert {call: reached[call] for call in told} == told
    # The root, and often its child.
    assert max(reached.values()) == 2


def test_a_later_process_of_the_same_number_is_not_followed() -> None:
    with acting("followed", "reuse") as actor:
        first = int(actor.said[0])
        with SignalTracer(follow=first) as tracer:
            actor.go()
            second = int(actor.line()[0])
            actor.go()
            finish(actor)
            events, _ = read_out(tracer)
    assert second == first
    assert [event.value for event in events] == [1]


def test_a_later_process_of_the_same_number_is_followed_when_it_is_asked_for() -> None:
    with acting("followed", "reuse") as actor:
        first = int(actor.said[0])
        with SignalTracer(follow=first) as tracer:
            actor.go()
            assert int(actor.line()[0]) == first
            tracer.add_followed(first)
            actor.go()
            finish(actor)
            events, _ = read_out(tracer)
    # What the second did first came before or after; the third was not asked for.
    assert {event.value for event in events} - {2} == {1, 3}


def test_a_stranger_is_told_where_it_meets_a_followed_process(make_sender: MakeSender) -> None:
    ours, stranger = make_sender(), make_sender()
    with SignalTracer(follow=ours.pid) as tracer:
        # Both ends strangers, either one, and calls that reach nobody.
        for sender, target, number in (
            (stranger, stranger.pid, 0),
            (stranger, stranger.pid, signal.SIGURG),
            (stranger, NOBODY, signal.SIGURG),
            (stranger, ours.pid, 0),
            (stranger, ours.pid, signal.SIGURG),
            (ours, stranger.pid, signal.SIGURG),
            (ours, NOBODY, signal.SIGURG),
        ):
            sender.send(signal=number, target=target)
        events, _ = read_out(tracer)
    seen = [(sender_of(e).pid, e.target_arg, int(e.signal)) for e in events]
    assert seen == [
        (stranger.pid, ours.pid, 0),
        (stranger.pid, ours.pid, signal.SIGURG),
        (ours.pid, stranger.pid, signal.SIGURG),
        (ours.pid, NOBODY, signal.SIGURG),
    ]


def test_other_filters_must_be_met_too(make_sender: MakeSender) -> None:
    ours, stranger = make_sender(), make_sender()
    with SignalTracer(follow=[ours.pid], signals="URG", sender_pid=stranger.pid) as tracer:
        for sender in (ours, stranger):
            for number in (0, signal.SIGURG):
                sender.send(signal=number, target=ours.pid)
        events, _ = read_out(tracer)
    assert [(sender_of(e).pid, int(e.signal)) for e in events] == [(stranger.pid, signal.SIGURG)]


def test_processes_that_find_no_room_are_counted_one_by_one() -> None:
    with (
        acting("followed", "many", 10) as actor,
        SignalTracer(follow=int(actor.said[0]), max_followed=4) as tracer,
    ):
        actor.go()
        actor.go()
        calls, _ = finish(actor)
        tracer.stop()
        events = list(tracer)
    # The root and the first three.
    assert (calls, len(events)) == (10, 3)
    assert tracer.stats.lost.unfollowed == 7


def test_room_is_given_back_once_a_process_is_gone() -> None:
    told = 0
    with SignalTracer(follow=[], max_followed=40) as tracer:
        for _ in range(8):
            with acting("followed", "many", 10) as actor:
                tracer.add_followed(int(actor.said[0]))
                actor.go()
                actor.go()
                told += finish(actor)[0]
            # The kernel gives processes back a moment after their end.
            time.sleep(0.3)
        events, _ = read_out(tracer)
    assert len(events) == told == 80


def test_who_is_not_there_cannot_be_followed(sleeper: subprocess.Popen[bytes]) -> None:
    with pytest.raises(FilterInvalid, match="no process 4194304 to follow"):
        SignalTracer(follow=4194304).open()
    for wrong in (0, -1, 1 << 22 | 1, True):
        with pytest.raises(FilterInvalid, match="is no pid"):
            SignalTracer(follow=wrong)
    for wrong in (0, 4194305):
        with pytest.raises(FilterInvalid, match="max_followed"):
            SignalTracer(follow=[], max_followed=wrong)
    with closing(SignalTracer(follow=[])) as tracer:
        with pytest.raises(TracerClosed):
            tracer.add_followed(sleeper.pid)
        tracer.open()
        with pytest.raises(FilterInvalid, match="no process"):
            tracer.add_followed(4194304)
        tracer.add_followed(sleeper.pid)
    with SignalTracer() as tracer, pytest.raises(FilterInvalid, match="follows nobody"):
        tracer.add_followed(sleeper.pid)
