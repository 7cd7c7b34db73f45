"""Events, decoded from records as the kernel program packs them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from pysigsnoop import Event
from pysigsnoop._records import DISPOSITION, ORIGIN, OUTCOME, RESULT
from pysigsnoop.clock import wall_offset

from . import records
from .records import KILL, known


def event(wall: int = 0, **changed: Any) -> Event:
    return records.event(KILL, wall, **changed)


def test_the_json_form_has_the_agreed_keys_in_order() -> None:
    found = event(wall=1_700_000_000_000_000_000).as_dict()
    assert found == {
        "type": "send",
        "id": 77,
        "call_id": 77,
        "time": "2023-11-14T22:13:25.000000123Z",
        "boot_ns": 5_000_000_123,
        "origin": "kill",
        "signal": "SIGKILL",
        "signo": 9,
        "si_code": "SI_USER",
        "sender": {
            "pid": 12,
            "tid": 13,
            "host_pid": 5978,
            "host_tid": 5979,
            "ns_pid": 1,
            "comm": "bash",
            "uid": 1000,
            "parent": {"pid": 11, "host_pid": 5977, "comm": "sshd"},
            "start_ns": 4_000_000_000,
            "cgroup_id": 2**40,
            "container": None,
            "unit": None,
            "pod": None,
        },
        "target_arg": 2219,
        "tgid_arg": None,
        "flags": None,
        "value": None,
        "address": None,
        "target": {
            "pid": 2219,
            "tid": 2220,
            "host_pid": 3219,
            "host_tid": 3220,
            "ns_pid": 2,
            "comm": "sleep",
            "uid": 1001,
            "parent": {"pid": None, "host_pid": 1, "comm": "init"},
            "start_ns": 4_500_000_000,
            "cgroup_id": 2**41,
            "container": None,
            "unit": None,
            "pod": None,
        },
        "ret": 0,
        "error": None,
        "recipients": 1,
        "result": "queued",
        "disposition": "default",
        "blocked": False,
        "fatal": True,
        "outcome": "pending",
        "oom": None,
    }
    assert list(found) == [
        *("type", "id", "call_id", "time", "boot_ns", "origin", "signal", "signo", "si_code"),
        *("sender", "target_arg", "tgid_arg", "flags", "value", "address", "target"),
        *("ret", "error", "recipients", "result", "disposition", "blocked", "fatal"),
        *("outcome", "oom"),
    ]
    assert (
        list(found["sender"])
        == list(found["target"])
        == [
            *("pid", "tid", "host_pid", "host_tid", "ns_pid", "comm", "uid", "parent"),
            *("start_ns", "cgroup_id", "container", "unit", "pod"),
        ]
    )
    assert type(found["signo"]) is int


def test_what_a_record_does_not_know_is_none() -> None:
    # With every field full of something, so that only `known` can make it None.
    full = {"tgid_arg": 5, "flags": 4, "value": 6, "result": 1, "disposition": 1, "blocked": 1}
    found = event(known=0, outcome=OUTCOME["none"], **full).as_dict()
    unknown = {name for name, value in found.items() if value is None}
    assert unknown == {
        *("si_code", "sender", "target", "target_arg", "tgid_arg", "flags", "value", "address"),
        *("ret", "error", "recipients", "result", "disposition", "blocked", "fatal"),
        *("outcome", "oom"),
    }


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("sender", {"sender"}),
        ("target", {"target"}),
        ("argument", {"target_arg"}),
        ("tgid", {"tgid_arg"}),
        ("flags", {"flags"}),
        ("ret", {"ret", "error"}),
        ("code", {"si_code"}),
        ("value", {"value"}),
        ("address", {"address"}),
        ("generated", {"result", "disposition", "fatal"}),
        ("blocked", {"blocked"}),
        ("recipients", {"recipients"}),
    ],
)
def test_each_bit_of_known_shows_what_it_stands_for_and_no_more(what: str, shown: set[str]) -> None:
    nothing = event(known=0, ret=-3).as_dict()
    found = event(known=known(what), ret=-3).as_dict()
    assert {name for name in found if found[name] != nothing[name]} == shown


@pytest.mark.parametrize("number", [0, 1, 2**63, 2**64 - 1])
def test_values_and_addresses_are_ints_and_in_json_hex(number: int) -> None:
    value, address = (event(known=known(what), value=number) for what in ("value", "address"))
    assert (value.value, value.address) == (number, None)
    assert (address.value, address.address) == (None, number)
    assert value.as_dict()["value"] == address.as_dict()["address"] == hex(number)


@pytest.mark.parametrize(("name", "number"), ORIGIN.items())
def test_every_origin_has_its_name(name: str, number: int) -> None:
    assert event(origin=number).origin == name


def test_results_and_dispositions_have_their_names() -> None:
    for name, number in RESULT.items():
        assert event(result=number).result == name
    for name, number in DISPOSITION.items():
        assert event(disposition=number).disposition == name
    assert list(RESULT) == ["queued", "ignored", "already_pending", "overflow", "lost_info"]
    assert list(DISPOSITION) == ["default", "ignored", "handler"]
    # A kernel to come may have more.
    assert event(result=9).result == "9"


def test_outcomes_have_their_names() -> None:
    for name, number in OUTCOME.items():
        assert event(outcome=number).outcome == (name if number else None)
    assert list(OUTCOME)[1:] == [
        *("pending", "delivered", "stopped", "continued", "died", "discarded", "unknown")
    ]


@pytest.mark.parametrize(
    ("origin", "many", "complete"),
    [("kill", 0, True), ("kill", 1, False), ("fault", 0, False), ("pidfd_send_signal", 0, True)],
)
def test_one_event_completes_a_call_unless_it_is_one_of_many_or_the_kernels(
    origin: str, many: int, complete: bool
) -> None:
    assert event(origin=ORIGIN[origin], many=many).completes_call is complete


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
    sender = "<Process 12 'bash'>"
    assert repr(event()) == f"<Event kill SIGKILL {sender} -> <Process 2219 'sleep'>: queued>"
    failed = event(ret=-3, known=known("sender", "argument", "ret"))
    assert repr(failed) == f"<Event kill SIGKILL {sender} -> 2219: ESRCH>"
    fault = event(origin=ORIGIN["fault"], signo=11, known=known("target", "generated"))
    assert repr(fault) == "<Event fault SIGSEGV None -> <Process 2219 'sleep'>: queued>"
    assert "Event kill 65 " in repr(event(signo=65))
