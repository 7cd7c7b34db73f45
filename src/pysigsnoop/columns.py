"""Events as columns: a batch of records as they are, for those who count rather than look."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from ._records import ACTION, DISPOSITION, KNOWN, NO_SEND, ORIGIN, OUTCOME, RECORD_TYPE, RESULT
from .layout import END_LAYOUT, SEND_LAYOUT, SEND_SIZE, Field

# What only the reader needs of a record.
_INTERNAL = ("spare", "hold", "many", "companions")
_FORMATS = {"B": "u1", "i": "i4", "I": "u4", "Q": "u8"}


def _dtype(layout: dict[str, Field]) -> dict[str, Any]:
    shown = {name: field for name, field in layout.items() if not name.startswith(_INTERNAL)}
    return {
        "names": [*shown],
        "formats": [_FORMATS.get(field.code, f"S{field.code[:-1]}") for field in shown.values()],
        "offsets": [field.offset for field in shown.values()],
        "itemsize": SEND_SIZE,
    }


class Columns(bytearray):
    """A batch of events, one slot of `dtype["itemsize"]` bytes after the other.

    Its bytes are the batch, so whatever takes a buffer wraps it without copying:

        table = numpy.frombuffer(batch, dtype=numpy.dtype(batch.dtype))
        kills = numpy.count_nonzero((table["type"] == 1) & (table["signo"] == 9))

    `len()` is how many events there are. A slot is a send, a delivery or a death,
    and `type` is at the same place in all: `dtype` names the columns of sends,
    `end_dtype`, over the same bytes, those of deliveries and deaths; what it does
    not name is 0 there. Select by `type` before reading another column, unless
    the tracer gives sends only (without `outcomes`). docs/events.md has the columns.

    It is yours: no later read changes it, nor the end of the tracer.
    """

    __slots__ = ("wall_offset",)

    #: What numpy.dtype() takes: the columns of sends.
    dtype: ClassVar[Any] = _dtype(SEND_LAYOUT)
    #: The same for deliveries and deaths.
    end_dtype: ClassVar[Any] = _dtype(END_LAYOUT)
    #: What the numbers of a column stand for: `words["origin"][1]` is `kill`. Of `known` they are
    #: bits: where one is not set, the column of that name says nothing.
    words: ClassVar[dict[str, dict[int, str]]] = {
        column: {number: name for name, number in table.items()}
        for column, table in {
            "type": {name: RECORD_TYPE[name] for name in ("send", "delivery", "death")},
            "origin": {name: number for name, number in ORIGIN.items() if number},
            "known": KNOWN,
            "result": RESULT,
            "disposition": DISPOSITION,
            "outcome": {name: number for name, number in OUTCOME.items() if number},
            "action": ACTION,
            "no_send": NO_SEND,
        }.items()
    }

    #: Added to a `boot_ns` it gives ns since 1970, by the wall clock as it stood at the read.
    wall_offset: int

    def __len__(self) -> int:
        return bytearray.__len__(self) // SEND_SIZE

    def column(self, name: str) -> memoryview:
        """One column of numbers, for those without numpy: not copied, one item an event.

        `collections.Counter(batch.column("signo"))` counts. Names as in `dtype`;
        KeyError for any other, and for those that are text.
        """
        field = SEND_LAYOUT[name]
        if name not in self.dtype["names"] or field.code not in _FORMATS:
            raise KeyError(name)
        numbers: memoryview = memoryview(self).cast(field.code)  # type: ignore[call-overload]
        return numbers[field.offset // numbers.itemsize :: SEND_SIZE // numbers.itemsize]

    def __iter__(self) -> NoReturn:
        raise TypeError("columns are not iterated: numpy.frombuffer(batch, batch.dtype)")

    def __repr__(self) -> str:
        return f"<Columns of {len(self)} events>"
