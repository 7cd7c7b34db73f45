"""What the command line's exit status says."""

from __future__ import annotations

import enum


class ExitStatus(enum.IntEnum):
    """Where several hold, the first of USAGE, FAILED, LOST, INTERRUPTED, DONE is told.

    With a command it is the command's own, whatever it is (SIGNALLED and a number where a signal
    ended it), and NOT_RUN, NOT_EXECUTABLE or NOT_FOUND where it never ran.
    """

    DONE = 0
    FAILED = 1
    USAGE = 2
    LOST = 3
    NOT_RUN = 125
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127
    SIGNALLED = 128
    INTERRUPTED = 130


def of_trace(lost: int, *, interrupted: bool) -> ExitStatus:
    """What a trace that ran ends with."""
    if lost:
        return ExitStatus.LOST
    return ExitStatus.INTERRUPTED if interrupted else ExitStatus.DONE
