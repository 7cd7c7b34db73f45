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
from collections.abc import Iterable
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


class _EndTail(NamedTuple):
    """The text from the time to the delay, all behind that, and until when it holds."""

    signal: str
    rest: str
    until: float


class JsonLines:
    """Writes lines. For one thread."""

    def __init__(self) -> None:
        self.encode = json.JSONEncoder(separators=(", ", ": ")).encode
        #: By origin, then by all of the record that is not written anew.
        self._tails: list[dict[bytes, tuple[str, float]]] = [{} for _ in range(_ORIGINS)]
        self._sends: dict[bytes, _SendParts] = {}
        #: The same of deliveries and of deaths, by what comes before the numbers and behind them.
        self._ends: dict[tuple[bytes, bytes], _EndTail] = {}
        #: With each when it may no longer hold: a process can be moved to another container.
        self._processes: dict[bytes, tuple[str, float]] = {}
        #: The second of the last event: its ns since 1970, and its text.
        self._second_ns, self._clock = -_NS, ""

    def line(self, event: Event | Delivery | Death) -> str:
        """The event's JSON form; what `json.dumps(event.as_dict())` gives, to the byte."""
        return self.lines([event])[0]

    def lines(self, events: Iterable[Event | Delivery | Death]) -> list[str]:
        """The same of many, which belong together: what is kept is looked at as of one moment."""
        now = time.monotonic()
        send, end = self._send, self._end
        # The bodies tell them apart by nothing else.
        return [
            send(event, now) if type(event) is Event else end(event, now)  # type: ignore[arg-type]
            for event in events
        ]

    def _send(self, event: Event, now: float) -> str:
        if event._details is not None or event._stack is not ...:
            return self.encode(event.as_dict())
        record = event._record
        kept = self._tails[record[_ORIGIN]]
        key = record[_FACTS:_SEND_END]
        tail = kept.get(key)
        if tail is None or tail[1] < now:
            tail = self._tail(event)
            if tail is None:
                return self.encode(event.as_dict())
            if len(kept) >= REMEMBERED:
                kept.clear()
            kept[key] = tail
        number, call, boot_ns = _SEND_NUMBERS(record, _SEND_AT)
        ns = boot_ns + event._wall_offset - self._second_ns
        if not 0 <= ns < _NS:
            ns = self._tick(boot_ns + event._wall_offset)
        # By str() and joining, which takes half the time of formatting by % or to a width.
        text = str(number)
        call_text = "null" if not call else text if call == number else call
        return (
            f'{{"type": "send", "id": {text}, "call_id": {call_text!s}, '
            f'"time": "{self._clock}.{str(ns).zfill(9)}Z", "boot_ns": {boot_ns!s}, {tail[0]}'
        )

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

    def _end(self, event: Delivery | Death, now: float) -> str:
        record = event._record
        key = record[:_END_AT], record[_STATUS:_END_END]
        tail = self._ends.get(key)
        if tail is None or tail[2] < now:
            tail = self._end_tail(event)
            # Without a send, what is told depends on more than the record.
            if tail is None:
                return self.encode(event.as_dict())
            if len(self._ends) >= REMEMBERED:
                self._ends.clear()
            self._ends[key] = tail
        send_id, boot_ns, delay_ns = _END_NUMBERS(record, _END_AT)
        if not send_id:
            return self.encode(event.as_dict())
        ns = boot_ns + event._wall_offset - self._second_ns
        if not 0 <= ns < _NS:
            ns = self._tick(boot_ns + event._wall_offset)
        return (
            f'{{"type": "{event.type}", "send_id": {send_id!s}, "no_send": null, '
            f'"time": "{self._clock}.{str(ns).zfill(9)}Z", "boot_ns": {boot_ns!s}, '
            f'{tail[0]}, "delay_ns": {delay_ns!s}, {tail[1]}'
        )

    def _tick(self, time_ns: int) -> int:
        """Another second: returns the ns in it."""
        self._clock = rfc3339(time_ns).partition(".")[0]
        ns = time_ns % _NS
        self._second_ns = time_ns - ns
        return ns

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

    def _end_tail(self, event: Delivery | Death) -> _EndTail | None:
        if event._get("no_send") != _SENT or event.send_id is None:
            return None
        form = event.as_dict()
        names = [*form]
        boot, delay, target = map(names.index, ("boot_ns", "delay_ns", "target"))
        signal = self._part(form, names[boot + 1 : delay])
        rest = self._part(form, names[delay + 1 : target])
        text, until = self._process(event._record[_END_TARGET:_END_END])
        return _EndTail(signal, f'{rest}, "target": {text}}}', until)

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
