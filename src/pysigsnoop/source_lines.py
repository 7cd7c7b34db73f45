"""File and line of an address, by DWARF's line tables, through pyelftools.

Decoding is slow in Python, so units larger than those of usual programs are left out.
"""

from __future__ import annotations

import bisect
import inspect
import io
import posixpath
import time
from typing import Any, NamedTuple

from .elf_image import ARM64, I386, X86_64, ElfImage
from .elf_sections import Section, read_sections, unpacked, unpacked_size

# All sections that are read, unpacked; one unit's line table; units looked through.
_LARGEST = 96 * 1024 * 1024
_LONGEST_PROGRAM = 512 * 1024
_MOST_UNITS = 20_000
# Of these a part is parsed for each unit, or all at once.
_LARGEST_TABLE = 4 * 1024 * 1024
_TABLES = ("debug_abbrev_sec", "debug_aranges_sec")
# Bytes of a row as Python has it.
_ROW = 160
# As pyelftools calls them.
_ARCHITECTURES = {I386: "x86", X86_64: "x64", ARM64: "AArch64"}
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
        self._size = 0
        self._spent = 0.0
        self._ranges: list[tuple[int, int, Any]] | None = None
        try:
            self._dwarf, self._size = _read(image)
            self._index = self._dwarf and self._dwarf.get_aranges()
        except MemoryError:
            raise
        except Exception:  # pyelftools raises all kinds for damaged files
            self._dwarf = None

    def __bool__(self) -> bool:
        return self._dwarf is not None

    @property
    def weight(self) -> int:
        """Bytes of memory, about."""
        return self._size + _ROW * sum(map(len, self._units.values()))

    def at(self, address: int) -> Line | None:
        """Where the address comes from; None where the tables do not say."""
        if self._dwarf is None or self._spent > _PATIENCE:
            return None
        begin = time.thread_time()
        try:
            unit = self._unit_of(address)
            return None if unit is None else self._look_up(unit, address)
        except MemoryError:
            raise
        except Exception:  # the same
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


def _read(image: ElfImage) -> tuple[Any, int]:
    """The file's sections as pyelftools has them, and their bytes; None where there is no use."""
    from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo

    sections = read_sections(image)
    if ".debug_info" not in sections and ".zdebug_info" not in sections:
        return None, 0
    # Which sections it takes is by its version.
    takes = {name for name in inspect.signature(DWARFInfo).parameters if name.endswith("_sec")}
    wanted: dict[str, Section] = {}
    for name in takes:
        stem = name.removesuffix("_sec")
        if stem.startswith("debug_"):
            found = sections.get(f".{stem}") or sections.get(f".z{stem}")
            if found and unpacked_size(image, found):
                wanted[name] = found
    sizes = {name: unpacked_size(image, section) for name, section in wanted.items()}
    if sum(sizes.values()) > _LARGEST or any(
        sizes.get(name, 0) > _LARGEST_TABLE for name in _TABLES
    ):
        return None, 0
    given: dict[str, Any] = dict.fromkeys(takes)
    for name, section in wanted.items():
        stream = io.BytesIO(unpacked(image, section, _LARGEST))
        given[name] = DebugSectionDescriptor(
            stream=stream,
            name=section.name,
            global_offset=section.offset,
            size=sizes[name],
            address=section.address,
        )
    config = DwarfConfig(
        little_endian=image.order == "<",
        machine_arch=_ARCHITECTURES.get(image.machine, "<unknown>"),
        default_address_size=image.bits // 8,
    )
    return DWARFInfo(config=config, **given), sum(sizes.values())


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
