"""Records as the kernel program packs them, and the events that they make."""

from __future__ import annotations

import struct
from typing import Any

from pysigsnoop import Event
from pysigsnoop._records import (
    ACTION,
    END_FIELDS,
    END_FORMAT,
    KNOWN,
    NO_SEND,
    ORIGIN,
    OUTCOME,
    RECORD_TYPE,
    SEND_FIELDS,
    SEND_FORMAT,
)
from pysigsnoop.ends import Began, Death, Delivery

#: Everything that a record can say at once; each test takes away what its case lacks.
EVERYTHING = sum(KNOWN.values())


def event(values: dict[str, Any], wall: int = 0, **changed: Any) -> Event:
    """The event of a record; `sender_pid=` sets `sender.pid`, and what is not named is 0."""
    changed = {
        name.replace("sender_", "sender.").replace("target_", "target.", name != "target_arg"): new
        for name, new in changed.items()
    }
    values = values | changed
    assert values.keys() <= {*SEND_FIELDS}
    filled = [values.get(name, b"" if name.endswith("comm") else 0) for name in SEND_FIELDS]
    return Event(struct.pack(SEND_FORMAT, *filled), wall)


def known(*names: str) -> int:
    """The bits of a record's `known`."""
    return sum(KNOWN[name] for name in names)


#: A kill that reached its target, complete.
KILL = {
    "type": RECORD_TYPE["send"],
    "origin": ORIGIN["kill"],
    "id": 77,
    "call_id": 77,
    "boot_ns": 5_000_000_123,
    "signo": 9,
    "target_arg": 2219,
    "recipients": 1,
    "known": known(
        *("sender", "target", "argument", "ret", "code", "generated", "blocked", "recipients")
    ),
    "fatal": 1,
    "outcome": OUTCOME["pending"],
    "sender.pid": 12,
    "sender.tid": 13,
    "sender.host_pid": 5978,
    "sender.host_tid": 5979,
    "sender.ns_pid": 1,
    "sender.uid": 1000,
    "sender.parent_pid": 11,
    "sender.parent_host_pid": 5977,
    "sender.start_ns": 4_000_000_000,
    # Ids that no machine has handed out.
    "sender.cgroup_id": 2**40,
    "sender.comm": b"bash".ljust(16, b"\0"),
    "sender.parent_comm": b"sshd",
    "target.pid": 2219,
    "target.tid": 2220,
    "target.host_pid": 3219,
    "target.host_tid": 3220,
    "target.ns_pid": 2,
    "target.uid": 1001,
    "target.parent_host_pid": 1,
    "target.start_ns": 4_500_000_000,
    "target.cgroup_id": 2**41,
    "target.comm": b"sleep",
    "target.parent_comm": b"init",
}


def end(kind: str, action: str, wall: int = 0, **changed: Any) -> Delivery | Death:
    """The `delivery` or `death` that KILL's target met, of the send with KILL's id."""
    values = {name: value for name, value in KILL.items() if name.startswith("target.")}
    values |= {"signo": 9, "send_id": 77, "boot_ns": 5_000_136_123, "delay_ns": 136_000}
    values |= {"type": RECORD_TYPE[kind], "action": ACTION[action]}
    values |= {name.replace("target_", "target."): new for name, new in changed.items()}
    if "no_send" in changed:
        values |= {"send_id": 0, "delay_ns": 0, "no_send": NO_SEND[changed["no_send"]]}
    assert values.keys() <= {*END_FIELDS}
    filled = [values.get(name, b"" if name.endswith("comm") else 0) for name in END_FIELDS]
    made = Delivery if kind == "delivery" else Death
    return made(struct.pack(END_FORMAT, *filled), wall, Began(0, gaps=False))
