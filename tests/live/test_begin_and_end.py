"""A trace begins and ends at one instant, whatever calls are in progress then."""

from __future__ import annotations

import os
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from pysigsnoop import Event, SignalTracer

from .conftest import MakeSender
from .senders import NOBODY, PATIENCE, Sender, wait_for_program

THREADS = 3
ROUNDS = 4
# For what comes while the tracer is detached, when nobody reads.
ROOM = 128 * 1024 * 1024


def by_thread(events: list[Event]) -> dict[int, list[int]]:
    """The sequence numbers that each thread sent as its target, in the order received."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for event in events:
        assert event.target_arg is not None
        found[event.sender.host_tid].append(event.target_arg)
    return dict(found)


def trace_for_a_moment(sender: Sender) -> tuple[SignalTracer, list[Event]]:
    """A whole trace of at least a thousand calls."""
    with SignalTracer(sender_pid=sender.pid, buffer_size=ROOM) as tracer:
        events: list[Event] = []
        while len(events) < 1000:
            events += tracer.read()
        tracer.stop()
        events += tracer
    return tracer, events


def test_no_call_is_missing_between_the_first_and_the_last(sender: Sender) -> None:
    with sender.flooding(THREADS, target=NOBODY, step=1):
        for _ in range(ROUNDS):
            tracer, events = trace_for_a_moment(sender)
            stats = tracer.stats
            # Kernel 7.3 can preempt a program; whom it lets run meanwhile on that CPU, it skips.
            assert stats.lost_total == stats.lost.skipped
            assert stats.received == stats.calls.received == len(events)
            assert stats.signals.received == 0
            missing = 0
            for numbers in by_thread(events).values():
                assert numbers == sorted(set(numbers))
                missing += numbers[-1] - numbers[0] + 1 - len(numbers)
            assert missing <= stats.lost.skipped
    sender.answer()


def test_calls_to_one_recipient_are_never_in_flight(sender: Sender) -> None:
    # What reaches one is told as it is generated, what reaches nobody as it returns: by whole
    # calls. Group sends of other processes count too, so the least of some rounds is ours alone.
    with sender.flooding(THREADS, target=NOBODY, step=1):
        rounds = [trace_for_a_moment(sender)[0].stats.in_flight for _ in range(ROUNDS)]
    sender.answer()
    assert min(rounds) == 0


# A process group of its own that ignores SIGUSR1, with the sender as its leader.
MEMBERS = 31
GROUP = f"""
trap "" USR1
for i in $(seq {MEMBERS - 1}); do sleep 600 & done
exec "$@"
"""


@pytest.fixture
def leader(make_sender: MakeSender) -> Iterator[Sender]:
    """A sender whose process group has so many members."""
    sender = make_sender("setsid", "sh", "-c", GROUP, "sh")
    try:
        wait_for_program(sender.pid)
        yield sender
    finally:
        os.killpg(sender.pid, signal.SIGKILL)


def test_group_sends_are_told_in_full_but_for_those_under_way_at_an_end(leader: Sender) -> None:
    in_flight = []
    with leader.flooding(1, signal=signal.SIGUSR1, target=0):
        for _ in range(ROUNDS):
            with SignalTracer(sender_pid=leader.pid, buffer_size=ROOM) as tracer:
                events: list[Event] = []
                while len(events) < 10 * MEMBERS:
                    events += tracer.read(PATIENCE)
                tracer.stop()
                events += tracer
            stats = tracer.stats
            skipped = stats.lost.skipped  # on 7.3, see above: of a call, or of its recipients
            assert stats.lost_total == skipped
            assert stats.received == stats.signals.received == len(events)
            calls = Counter(event.call_id for event in events)
            answered = {event.call_id for event in events if event.ret is not None}
            assert stats.calls.received == len(answered)
            # In the order of the ring: only the first and the last call can be told in part.
            first, *whole, last = calls
            assert len(calls.keys() - answered - {first, last}) <= skipped
            missing = sum(MEMBERS - calls[call] for call in whole)
            assert 0 <= missing <= skipped
            told = {event.recipients for event in events if event.call_id in whole}
            assert told == {MEMBERS} or skipped
            in_flight.append(stats.in_flight)
    leader.answer()
    # One that had just reached all as the trace began, one still under way as it ended.
    assert min(in_flight) <= 2


def test_what_is_sent_after_the_stop_is_not_seen(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(3, target=NOBODY)
        tracer.stop()
        before = tracer.stats
        sender.send(5, target=NOBODY)
        assert len(list(tracer)) == 3
        read = before.calls._replace(received=3)
        assert tracer.stats == before._replace(received=3, calls=read)


def test_with_losses_the_books_still_close(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid, buffer_size=4096) as tracer:
        with sender.flooding(THREADS, target=NOBODY, step=1):
            # Only the last ones matter here, so the ring is emptied now and then.
            while tracer.stats.lost.ring_full < 1000 or not tracer.read(0):
                pass
            tracer.stop()
        sent = sum(sender.answer().values())
        last = by_thread(list(tracer))
    stats = tracer.stats
    # Each thread's calls up to its last received one are in the books, and none that it never made.
    told = stats.received + stats.lost_total
    assert sum(numbers[-1] - NOBODY + 1 for numbers in last.values()) <= told + stats.in_flight
    assert told <= sent
