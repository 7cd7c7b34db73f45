"""The standard streams, such that a write takes all that it is given."""

from __future__ import annotations

import io
import os
import select
from typing import IO, TYPE_CHECKING, TextIO, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Whole(io.RawIOBase):
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


def whole(stream: TextIO | None) -> TextIO | None:
    """The same stream, which keeps nothing back; what its encoding lacks is written as \\x and all.

    Its writes raise OSError where the output fails, and may have written a part by then.
    """
    if stream is None:
        return None
    stream.flush()
    raw = cast("IO[bytes]", _Whole(stream.fileno()))
    return io.TextIOWrapper(raw, stream.encoding, "backslashreplace", write_through=True)
