"""File and line of an address, by DWARF's line tables, through pyelftools.

Decoding is slow in Python, so units larger than those of usual programs are left out.
"""

from __future__ import annotations

import bisect
import posixpath
import time
from typing import Any, NamedTuple

from .elf_image import ElfImage
from .elf_symbols import sections

# All sections that are read, unpacked; one unit's line table; units looked through.
_LARGEST = 96 * 1024 * 1024
_LONGEST_PROGRAM = 512 * 1024
_MOST_UNITS = 20_000
# Of these a part is parsed for each unit, or all at once.
_LARGEST_TABLE = 4 * 1024 * 1024
_TABLES = (".debug_abbrev", ".debug_aranges")
# Seconds for all that is asked of one file; then it has no lines any more.
_PATIENCE = 5.0


class Line(NamedTuple):
    file: str
    line: int


class SourceLines:
    """The line tables of one file; a unit is decoded when an address in it is asked for."""

    def __init__(self, image: ElfImage) -> None:
        self._dwarf: Any = None
        self._units: dict[int, list[tuple[int, int, str | None, int]]] = {}
        self._index: Any = None
        self._spent = 0.0
        self._ranges: list[tuple[int, int, Any]] | None = None
        try:
            elf = sections(image)
            names = [each for each in elf.iter_sections() if each.name.startswith(".debug_")]
            # data_size is what a compressed section unpacks to.
            fits = sum(each.data_size for each in names) <= _LARGEST and all(
                each.data_size <= _LARGEST_TABLE for each in names if each.name in _TABLES
            )
            if fits and elf.has_dwarf_info(True):
                self._dwarf = elf.get_dwarf_info(relocate_dwarf_sections=False, follow_links=False)
                self._index = self._dwarf.get_aranges()
        except Exception as error:  # pyelftools raises all kinds for damaged files
            if isinstance(error, MemoryError):
                raise

    def __bool__(self) -> bool:
        return self._dwarf is not None

    def at(self, address: int) -> Line | None:
        """Where the address comes from; None where the tables do not say."""
        if self._dwarf is None or self._spent > _PATIENCE:
            return None
        begin = time.thread_time()
        try:
            unit = self._unit_of(address)
            return None if unit is None else self._look_up(unit, address)
        except Exception as error:  # the same
            if isinstance(error, MemoryError):
                raise
            return None
        finally:
            self._spent += time.thread_time() - begin

    def _unit_of(self, address: int) -> Any:
        if self._index is not None:
            offset = self._index.cu_offset_at_addr(address)
            if offset is not None:
                return self._dwarf.get_CU_at(offset)
        # Not all compilers write such an index.
        if self._ranges is None:
            self._ranges = self._all_ranges()
        for low, high, unit in self._ranges:
            if low <= address < high:
                return unit
        return None

    def _all_ranges(self) -> list[tuple[int, int, Any]]:
        found = []
        begin = time.thread_time()
        for count, unit in enumerate(self._dwarf.iter_CUs()):
            if count >= _MOST_UNITS or time.thread_time() - begin > _PATIENCE:
                break
            top = unit.get_top_DIE()
            low, high = top.attributes.get("DW_AT_low_pc"), top.attributes.get("DW_AT_high_pc")
            if low and high:
                end = high.value if high.form == "DW_FORM_addr" else low.value + high.value
                found.append((low.value, end, unit))
            elif "DW_AT_ranges" in top.attributes:
                found += [(a, b, unit) for a, b in self._ranges_of(unit, top)]
        return found

    def _ranges_of(self, unit: Any, top: Any) -> list[tuple[int, int]]:
        from elftools.dwarf.ranges import BaseAddressEntry

        lists = self._dwarf.range_lists()
        if lists is None:
            return []
        at = top.attributes["DW_AT_ranges"].value
        low = top.attributes.get("DW_AT_low_pc")
        base = low.value if low else 0
        found = []
        for entry in lists.get_range_list_at_offset(at, cu=unit):
            if isinstance(entry, BaseAddressEntry):
                base = entry.base_address
            else:
                plus = 0 if getattr(entry, "is_absolute", False) else base
                found.append((entry.begin_offset + plus, entry.end_offset + plus))
        return found

    def _look_up(self, unit: Any, address: int) -> Line | None:
        if unit.cu_offset not in self._units:
            if len(self._units) > 64:
                self._units.clear()
            self._units[unit.cu_offset] = _decode(self._dwarf, unit)
        rows = self._units[unit.cu_offset]
        at = bisect.bisect_right(rows, address, key=lambda row: row[0]) - 1
        if at < 0 or address >= rows[at][1]:
            return None
        _, _, file, line = rows[at]
        # Line 0: by the compiler, from no line.
        return Line(file, line) if file and line else None


def _decode(dwarf: Any, unit: Any) -> list[tuple[int, int, str | None, int]]:
    """From, to, file, line of each row, by address."""
    program = dwarf.line_program_for_CU(unit)
    if program is None or program.header["unit_length"] > _LONGEST_PROGRAM:
        return []
    folder = unit.get_top_DIE().attributes.get("DW_AT_comp_dir")
    names = _Names(program.header, folder.value if folder else b"")
    rows, before = [], None
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if before is not None and state.address > before[0]:
            rows.append((before[0], state.address, names.of(before[1]), before[2]))
        before = None if state.end_sequence else (state.address, state.file, state.line)
    return sorted(rows, key=lambda row: row[0])


class _Names:
    """Paths of a unit's files: counted from 1 before DWARF 5, from 0 since."""

    def __init__(self, header: Any, folder: bytes) -> None:
        self._files = header["file_entry"]
        self._first = 0 if header["version"] >= 5 else 1
        folders = [bytes(each) for each in header["include_directory"]]
        if self._first == 0 and folders:
            # The first is the unit's own.
            folder = folders[0]
            folders = folders[1:]
        self._folders = [b"", *folders]
        self._folder = folder
        self._known: dict[int, str | None] = {}

    def of(self, index: int) -> str | None:
        if index not in self._known:
            self._known[index] = self._path(index - self._first)
        return self._known[index]

    def _path(self, at: int) -> str | None:
        if not 0 <= at < len(self._files):
            return None
        entry = self._files[at]
        folder = b""
        if 0 <= entry.dir_index < len(self._folders):
            folder = self._folders[entry.dir_index]
        path = posixpath.join(self._folder, folder, entry.name)
        return posixpath.normpath(path).decode("utf-8", "backslashreplace")
