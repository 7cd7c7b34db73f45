"""What takes a while, told on a line of a terminal that is taken away again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TextIO

#: What takes less is not told.
AFTER_S = 1.0
_CLEAR = "\r\33[K"


def seen(stream: TextIO | None) -> bool:
    """Whether somebody sees such a line there: on a terminal that can take it away again."""
    from .terminal import Screen  # late: lines that are no text do without it

    if stream is None or os.environ.get("TERM") == "dumb":
        return False
    return Screen(stream).width is not None


def show(stream: TextIO | None, text: str) -> None:
    """Have the line say that; nothing, to take it away."""
    with contextlib.suppress(OSError):  # nobody looks any more
        if stream:
            stream.write(_CLEAR + text)
            stream.flush()


@contextlib.contextmanager
def told(stream: TextIO | None, text: str) -> Iterator[None]:
    """Tell what the block does, if that takes long."""
    if not seen(stream):
        yield
        return
    from threading import Event, Thread

    done = Event()

    def tell() -> None:
        if not done.wait(AFTER_S):
            show(stream, f"{text} ...")
            done.wait()
            show(stream, "")

    teller = Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
