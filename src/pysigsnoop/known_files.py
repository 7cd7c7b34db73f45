"""Files of processes that ended before anybody looked: found by what identifies them.

A path alone proves nothing: the file there must have the very build id that the
kernel read, or be the very inode that the kernel ran.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from .elf_image import ElfImage, NotElf, open_file
from .module import Module, Modules, key_of, padded

_LIBRARIES = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_PROGRAMS = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin")
_MOST_LIBRARIES = 5000


class KnownFiles:
    """Looks where programs and libraries usually are; each place once."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self._libraries: dict[bytes, str] | None = None
        # What was found, and looked at, since `look_again`.
        self._by_id: dict[tuple[bytes, str], Module | None] = {}
        self._tried: set[str] = set()

    def look_again(self) -> None:
        """Forget what was not found: by now it may be there."""
        self._by_id.clear()
        self._tried.clear()

    def by_build_id(self, build_id: bytes, comm: str) -> Module | None:
        """The file of that build id: installed, or seen before; `comm` is what it may be called.

        Installed ones first: of what other processes map, anything may claim any id.
        """
        if (build_id, comm) not in self._by_id:
            self._by_id[build_id, comm] = self._find(build_id, comm)
        return self._by_id[build_id, comm]

    def _find(self, build_id: bytes, comm: str) -> Module | None:
        for path in self._candidates(comm):
            module = self.load(path)
            if module and module.build_id and padded(module.build_id) == build_id:
                return module
        if self._libraries is None:
            with contextlib.suppress(OSError):  # next time, where descriptors have run out
                self._libraries = _index_libraries()
        library = (self._libraries or {}).get(build_id)
        module = self.load(library) if library else None
        if module and module.build_id and padded(module.build_id) == build_id:
            return module
        return self._modules.by_build_id(build_id)

    def by_inode(self, device: int, inode: int, before: int, comm: str) -> Module | None:
        """The file of that inode, unchanged since the time (wall clock, ns) when it was running."""
        # Reading those that may be it makes them modules.
        if comm not in self._tried:
            self._tried.add(comm)
            for path in self._candidates(comm):
                self.load(path)
        unchanged = (
            module
            for module in self._modules.by_inode(device, inode)
            if os.fstat(module.image.fd).st_ctime_ns < before
        )
        return next(unchanged, None)

    def _candidates(self, comm: str) -> Iterator[str]:
        """A comm is the first 15 bytes of the file's name, unless it was changed."""
        if comm and "/" not in comm and comm not in (".", ".."):
            for folder in _PROGRAMS:
                yield f"{folder}/{comm}"

    def load(self, path: str) -> Module | None:
        """The file at a path, from the modules seen before where it is one."""
        try:
            key = key_of(Path(path).stat())
            try:
                return self._modules.get(key)
            except KeyError:
                image = ElfImage(open_file(path))
        except (OSError, ValueError):
            return None
        module = Module(os.path.realpath(path), image, self._modules.tables)
        self._modules.add(key_of(image.status), module)
        return module


def _index_libraries() -> dict[bytes, str]:
    """Build ids of the installed shared libraries; their headers alone are read.

    Raises OSError where they cannot be looked through.
    """
    found: dict[bytes, str] = {}
    folders = {os.path.realpath(folder) for folder in _LIBRARIES}
    paths = (
        path
        for folder in sorted(folders)
        for pattern in ("*.so", "*.so.*", "*-linux-gnu/*.so", "*-linux-gnu/*.so.*")
        for path in Path(folder).glob(pattern)
    )
    for count, path in enumerate(paths):
        if count >= _MOST_LIBRARIES:
            break
        try:
            image = ElfImage(open_file(str(path)))
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            continue
        except NotElf:
            continue
        if image.build_id:
            found.setdefault(padded(image.build_id), str(path))
    return found
