"""Streams that cannot be written any more."""

from __future__ import annotations

import os
from typing import IO


def discard(stream: IO[str] | None) -> None:
    """What a failed write left behind goes nowhere: Python flushes once more at exit."""
    if stream is None:
        return
    fd = stream.fileno()
    # First, so that a descriptor is free; and memory, since a changed root may have no /dev/null.
    os.close(fd)
    nowhere = os.memfd_create("nowhere")
    if nowhere != fd:
        os.dup2(nowhere, fd)
        os.close(nowhere)
