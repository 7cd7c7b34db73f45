"""`python -m pysigsnoop`, and the pysigsnoop script: ready to be ended before all else."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from .exit_status import ExitStatus


class Terminated(BaseException):
    """SIGTERM before there is a trace to stop: like Ctrl-C, it undoes what was begun."""


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's interface
    signal.signal(number, signal.SIG_DFL)
    raise Terminated


def main() -> int:
    """Run the command line; returns its exit status."""
    # Who has it ignored (nohup does so with another) keeps it ignored.
    ours = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    try:
        if ours:
            signal.signal(signal.SIGTERM, _terminate)
        from .cli import main as run  # takes a while, in which a signal can come

        return run()
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except Terminated:
        return ExitStatus.DONE
    finally:
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
