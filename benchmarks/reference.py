"""Programs with as little in them as each needs: what the kernel's own share of tracing costs.

    python -m benchmarks.reference OBJECT SET

attaches a set of programs and says "ready"; at the end of its input it detaches them, and says
as JSON how many records they wrote, and how many found no room. Nobody reads the records:
they are thrown away every millisecond, so the ring stays in use as a reader's would.
"""

from __future__ import annotations

import json
import mmap
import os
import select
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from build import BPF_ARCH
from pysigsnoop.library import ffi, lib

SOURCE = Path(__file__).with_name("reference.bpf.c")
#: The sets that wake whoever waits for records; what they cost includes that.
WAKING = ("waking",)
_PAGE = mmap.PAGESIZE
# A record of struct event in the ring, with the kernel's header.
_RECORD = 32 + 8
_POSITION = struct.Struct("=Q")


def build(folder: Path) -> Path:
    """Compile the programs; returns the object."""
    built = folder / "reference.bpf.o"
    subprocess.run(
        [
            *("clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3"),
            f"-D__TARGET_ARCH_{BPF_ARCH[os.uname().machine]}",
            *("-c", str(SOURCE), "-o", str(built)),
        ],
        check=True,
    )
    return built


class Programs:
    """One set, attached until `close`."""

    def __init__(self, built: str, chosen: str) -> None:
        self._links: list[Any] = []
        lib.log_start()  # what libbpf says of what it cannot do goes nowhere but into an error
        self._object = lib.bpf_object__open_file(built.encode(), ffi.NULL)
        if self._object == ffi.NULL:
            raise OSError(ffi.errno, f"cannot open {built}")
        wanted = [program for name, program in self._all() if name.startswith(f"{chosen}_")]
        if not wanted:
            raise ValueError(f"no set is called {chosen}")
        for program in wanted:
            lib.bpf_program__set_autoload(program, True)
        result = lib.bpf_object__load(self._object)
        if result:
            raise OSError(-result, ffi.string(lib.log_end()).decode(errors="replace")[-2000:])
        for program in wanted:
            link = lib.bpf_program__attach(program)
            if link == ffi.NULL:
                raise OSError(ffi.errno, f"cannot attach {chosen}")
            self._links.append(link)
        ring = self._map_fd("ring")
        self.ring_fd = ring
        self._consumer = mmap.mmap(ring, _PAGE)
        self._producer = mmap.mmap(ring, _PAGE, prot=mmap.PROT_READ, offset=_PAGE)
        self._variables = mmap.mmap(self._map_fd(".bss"), _PAGE, prot=mmap.PROT_READ)

    def _all(self) -> list[tuple[str, Any]]:
        found = []
        program = lib.bpf_object__next_program(self._object, ffi.NULL)
        while program != ffi.NULL:
            found.append((ffi.string(lib.bpf_program__name(program)).decode(), program))
            program = lib.bpf_object__next_program(self._object, program)
        return found

    def _map_fd(self, name: str) -> int:
        bpf_map = lib.bpf_object__next_map(self._object, ffi.NULL)
        while bpf_map != ffi.NULL:
            # libbpf puts the object's name before that of a section.
            if ffi.string(lib.bpf_map__name(bpf_map)).decode().endswith(name):
                return int(lib.bpf_map__fd(bpf_map))
            bpf_map = lib.bpf_object__next_map(self._object, bpf_map)
        raise ValueError(f"no map is called {name}")

    def throw_away(self) -> None:
        """Take all that is in the ring as read."""
        self._consumer[:8] = self._producer[:8]

    def counts(self) -> dict[str, int]:
        """Records written since the load, and those that found no room."""
        written = _POSITION.unpack_from(self._producer)[0] // _RECORD
        return {"records": written, "dropped": _POSITION.unpack_from(self._variables)[0]}

    def detach(self) -> None:
        while self._links:
            lib.bpf_link__destroy(self._links.pop())


def main(built: str, chosen: str) -> int:
    programs = Programs(built, chosen)
    print("ready", flush=True)
    wait = select.poll()
    wait.register(sys.stdin, select.POLLIN)
    if chosen in WAKING:
        wait.register(programs.ring_fd, select.POLLIN)
    while all(fd != sys.stdin.fileno() for fd, _ in wait.poll(1)):
        programs.throw_away()
    programs.detach()
    print(json.dumps(programs.counts()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
