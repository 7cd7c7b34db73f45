"""The standard streams, such that a write takes all that it is given."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Descriptor(io.RawIOBase):
    """What is written to a descriptor, all of it or none.

    A signal can cut a write short, be it one that stops a process and has it go on, and so can a
    disk that is nearly full. Python's own streams pass over that where they are unbuffered
    (PYTHONUNBUFFERED, as containers have it), and what is left is lost. Where the descriptor does
    not block, which whoever shares a terminal can ask for, there is nothing to do but wait.
    """

    def __init__(self, fd: int) -> None:
        super().__init__()
        self._fd = fd

    def write(self, data: ReadableBuffer) -> int:
        view = memoryview(data)
        left = view
        while left:
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                room = select.poll()
                room.register(self._fd, select.POLLOUT)
                room.poll()
        return len(view)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)


def _whole(stream: TextIO | None) -> TextIO | None:
    try:
        fd = stream.fileno() if stream else None
    except OSError:
        fd = None  # no file: somebody's own, in this very process
    if stream is None or fd is None:
        return stream
    with contextlib.suppress(OSError):
        stream.flush()
    raw = cast("IO[bytes]", _Descriptor(fd))
    return io.TextIOWrapper(raw, stream.encoding, "backslashreplace", write_through=True)


@contextlib.contextmanager
def whole_streams() -> Iterator[None]:
    """While the block runs, stdout and stderr keep nothing back; what their encoding lacks is
    written as \\x and all.

    Writes raise OSError where the output fails, and may have written a part by then.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_whole, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
