"""The functions of an ELF file by address: .symtab where it is there, and .dynsym."""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from .elf_image import ElfImage, NotElf
from .elf_sections import Section, read_sections, unpacked

# A million functions: half a gigabyte as Python has them.
_LARGEST_TABLE = 32 * 1024 * 1024
_LONGEST_NAME = 4096
# Bytes of a tuple of three numbers, and of the numbers.
_SYMBOL = 64 + 3 * 32
_FUNCTION, _INDIRECT_FUNCTION = 2, 10  # STT_*
# How far back an outer function that holds an inner one is looked for.
_OVERLAPS = 16
_NAMES = {".symtab": ".strtab", ".dynsym": ".dynstr"}


class Function(NamedTuple):
    start: int
    name: str


class Functions:
    """One symbol table: where each function begins and ends."""

    def __init__(self, symbols: Iterable[tuple[int, int, int]], names: bytes) -> None:
        """`symbols`: start, size, and where the name is. Names stay where they are."""
        self._names = names
        self._symbols = sorted(symbols)

    @property
    def weight(self) -> int:
        """Bytes of memory, about."""
        return len(self._names) + _SYMBOL * len(self._symbols)

    def at(self, address: int) -> Function | None:
        """The innermost function that holds the address; None where no symbol says so."""
        after = bisect.bisect_right(self._symbols, address, key=lambda each: each[0])
        near = self._symbols[max(0, after - _OVERLAPS) : after]
        holding = [(start, at) for start, size, at in near if address < start + size]
        if not holding:
            return None
        start = max(holding)[0]
        name = min((self._name(at) for each, at in holding if each == start), key=_rank)
        return Function(start, name.decode("utf-8", "backslashreplace"))

    def _name(self, at: int) -> bytes:
        end = self._names.find(b"\0", at, at + _LONGEST_NAME)
        # Versions of a library's function follow an @.
        return self._names[at : end if end >= 0 else at + _LONGEST_NAME].partition(b"@")[0]


def read_functions(image: ElfImage) -> list[Functions]:
    """The file's tables, that with all symbols first; what is damaged is left out."""
    found = []
    sections: dict[str, Section] = {}
    with suppress(NotElf):
        sections = read_sections(image)
    for name, strings in _NAMES.items():
        if name in sections and strings in sections:
            with suppress(NotElf):
                table = unpacked(image, sections[name], _LARGEST_TABLE)
                names = unpacked(image, sections[strings], _LARGEST_TABLE)
                found.append(Functions(_symbols(image, table, len(names)), names))
    return found


def _symbols(image: ElfImage, table: bytes, names: int) -> Iterator[tuple[int, int, int]]:
    entry = struct.Struct(image.order + ("IBBHQQ" if image.bits == 64 else "IIIBBH"))
    for fields in entry.iter_unpack(table[: len(table) // entry.size * entry.size]):
        if image.bits == 64:
            at, info, _, section, start, size = fields
        else:
            at, start, size, info, _, section = fields
        # Undefined ones are in section 0; those without a size could end anywhere.
        if info & 0xF in (_FUNCTION, _INDIRECT_FUNCTION) and section and size and 0 < at < names:
            yield start, size, at


def _rank(name: bytes) -> tuple[bool, int, bytes]:
    """Of several names for one function, the one that programs are written with is the least."""
    return not name, len(name) - len(name.lstrip(b"_")), name
