"""Call frame information: at an address, where the caller's frame is. From .eh_frame.

Nearly every program has it, since C++ exceptions need it; frame pointers few
have. pyelftools would parse the whole table, seconds for a large program; here
its index is searched, and one entry read (LSB Core, "Exception Frames"; DWARF 5, 6.4).
"""

from __future__ import annotations

import bisect
import contextlib
import struct
from array import array
from collections.abc import Iterator

from .elf_image import ElfImage, NotElf
from .elf_sections import read_sections
from .frame_rows import DATA_RELATIVE, MASK, Common, EntryBytes, Row, row_at

_LONGEST_ENTRY = 65536
# A walk takes a second for so many.
_MOST_WALKED = 100_000
# Half a megabyte.
_MOST_ROWS = 1000
_OMITTED = 0xFF


class CallFrames:
    """The call frame information of one file; rows are kept once found."""

    def __init__(self, image: ElfImage) -> None:
        self._image = image
        self._rows: dict[int, Row | None] = {}
        self._common: dict[int, Common] = {}
        self._table = self._count = 0
        # In place of the index, where a file has none (programs linked statically): where the
        # code of each entry begins, in order, and where the entry is.
        self._walked: tuple[array[int], array[int]] | None = None
        try:
            self._find_table()
        except NotElf:
            self._count = 0

    def _find_table(self) -> None:
        start = self._image.eh_frame_hdr
        if start is None:
            return
        header = self._bytes(start, 24)
        version, frames, count, table = (header.number("B") for _ in range(4))
        # A table of pairs relative to its own beginning, as every linker writes it.
        if version != 1 or table != (DATA_RELATIVE | 0x0B) or count == _OMITTED:
            return
        header.pointer(frames)
        self._count = header.pointer(count)
        self._table = start + header.at

    def row_at(self, address: int) -> Row | None:
        """How to go on from that address; None where the file does not say."""
        if address not in self._rows:
            if len(self._rows) >= _MOST_ROWS:
                self._rows.clear()
            try:
                self._rows[address] = self._find(address)
            except NotElf:
                self._rows[address] = None
        return self._rows[address]

    def _entry(self, index: int) -> tuple[int, int]:
        start = self._image.eh_frame_hdr or 0
        data = self._image.read_address(self._table + 8 * index, 8)
        code, entry = struct.unpack(self._image.order + "ii", data)
        return (start + code) & MASK, (start + entry) & MASK

    def _find(self, address: int) -> Row | None:
        place = self._place_of(address)
        if place is None:
            return None
        entry = self._read_entry(place)
        common, begin, size = self._span(entry)
        if not begin <= address < begin + size:
            return None
        if common.augmented:
            entry.skip(entry.uleb())
        return row_at(common, entry, begin, address)

    def _place_of(self, address: int) -> int | None:
        """Where the last entry is that begins at or before an address."""
        if not self._count:
            if self._walked is None:
                walked = sorted(self._walk())
                self._walked = (
                    array("Q", (begin & MASK for begin, _ in walked)),
                    array("Q", (place & MASK for _, place in walked)),
                )
            begins, places = self._walked
            at = bisect.bisect_right(begins, address)
            return places[at - 1] if at else None
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if self._entry(middle)[0] <= address:
                low = middle + 1
            else:
                high = middle
        return self._entry(low - 1)[1] if low else None

    def _walk(self) -> Iterator[tuple[int, int]]:
        """All entries, as far as they can be read."""
        with contextlib.suppress(NotElf):
            section = read_sections(self._image).get(".eh_frame")
            if section is None:
                return
            at, end = section.address, section.address + section.size
            for _ in range(_MOST_WALKED):
                if at >= end:
                    break
                entry = self._read_entry(at)
                (shared,) = struct.unpack_from(self._image.order + "I", entry.data)
                if shared:
                    yield self._span(entry)[1], at
                at += 4 + len(entry.data)

    def _span(self, entry: EntryBytes) -> tuple[Common, int, int]:
        """Of an entry: what it shares, where its code begins, and how long that is."""
        at = entry.address
        common = self._common_of(at - entry.number("I"))
        return common, entry.pointer(common.encoding), entry.pointer(common.encoding & 0x0F)

    def _read_entry(self, address: int) -> EntryBytes:
        """What follows an entry's length."""
        (size,) = struct.unpack(self._image.order + "I", self._image.read_address(address, 4))
        if not 4 <= size <= _LONGEST_ENTRY:
            raise NotElf("an entry of no length that could be")
        return self._bytes(address + 4, size)

    def _bytes(self, address: int, size: int) -> EntryBytes:
        image = self._image
        return EntryBytes(image.read_address(address, size), address, image.order, image.bits)

    def _common_of(self, address: int) -> Common:
        if address not in self._common:
            self._common[address] = _read_common(self._read_entry(address))
        return self._common[address]


def _read_common(entry: EntryBytes) -> Common:
    if entry.number("I"):
        raise NotElf("not what entries share")
    version, augmentation = entry.number("B"), entry.text()
    if version not in (1, 3) or (augmentation and augmentation[:1] != b"z"):
        raise NotElf("of another version")
    code, data = entry.uleb(), entry.sleb()
    return_register = entry.number("B") if version == 1 else entry.uleb()
    encoding, signal = 0, False
    if augmentation:
        end = entry.uleb()
        end += entry.at
        for letter in augmentation[1:].decode("latin-1"):
            if letter == "R":
                encoding = entry.number("B")
            elif letter == "P":
                entry.pointer(entry.number("B") & 0x7F)
            elif letter == "L":
                entry.number("B")
            elif letter == "S":
                signal = True
            elif letter != "B":
                raise NotElf("augmented in another way")
        entry.at = end
    instructions = entry.data[entry.at :]
    return Common(code, data, return_register, bool(augmentation), encoding, signal, instructions)
