"""`-o FIELD,FIELD`: chosen keys of the JSON form as columns for people, or as smaller objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .fields import value_of
from .terminal import padded, width_of
from .text import printable, quoted

if TYPE_CHECKING:
    from .clock_text import Clock
    from .ends import Death, Delivery
    from .event import Event
    from .terminal import Screen

# How wide a column is from the beginning: what most values of that name take.
_USUAL = {"pid": 7, "tid": 7, "host_pid": 7, "host_tid": 7, "ns_pid": 7, "comm": 15}
_USUAL |= {"signal": 11, "type": 8, "origin": 10, "outcome": 9, "result": 15, "error": 6}
_USUAL |= {
    "boot_ns": 16,
    "id": 12,
    "send_id": 12,
    "parent_send_id": 14,
    "call_id": 12,
    "action": 7,
    "unit": 24,
}
# What processes choose, as the kernel holds it: in a text, bytes that are no UTF-8 look like what
# others spell out.
_BYTES = {"comm": "comm_bytes", "parent.comm": "parent_comm_bytes"}
_BYTES |= {"cmdline": "cmdline_bytes", "exe": "exe_bytes"}
# A wider value widens its column for all lines after it, up to so much.
_WIDEST = 40

encode = json.JSONEncoder(separators=(", ", ": ")).encode


class TextColumns:
    """Makes lines in which every value stands below the name of its field.

    What a line does not have is `-`. `time` is told as the clock does. Nothing is
    cut; what is wider than its column pushes the rest of its line.
    """

    def __init__(
        self,
        names: Sequence[str],
        clock: Clock,
        screen: Screen,
        below: Callable[[Event | Delivery | Death], list[str]] | None = None,
    ) -> None:
        self._names = names
        self._clock = clock
        self._screen = screen
        self._below = below
        self._widths = [self._usual(name) for name in names]

    def _usual(self, name: str) -> int:
        usual = self._clock.width if name == "time" else _USUAL.get(name.rpartition(".")[2], 0)
        return max(usual, len(name))

    @property
    def header(self) -> str:
        """The names, in capitals."""
        return self._screen.paint(self._line([name.upper() for name in self._names]), "heading")

    def lines(self, events: Iterable[Event | Delivery | Death]) -> list[str]:
        """The lines of some events, each as it is printed."""
        told: list[str] = []
        for event in events:
            line = event.as_dict()
            line["time"] = self._clock(event.boot_ns, event._wall_offset)
            values = [_shown(event, name, value_of(line, name)) for name in self._names]
            for at, value in enumerate(values):
                self._widths[at] = max(self._widths[at], min(_WIDEST, width_of(value)))
            told.append(self._line(values))
            if self._below:
                told += self._below(event)
        return told

    def _line(self, values: Sequence[str]) -> str:
        return " ".join(map(padded, values, self._widths)).rstrip(" ")


def _shown(event: Event | Delivery | Death, name: str, value: Any) -> str:
    if value is None:
        return "-"
    end, _, rest = name.partition(".")
    if rest in _BYTES:
        raw = getattr(getattr(event, end), _BYTES[rest])
        return printable(raw) if isinstance(raw, bytes) else quoted(raw)
    return printable(value.encode()) if isinstance(value, str) else encode(value)


def chosen_objects(names: Sequence[str]) -> Callable[[Event | Delivery | Death], str]:
    """What makes a JSON object with these keys, as they are written, of an event."""

    def line(event: Event | Delivery | Death) -> str:
        whole = event.as_dict()
        return encode({name: value_of(whole, name) for name in names})

    return line
