"""`python -m pysigsnoop`, and the pysigsnoop script: ready to be ended before all else."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING

from .exit_status import ExitStatus

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# Until whatever dropped an exception is done: mostly some steps of Python.
_DONE_S = 0.01


class Terminated(BaseException):
    """SIGTERM where there is no trace to stop: like Ctrl-C, it undoes what was begun."""


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's interface
    signal.signal(number, signal.SIG_DFL)
    raise Terminated


def _dropped(dropped: UnraisableHookArgs) -> None:
    """What Python can raise to nobody. A signal whose exception that is comes once more.

    A handler that runs in the callback of a weak reference raises there, and nobody has it: those
    of the import system's locks run at each import.
    """
    if issubclass(dropped.exc_type, Terminated):
        number = signal.SIGTERM
        signal.signal(number, _terminate)
    elif issubclass(dropped.exc_type, KeyboardInterrupt):
        number = signal.SIGINT
    else:
        sys.__unraisablehook__(dropped)
        return
    _thread.start_new_thread(_once_more, (_thread.get_ident(), number))


def _once_more(thread: int, number: signal.Signals) -> None:
    time.sleep(_DONE_S)
    signal.pthread_kill(thread, number)


def main() -> int:
    """Run the command line; returns its exit status. SIGTERM before its work is done ends it."""
    # Who has it ignored (nohup does so with another) keeps it ignored.
    ours = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    tell_dropped = sys.unraisablehook
    try:
        sys.unraisablehook = _dropped
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
        sys.unraisablehook = tell_dropped


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
