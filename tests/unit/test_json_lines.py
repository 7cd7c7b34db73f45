"""JSON lines from kept parts: to the byte what the whole form gives."""

from __future__ import annotations

import json
import struct
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pysigsnoop import Death, Delivery, Event, json_lines
from pysigsnoop._records import (
    ACTION,
    DISPOSITION,
    END_FIELDS,
    END_FORMAT,
    NO_SEND,
    ORIGIN,
    OUTCOME,
    RECORD_TYPE,
    SEND_FIELDS,
    SEND_FORMAT,
)
from pysigsnoop.details import sides
from pysigsnoop.ends import Began
from pysigsnoop.json_lines import JsonLines
from pysigsnoop.layout import END_LAYOUT, SEND_LAYOUT, Field
from pysigsnoop.places import NOWHERE, Place

from . import records
from .records import KILL

_CODES = {"B": (0, 2**8 - 1), "i": (-(2**31), 2**31 - 1), "I": (0, 2**32 - 1), "Q": (0, 2**64 - 1)}
_TABLES = {"origin": ORIGIN, "disposition": DISPOSITION, "outcome": OUTCOME}
_TABLES |= {"action": ACTION, "no_send": NO_SEND}
_NAMES = st.one_of(
    st.sampled_from([b"bash\0", b'"\\\x1b[2J\0', b"\xff\xfe\xc5\xbc", b"\0", b"}, {\n", b"%s{0}"]),
    st.binary(max_size=16),
)
# Few of each, so that parts come again beside others.
_FEW = st.sampled_from([0, 1, 2, 9, 11])


def _value(name: str, field: Field) -> st.SearchStrategy[Any]:
    if name in _TABLES:
        return st.sampled_from(sorted(_TABLES[name].values()))
    if field.code not in _CODES:
        return _NAMES
    # A process's number is one that no process has: what /proc says of it would be told.
    if name.endswith((".pid", ".tid")):
        return st.sampled_from([0, 2**31 - 1, 2**32 - 1])
    least, most = _CODES[field.code]
    return st.one_of(_FEW, st.integers(least, most))


def _records(
    layout: dict[str, Field], names: tuple[str, ...], form: str, **fixed: Any
) -> st.SearchStrategy[bytes]:
    values = [
        st.sampled_from(fixed[name]) if name in fixed else _value(name, layout[name])
        for name in names
    ]
    return st.tuples(*values).map(lambda filled: struct.pack(form, *filled))


# A clock that was never set, too.
_WALL = st.sampled_from([0, 1, -7_000_000_000, 1_700_000_000_000_000_000])
# Beyond this the C library has no date; a machine that ran so long had none either.
_BOOT = [0, 999_999_999, 1_000_000_000, 5_000_000_123, 2**62]
_SENDS = st.builds(
    Event,
    _records(SEND_LAYOUT, SEND_FIELDS, SEND_FORMAT, type=[RECORD_TYPE["send"]], boot_ns=_BOOT)
    .filter(lambda record: record[SEND_LAYOUT["origin"].offset]),
    _WALL,
)  # fmt: skip
_ENDS = st.one_of(
    *(
        st.builds(
            kind,
            _records(END_LAYOUT, END_FIELDS, END_FORMAT, type=[number], boot_ns=_BOOT),
            _WALL,
            st.builds(Began, st.just(1_000), gaps=st.booleans()),
        )
        for kind, number in (
            (Delivery, RECORD_TYPE["delivery"]),
            (Death, RECORD_TYPE["death"]),
        )
    )
)


def plain(event: Event | Delivery | Death) -> str:
    return json.dumps(event.as_dict())


def varied(event: Event | Delivery | Death) -> list[Any]:
    """The same event, with another id and time: what is kept of one is used for the other."""
    record = bytearray(event._record)
    layout = SEND_LAYOUT if isinstance(event, Event) else END_LAYOUT
    record[8:16] = struct.pack("=Q", 12_345)
    at = layout["boot_ns"].offset
    record[at : at + 8] = struct.pack("=Q", 6_000_000_001)
    if isinstance(event, Event):
        return [event, Event(bytes(record), event._wall_offset)]
    return [event, type(event)(bytes(record), event._wall_offset, event._began)]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(_SENDS, _ENDS), min_size=1, max_size=6))
def test_a_line_is_the_whole_form_to_the_byte_whatever_came_before(found: list[Any]) -> None:
    lines = JsonLines()
    events = [each for event in found for each in varied(event)]
    # Twice: the second time all parts are there already.
    for event in [*events, *events]:
        assert lines.line(event) == plain(event)
    assert lines.lines(events) == [plain(event) for event in events]
    assert lines.lines(iter([])) == []


def test_parts_are_used_again_and_only_what_differs_is_encoded() -> None:
    lines = JsonLines()
    first, second = (records.event(KILL, id=number, boot_ns=number) for number in (1, 2))
    assert lines.line(first) == plain(first)
    encode = lines.encode
    lines.encode = None  # type: ignore[assignment]
    try:
        assert lines.line(second) == plain(second)
    finally:
        lines.encode = encode


def test_a_record_with_details_or_a_stack_is_told_in_full() -> None:
    lines = JsonLines()
    bare = records.event(KILL)
    for event in (bare, Event(bare._record, 0, sides([])), Event(bare._record, 0, stack=None)):
        assert lines.line(event) == plain(event)
    assert "cmdline" in lines.line(Event(bare._record, 0, sides([])))


@pytest.mark.parametrize("kept", ["_tails", "_sends", "_ends", "_processes"])
def test_what_is_kept_is_bounded(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "REMEMBERED", 8)
    lines = JsonLines()
    for number in range(1, 50):
        event = records.event(KILL, si_code=number, sender_host_pid=number)
        assert lines.line(event) == plain(event)
        values = {"type": RECORD_TYPE["death"], "send_id": 1, "status": number, "signo": 9}
        filled = [values.get(n, b"" if n.endswith("comm") else 0) for n in END_FIELDS]
        death = Death(struct.pack(END_FORMAT, *filled), 0, None)
        assert lines.line(death) == plain(death)
        found = getattr(lines, kept)
        assert 0 < max(map(len, found if kept == "_tails" else [found])) <= 8


def test_a_process_that_moves_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    places = [NOWHERE, Place("abc", "x.service", None)]
    until = time.monotonic() + 1000
    at = [0]
    monkeypatch.setattr("pysigsnoop.whereabouts.place_of", lambda *_: places[at[0]])
    monkeypatch.setattr(json_lines, "place_until", lambda *_: (places[at[0]], until))
    lines = JsonLines()
    event = records.event(KILL)
    assert lines.line(event) == plain(event)
    before = plain(event)
    # Moved, and what is kept still holds for a while.
    at[0] = 1
    assert lines.line(event) == before
    monkeypatch.setattr(time, "monotonic", lambda: until + 1)
    assert lines.line(event) == plain(event) != before
