"""Times as people read them."""

from __future__ import annotations

import re
import time

import pytest

from pysigsnoop.clock_text import clock, span

# 2026-11-23 14:53:28.513999999 UTC, from two halves.
BOOT = 5_000_000_123
OFFSET = 1_795_445_608_513_999_999 - BOOT


@pytest.mark.parametrize(
    ("kind", "date", "text"),
    [
        ("utc", False, "14:53:28.513Z"),
        ("utc", True, "2026-11-23 14:53:28.513Z"),
        ("relative", False, "    1.000000"),
    ],
)
def test_each_kind_of_time(kind: str, date: bool, text: str) -> None:
    told = clock(kind, date=date, began_ns=4_000_000_000)
    assert told(BOOT, OFFSET) == text
    assert told.width == len(text)


def test_local_time_is_that_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        for zone, hour in (("XXX-5:30", "20:23"), ("YYY+3", "11:53")):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            told = clock("wall", date=True)
            assert told(BOOT, OFFSET) == f"2026-11-23 {hour}:28.513"
            assert told.width == len(told(BOOT, OFFSET))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_kept_is_only_what_is_the_same() -> None:
    told = clock("utc")
    for later, text in ((0, "28.513"), (1, "28.514"), (485_999_999, "28.999"), (0, "28.513")):
        assert told(BOOT + later, OFFSET) == f"14:53:{text}Z"
    assert told(BOOT, OFFSET + 3600 * 10**9) == "15:53:28.513Z"


def test_relative_times_need_not_be_positive_or_short() -> None:
    told = clock("relative", began_ns=BOOT)
    assert float(told(BOOT - 1000, OFFSET)) == pytest.approx(-0.000001)
    assert told(BOOT + 123_456_789 * 10**9, OFFSET) == "123456789.000000"


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 us"),
        (90, "0.09 us"),
        (5_470, "5.47 us"),
        (136_123, "136 us"),
        (999_499, "999 us"),
        (999_500, "1 ms"),
        (3_240_000, "3.24 ms"),
        (999_499_999, "999 ms"),
        (999_500_000, "1 s"),
        (12_340_000_000, "12.3 s"),
        (99_999_999_999, "100 s"),
        (100_000_000_000, "1m40s"),
        (5_999_000_000_000, "99m59s"),
        (6_000_000_000_000, "1h40m"),
        (359_999_000_000_000, "99h59m"),
        (360_000_000_000_000, "4d04h"),
        (31_536_000_000_000_000, "365d00h"),
    ],
)
def test_a_span_is_short(ns: int, text: str) -> None:
    assert span(ns, "us") == text
    assert len(text) <= 7
    assert re.match(r"\d", text)
