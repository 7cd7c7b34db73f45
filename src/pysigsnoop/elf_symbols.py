"""The functions of an ELF file by address: .symtab where it is there, and .dynsym."""

from __future__ import annotations

import bisect
import io
import os
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple

from .elf_image import ElfImage, NotElf

# A million functions: half a gigabyte as Python has them.
_LARGEST_TABLE = 32 * 1024 * 1024
_LONGEST_NAME = 4096
_FUNCTION, _INDIRECT_FUNCTION = 2, 10  # STT_*
# How far back an outer function that holds an inner one is looked for.
_OVERLAPS = 16
_NAMES = {".symtab": ".strtab", ".dynsym": ".dynstr"}


class Function(NamedTuple):
    start: int
    name: str


class _Stream(io.RawIOBase):
    """The file as pyelftools reads it, with a place of its own in it."""

    def __init__(self, image: ElfImage) -> None:
        self._image, self._at = image, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        base = (0, self._at, self._image.status.st_size)[whence]
        if base + offset < 0:
            raise OSError("before the file")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        try:
            data = os.pread(self._image.fd, len(buffer), self._at)
        except OverflowError as error:
            raise OSError("beyond all files") from error
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def sections(image: ElfImage) -> Any:
    """pyelftools' view of the file; whoever uses it expects any exception of a damaged one."""
    from elftools.elf.elffile import ELFFile  # late: 30 ms

    stream: IO[bytes] = io.BufferedReader(_Stream(image))
    return ELFFile(stream)


class Functions:
    """One symbol table: where each function begins and ends."""

    def __init__(self, symbols: Iterable[tuple[int, int, int]], names: bytes) -> None:
        """`symbols`: start, size, and where the name is. Names stay where they are."""
        self._names = names
        self._symbols = sorted(symbols)

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
    try:
        elf = sections(image)
        for name, strings in _NAMES.items():
            table, names = _section(image, elf, name), _section(image, elf, strings)
            if table and names:
                found.append(Functions(_symbols(image, table, len(names)), names))
    except Exception as error:  # pyelftools raises all kinds for damaged files
        if isinstance(error, MemoryError):
            raise
    return found


def _section(image: ElfImage, elf: Any, name: str) -> bytes:
    section = elf.get_section_by_name(name)
    if section is None or section["sh_type"] == "SHT_NOBITS":
        return b""
    size = section["sh_size"]
    if size > _LARGEST_TABLE:
        raise NotElf("a table larger than any program's")
    return image.read(section["sh_offset"], size)


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
