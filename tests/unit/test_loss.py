"""Loss is told once, when it is noticed."""

from __future__ import annotations

from pysigsnoop.loss import LossWatch
from pysigsnoop.stats import Lost, Stats


def test_what_was_lost_is_told_once_and_what_is_lost_later_by_itself() -> None:
    now = Stats()
    watch = LossWatch(lambda: now)
    assert watch.look(now=True) is None
    now = Stats(lost=Lost(ring_full=5))
    assert watch.look(now=True) == Lost(ring_full=5)
    assert watch.look(now=True) is None
    now = Stats(lost=Lost(ring_full=7, skipped=1))
    assert watch.look(now=True) == Lost(ring_full=2, skipped=1)


def test_unread_is_left_to_the_closing_line() -> None:
    watch = LossWatch(lambda: Stats(lost=Lost(unread=3)))
    assert watch.look(now=True) is None


def test_it_is_not_looked_at_again_so_soon() -> None:
    now = Stats()
    watch = LossWatch(lambda: now)
    assert watch.look() is None
    now = Stats(lost=Lost(ring_full=1))
    assert watch.look() is None
    assert watch.look(now=True) == Lost(ring_full=1)


def test_a_count_that_shrinks_for_a_moment_is_not_told_twice() -> None:
    now = Stats(lost=Lost(skipped=5))
    watch = LossWatch(lambda: now)
    assert watch.look(now=True) == Lost(skipped=5)
    now = Stats(lost=Lost(skipped=3, ring_full=1))
    assert watch.look(now=True) == Lost(ring_full=1)
    now = Stats(lost=Lost(skipped=5, ring_full=1))
    assert watch.look(now=True) is None
    now = Stats(lost=Lost(skipped=6, ring_full=1))
    assert watch.look(now=True) == Lost(skipped=1)
