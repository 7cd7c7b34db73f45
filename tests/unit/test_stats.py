"""The books: where every call went, from the kernel's counters."""

from __future__ import annotations

from typing import Any

import pytest

from pysigsnoop import Lost, Stats
from pysigsnoop._records import COUNTER
from pysigsnoop.stats import account


def books(**known: int) -> Stats:
    """`account` of the named counters; the rest of the arguments are 0 unless named."""
    other: dict[str, Any] = {
        name: known.pop(name, 0) for name in ("received", "unread", "enter_misses", "exit_misses")
    }
    counters = [0] * COUNTER["counters"]
    stopped = bool(known.pop("stopped", 1))
    for name, value in known.items():
        counters[COUNTER[name]] = value
    return account(counters, stopped=stopped, **other)


def total(stats: Stats) -> int:
    return stats.received + stats.filtered + stats.lost_total + stats.in_flight


def test_an_idle_trace_has_nothing_in_its_books() -> None:
    assert books() == Stats()
    assert total(Stats()) == 0


def test_each_call_is_counted_once_wherever_it_ended() -> None:
    # 100 calls: 50 read, 3 unread, 7 no room in the ring, 11 filtered at enter and 2 at exit,
    # 5 no room in the table, 4 whose exit was skipped, 6 still inside, 12 skipped at enter.
    found = books(
        received=50,
        unread=3,
        enter_misses=12,
        exit_misses=4,
        submitted=53,
        filtered=11 + 2,
        ring_full=7,
        table_full=5,
        remembered=50 + 3 + 7 + 2 + 4 + 6,
        completed=50 + 3 + 7 + 2,
        enter_refused=11 + 5,
        exit_unknown=11 + 5 + 12,
    )
    assert found.lost == Lost(ring_full=7, table_full=5, skipped=12 + 4, unread=3)
    assert (found.received, found.filtered, found.in_flight) == (50, 13, 6)
    assert total(found) == 100


def test_a_skipped_exit_that_shows_twice_is_lost_once() -> None:
    # The kernel counted 3 skips; of their threads 2 have entered again.
    found = books(remembered=10, completed=7, exit_missed=2, exit_misses=3, received=7)
    assert found.lost.skipped == 3
    assert found.in_flight == 0
    assert total(found) == 10


def test_before_5_12_a_skipped_exit_shows_when_its_thread_enters_again() -> None:
    found = books(remembered=10, completed=8, exit_missed=2, received=8)
    assert found.lost.skipped == 2
    assert total(found) == 10


def test_calls_that_entered_before_the_start_are_in_flight() -> None:
    found = books(exit_unknown=5, enter_refused=2, filtered=2)
    assert found.in_flight == 3
    assert total(found) == 5


@pytest.mark.parametrize(("stopped", "in_flight"), [(0, 0), (1, 4)])
def test_calls_under_way_are_in_flight_once_the_trace_has_stopped(
    stopped: int, in_flight: int
) -> None:
    found = books(remembered=9, completed=5, received=5, stopped=stopped)
    assert found.in_flight == in_flight


def test_lost_total_is_the_sum_of_its_reasons() -> None:
    assert Stats(lost=Lost(1, 2, 4, 8)).lost_total == 15
