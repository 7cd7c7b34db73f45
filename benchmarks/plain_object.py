"""A BPF object, loaded by libbpf alone: nothing of what is measured has a part in it."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import Any

from build import BPF_ARCH

_BPF = Path(__file__).parent.parent / "bpf"


def compiled(source: Path, folder: Path) -> Path:
    """The object of a C file, put into a folder."""
    built = folder / f"{source.stem}.o"
    subprocess.run(
        [
            *("clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror"),
            *(f"-D__TARGET_ARCH_{BPF_ARCH[os.uname().machine]}", f"-I{_BPF}"),
            *("-c", str(source), "-o", str(built)),
        ],
        check=True,
    )
    return built


def _library() -> Any:
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    handle, number = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in (
        ("bpf_object__open_file", handle, (ctypes.c_char_p, handle)),
        ("bpf_object__load", number, (handle,)),
        ("bpf_object__close", None, (handle,)),
        ("bpf_object__next_program", handle, (handle, handle)),
        ("bpf_object__next_map", handle, (handle, handle)),
        ("bpf_program__name", ctypes.c_char_p, (handle,)),
        ("bpf_program__set_autoload", number, (handle, ctypes.c_bool)),
        ("bpf_program__attach", handle, (handle,)),
        ("bpf_program__attach_iter", handle, (handle, handle)),
        ("bpf_map__name", ctypes.c_char_p, (handle,)),
        ("bpf_map__fd", number, (handle,)),
        ("bpf_link__fd", number, (handle,)),
        ("bpf_link__destroy", number, (handle,)),
        ("bpf_iter_create", number, (number,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class PlainObject:
    """One loaded object; libbpf says on stderr what it cannot do. `close` gives all back."""

    def __init__(self, built: Path, prefix: str = "") -> None:
        """Load the programs whose names begin so."""
        self._library = _library()
        self._links: list[int] = []
        self._object = self._checked(
            self._library.bpf_object__open_file(os.fsencode(built), None), f"opening {built.name}"
        )
        try:
            self._programs = [
                each
                for each in self._walk("program")
                if self._library.bpf_program__name(each).decode().startswith(prefix)
            ]
            if not self._programs:
                raise ValueError(f"no program's name begins with {prefix}")
            for each in self._programs:
                self._library.bpf_program__set_autoload(each, True)
            if self._library.bpf_object__load(self._object):
                raise self._error(f"loading {prefix or built.name}")
        except BaseException:
            self.close()
            raise

    def _error(self, what: str) -> OSError:
        number = ctypes.get_errno()
        return OSError(number, f"{what}: {os.strerror(number)}")

    def _checked(self, handle: int | None, what: str) -> int:
        if not handle:
            raise self._error(what)
        return handle

    def _walk(self, kind: str) -> list[int]:
        following = getattr(self._library, f"bpf_object__next_{kind}")
        found: list[int] = []
        while each := following(self._object, found[-1] if found else None):
            found.append(each)
        return found

    def map_fd(self, name: str) -> int:
        """The descriptor of the map of this name; a section's has the object's before it."""
        for each in self._walk("map"):
            if self._library.bpf_map__name(each).decode().endswith(name):
                return int(self._library.bpf_map__fd(each))
        raise ValueError(f"no map is called {name}")

    def attach(self) -> None:
        """Attach all programs to what their sections name, in their order."""
        for each in self._programs:
            link = self._library.bpf_program__attach(each)
            self._links.append(self._checked(link, "attaching"))

    def detach(self) -> None:
        """The same in reverse; safe to call again."""
        while self._links:
            self._library.bpf_link__destroy(self._links.pop())

    def walk_tasks(self) -> None:
        """Run the one program, an iterator's, for each task."""
        (program,) = self._programs
        link = self._checked(
            self._library.bpf_program__attach_iter(program, None), "attaching the iterator"
        )
        try:
            walk = self._library.bpf_iter_create(self._library.bpf_link__fd(link))
            if walk < 0:
                raise self._error("beginning the walk")
            with os.fdopen(walk, "rb", buffering=0) as file:
                while file.read(4096):
                    pass
        finally:
            self._library.bpf_link__destroy(link)

    def close(self) -> None:
        """Detach, and unload."""
        self.detach()
        self._library.bpf_object__close(self._object)
