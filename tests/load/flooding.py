"""Two processes that signal themselves and each other without end, and know how often they did."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from ..live.senders import NOBODY
from ..live.sends.callers import SI_QUEUE, Caller

USR1 = 10
#: Calls of one kind in a row: a fraction of a second's.
BURST = 40_000


class Made(NamedTuple):
    """What a process did: calls, those of them that failed, and signals that came of them."""

    calls: int = 0
    failed: int = 0
    signals: int = 0

    def plus(self, other: Made) -> Made:
        return Made(*(a + b for a, b in zip(self, other, strict=True)))


class Flooder(AbstractContextManager["Flooder"]):
    """One process that floods, on one CPU at a time: bursts of one kind of call after another."""

    def __init__(self, program: Path) -> None:
        self._caller = Caller(program)
        self._caller.ignore(USR1)
        self._caller.info(USR1, SI_QUEUE)
        self.pid = self._caller.pid
        #: In the bursts that are over.
        self.made = Made()

    def flood(self, other: int, over: threading.Event) -> None:
        """Bursts until told that it is over; of signals the other gets half."""
        kinds: Sequence[tuple[bool, tuple[str | int, ...]]] = (
            (False, ("kill", "pid", 0)),
            (True, ("kill", other, USR1)),
            (False, ("kill", NOBODY, USR1)),
            (True, ("tgkill", "pid", "tid", USR1)),
            (False, ("kill", other, 65)),
            (True, ("rt_sigqueueinfo", other, USR1, "info")),
        )
        for signals, (name, *arguments) in itertools.cycle(kinds):
            done = self._caller.flood(0, BURST, str(name), *arguments)
            self.made = self.made.plus(Made(done.calls, done.failed, done.calls * signals))
            if over.is_set():
                return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._caller.close()
