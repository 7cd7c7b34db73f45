"""Where each field of a record lies, and how one is read without the others."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from ._records import END_FIELDS, END_FORMAT, SEND_FIELDS, SEND_FORMAT
from .named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Field(NamedTuple):
    """One field: its code in Python's struct, its offset, and what reads it from there on."""

    code: str
    offset: int
    read: Callable[[bytes, int], tuple[Any, ...]]


def fields(names: tuple[str, ...], form: str) -> dict[str, Field]:
    """The fields of a record by name, from the tables that build.py makes."""
    found = {}
    offset = 0
    for name, code in zip(names, _codes(form), strict=True):
        one = _READERS.setdefault(code, struct.Struct(f"={code}"))
        found[name] = Field(code, offset, one.unpack_from)
        offset += one.size
    return found


def _codes(form: str) -> Iterator[str]:
    """Of `=I16sQ` these: `I`, `16s`, `Q`."""
    count = ""
    for char in form.removeprefix("="):
        if char.isdigit():
            count += char
        else:
            yield count + char
            count = ""


_READERS: dict[str, struct.Struct] = {}

#: Of a send, and how long one is; a batch is made of slots of that size.
SEND_LAYOUT = fields(SEND_FIELDS, SEND_FORMAT)
SEND_SIZE = struct.calcsize(SEND_FORMAT)
#: Of a delivery or a death, which lie at the beginning of such a slot.
END_LAYOUT = fields(END_FIELDS, END_FORMAT)


def picker(layout: dict[str, Field], *names: str) -> Callable[[bytes], tuple[Any, ...]]:
    """What reads these fields, named in the record's order, and skips the others."""
    form, end = "=", 0
    for name in names:
        field = layout[name]
        form += f"{field.offset - end}x{field.code}"
        end = field.offset + struct.calcsize(f"={field.code}")
    return struct.Struct(form).unpack_from
