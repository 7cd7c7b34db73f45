"""The sections of an ELF file, each of them bounded; what a section holds, unpacked.

Any process can map any file. pyelftools believes what such a file says of the sizes and the
number of its sections, so it is given what was read here.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from .elf_image import ElfImage, NotElf

# Linkers make some tens, and a few hundred with a section for each function.
_MOST_SECTIONS = 4096
_LONGEST_NAMES = 1024 * 1024
_LONGEST_NAME = 128
_NO_BITS = 8  # SHT_NOBITS
_COMPRESSED = 0x800  # SHF_COMPRESSED
_ZLIB = 1  # ELFCOMPRESS_ZLIB
# In front of a section whose name begins with .z: what binutils made before SHF_COMPRESSED.
_OLD_MAGIC = b"ZLIB"


class Section(NamedTuple):
    """Where a section is in the file, and to which address it is loaded."""

    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int


def read_sections(image: ElfImage) -> dict[str, Section]:
    """By name, the last of those that share one; empty where the file has none.

    Raises NotElf for a damaged file, or one with more than any program has.
    """
    # The table's place; its entries' size, their number, and which holds the names.
    wide = image.bits == 64
    (table,) = struct.unpack(
        image.order + ("Q" if wide else "I"), image.read(*((40, 8) if wide else (32, 4)))
    )
    size, count, names_at = struct.unpack(image.order + "HHH", image.read(58 if wide else 46, 6))
    entry = struct.Struct(image.order + ("IIQQQQIIQQ" if wide else "10I"))
    if not table:
        return {}
    # 0: more than 65,279.
    if size != entry.size or not 0 < count <= _MOST_SECTIONS or names_at >= count:
        raise NotElf("no section headers that could be")
    rows = [*entry.iter_unpack(image.read(table, count * size))]
    offset, length = rows[names_at][4:6]
    if length > _LONGEST_NAMES:
        raise NotElf("names longer than any linker's")
    names = image.read(offset, length)
    found = {}
    for at, *fields in rows:
        end = names.find(b"\0", at, at + _LONGEST_NAME)
        if end > at:
            name = names[at:end].decode("ascii", "replace")
            found[name] = Section(name, *fields[:5])
    return found


def unpacked_size(image: ElfImage, section: Section) -> int:
    """Bytes that `unpacked` returns; 0 where it holds nothing. Raises NotElf."""
    if section.kind == _NO_BITS:
        return 0
    if section.flags & _COMPRESSED:
        return _compression(image, section)[1]
    if section.name.startswith(".z"):
        magic, size = struct.unpack(">4sQ", image.read(section.offset, 12))
        if magic != _OLD_MAGIC:
            raise NotElf("packed in no known way")
        return int(size)
    return section.size


def unpacked(image: ElfImage, section: Section, limit: int) -> bytes:
    """What the section holds. Raises NotElf where that is more than `limit` bytes, or damaged."""
    size = unpacked_size(image, section)
    if not size:
        return b""
    if max(size, section.size) > limit:
        raise NotElf("a section larger than any program's")
    if section.flags & _COMPRESSED:
        kind, _, skipped = _compression(image, section)
        if kind != _ZLIB:
            raise NotElf("packed in no known way")
    elif section.name.startswith(".z"):
        skipped = 12
    else:
        return image.read(section.offset, size)
    if section.size < skipped:
        raise NotElf("smaller than its header")
    packed = image.read(section.offset + skipped, section.size - skipped)
    try:
        # One byte beyond, should there be more than was said.
        data = zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error as error:
        raise NotElf(str(error)) from error
    if len(data) != size:
        raise NotElf("unpacks to another size than it says")
    return data


def _compression(image: ElfImage, section: Section) -> tuple[int, int, int]:
    """How it is packed, the size of what is in it, and of the header that says so."""
    layout = struct.Struct(image.order + ("IxxxxQQ" if image.bits == 64 else "III"))
    kind, size, _ = layout.unpack(image.read(section.offset, layout.size))
    return kind, size, layout.size
