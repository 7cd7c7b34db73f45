"""An ELF file as the loader sees it: segments and build id, read from program headers alone.

Any process can map any file, so nothing here trusts one: each read is bounded,
and what does not fit raises NotElf.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from typing import NamedTuple

_MOST_HEADERS = 256
_MOST_NOTES = 65536
_PT_LOAD, _PT_NOTE, _PT_GNU_EH_FRAME = 1, 4, 0x6474E550
_PF_X = 1
_NT_GNU_BUILD_ID = 3
#: e_machine
I386, X86_64, ARM64 = 3, 62, 183


class NotElf(ValueError):
    """The file is no ELF file, or is damaged where it was read."""


class Segment(NamedTuple):
    """What is loaded: from where in the file, to which address."""

    offset: int
    address: int
    size: int
    executable: bool


def open_file(path: str, dir_fd: int | None = None) -> int:
    """A descriptor of a regular file, never of what blocks or acts when it is opened.

    Raises OSError.
    """
    found = os.open(path, os.O_PATH | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise OSError(f"{path} is no regular file")
        # The very file that was looked at, whatever its path means by now.
        return os.open(f"/proc/self/fd/{found}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    finally:
        os.close(found)


class ElfImage:
    """A file's segments; owns the descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.status = os.fstat(fd)
        ident = self.read(0, 16)
        if ident[:4] != b"\x7fELF" or ident[4] not in (1, 2) or ident[5] not in (1, 2):
            raise NotElf("no ELF header")
        self.bits = 64 if ident[4] == 2 else 32
        self.order = "<" if ident[5] == 1 else ">"
        self.segments: list[Segment] = []
        #: Where the table of unwinding information is loaded.
        self.eh_frame_hdr: int | None = None
        self.build_id: bytes | None = None
        self.machine = 0
        self._read_headers()

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)

    def read(self, offset: int, size: int) -> bytes:
        """So many bytes of the file, or NotElf."""
        try:
            data = os.pread(self.fd, size, offset)
        except (OSError, OverflowError, ValueError) as error:
            raise NotElf(str(error)) from error
        if len(data) != size:
            raise NotElf("the file ends too early")
        return data

    def _read_headers(self) -> None:
        layout = "16sHHIQQQIHHH" if self.bits == 64 else "16sHHIIIIIHHH"
        header = struct.unpack(
            self.order + layout, self.read(0, struct.calcsize(self.order + layout))
        )
        self.machine, table, size, count = header[2], header[5], header[9], header[10]
        # Type, then flags, offset, virtual and physical address, sizes in file and memory.
        entry = struct.Struct(self.order + ("IIQQQQQQ" if self.bits == 64 else "IIIIIIII"))
        if count > _MOST_HEADERS or size != entry.size:
            raise NotElf("no program headers that could be")
        for fields in entry.iter_unpack(self.read(table, count * size)):
            if self.bits == 64:
                kind, flags, offset, address, _, in_file, _, _ = fields
            else:
                kind, offset, address, _, in_file, _, flags, _ = fields
            if kind == _PT_LOAD:
                self.segments.append(Segment(offset, address, in_file, bool(flags & _PF_X)))
            elif kind == _PT_GNU_EH_FRAME:
                self.eh_frame_hdr = address
            elif kind == _PT_NOTE and self.build_id is None and in_file <= _MOST_NOTES:
                self.build_id = self._find_build_id(self.read(offset, in_file))

    def _find_build_id(self, notes: bytes) -> bytes | None:
        at = 0
        while at + 12 <= len(notes):
            name_size, size, kind = struct.unpack_from(self.order + "III", notes, at)
            name_at = at + 12
            at = name_at + (name_size + 3 & ~3)
            if kind == _NT_GNU_BUILD_ID and notes[name_at:at] == b"GNU\0":
                found = notes[at : at + size]
                return found if 0 < size == len(found) else None
            at += size + 3 & ~3
        return None

    def address_of(self, offset: int) -> int | None:
        """The address, as the file counts, of code at that place of the file."""
        for segment in self.segments:
            if segment.executable and segment.offset <= offset < segment.offset + segment.size:
                return offset - segment.offset + segment.address
        return None

    def read_address(self, address: int, size: int) -> bytes:
        """Bytes by the address to which they are loaded."""
        for segment in self.segments:
            if segment.address <= address < segment.address + segment.size:
                return self.read(address - segment.address + segment.offset, size)
        raise NotElf("not loaded")

    @property
    def start_code(self) -> int | None:
        """Where code begins, as the kernel counts it at exec (mm->start_code)."""
        return min((each.address for each in self.segments if each.executable), default=None)
