"""What a process has mapped, while it lives: /proc/PID/maps, and the mapped files themselves.

A file is opened as the process has it mapped, not by its path: the process may be
in another root or mount namespace, and the file replaced or removed since.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import re
import stat
from typing import NamedTuple

from .alive import ticks
from .elf_image import ElfImage, NotElf, open_file

_LINE = re.compile(
    rb"([0-9a-f]+)-([0-9a-f]+) (....) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+) *(.*)"
)
# Of the process's status: fields 22, 26 and 28 of proc(5), counted from after the name.
_START_TIME, _START_CODE, _START_STACK = 22 - 3, 26 - 3, 28 - 3


class Identity(NamedTuple):
    """Which program of which process: exec changes the addresses, a new process the start."""

    pid: int
    start_ns: int
    start_code: int
    start_stack: int


class Mapping(NamedTuple):
    start: int
    end: int
    #: Of its start, in the file.
    offset: int
    executable: bool
    device: int
    inode: int
    #: As the process sees it, `[vdso]` and the like; empty for memory without a file.
    path: str

    @property
    def name(self) -> str:
        """By which the kernel names it in map_files."""
        return f"{self.start:x}-{self.end:x}"


class ProcessImage:
    """The mappings of one process. Close it; holds on to the process, not to its number."""

    def __init__(self, identity: Identity) -> None:
        """Raises OSError where the process is gone, or runs another program by now."""
        self._folder = os.open(f"/proc/{identity.pid}", os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._mappings = _parse(self._read("maps"))
            # Looked at afterwards: an exec only ever takes the old addresses away.
            self._check(identity)
        except BaseException:
            self.close()
            raise
        self._starts = [each.start for each in self._mappings]

    def _read(self, name: str) -> bytes:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder)
        with os.fdopen(fd, "rb") as file:
            return file.read()

    def _check(self, identity: Identity) -> None:
        fields = self._read("stat").rpartition(b")")[2].split()
        found = (int(fields[_START_TIME]), int(fields[_START_CODE]), int(fields[_START_STACK]))
        if found != (ticks(identity.start_ns), identity.start_code, identity.start_stack):
            raise OSError(f"{identity.pid} is another by now")

    def find(self, address: int) -> Mapping | None:
        """The mapping that holds an address."""
        at = bisect.bisect_right(self._starts, address) - 1
        if at < 0 or address >= self._mappings[at].end:
            return None
        return self._mappings[at]

    def status(self, mapping: Mapping) -> os.stat_result:
        """Of the mapped file; raises OSError."""
        try:
            return os.stat(f"map_files/{mapping.name}", dir_fd=self._folder)
        except PermissionError:
            return os.stat(self._path(mapping), dir_fd=self._folder)

    def open(self, mapping: Mapping) -> ElfImage:
        """The mapped file. Raises OSError or NotElf."""
        try:
            # The file that is mapped, whatever became of its path. Needs
            # CAP_CHECKPOINT_RESTORE (5.9, commit 12886f8ab10c) or CAP_SYS_ADMIN.
            fd = open_file(f"map_files/{mapping.name}", self._folder)
        except PermissionError:
            fd = open_file(self._path(mapping), self._folder)
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) != (mapping.device, mapping.inode):
                os.close(fd)
                raise NotElf("another file by that path") from None
        return ElfImage(fd)

    def _path(self, mapping: Mapping) -> str:
        return f"root{mapping.path}"

    def close(self) -> None:
        """Let go of the process; what was opened stays open."""
        with contextlib.suppress(OSError):
            os.close(self._folder)


def _parse(text: bytes) -> list[Mapping]:
    found = []
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match:
            start, end, offset, major, minor = (int(match[i], 16) for i in (1, 2, 4, 5, 6))
            path = match[8].decode("utf-8", "surrogateescape")
            device, inode = os.makedev(major, minor), int(match[7])
            executable = match[3][2:3] == b"x"
            found.append(Mapping(start, end, offset, executable, device, inode, path))
    return found


def is_file(mapping: Mapping) -> bool:
    """Whether it maps a file, rather than memory or a device."""
    return bool(mapping.inode) and mapping.path.startswith("/")


def is_regular(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode)
