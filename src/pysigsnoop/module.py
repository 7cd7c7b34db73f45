"""A program or library: functions, lines and call frames of one file, read when asked for."""

from __future__ import annotations

import contextlib
import os
from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from .call_frames import CallFrames
from .elf_image import ElfImage, NotElf, open_file
from .elf_symbols import Function
from .module_tables import KeptTables
from .source_lines import Line

_DEBUG_FILES = "/usr/lib/debug/.build-id"
# Addresses of one file that are remembered: a third of a megabyte.
_MOST_KNOWN = 1000


class Module:
    """One file, held open, so that it can be read when its process is gone.

    `path` is what the process that was seen first called it.
    """

    def __init__(self, path: str, image: ElfImage, tables: KeptTables) -> None:
        self.path = path
        self._tables = tables
        self.image = image
        self.call_frames = CallFrames(image)
        self._known: dict[int, tuple[Function | None, Line | None]] = {}

    @property
    def build_id(self) -> bytes | None:
        return self.image.build_id

    @cached_property
    def inode(self) -> tuple[int, int]:
        """Device and inode as the kernel has them within."""
        return _inode_of(self.image.fd)

    @cached_property
    def _debug(self) -> ElfImage | None:
        """The file that was split off, by the build id that both have."""
        if not self.build_id or len(self.build_id) < 2:
            return None
        name = self.build_id.hex()
        try:
            debug = ElfImage(open_file(f"{_DEBUG_FILES}/{name[:2]}/{name[2:]}.debug"))
        except (OSError, NotElf):
            return None
        return debug if debug.build_id == self.build_id else None

    def at(self, address: int) -> tuple[Function | None, Line | None]:
        """The function and the line of an address, as the file counts them."""
        if address not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            functions, lines = self._tables.of(self.image, self._debug)
            found = (each.at(address) for each in functions)
            self._known[address] = next(filter(None, found), None), lines.at(address)
        return self._known[address]


def _inode_of(fd: int) -> tuple[int, int]:
    """On overlayfs and btrfs stat() shows others, made up to look unique."""
    status = os.fstat(fd)
    device, inode = status.st_dev, status.st_ino
    with contextlib.suppress(OSError, ValueError):
        info = dict(
            line.split(":", 1) for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
        )
        # Told since 5.14.
        inode = int(info.get("ino", inode))
        mount = info["mnt_id"].strip()
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            fields = line.split(" ", 3)
            if fields[0] == mount:
                major, minor = fields[2].split(":")
                device = os.makedev(int(major), int(minor))
    return device, inode


Key = tuple[int, int, int, int]


def key_of(status: os.stat_result) -> Key:
    """What tells one content of a file from another."""
    return status.st_dev, status.st_ino, status.st_ctime_ns, status.st_size


class Modules:
    """Modules used lately, by file and by build id. Bounded."""

    MOST = 128

    def __init__(self) -> None:
        self._by_file: OrderedDict[Key, Module | None] = OrderedDict()
        self._by_id: dict[bytes, Module] = {}
        #: Of all modules that are made for here.
        self.tables = KeptTables()

    def get(self, key: Key) -> Module | None:
        """A module seen before; KeyError for a file that was not, None for one that is no ELF."""
        module = self._by_file[key]
        self._by_file.move_to_end(key)
        return module

    def by_build_id(self, build_id: bytes) -> Module | None:
        return self._by_id.get(build_id)

    def by_inode(self, device: int, inode: int) -> Iterator[Module]:
        """Those of that file; more than one where it was written to."""
        for module in self._by_file.values():
            if module and module.inode == (device, inode):
                yield module

    def add(self, key: Key, module: Module | None) -> None:
        self._by_file[key] = module
        if module and module.build_id:
            self._by_id.setdefault(padded(module.build_id), module)
        if len(self._by_file) > self.MOST:
            _, old = self._by_file.popitem(last=False)
            if old:
                self.tables.forget(old.image)
            if old and old.build_id and self._by_id.get(padded(old.build_id)) is old:
                del self._by_id[padded(old.build_id)]


def padded(build_id: bytes) -> bytes:
    """As the kernel tells it: 20 bytes."""
    return build_id[:20].ljust(20, b"\0")
