"""Events as JSON, one object a line, put together from parts that were encoded before.

Most of an event says what the last one said: the same ends, the same call, the
same answer. So the text of those parts is kept by the bytes of the record that
they come from, and only numbers and time are written anew. What the text of a
part is, `as_dict` and `json` alone say: it is cut from theirs.
"""

from __future__ import annotations

import json
import struct
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ._records import NO_SEND, ORIGIN, PROCESS_FORMAT, SEND_FIELDS, SEND_FORMAT
from .clock import rfc3339
from .event import Event, Process
from .layout import END_LAYOUT, SEND_LAYOUT
from .whereabouts import place_until

if TYPE_CHECKING:
    from .ends import Death, Delivery

#: So many parts of a kind are kept; then all are forgotten, and those in use come back at once.
REMEMBERED = 1024

_NS = 1_000_000_000
_FOREVER = float("inf")
_ORIGINS = max(ORIGIN.values()) + 1
_SEND = '{"type": "send", "id": %d, "call_id": %s, "time": "%s.%09dZ", "boot_ns": %d, %s'
_END = (
    '{%s, "send_id": %d, "no_send": null, "time": "%s.%09dZ", "boot_ns": %d, '
    '%s, "delay_ns": %d, %s, "target": %s}'
)
# Of a send: what is written anew, and what lies between that and the ends.
_SEND_NUMBERS = struct.Struct("=QQQ").unpack_from
_SEND_AT = SEND_LAYOUT["id"].offset
_ORIGIN = SEND_LAYOUT["origin"].offset
_FACTS, _SENDER = SEND_LAYOUT["value"].offset, SEND_LAYOUT["sender.pid"].offset
_TARGET, _SEND_END = SEND_LAYOUT["target.pid"].offset, struct.calcsize(SEND_FORMAT)
# The same of a delivery or a death.
_END_NUMBERS = struct.Struct("=QQQ").unpack_from
_END_AT = END_LAYOUT["send_id"].offset
_STATUS, _END_TARGET = END_LAYOUT["status"].offset, END_LAYOUT["target.pid"].offset
_END_END = _END_TARGET + struct.calcsize(PROCESS_FORMAT)
_SENT = NO_SEND["sent"]

# The order in which the numbers are read.
assert SEND_FIELDS[2:5] == ("id", "call_id", "boot_ns")
assert [*END_LAYOUT][2:5] == ["send_id", "boot_ns", "delay_ns"]


class _SendParts(NamedTuple):
    """The text before, between and behind the two ends, and whether there are any."""

    before: str
    has_sender: bool
    between: str
    has_target: bool
    behind: str


class _EndParts(NamedTuple):
    """The text before the time, before the delay, and from there to the target."""

    kind: str
    signal: str
    action: str


