"""`python -m pysigsnoop`, and the pysigsnoop script: ready to be ended before all else."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time
from types import FrameType

from .exit_status import ExitStatus
from .interrupted import Interrupted

# Not typing's, which takes a while to import: until then a signal finds no handler.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from sys import UnraisableHookArgs

# Until whatever dropped an exception is done: mostly some steps of Python.
_DONE_S = 0.01


class Terminated(BaseException):
    """SIGTERM where there is no trace to stop: like Ctrl-C, it undoes what was begun."""


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's interface
    signal.signal(number, signal.SIG_DFL)
    raise Terminated


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the same
    raise Interrupted


class _OnceMore:
    """Around work that a signal's exception ends: one that Python drops comes once more.

    A handler that runs in the callback of a weak reference raises there, and nobody has it: those
    of the import system's locks run at each import.
    """

    def __enter__(self) -> None:
        self._over = False
        self._told = sys.unraisablehook
        sys.unraisablehook = self._dropped

    def __exit__(self, *_: object) -> None:
        self._over = True
        sys.unraisablehook = self._told

    def _dropped(self, dropped: UnraisableHookArgs) -> None:
        if issubclass(dropped.exc_type, Terminated):
            number = signal.SIGTERM
            signal.signal(number, _terminate)
        elif issubclass(dropped.exc_type, KeyboardInterrupt):
            number = signal.SIGINT
        else:
            self._told(dropped)
            return
        try:
            _thread.start_new_thread(self._again, (_thread.get_ident(), number))
        except RuntimeError:  # no more threads for this user: at once, then
            os._exit(ExitStatus.SIGNALLED + number)

    def _again(self, thread: int, number: signal.Signals) -> None:
        time.sleep(_DONE_S)
        if not self._over:
            signal.pthread_kill(thread, number)


def main() -> int:
    """Run the command line; returns its exit status. SIGTERM before its work is done ends it."""
    # Who has one ignored (nohup does so with another) keeps it ignored.
    usual = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: how for number, how in usual.items() if signal.getsignal(number) == how}
    raising = {signal.SIGTERM: _terminate, signal.SIGINT: _interrupt}
    try:
        with _OnceMore():
            for number in before:
                signal.signal(number, raising[number])
            from .cli import main as run  # takes a while, in which a signal can come
            from .streams import whole_streams

            with whole_streams():
                return run()
    except KeyboardInterrupt:
        return _ended_by(signal.SIGINT)
    except Terminated:
        return _ended_by(signal.SIGTERM)
    finally:
        for number, how in before.items():
            signal.signal(number, how)


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
