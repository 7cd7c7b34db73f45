"""A reader whose next record goes on being written: run with made_up_ring.c loaded before all.

python -m tests.native.stalled_ring HOW, which is `wait` or `watch`. Prints how many turns it took,
and for how many seconds.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import struct
import sys
import threading
import time

from pysigsnoop._records import RECORD_TYPE, SEND_FORMAT
from pysigsnoop.ring import Ring

SIZE = 1 << 16
TURNS = 20
_BUSY = 1 << 31
_PAGE = mmap.PAGESIZE
_HEADER = struct.Struct("=II")
_POSITION = struct.Struct("=Q")


class MadeUp:
    """The kernel's side: the ring's memory, and whether it was woken."""

    def __init__(self) -> None:
        memory = os.memfd_create("ring")
        os.ftruncate(memory, 2 * (_PAGE + SIZE))
        self._view = mmap.mmap(memory, 0)
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._written = 0
        ctypes.CDLL(os.environ["LD_PRELOAD"]).made_up_ring(self.fd, memory, SIZE)

    def begin(self) -> int:
        """A record that is being written; where."""
        record = struct.pack("=I", RECORD_TYPE["send"]).ljust(struct.calcsize(SEND_FORMAT), b"\0")
        at = self._written
        self._store(at, _HEADER.pack(len(record) | _BUSY, 0) + record)
        self._written += -(-(_HEADER.size + len(record)) // 8) * 8
        _POSITION.pack_into(self._view, _PAGE, self._written)
        return at

    def finish(self, at: int) -> None:
        self._store(at, _HEADER.pack(struct.calcsize(SEND_FORMAT), 0))

    def _store(self, at: int, data: bytes) -> None:
        for start in (2 * _PAGE + at, 2 * _PAGE + SIZE + at):
            self._view[start : start + len(data)] = data

    def wake(self) -> None:
        os.eventfd_write(self.fd, 1)


def wait(ring: Ring, _kernel: MadeUp) -> None:
    """As read() does until there is something."""
    ring.wait(None)


def watch(ring: Ring, kernel: MadeUp) -> None:
    """As those do who wait by fileno(); something behind that record has woken them."""
    kernel.wake()
    ring.settle()
    assert readable(ring, 60), "nobody says when to look again"


def readable(ring: Ring, timeout: float) -> bool:
    return bool(select.select([ring.fileno(pending=False)], [], [], timeout)[0])


def main() -> None:
    kernel = MadeUp()
    live = os.memfd_create("live")
    os.ftruncate(live, _PAGE)
    ring = Ring(kernel.fd, live, (1 << 32) - 1)
    ring.fileno(pending=False)
    turn = {"wait": wait, "watch": watch}[sys.argv[1]]
    at = kernel.begin()
    begin = time.monotonic()
    for _ in range(TURNS):
        assert ring.fill() == 0
        turn(ring, kernel)
    taken = time.monotonic() - begin
    kernel.finish(at)
    assert ring.fill() == 1
    # The ring is heard again.
    ring.settle()
    os.eventfd_write(kernel.fd, 1)
    assert readable(ring, 0)
    os.eventfd_read(kernel.fd)
    assert not readable(ring, 0)
    # At the end it is waited for, and what lies behind it is not left there.
    at, behind = kernel.begin(), kernel.begin()
    kernel.finish(behind)
    threading.Timer(0.05, kernel.finish, [at]).start()
    assert ring.fill(final=True) == 2
    print(TURNS, taken)


if __name__ == "__main__":
    main()