class JsonLines:
    """Writes lines. For one thread."""

    def __init__(self) -> None:
        self.encode = json.JSONEncoder(separators=(", ", ": ")).encode
        #: By origin, then by all of the record that is not written anew.
        self._tails: list[dict[bytes, tuple[str, float]]] = [{} for _ in range(_ORIGINS)]
        self._sends: dict[bytes, _SendParts] = {}
        self._ends: dict[bytes, _EndParts] = {}
        #: With each when it may no longer hold: a process can be moved to another container.
        self._processes: dict[bytes, tuple[str, float]] = {}
        self._second = -1
        self._clock = ""

    def line(self, event: Event | Delivery | Death) -> str:
        """The event's JSON form; what `json.dumps(event.as_dict())` gives, to the byte."""
        if type(event) is not Event:
            return self._end(event)  # type: ignore[arg-type]
        if event._details is not None or event._stack is not ...:
            return self.encode(event.as_dict())
        record = event._record
        kept = self._tails[record[_ORIGIN]]
        key = record[_FACTS:_SEND_END]
        tail = kept.get(key)
        if tail is None or tail[1] < time.monotonic():
            tail = self._tail(event)
            if tail is None:
                return self.encode(event.as_dict())
            if len(kept) >= REMEMBERED:
                kept.clear()
            kept[key] = tail
        number, call, boot_ns = _SEND_NUMBERS(record, _SEND_AT)
        second, ns = divmod(boot_ns + event._wall_offset, _NS)
        if second != self._second:
            self._tick(second)
        # Not an f-string: with numbers in it that takes more than twice as long.
        return _SEND % (number, call or "null", self._clock, ns, boot_ns, tail[0])

    def _tail(self, event: Event) -> tuple[str, float] | None:
        """All that follows the numbers, and when it is to be made anew."""
        record = event._record
        key = record[_ORIGIN:_SEND_AT] + record[_FACTS:_SENDER]
        parts = self._sends.get(key) or self._send_parts(key, event)
        if parts is None:
            return None
        sender = target = "null", _FOREVER
        if parts.has_sender:
            sender = self._process(record[_SENDER:_TARGET])
        if parts.has_target:
            target = self._process(record[_TARGET:_SEND_END])
        text = f"{parts.before}{sender[0]}{parts.between}{target[0]}{parts.behind}"
        return text, min(sender[1], target[1])

    def _end(self, event: Delivery | Death) -> str:
        record = event._record
        send_id, boot_ns, delay_ns = _END_NUMBERS(record, _END_AT)
        key = record[:_END_AT] + record[_STATUS:_END_TARGET]
        parts = self._ends.get(key) or self._end_parts(key, event)
        # Without a send, what is told depends on more than the record.
        if parts is None or not send_id:
            return self.encode(event.as_dict())
        kind, signal, action = parts
        second, ns = divmod(boot_ns + event._wall_offset, _NS)
        if second != self._second:
            self._tick(second)
        target, _ = self._process(record[_END_TARGET:_END_END])
        return _END % (kind, send_id, self._clock, ns, boot_ns, signal, delay_ns, action, target)

    def _tick(self, second: int) -> None:
        self._clock = rfc3339(second * _NS).partition(".")[0]
        self._second = second

    def _part(self, form: dict[str, Any], names: list[str]) -> str:
        """Some keys as they stand in the whole, without braces."""
        return self.encode({name: form[name] for name in names})[1:-1]

    def _send_parts(self, key: bytes, event: Event) -> _SendParts | None:
        form = event.as_dict()
        # There the sender's place holds someone else, and the rest says what no key holds.
        if form["oom"] is not None:
            return None
        names = [*form]
        boot, sender, target = map(names.index, ("boot_ns", "sender", "target"))
        parts = _SendParts(
            f'{self._part(form, names[boot + 1 : sender])}, "sender": ',
            form["sender"] is not None,
            f', {self._part(form, names[sender + 1 : target])}, "target": ',
            form["target"] is not None,
            f", {self._part(form, names[target + 1 :])}}}",
        )
        if len(self._sends) >= REMEMBERED:
            self._sends.clear()
        self._sends[key] = parts
        return parts

    def _end_parts(self, key: bytes, event: Delivery | Death) -> _EndParts | None:
        if event._get("no_send") != _SENT or event.send_id is None:
            return None
        form = event.as_dict()
        names = [*form]
        boot, delay, target = map(names.index, ("boot_ns", "delay_ns", "target"))
        parts = _EndParts(
            self._part(form, ["type"]),
            self._part(form, names[boot + 1 : delay]),
            self._part(form, names[delay + 1 : target]),
        )
        if len(self._ends) >= REMEMBERED:
            self._ends.clear()
        self._ends[key] = parts
        return parts

    def _process(self, record: bytes) -> tuple[str, float]:
        """The text of an end, and when it is to be made anew."""
        found = self._processes.get(record)
        if found is not None and found[1] >= time.monotonic():
            return found
        process = Process(record, 0)
        until = place_until(process.cgroup_id, process.pid, process.start_ns)[1]
        found = self.encode(process.as_dict()), until
        if len(self._processes) >= REMEMBERED:
            self._processes.clear()
        self._processes[record] = found
        return found
