"""`python -m pysigsnoop`, and the pysigsnoop script: ready to be ended before all else."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from .exit_status import ExitStatus


class Terminated(BaseException):
    """SIGTERM where there is no trace to stop: like Ctrl-C, it undoes what was begun."""


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's interface
    signal.signal(number, signal.SIG_DFL)
    raise Terminated


def main() -> int:
    """Run the command line; returns its exit status. SIGTERM before its work is done ends it."""
    # Who has it ignored (nohup does so with another) keeps it ignored.
    ours = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    try:
        if ours:
            signal.signal(signal.SIGTERM, _terminate)
        from .cli import main as run  # takes a while, in which a signal can come

        return run()
    except KeyboardInterrupt:
        return _ended_by(signal.SIGINT)
    except Terminated:
        return _ended_by(signal.SIGTERM)
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _ended_by(number: int) -> int:
    """What to exit with, where that signal came before the work was done."""
    # Once a command was begun, signals are its own.
    if "--" in sys.argv:
        return ExitStatus.NOT_RUN
    if number == signal.SIGINT:
        return ExitStatus.INTERRUPTED
    # So that who asks what ended it is told; the first process of a pid namespace lives on.
    os.kill(os.getpid(), number)
    return ExitStatus.SIGNALLED + number


if __name__ == "__main__":
    sys.exit(main())
