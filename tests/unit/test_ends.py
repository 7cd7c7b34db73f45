"""Deliveries and deaths, decoded from records as the kernel programs pack them."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from pysigsnoop import Death, Delivery
from pysigsnoop._records import ACTION, END_FIELDS, END_FORMAT, NO_SEND, RECORD_TYPE
from pysigsnoop.ends import Began

LOSSLESS = Began(1_000, gaps=False)


def record(**changed: Any) -> bytes:
    values: dict[str, Any] = {
        "type": RECORD_TYPE["death"],
        "signo": 9,
        "send_id": 77,
        "boot_ns": 5_000_000_123,
        "delay_ns": 40_000,
        "status": 9,
        "action": ACTION["killed"],
        "target.pid": 2219,
        "target.host_pid": 3219,
        "target.start_ns": 900,
        "target.comm": b"sleep",
    }
    values |= {name.replace("start_ns", "target.start_ns"): new for name, new in changed.items()}
    filled = [values.get(name, b"" if name.endswith("comm") else 0) for name in END_FIELDS]
    return struct.pack(END_FORMAT, *filled)


def death(began: Began = LOSSLESS, **changed: Any) -> Death:
    return Death(record(**changed), 1_700_000_000_000_000_000, began)


def test_the_json_form_has_the_agreed_keys_in_order() -> None:
    found = death().as_dict()
    target = found.pop("target")
    assert found == {
        "type": "death",
        "send_id": 77,
        "no_send": None,
        "parent_send_id": None,
        "time": "2023-11-14T22:13:25.000000123Z",
        "boot_ns": 5_000_000_123,
        "signal": "SIGKILL",
        "signo": 9,
        "delay_ns": 40_000,
        "action": "killed",
        "status": None,
        "core": False,
    }
    assert (target["pid"], target["host_pid"], target["comm"]) == (2219, 3219, "sleep")
    delivery = Delivery(record(action=ACTION["handler"]), 0, LOSSLESS).as_dict()
    assert list(delivery) == [name for name in [*found, "target"] if name not in ("status", "core")]
    assert (delivery["type"], delivery["action"]) == ("delivery", "handler")
    assert json.dumps(delivery)


@pytest.mark.parametrize("status", [0, 1, 127, 255])
def test_who_exits_has_a_status_and_no_signal(status: int) -> None:
    found = death(
        signo=0,
        send_id=0,
        status=status << 8,
        action=ACTION["exited"],
        no_send=NO_SEND["none"],
    )
    assert (found.status, found.signal, found.core) == (status, None, None)
    assert (found.send_id, found.no_send, found.delay_ns) == (None, "none", None)
    assert found.as_dict()["signo"] is None


@pytest.mark.parametrize(("status", "core"), [(11, False), (11 | 0x80, True)])
def test_a_core_dump_is_told(status: int, core: bool) -> None:
    assert death(signo=11, status=status).core is core


@pytest.mark.parametrize(
    ("gaps", "start_ns", "why"),
    [
        (False, 900, "before"),
        (False, 1001, "lost"),
        (True, 900, "unknown"),
        (True, 1001, "unknown"),
    ],
)
def test_why_a_send_was_not_seen(gaps: bool, start_ns: int, why: str) -> None:
    began = Began(1_000, gaps)
    found = death(began, send_id=0, no_send=NO_SEND["unseen"], start_ns=start_ns)
    assert (found.send_id, found.no_send) == (None, why)


@pytest.mark.parametrize("why", sorted({*NO_SEND} - {"sent", "unseen"}))
def test_what_the_kernel_knows_of_it_stands(why: str) -> None:
    assert death(send_id=0, no_send=NO_SEND[why]).no_send == why


def test_of_what_was_sent_to_its_parent_the_send_is_no_send_of_its_own() -> None:
    found = death(no_send=NO_SEND["parent"])
    assert (found.send_id, found.parent_send_id, found.no_send) == (None, 77, "parent")
    assert found.delay_ns == found.as_dict()["delay_ns"] == 40_000
    # Where that was left out.
    found = death(no_send=NO_SEND["parent"], send_id=0)
    assert (found.parent_send_id, found.delay_ns) == (None, None)


def test_repr_says_how_it_ended() -> None:
    assert repr(death()) == "<Death of <Process 2219 'sleep'>: died of SIGKILL (77)>"
    delivery = Delivery(record(action=ACTION["stop"], signo=19), 0, LOSSLESS)
    assert repr(delivery) == "<Delivery of SIGSTOP (77) to <Process 2219 'sleep'>: stop>"
