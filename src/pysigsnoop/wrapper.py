"""`pysigsnoop -- COMMAND`: the command as if nobody watched, and at its end what ended it."""

from __future__ import annotations

import contextlib
import os
import time
from argparse import Namespace
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from . import privileges, run_as, wording
from .account import Account, Main
from .cli import Console, trace
from .clock import wall_offset
from .diagnosis import limit_reached
from .errors import CommandFailed, PysigsnoopError
from .exit_status import ExitStatus
from .launch import Launch
from .run_as import RunAs
from .telling import Telling, say

if TYPE_CHECKING:
    from .stats import Stats
    from .tracer import SignalTracer


# How far the trace can be behind what it shows, before a signal is passed on without asking it.
_BEHIND_S = 0.1
_LOOK_S = 0.002


class _Wrapped:
    """A command whose trace is told."""

    def __init__(self, chosen: Namespace, launch: Launch, runs_as: RunAs | None) -> None:
        self._launch = launch
        # Not who the command runs as, who could then signal us; nor with no right to signal it.
        nobody = privileges.nobody()
        self.user = None if runs_as and runs_as.uid == nobody.uid else nobody
        self.keep: tuple[str, ...] = privileges.FOR_SIGNALS
        # Us too: what we pass on to the command was sent to us.
        self.follow = [os.getpid()]
        words = tuple(os.fsencode(word) for word in chosen.command)
        self._main = Main(launch.pid, None, wording.command_line(words))
        self.account = Account(self._main, passes_on=os.getpid())
        self.telling = Telling(chosen, self.account)

    def tracing(
        self,
        tracer: SignalTracer,  # noqa: ARG002
        console: Console,  # noqa: ARG002
    ) -> AbstractContextManager[object]:
        """Signals that would end us are the command's already."""
        return contextlib.nullcontext()

    def begin(self, tracer: SignalTracer, console: Console) -> None:  # noqa: ARG002
        """The command runs from here; the trace ends with it."""
        self._launch.go(lambda: self.telling.stop(tracer), self._reached_both)

    def _reached_both(self, number: int, sender: int) -> bool:
        """Asked by the thread that passes signals on, which may be ahead of the trace."""
        end = time.monotonic() + _BEHIND_S
        while not self.telling.filtered and time.monotonic() < end:
            both = self.account.reached_both(number, sender)
            if both is not None:
                return both
            time.sleep(_LOOK_S)
        return False

    def lines(self, stats: Stats) -> list[str]:
        """The account, once the command has ended."""
        told = self.account.lines()
        code, ended_ns = self._launch.code, self._launch.ended_ns
        if not self.account.ended and code is not None and ended_ns is not None:
            told.insert(0, self.account.exited(code, ended_ns, ended_ns + wall_offset()))
            if not self.telling.complete:
                told.append("the trace ended before the command did")
        if not self._launch.ran:
            told.append(f"{self._main.name} was not run: its process was ended before")
        return self.telling.lines(told, stats)


def main(chosen: Namespace, console: Console) -> int:
    """What becomes of the trace changes nothing for the command, nor of its status."""
    # Its stdout is the command's.
    console = Console(console.err, console.err)
    try:
        runs_as = run_as.chosen(getattr(chosen, "as"), os.environ)
        with Launch(chosen.command, runs_as) as launch:
            wrapped = _Wrapped(chosen, launch, runs_as)
            stats = None
            try:
                _, stats = trace(chosen, console, wrapped)
            except PysigsnoopError as error:
                console.say(f"pysigsnoop: {error}")
            except BrokenPipeError:
                pass
            except OSError as error:
                console.say(f"pysigsnoop: {limit_reached('tracing', error.errno or 0) or error}")
            status = launch.status()
            if stats is not None:
                say(wrapped.lines(stats), console.say, to=console.err, before="pysigsnoop: ")
            return status
    except CommandFailed as error:
        console.say(f"pysigsnoop: {error}")
        return ExitStatus.NOT_RUN
