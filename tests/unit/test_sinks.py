"""Lines in JSON, losses, the original's line and the closing one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pysigsnoop import Event, Lost, Stats, sinks
from pysigsnoop._records import ORIGIN
from pysigsnoop.trace_assembly import Call

from . import records
from .records import KILL, known

# A call that reached nobody, with everything as wide as it can be.
WIDEST = {
    **KILL,
    "origin": ORIGIN["rt_tgsigqueueinfo"],
    "signo": 64,
    "target_arg": -4_194_304,
    "ret": -11,
    "known": known("sender", "argument", "ret", "recipients"),
    "sender.pid": 2**22,
    "sender.comm": b"123456789012345\0",
}


def event(**changed: Any) -> Event:
    return records.event(WIDEST, **changed)


HOSTILE = [b"\x1b[2J\n\xff\r", "\u202eabc".encode(), b"\x85\\", b'"}\n{"']


@pytest.mark.parametrize("comm", HOSTILE)
def test_a_hostile_name_stays_on_its_line_and_prints(comm: bytes) -> None:
    assert sinks.original_line(Call(1, comm, 9, 2, 0)).isprintable()


@pytest.mark.parametrize("comm", HOSTILE)
def test_json_is_one_valid_ascii_line_whatever_the_name(comm: bytes) -> None:
    found = event(sender_comm=comm)
    line = sinks.json_lines().event(found)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == found.as_dict()


def test_the_original_line_is_the_originals() -> None:
    line = sinks.original_line(Call(5978, b"bash", 9, 2219, 0))
    assert line == "PID 5978 (bash) sent signal 9 to PID 2219, ret = 0"
    assert sinks.original_line(Call(5978, b"bash", 9, 2219, -3)).endswith(", ret = -3")


@pytest.mark.parametrize(
    ("stats", "limited", "line"),
    [
        (Stats(), False, "0 received, 0 lost"),
        (Stats(118), False, "118 received, 0 lost"),
        (Stats(1, filtered=9, in_flight=2), False, "1 received, 0 lost, 2 in flight"),
        (
            Stats(1, lost=Lost(1, 2, 4, 8, 16)),
            False,
            "1 received, 31 lost (ring full 1, table full 2, answers 4, skipped 8, unread 16)",
        ),
        (Stats(5, lost=Lost(unread=8)), True, "5 received, 0 lost, 8 unread"),
        (
            Stats(5, lost=Lost(ring_full=2, unread=8)),
            True,
            "5 received, 2 lost (ring full 2), 8 unread",
        ),
    ],
)
def test_the_closing_line_tells_the_counts_and_the_reasons(
    stats: Stats, limited: bool, line: str
) -> None:
    assert sinks.summary(stats, limited=limited) == line


def test_a_loss_is_told_by_reason_in_either_form() -> None:
    lost = Lost(ring_full=7, answers=2)
    assert sinks.text_loss(lost) == "-- 9 lost (ring full 7, answers 2)"
    line = json.loads(sinks.json_lines().lost(lost))
    assert line["type"] == "lost"
    assert (line["lost"], line["ring_full"], line["answers"], line["skipped"]) == (9, 7, 2, 0)
