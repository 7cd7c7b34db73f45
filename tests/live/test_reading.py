"""Reading: what blocks, what ends it, and when fileno() is readable."""

from __future__ import annotations

import select
import threading
import time
from contextlib import suppress

import pytest

from pysigsnoop import ReaderBusy, SignalTracer, TracerClosed

from .senders import NOBODY, PATIENCE, Sender


def readable(tracer: SignalTracer, timeout: float = 0) -> bool:
    """Whether select says so."""
    return bool(select.select([tracer], [], [], timeout)[0])


def test_read_returns_nothing_when_time_is_out(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        assert tracer.read(0) == []
        begin = time.monotonic()
        assert tracer.read(0.2) == []
        assert time.monotonic() - begin >= 0.2


def test_read_waits_for_the_first_event_and_no_longer(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        later = threading.Timer(0.2, sender.tell, [f"flood 0 1 0 {NOBODY} 0"])
        later.start()
        begin = time.monotonic()
        assert len(tracer.read(PATIENCE)) == 1
        assert time.monotonic() - begin < PATIENCE / 2
        later.join()
        sender.answer()


def test_read_gives_no_more_than_its_limit_and_keeps_the_rest(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(11, target=NOBODY, step=1)
        batches = [tracer.read(0, 4) for _ in range(4)]
    assert [len(batch) for batch in batches] == [4, 4, 3, 0]
    assert [event.target_arg - NOBODY for batch in batches for event in batch] == [*range(11)]


def test_a_loop_takes_up_what_read_left(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(5, target=NOBODY, step=1)
        tracer.stop()
        numbers = [event.target_arg for event in tracer.read(0, 2)]
        for event in tracer:
            numbers.append(event.target_arg)
            if len(numbers) == 3:
                break
        numbers += [event.target_arg for event in tracer]
        assert tracer.read() == []
    assert numbers == [NOBODY + i for i in range(5)]
    assert tracer.stats.received == 5


def test_an_event_outlives_its_tracer(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(target=NOBODY)
        (event,) = tracer.read(PATIENCE)
    assert event.sender.pid == sender.pid
    assert abs(event.time_ns - time.time_ns()) < PATIENCE * 1e9


def test_fileno_is_readable_while_events_wait_in_the_ring(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        assert not readable(tracer)
        sender.send(3, target=NOBODY)
        assert readable(tracer, PATIENCE)
        assert len(tracer.read(0)) == 3
        assert not readable(tracer)


def test_fileno_is_readable_while_events_wait_in_python(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.send(5, target=NOBODY)
        assert len(tracer.read(PATIENCE, limit=2)) == 2
        assert readable(tracer)
        assert len(tracer.read(0, limit=3)) == 3
        assert not readable(tracer)
        sender.send(3, target=NOBODY)
        events = iter(tracer)
        next(events)
        assert readable(tracer)
        next(events)
        assert readable(tracer)
        next(events)
        assert not readable(tracer)


def test_fileno_is_readable_once_stopped(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        tracer.stop()
        assert readable(tracer)
        assert tracer.read() == []
        assert readable(tracer)


def test_stop_ends_a_waiting_reader_and_a_loop(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        threading.Timer(0.1, tracer.stop).start()
        assert tracer.read() == []
        assert list(tracer) == []
        tracer.stop()
        assert not tracer.closed


def test_a_second_reader_is_refused_while_the_first_waits(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        got: list[int] = []

        def first() -> None:
            while not got:
                with suppress(ReaderBusy):  # while the other one tries
                    got.append(len(tracer.read(PATIENCE)))

        def second() -> None:
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                tracer.read(0)

        waiting = threading.Thread(target=first)
        waiting.start()
        with pytest.raises(ReaderBusy, match="one reader"):
            second()
        sender.send(target=NOBODY)
        waiting.join()
        assert got == [1]
        # And when the first is done, another may.
        assert tracer.read(0) == []


def test_a_tracer_that_is_not_open_cannot_be_read() -> None:
    tracer = SignalTracer()
    for use in (tracer.read, tracer.fileno, tracer.stop, lambda: next(iter(tracer))):
        with pytest.raises(TracerClosed, match="not open"):
            use()
    assert not tracer.closed
    assert tracer.stats.received == 0


def test_a_tracer_is_opened_once() -> None:
    with SignalTracer() as tracer, pytest.raises(TracerClosed, match="opened once"):
        tracer.open()
    with pytest.raises(TracerClosed, match="opened once"):
        tracer.open()


def test_a_closed_tracer_cannot_be_read() -> None:
    with SignalTracer() as tracer:
        pass
    for use in (tracer.read, tracer.fileno, tracer.stop):
        with pytest.raises(TracerClosed, match="closed"):
            use()
    assert list(tracer) == []
