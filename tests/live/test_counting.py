"""Every call is accounted for, against what the sending program counted."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from signal import SIGCHLD, SIGCONT

import pytest

from pysigsnoop import Event, SignalTracer

from .books import assert_calls_closed, assert_missing
from .conftest import MakeSender
from .senders import NOBODY, PATIENCE, Sender, wait_for_program

PRIME = 9973


def read_out(tracer: SignalTracer) -> list[Event]:
    """Stop, and read what was seen."""
    tracer.stop()
    return list(tracer)


def test_a_prime_number_of_calls_is_received_each_once(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        assert sender.send(PRIME, target=NOBODY, step=1) == PRIME
        events = read_out(tracer)
        assert tracer.stats.received == PRIME
        assert tracer.stats.lost_total == 0
    assert [event.target_arg for event in events] == [NOBODY + i for i in range(PRIME)]
    assert len({event.id for event in events}) == PRIME
    assert all(event.error == "ESRCH" for event in events)


def test_with_a_ring_too_small_received_and_lost_make_what_was_sent(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid, buffer_size=4096) as tracer:
        sent = sum(sender.flood(3, PRIME).values())
        received = len(read_out(tracer))
        stats = tracer.stats
    assert stats.received == received > 0
    assert stats.lost.ring_full > 0
    assert stats.lost_total == stats.lost.ring_full + stats.lost.skipped
    assert sent == 3 * PRIME
    assert_calls_closed(stats, sent)


def test_a_ring_too_small_loses_the_newest_and_goes_on_when_read(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid, buffer_size=4096) as tracer:
        sender.send(1009, target=NOBODY, step=1)
        early = tracer.read(0)
        lost = tracer.stats.lost.ring_full
        assert [event.target_arg for event in early] == [NOBODY + i for i in range(len(early))]
        assert len(early) + lost == 1009
        sender.send(1, target=NOBODY - 1)
        assert [event.target_arg for event in tracer.read(PATIENCE)] == [NOBODY - 1]
        assert tracer.stats.lost.ring_full == lost


def test_with_a_map_too_small_each_recipient_still_comes_and_answers_are_counted(
    make_sender: MakeSender,
) -> None:
    # Two groups of their own, so that two group sends overlap.
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two calls overlap for certain only where there are two CPUs")
    one, two = (make_sender("setsid") for _ in range(2))
    pids = [one.pid, two.pid]
    for pid in pids:
        wait_for_program(pid)
    with SignalTracer(sender_pid=pids, max_group_calls=1, buffer_size=64 << 20) as tracer:
        calls = 0
        end = time.monotonic() + PATIENCE
        events: list[Event] = []
        with ThreadPoolExecutor(2) as both:
            while not tracer.stats.lost.table_full and time.monotonic() < end:
                sent = both.map(lambda s: s.send(1009, signal=SIGCONT, target=0), (one, two))
                calls += sum(sent)
                # All of it: what is left unread each time would fill the ring in the end.
                while more := tracer.read(0):
                    events += more
        events += read_out(tracer)
        stats = tracer.stats
    assert stats.lost.table_full > 0
    assert stats.lost_total == stats.lost.table_full + stats.lost.skipped
    assert stats.received == stats.signals.received == len(events)
    # Each group has one member, the sender.
    assert len(events) == calls
    assert_calls_closed(stats, calls)
    assert sum(event.ret is None for event in events) == stats.calls.lost
    assert {event.target.pid for event in events} == set(pids)


def test_what_nobody_read_is_counted_at_close(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        # Some wait in Python by then, and the rest in the ring.
        sender.send(PRIME, target=NOBODY)
        assert len(tracer.read(PATIENCE, limit=7)) == 7
    stats = tracer.stats
    assert (stats.received, stats.lost.unread, stats.lost_total) == (7, PRIME - 7, PRIME - 7)
    assert tracer.closed


def test_what_lies_behind_a_record_that_is_never_whole_is_counted(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SignalTracer(sender_pid=sender.pid, outcomes=True) as tracer:
        sender.send(PRIME, target=NOBODY)
        assert len(tracer.read(PATIENCE, limit=7)) == 7
        sender.send(11, signal=SIGCHLD, target=sender.pid)
        # The first of those that follow is still being written, however long the reader waits.
        monkeypatch.setattr(tracer._ring, "fill", lambda **_: 0)
    stats = tracer.stats
    assert (stats.received, stats.lost.unread) == (7, PRIME + 11 - 7)
    assert (stats.signals.received, stats.signals.lost) == (0, 11)
    assert_calls_closed(stats, PRIME + 11)


def test_refused_calls_are_counted_exactly(sender: Sender, make_sender: MakeSender) -> None:
    # The whole machine is counted, so a second tracer tells what else happened here meanwhile.
    other = make_sender()
    margin = 50_000_000
    with (
        SignalTracer(scope="all", buffer_size=128 << 20) as everything,
        SignalTracer(sender_pid=other.pid, signals=[1]) as tracer,
    ):
        first, begin = tracer.stats, time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        sender.send(1009, target=NOBODY)
        other.send(503, signal=0, target=NOBODY)
        other.send(101, signal=1, target=NOBODY)
        last, end = tracer.stats, time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        tracer.stop()
        assert len(list(tracer)) == 101
        foreign = [
            event.boot_ns
            for event in read_out(everything)
            if event.sender is None or event.sender.pid not in (sender.pid, other.pid)
        ]
        assert everything.stats.lost_total == 0
    least = sum(begin + margin < at < end - margin for at in foreign)
    most = sum(begin - margin < at < end + margin for at in foreign)
    assert 1009 + 503 + least <= last.filtered - first.filtered <= 1009 + 503 + most


def test_failed_only_counts_the_others_as_filtered(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid, failed_only=True) as tracer:
        before = tracer.stats.filtered
        sender.send(211, target=sender.pid)
        sender.send(223, target=NOBODY)
        assert len(read_out(tracer)) == 223
        assert tracer.stats.filtered - before >= 211
        assert tracer.stats.lost_total == 0


def test_each_thread_is_told_by_its_own_tid(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sent = sender.flood(5, 1009)
        events = read_out(tracer)
    # No more than each sent, and less only by what kernel 7.3 skips, which it tells.
    assert Counter(event.sender.tid for event in events) <= Counter(sent)
    assert tracer.stats.lost_total == tracer.stats.lost.skipped
    assert_missing(tracer.stats, sum(sent.values()) - len(events))
    assert len(sent) == 5
    assert {event.sender.pid for event in events} == {sender.pid}
    assert sender.pid not in sent


def test_a_thread_that_kills_its_own_process_is_still_told(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.tell("killself")
        assert sender.process.wait(PATIENCE) == -9
        (event,) = read_out(tracer)
    assert event.signal.name == "SIGKILL"
    assert event.target_arg == sender.pid
    assert event.ret == 0
    assert event.sender.pid == sender.pid
    assert event.sender.tid != sender.pid


@pytest.mark.parametrize(
    ("signal", "target", "signo", "argument"),
    [
        (-1, NOBODY, -1, NOBODY),
        (65, NOBODY, 65, NOBODY),
        (0, -(2**31), 0, -(2**31)),
        (0, 2**31 - 1, 0, 2**31 - 1),
        # The kernel takes the low half of a register, and so do we.
        (2**40, 2**40 + NOBODY, 0, NOBODY),
    ],
)
def test_odd_arguments_are_told_as_the_kernel_takes_them(
    sender: Sender, signal: int, target: int, signo: int, argument: int
) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        sender.raw(signal, target)
        (event,) = read_out(tracer)
    assert (event.signal, event.target_arg) == (signo, argument)
    assert event.error in ("ESRCH", "EINVAL")
    assert (event.signal.name is None) == (signo not in range(65))
