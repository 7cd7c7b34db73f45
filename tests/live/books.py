"""The books of a trace: what was sent was received or lost, once."""

from __future__ import annotations

from pysigsnoop import Stats

from .commands import ATTACH


def assert_calls_closed(stats: Stats, calls: int) -> None:
    """Every call is received or lost, once."""
    _assert_skipped(stats, stats.calls.received + stats.calls.lost - calls)


def assert_missing(stats: Stats, calls: int) -> None:
    """So many calls, or answers to calls, are missing, and the kernel skipped them: 7.3 does."""
    _assert_skipped(stats, stats.lost.skipped - calls)


def _assert_skipped(stats: Stats, surplus: int) -> None:
    # One program sees the exits of all system calls there, and one skipped can be of any.
    assert 0 <= surplus <= (stats.lost.skipped if ATTACH == "raw" else 0), stats
