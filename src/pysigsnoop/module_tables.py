"""What was read of modules to name their addresses: functions and lines. Bounded by memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from .elf_image import ElfImage
from .elf_symbols import Functions, read_functions
from .source_lines import SourceLines


class Tables(NamedTuple):
    """Of one file, and of that which was split off."""

    functions: list[Functions]
    lines: SourceLines

    @property
    def weight(self) -> int:
        """Bytes of memory, about."""
        return self.lines.weight + sum(each.weight for each in self.functions)


class KeptTables:
    """The tables of the files asked for lately; those before are read again when asked for.

    Processes choose which files they map, so without a limit these would take all memory.
    """

    #: Bytes, unless one file alone takes more.
    MOST = 256 * 1024 * 1024
    #: Files, each of which is held open.
    MOST_FILES = 128

    def __init__(self) -> None:
        self._kept: OrderedDict[ElfImage, Tables] = OrderedDict()

    def of(self, image: ElfImage, debug: ElfImage | None) -> Tables:
        """Of a file and its debug file. What is damaged is left out."""
        if image not in self._kept:
            functions, lines = read_functions(image), SourceLines(image)
            if debug:
                functions = [*read_functions(debug), *functions]
                lines = lines or SourceLines(debug)
            self._kept[image] = Tables(functions, lines)
        self._kept.move_to_end(image)
        # Lines are decoded as they are asked for, so the weight of each changes.
        while len(self._kept) > 1 and self._too_much():
            self._kept.popitem(last=False)
        return self._kept[image]

    def _too_much(self) -> bool:
        weight = sum(each.weight for each in self._kept.values())
        return len(self._kept) > self.MOST_FILES or weight > self.MOST

    def forget(self, image: ElfImage) -> None:
        """Nothing will be asked of that file any more."""
        self._kept.pop(image, None)
