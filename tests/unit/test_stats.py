"""The books: where every signal and every call went, from the kernel's counters."""

from __future__ import annotations

from typing import Any

import pytest

from pysigsnoop import Lost, Stats
from pysigsnoop._records import COUNTER
from pysigsnoop.stats import Counts, Tally, account, left_in_ring

NOTHING = Counts()


def books(**known: Any) -> Stats:
    """`account` of the named counters; the rest of the arguments are 0 unless named."""
    other: dict[str, Any] = {
        "received": known.pop("received", NOTHING),
        "unread": known.pop("unread", NOTHING),
        "never_read": known.pop("never_read", NOTHING),
        "generate_misses": known.pop("generate_misses", 0),
        "exit_misses": known.pop("exit_misses", 0),
        "oom_misses": known.pop("oom_misses", 0),
        "unfollowed": known.pop("unfollowed", 0),
        "stopped": known.pop("stopped", True),
    }
    counters = [0] * COUNTER["counters"]
    for name, value in known.items():
        counters[COUNTER[name]] = value
    return account(counters, **other)


def test_an_idle_trace_has_nothing_in_its_books() -> None:
    assert books() == Stats()
    assert Stats().lost_total == 0


def test_calls_to_one_recipient_are_counted_as_the_signals_that_they_are() -> None:
    # 40 calls: 20 read, 3 unread, 7 no room, 10 refused.
    found = books(
        received=Counts(20, 20, 20),
        unread=Counts(3, 3, 3),
        single_submitted=23,
        single_ring_full=7,
        single_filtered=10,
        single_exits=40,
    )
    assert (found.received, found.filtered) == (20, 10)
    assert found.lost == Lost(ring_full=7, unread=3)
    assert found.calls == found.signals == Tally(20, 10, 10)
    assert sum(found.calls) == 40


def test_calls_that_reach_nobody_are_no_signals() -> None:
    found = books(
        received=Counts(events=5, calls=5),
        call_submitted=5,
        call_filtered=2,
        call_ring_full=4,
    )
    assert (found.received, found.filtered, found.lost) == (5, 2, Lost(ring_full=4))
    assert found.calls == Tally(5, 2, 4)
    assert found.signals == Tally()


def test_a_group_send_is_one_call_and_as_many_signals_as_it_has_recipients() -> None:
    # Three calls of 10 recipients: one read, one refused, and one whose answer found no room.
    found = books(
        received=Counts(events=20, calls=1, signals=20),
        signal_submitted=20,
        signal_filtered=10,
        group_remembered=3,
        group_submitted=1,
        group_filtered=1,
        group_ring_full=1,
    )
    assert found.lost == Lost(answers=1)
    assert found.calls == Tally(1, 1, 1)
    assert found.signals == Tally(20, 10, 0)
    assert found.in_flight == 0


def test_a_group_send_without_room_in_the_table_loses_its_answer_alone() -> None:
    found = books(
        received=Counts(events=10, signals=10),
        signal_submitted=10,
        group_table_full=1,
    )
    assert found.lost == Lost(table_full=1)
    assert found.calls == Tally(lost=1)
    assert found.signals == Tally(received=10)


def test_the_kernels_own_signals_are_no_calls() -> None:
    found = books(
        received=Counts(events=6, signals=6),
        signal_submitted=6,
        signal_filtered=3,
        signal_ring_full=1,
    )
    assert found.calls == Tally()
    assert found.signals == Tally(6, 3, 1)


def test_what_the_reader_sorts_out_is_filtered_and_not_lost() -> None:
    # The kernel lets `oom` and `kernel` through together; which it was is known later.
    found = books(
        received=Counts(events=2, signals=2, filtered=5),
        unread=Counts(filtered=1),
        signal_submitted=8,
        signal_filtered=4,
    )
    assert (found.received, found.filtered, found.lost_total) == (2, 10, 0)
    assert found.signals == Tally(2, 10, 0)


def test_a_skipped_generate_is_a_lost_signal_and_a_lost_call() -> None:
    # Ten calls of one recipient; of one the signal's program was skipped, its exit ran.
    found = books(
        received=Counts(9, 9, 9),
        single_submitted=9,
        generate_misses=1,
        single_exits=10,
    )
    assert found.lost == Lost(skipped=1)
    assert found.signals == Tally(9, 0, 1)
    assert sum(found.calls) == 10


def test_a_skipped_exit_of_a_call_that_was_told_loses_nothing() -> None:
    found = books(
        received=Counts(10, 10, 10),
        single_submitted=10,
        single_exits=7,
        exit_misses=3,
    )
    assert found.lost_total == 0
    assert found.calls == Tally(received=10)


