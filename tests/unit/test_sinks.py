"""Lines for people and for programs."""

from __future__ import annotations

import json
import re
import struct
from typing import Any

import pytest

from pysigsnoop import Event, Lost, Stats, sinks
from pysigsnoop._records import SEND_FIELDS, SEND_FORMAT
from pysigsnoop.trace_assembly import Call

WIDEST = {
    "boot_ns": 5_000_000_123,
    "origin": 1,
    "signo": 64,
    "target_arg": -(2**31),
    "ret": -11,
    "sender.pid": 2**22,
    "sender.host_pid": 2**22,
    "sender.comm": b"123456789012345\0",
}


def event(**changed: Any) -> Event:
    values = WIDEST | {name.replace("sender_", "sender."): new for name, new in changed.items()}
    filled = [values.get(name, b"" if name.endswith("comm") else 0) for name in SEND_FIELDS]
    return Event(struct.unpack(SEND_FORMAT, struct.pack(SEND_FORMAT, *filled)), 1, 0)


def test_the_widest_line_is_below_80_columns() -> None:
    assert len(sinks.HEADER) < 80
    assert len(sinks.text_line(event())) < 80


@pytest.mark.parametrize("pid", [0, 1, 2**22])
@pytest.mark.parametrize("signo", [0, 9, 26, 33, 64, 65, -1])
@pytest.mark.parametrize("target", [0, -1, 2219, -4_194_304])
def test_values_stand_under_their_names(pid: int, signo: int, target: int) -> None:
    found = event(sender_pid=pid, signo=signo, target_arg=target, ret=-3, sender_comm=b"a b")
    line = sinks.text_line(found)
    at = {name: sinks.HEADER.index(name) for name in sinks.HEADER.split()}
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{6} ", line[: at["TIME"] + 16])
    assert line[at["TIME"] + 16 : at["COMM"]].strip() == (str(pid) if pid else "-")
    assert line[at["COMM"] : at["SIGNAL"]] == "a b" + " " * 13
    name = line[at["SIGNAL"] : at["SIGNAL"] + 12]
    assert name.strip() == (found.signal.name or str(signo))
    assert line[at["SIGNAL"] + 12 : at["RESULT"]].strip() == str(target)
    assert line[at["RESULT"] :] == "ESRCH"
    # Right-aligned columns end where their names do.
    assert sinks.HEADER[: at["COMM"] - 1].endswith("PID")
    assert not line[at["COMM"] - 2].isspace()
    assert not line[at["RESULT"] - 2].isspace()


def test_a_success_shows_what_the_call_returned() -> None:
    assert sinks.text_line(event(ret=0)).endswith(" 0")


HOSTILE = [b"\x1b[2J\n\xff\r", "\u202eabc".encode(), b"\x85\\", b'"}\n{"']


@pytest.mark.parametrize("comm", HOSTILE)
def test_a_hostile_name_stays_on_its_line_and_prints(comm: bytes) -> None:
    assert sinks.text_line(event(sender_comm=comm)).isprintable()
    assert sinks.original_line(Call(1, comm, 9, 2, 0)).isprintable()


@pytest.mark.parametrize("comm", HOSTILE)
def test_json_is_one_valid_ascii_line_whatever_the_name(comm: bytes) -> None:
    found = event(sender_comm=comm)
    line = sinks.json_line()(found)
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
            Stats(1, lost=Lost(1, 2, 4, 8)),
            False,
            "1 received, 15 lost (ring full 1, table full 2, skipped 4, unread 8)",
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
