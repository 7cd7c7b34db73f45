"""Events, decoded from records as the kernel program packs them."""

from __future__ import annotations

import json
import struct
from datetime import datetime, timezone
from typing import Any

import pytest

from pysigsnoop import Event
from pysigsnoop._records import ORIGIN, RECORD_TYPE, SEND_FIELDS, SEND_FORMAT
from pysigsnoop.event import wall_offset

VALUES = {
    "type": RECORD_TYPE["send"],
    "origin": ORIGIN["kill"],
    "boot_ns": 5_000_000_123,
    "signo": 9,
    "target_arg": 2219,
    "ret": 0,
    "sender.pid": 12,
    "sender.tid": 13,
    "sender.host_pid": 5978,
    "sender.host_tid": 5979,
    "sender.uid": 1000,
    "sender.comm": b"bash".ljust(16, b"\0"),
}


def event(wall: int = 0, **changed: Any) -> Event:
    values = VALUES | {name.replace("sender_", "sender."): new for name, new in changed.items()}
    packed = struct.pack(SEND_FORMAT, *(values[name] for name in SEND_FIELDS))
    return Event(struct.unpack(SEND_FORMAT, packed), 77, wall)


def test_the_json_form_has_the_agreed_keys_in_order() -> None:
    found = event(wall=1_700_000_000_000_000_000).as_dict()
    assert found == {
        "type": "send",
        "id": 77,
        "time": "2023-11-14T22:13:25.000000123Z",
        "boot_ns": 5_000_000_123,
        "origin": "kill",
        "signal": "SIGKILL",
        "signo": 9,
        "sender": {
            "pid": 12,
            "tid": 13,
            "host_pid": 5978,
            "host_tid": 5979,
            "comm": "bash",
            "uid": 1000,
        },
        "target_arg": 2219,
        "ret": 0,
        "error": None,
    }
    assert list(found) == [
        *("type", "id", "time", "boot_ns", "origin", "signal", "signo", "sender"),
        *("target_arg", "ret", "error"),
    ]
    assert list(found["sender"]) == ["pid", "tid", "host_pid", "host_tid", "comm", "uid"]
    assert type(found["signo"]) is int


@pytest.mark.parametrize("ns", [0, 1, 999_999_999, 1_000_000_000, 1_767_225_599_999_999_999])
def test_time_is_rfc_3339_in_utc_to_the_nanosecond(ns: int) -> None:
    found = event(boot_ns=ns)
    assert found.time_ns == ns
    seconds, dot, fraction = found.time.removesuffix("Z").partition(".")
    assert dot
    assert found.time.endswith("Z")
    moment = datetime.fromisoformat(seconds).replace(tzinfo=timezone.utc)
    assert int(moment.timestamp()) * 10**9 + int(fraction) == ns
    assert len(fraction) == 9


def test_boot_time_and_wall_clock_differ_by_the_offset() -> None:
    found = event(wall=wall_offset())
    assert found.time_ns - found.boot_ns == found.time_ns - 5_000_000_123
    assert found.time_ns > 1_600_000_000 * 10**9


@pytest.mark.parametrize(
    ("ret", "error"),
    [(0, None), (-1, "EPERM"), (-3, "ESRCH"), (-22, "EINVAL"), (-9999, "9999"), (5, None)],
)
def test_an_answer_below_zero_is_an_errno_by_name(ret: int, error: str | None) -> None:
    assert event(ret=ret).ret == ret
    assert event(ret=ret).error == error


def test_a_sender_outside_the_tracers_namespace_has_no_pid_there() -> None:
    sender = event(sender_pid=0, sender_tid=0).sender
    assert (sender.pid, sender.tid) == (None, None)
    assert (sender.host_pid, sender.host_tid) == (5978, 5979)
    assert repr(sender) == "<Process 5978 'bash'>"


@pytest.mark.parametrize("signo", [-1, 65, 2**31 - 1])
def test_an_invalid_signal_keeps_its_number_and_has_no_name(signo: int) -> None:
    found = event(signo=signo).as_dict()
    assert found["signal"] is None
    assert found["signo"] == signo


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a\nb\x1b", "a\nb\x1b"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"123456789012345\0", "123456789012345"),
        (b"ab\0leftover", "ab"),
        (b"", ""),
    ],
)
def test_a_name_is_there_as_text_and_as_bytes(raw: bytes, text: str) -> None:
    found = event(sender_comm=raw.ljust(16, b"\0"))
    assert found.sender.comm_bytes == raw.split(b"\0")[0]
    assert found.sender.comm == text
    assert json.loads(json.dumps(found.as_dict()))["sender"]["comm"] == text


def test_repr_says_who_sent_what_to_whom() -> None:
    assert repr(event(ret=-3)) == "<Event kill SIGKILL <Process 12 'bash'> -> 2219: -3>"
    assert "Event kill 65 " in repr(event(signo=65))