def test_a_skipped_exit_of_a_call_that_reached_nobody_is_a_lost_call() -> None:
    found = books(received=Counts(7, 7), call_submitted=7, exit_misses=3)
    assert found.lost == Lost(skipped=3)
    assert found.calls == Tally(7, 0, 3)
    assert found.signals == Tally()


def test_of_skipped_exits_only_those_that_lost_something_are_told() -> None:
    # 12 calls: 4 told by their signal, 8 reached nobody; 5 exits skipped, 3 of them of the latter.
    found = books(
        received=Counts(events=9, calls=9, signals=4),
        single_submitted=4,
        call_submitted=5,
        single_exits=2,
        exit_misses=5,
    )
    assert found.lost == Lost(skipped=3)
    assert sum(found.calls) == 12


def test_calls_whose_exit_nothing_sees_hide_none_that_was_skipped() -> None:
    # As above, and 6 more by 32-bit programs, told by their signal.
    found = books(
        received=Counts(events=15, calls=15, signals=10),
        single_submitted=10,
        single_no_exit=6,
        call_submitted=5,
        single_exits=2,
        exit_misses=5,
    )
    assert found.lost == Lost(skipped=3)
    assert sum(found.calls) == 18


def test_group_sends_that_began_before_the_trace_are_in_flight() -> None:
    found = books(group_early=2)
    assert (found.in_flight, found.lost_total, found.calls) == (2, 0, Tally())


@pytest.mark.parametrize(("stopped", "in_flight"), [(False, 0), (True, 4)])
def test_group_sends_under_way_are_in_flight_once_the_trace_has_stopped(
    stopped: bool, in_flight: int
) -> None:
    found = books(group_remembered=9, group_submitted=5, stopped=stopped)
    assert found.in_flight == in_flight
    assert found.lost_total == 0


def test_a_group_send_whose_exit_was_never_seen_is_not_in_flight_for_ever() -> None:
    found = books(group_remembered=3, group_submitted=2, group_stale=1, exit_misses=1)
    assert found.in_flight == 0
    assert found.lost == Lost(skipped=1)


def test_processes_that_could_not_be_followed_are_told_as_lost() -> None:
    found = books(follow_full=3, unfollowed=2)
    assert found.lost == Lost(unfollowed=5)
    assert found.lost_total == 5
    # How many events that is, nobody knows.
    assert (found.calls, found.signals) == (Tally(), Tally())


def test_what_the_oom_killer_said_in_vain_is_lost_and_no_event_of_its_own() -> None:
    found = books(
        received=Counts(events=3, signals=3),
        signal_submitted=3,
        oom_ring_full=2,
        oom_misses=1,
    )
    assert found.lost == Lost(oom_victims=3)
    assert (found.calls, found.signals) == (Tally(), Tally(received=3))


def test_lost_total_is_the_sum_of_its_reasons() -> None:
    assert Stats(lost=Lost(1, 2, 4, 8, 16, 32, 64, 128, 256)).lost_total == 511


def test_counts_add_and_subtract_member_by_member() -> None:
    assert Counts(1, 2, 3, 4).plus(Counts(10, 20, 30, 40)) == Counts(11, 22, 33, 44)
    assert Counts(11, 22, 33, 44).minus(Counts(10, 20, 30, 40)) == Counts(1, 2, 3, 4)


def test_what_lies_behind_a_record_that_is_never_whole_is_counted() -> None:
    counters = [0] * COUNTER["counters"]
    for name, value in {
        "signal_submitted": 7,
        "single_submitted": 5,
        "call_submitted": 11,
        "group_submitted": 2,
        "delivery_submitted": 3,
        "death_submitted": 1,
        "oom_submitted": 4,
        "signal_ring_full": 100,
        "call_filtered": 100,
    }.items():
        counters[COUNTER[name]] = value
    read = Counts(
        events=20,
        calls=15,
        signals=9,
        filtered=1,
        deliveries=2,
        deaths=1,
        missing=4,
        answers=1,
        victims=4,
    )
    behind = left_in_ring(counters, read)
    assert behind == Counts(events=6, calls=3, signals=2, deliveries=1, answers=1)
    found = books(received=read, never_read=behind._replace(victims=1))
    assert found.lost == Lost(unread=6, answers=1, oom_victims=1, details=4)
    assert (found.calls.lost, found.signals.lost, found.deliveries.lost) == (3, 2, 1)
    whole = read._replace(events=26, calls=18, signals=11, deliveries=3, answers=2)
    assert left_in_ring(counters, whole) == NOTHING
