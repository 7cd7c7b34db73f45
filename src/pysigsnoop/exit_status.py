"""What the command line's exit status says."""

from __future__ import annotations

import enum


class ExitStatus(enum.IntEnum):
    """Where several hold, the first of USAGE, FAILED, LOST, INTERRUPTED, DONE is told."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    LOST = 3
    INTERRUPTED = 130
