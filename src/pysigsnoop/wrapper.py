"""`pysigsnoop -- COMMAND`: the command as if nobody watched, and at its end what ended it."""

from __future__ import annotations

import contextlib
import os
from argparse import Namespace
from contextlib import AbstractContextManager
from threading import Thread
from typing import TYPE_CHECKING

from . import privileges, run_as, tracer_options, wording
from .account import Account, Main
from .cli import Console, trace
from .clock import wall_offset
from .diagnosis import limit_reached
from .errors import CommandFailed, PysigsnoopError
from .exit_status import ExitStatus
from .launch import PASSED_ON, Launch
from .passing import WAYS, Passing
from .run_as import RunAs
from .telling import Telling, say

if TYPE_CHECKING:
    from .stats import Stats
    from .tracer import SignalTracer

# Room for what is sent to two processes.
_RING = 1 << 20


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
        self._passing = Passing(os.getpid(), launch.pid)
        self.account = Account(self._main, passing=self._passing)
        self.telling = Telling(chosen, self.account)
        # What is filtered, ends earlier, or waits for who reads its lines, lacks what that needs.
        self._lacks = self.telling.filtered or self.telling.shows or chosen.duration is not None
        if not self._lacks:
            self.telling.also = self._passing.take
        self._chosen = chosen
        self._beside: SignalTracer | None = None
        self._undo = contextlib.ExitStack()

    def tracing(
        self,
        tracer: SignalTracer,  # noqa: ARG002
        console: Console,
    ) -> AbstractContextManager[object]:
        """Signals that would end us are the command's already."""
        ending = contextlib.ExitStack()
        if self._lacks:
            from .tracer import SignalTracer  # needs libbpf, without which that is told

            self._beside = SignalTracer(
                signals=PASSED_ON,
                origins=WAYS,
                target_pid=(self._passing.pid, self._passing.command),
                details=True,
                attach=self._chosen.attach,
                buffer_size=_RING,
            )
            # As long as the command runs, however long the other.
            self._undo.enter_context(tracer_options.opened(self._beside, console))
        else:
            # Should it fail, the command runs on, and its signals wait for nothing.
            ending.callback(self._passing.end)
        return ending

    def begin(self, tracer: SignalTracer, console: Console) -> None:  # noqa: ARG002
        """The command runs from here; the trace ends with it."""
        if self._beside:
            # Started late, as a thread keeps the rights that it has.
            Thread(target=self._passing.feed, args=(self._beside.read,), daemon=True).start()
        self._launch.go(lambda: self.telling.stop(tracer), self._passing)

    def close(self) -> None:
        """Once the command has ended."""
        self._undo.close()

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
        return self.telling.lines([*told, *self._passing.lines()], stats)


def main(chosen: Namespace, console: Console) -> int:
    """What becomes of the trace changes nothing for the command, nor of its status."""
    # Its stdout is the command's.
    console = Console(console.err, console.err)
    try:
        runs_as = run_as.chosen(getattr(chosen, "as"), os.environ)
        with (
            Launch(chosen.command, runs_as) as launch,
            contextlib.closing(_Wrapped(chosen, launch, runs_as)) as wrapped,
        ):
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
