"""A trace begins and ends at one instant, whatever calls are in progress then."""

from __future__ import annotations

from collections import defaultdict

from pysigsnoop import Event, SignalTracer

from .senders import NOBODY, Sender

THREADS = 3
ROUNDS = 12


def by_thread(events: list[Event]) -> dict[int, list[int]]:
    """The sequence numbers that each thread sent as its target, in the order received."""
    found = defaultdict(list)
    for event in events:
        found[event.sender.host_tid].append(event.target_arg)
    return dict(found)


def trace_for_a_moment(sender: Sender) -> tuple[SignalTracer, list[Event]]:
    """A whole trace of at least a thousand calls."""
    with SignalTracer(sender_pid=sender.pid) as tracer:
        events: list[Event] = []
        while len(events) < 1000:
            events += tracer.read()
        tracer.stop()
        events += tracer
    return tracer, events


def test_no_call_is_missing_between_the_first_and_the_last(sender: Sender) -> None:
    in_flight = 0
    with sender.flooding(THREADS, target=NOBODY, step=1):
        for _ in range(ROUNDS):
            tracer, events = trace_for_a_moment(sender)
            stats = tracer.stats
            assert stats.lost_total == 0
            assert stats.received == len(events)
            for numbers in by_thread(events).values():
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            in_flight += stats.in_flight
    sender.answer()
    # Over so many rounds some call was in progress; were that not so, nothing was tested here.
    assert in_flight > 0


def test_at_each_end_no_more_calls_are_in_flight_than_there_are_threads(sender: Sender) -> None:
    # Calls of other processes count too where they had entered before the trace began: the least
    # of some rounds is ours alone, the machine being quiet at that instant.
    with sender.flooding(THREADS, target=NOBODY, step=1):
        rounds = [trace_for_a_moment(sender)[0].stats.in_flight for _ in range(5)]
    sender.answer()
    assert min(rounds) <= 2 * THREADS


def test_a_trace_around_all_calls_has_none_in_flight(sender: Sender) -> None:
    rounds = []
    for _ in range(3):
        with SignalTracer(sender_pid=sender.pid) as tracer:
            sent = sum(sender.flood(THREADS, 1009, step=1).values())
            tracer.stop()
            assert len(list(tracer)) == sent
        assert tracer.stats.lost_total == 0
        rounds.append(tracer.stats.in_flight)
    assert min(rounds) == 0


def test_what_is_sent_after_the_stop_is_not_seen(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(3, target=NOBODY)
        tracer.stop()
        before = tracer.stats
        sender.send(5, target=NOBODY)
        assert len(list(tracer)) == 3
        assert tracer.stats == before._replace(received=3)


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
