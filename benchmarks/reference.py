"""Programs with as little in them as each needs: what the kernel's own share of tracing costs.

    python -m benchmarks.reference OBJECT SET

attaches a set of programs and says "ready"; at the end of its input it detaches them, and says
as JSON how many records they wrote, and how many found no room. Nobody reads the records:
they are thrown away every millisecond, so the ring stays in use as a reader's would.
"""

from __future__ import annotations

import json
import mmap
import select
import struct
import sys
from pathlib import Path

from .plain_object import PlainObject, compiled

SOURCE = Path(__file__).with_name("reference.bpf.c")
#: The sets that wake whoever waits for records; what they cost includes that.
WAKING = ("waking",)
_PAGE = mmap.PAGESIZE
# A record of struct event in the ring, with the kernel's header.
_RECORD = 32 + 8
_POSITION = struct.Struct("=Q")


def build(folder: Path) -> Path:
    """Compile the programs; returns the object."""
    return compiled(SOURCE, folder)


class Programs(PlainObject):
    """One set, and the ring that it writes to."""

    def __init__(self, built: Path, chosen: str) -> None:
        super().__init__(built, f"{chosen}_")
        self.ring_fd = self.map_fd("ring")
        self._consumer = mmap.mmap(self.ring_fd, _PAGE)
        self._producer = mmap.mmap(self.ring_fd, _PAGE, prot=mmap.PROT_READ, offset=_PAGE)
        self._variables = mmap.mmap(self.map_fd(".bss"), _PAGE, prot=mmap.PROT_READ)

    def throw_away(self) -> None:
        """Take all that is in the ring as read."""
        self._consumer[:8] = self._producer[:8]

    def counts(self) -> dict[str, int]:
        """Records written since the load, and those that found no room."""
        written = _POSITION.unpack_from(self._producer)[0] // _RECORD
        return {"records": written, "dropped": _POSITION.unpack_from(self._variables)[0]}


def main(built: str, chosen: str) -> int:
    programs = Programs(Path(built), chosen)
    programs.attach()
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
