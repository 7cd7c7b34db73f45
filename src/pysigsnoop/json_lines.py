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

from ._records import NO_SEND, ORIGIN, PROCESS_FORMAT
from .event import Event, Process
from .layout import END_LAYOUT, SEND_LAYOUT, SEND_SIZE
from .library import ffi, lib
from .whereabouts import place_until

if TYPE_CHECKING:
    from .ends import Death, Delivery

#: So many parts of a kind are kept; then all are forgotten, and those in use come back at once.
REMEMBERED = 1024

_FOREVER = float("inf")
_ORIGINS = max(ORIGIN.values()) + 1
# Of a send: where what is written anew begins, and what lies between that and the ends.
_SEND_AT = SEND_LAYOUT["id"].offset
_ORIGIN = SEND_LAYOUT["origin"].offset
_FACTS, _SENDER = SEND_LAYOUT["value"].offset, SEND_LAYOUT["sender.pid"].offset
_TARGET, _SEND_END = SEND_LAYOUT["target.pid"].offset, SEND_SIZE
# The same of a delivery or a death.
_END_AT = END_LAYOUT["send_id"].offset
_STATUS, _END_TARGET = END_LAYOUT["status"].offset, END_LAYOUT["target.pid"].offset
_END_END = _END_TARGET + struct.calcsize(PROCESS_FORMAT)
_SENT = NO_SEND["sent"]


class _SendParts(NamedTuple):
    """The text before, between and behind the two ends, and whether there are any."""

    before: str
    has_sender: bool
    between: str
    has_target: bool
    behind: str


class _EndRest(NamedTuple):
    """The text before the numbers, up to the delay and behind it, and until when it holds."""

    before: str
    signal: str
    behind: str
    until: float


class JsonLines:
    """Writes lines. For one thread."""

    def __init__(self) -> None:
        self.encode = json.JSONEncoder(separators=(", ", ": ")).encode
        #: By origin, then by all of the record that is not written anew.
        self._tails: list[dict[bytes, tuple[str, float]]] = [{} for _ in range(_ORIGINS)]
        self._sends: dict[bytes, _SendParts] = {}
        #: The same of deliveries and of deaths, by what comes before the numbers and behind them.
        self._ends: dict[tuple[bytes, bytes], _EndRest] = {}
        #: With each when it may no longer hold: a process can be moved to another container.
        self._processes: dict[bytes, tuple[str, float]] = {}
        #: Where the numbers of so many events are written.
        self._room = 0
        self._text: Any = None
        self._text_ends: Any = None

    def line(self, event: Event | Delivery | Death) -> str:
        """The event's JSON form; what `json.dumps(event.as_dict())` gives, to the byte."""
        return self.lines([event])[0]

    def lines(self, events: Iterable[Event | Delivery | Death]) -> list[str]:
        """The same of many, which belong together: what is kept is looked at as of one moment."""
        events = [*events]
        offsets = {event._wall_offset for event in events}
        if len(offsets) != 1:
            return [self.line(event) for event in events]
        now = time.monotonic()
        text, ends = self._numbers([event._record for event in events], offsets.pop())
        each = iter(ends)
        tails, rests, encode = self._tails, self._ends, self.encode
        written = []
        end = 0
        for event, middle, after in zip(events, each, each, strict=True):
            begin, end = end, after
            record = event._record
            # The bodies tell them apart by nothing else.
            if type(event) is not Event:
                key = record[:_END_AT], record[_STATUS:_END_END]
                rest = rests.get(key)
                if rest is None or rest[3] < now:
                    rest = self._rest(key, event)  # type: ignore[arg-type]
                line = rest and (
                    f"{rest[0]}{text[begin:middle]}{rest[1]}{text[middle:end]}{rest[2]}"
                )
            elif event._details is not None or event._stack is not ...:
                line = None
            else:
                facts = record[_FACTS:_SEND_END]
                tail = tails[record[_ORIGIN]].get(facts)
                if tail is None or tail[1] < now:
                    tail = self._tail(facts, event)
                line = tail and f'{{"type": "send", "id": {text[begin:end]}{tail[0]}'
            written.append(line or encode(event.as_dict()))
        return written

    def _numbers(self, records: list[bytes], wall_offset: int) -> tuple[str, list[int]]:
        """What no two events share, as text, and where each event's two parts of it end."""
        count = len(records)
        if count > self._room:
            self._room = count
            self._text = ffi.new("char[]", count * lib.NUMBERS_ROOM)
            self._text_ends = ffi.new("unsigned int[]", count * 2)
        slots = b"".join(records)
        # A batch has them at their full length.
        if len(slots) != count * SEND_SIZE:
            slots = b"".join(record.ljust(SEND_SIZE, b"\0") for record in records)
        length = lib.write_numbers(slots, count, wall_offset, self._text, self._text_ends)
        text = str(ffi.buffer(self._text, length), "ascii")
        return text, ffi.unpack(self._text_ends, count * 2)

    def _tail(self, facts: bytes, event: Event) -> tuple[str, float] | None:
        """All that follows a send's numbers, and until when it holds; None where it depends on
        more than the record."""
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
        kept = self._tails[record[_ORIGIN]]
        if len(kept) >= REMEMBERED:
            kept.clear()
        kept[facts] = text, min(sender[1], target[1])
        return kept[facts]

    def _rest(self, key: tuple[bytes, bytes], event: Delivery | Death) -> _EndRest | None:
        """All but an end's numbers; None where it depends on more than the record."""
        if event._get("no_send") != _SENT or event.send_id is None:
            return None
        form = event.as_dict()
        names = [*form]
        boot, delay, target = map(names.index, ("boot_ns", "delay_ns", "target"))
        signal = self._part(form, names[boot + 1 : delay])
        rest = self._part(form, names[delay + 1 : target])
        text, until = self._process(event._record[_END_TARGET:_END_END])
        before = f'{{"type": "{event.type}", "send_id": '
        if len(self._ends) >= REMEMBERED:
            self._ends.clear()
        self._ends[key] = _EndRest(before, signal, f'{rest}, "target": {text}}}', until)
        return self._ends[key]

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
