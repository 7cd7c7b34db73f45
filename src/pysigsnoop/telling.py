"""A trace that an account is made of: what it must see, what of that is shown, and how it ends."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from . import account
from .filters import KERNEL_ORIGINS
from .options import lines_asked_for

if TYPE_CHECKING:
    from .account import Account
    from .cli import Console
    from .ends import Death, Delivery
    from .event import Event
    from .privileges import User
    from .stats import Stats
    from .tracer import SignalTracer

# How long the last signals of a process that has ended may take to have their effect.
_LINGER_S = 0.3
_LOOK_S = 0.005
# Filters by which an account would not learn all; `--all` and `--follow` add to it.
_FILTERS = (
    *("signal", "exclude_signal", "origin", "kernel", "pid", "target", "user", "target_user"),
    *("comm", "target_comm", "cgroup", "target_cgroup", "failed", "fatal"),
)
# Of so many sends that are not shown it is known that neither are their ends.
_HIDDEN = 65536


class Teller(Protocol):
    """Whoever has a trace made for an account."""

    #: Who is followed.
    follow: list[int]
    telling: Telling
    #: Who the trace goes on as (None: as before), and with which capabilities.
    user: User | None
    keep: tuple[str, ...]

    def tracing(self, tracer: SignalTracer, console: Console) -> AbstractContextManager[object]:
        """Entered when the trace has begun, and left when it has ended."""

    def begin(self, tracer: SignalTracer, console: Console) -> None:
        """Called once lines can be written; sees to the end of the trace."""


class Telling:
    """Between a trace and its account."""

    def __init__(self, chosen: Namespace, account: Account) -> None:
        self._chosen = chosen
        self._account = account
        #: Whether lines are shown too.
        self.shows = lines_asked_for(chosen)
        #: Whether filters were given, so that it cannot be complete.
        self.filtered = any(getattr(chosen, name) for name in _FILTERS)
        #: Who is given all events too, before anybody else.
        self.also: Callable[[list[Event]], None] | None = None
        #: How many events were not to be shown.
        self.hidden = 0
        self._hidden_sends: OrderedDict[int, None] = OrderedDict()
        #: Whether the process ended before the trace did.
        self.complete = False

    @property
    def settings(self) -> dict[str, object]:
        """Of the tracer, where an account needs others than a trace."""
        wanted: dict[str, object] = {"outcomes": True, "details": True}
        if not self.filtered:
            # What handlers ran for, too, and exits; whatever of it is to be shown.
            wanted |= {"scope": "all", "exits": True}
            if not self.shows:
                wanted["exclude_signals"] = "CHLD"
        return wanted

    def take(self, events: list[Event]) -> list[Event]:
        """Note events; those of them that are to be shown."""
        if self.also:
            self.also(events)
        shown = []
        for event in events:
            # A child's end is told as such.
            if self.filtered or event.type != "send" or event.origin != "child":
                self._account.take(event)
            if self.shows and self._is_asked_for(event):
                shown.append(event)
            else:
                self.hidden += 1
        return shown

    def _is_asked_for(self, event: Event | Delivery | Death) -> bool:
        """Whether a trace that was made for lines alone would have it."""
        target = event.target
        if target is not None and target.pid == os.getpid():
            return False  # what came to us is for the account alone
        if self.filtered:
            return event.type == "send" or not self._chosen.no_outcomes
        if event.type == "send":
            if self._chosen.all or event.fatal or event.origin not in KERNEL_ORIGINS:
                return True
            self._hidden_sends[event.id] = None
            if len(self._hidden_sends) > _HIDDEN:
                self._hidden_sends.popitem(last=False)
            return False
        # What a fork passed on can end the child, whatever it did to the parent.
        sent = None if event.action in ("default", "killed") else event.parent_send_id
        if self._chosen.no_outcomes or {event.send_id, sent} & self._hidden_sends.keys():
            return False
        return event.type == "delivery" or event.signal is not None or bool(self._chosen.exits)

    def stop(self, tracer: SignalTracer) -> None:
        """End the trace once what it was sent last has shown its effect; from another thread."""
        self.complete = not (tracer.stopped or tracer.closed)
        if not self.complete:
            return
        end = time.monotonic() + _LINGER_S
        waits = self.settings.get("exits", False)
        while time.monotonic() < end:
            if self._account.ended or not waits:
                waits = False
                if not self._account.doomed:
                    break
            time.sleep(_LOOK_S)
        tracer.stop()

    def lines(self, told: list[str], stats: Stats) -> list[str]:
        """The account with what stands in the way of its being complete."""
        told = [*told, *account.loss(stats.lost)]
        if self.filtered:
            told.append("filters were given: what they left out is not told here")
        return told


def say(
    sentences: Iterable[str], line: Callable[[str], None], *, to: object, before: str = ""
) -> None:
    """Say them by `line`, a line each; on a terminal broken where it is full."""
    width = _width_of(to)
    for sentence in sentences:
        whole = f"{before}{sentence}"
        for part in _broken(whole, width) if width else [whole]:
            line(part)


def _broken(text: str, width: int) -> list[str]:
    import textwrap  # 3 ms, and only here

    return textwrap.wrap(
        text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _width_of(stream: object) -> int | None:
    """How wide a terminal is; None for what is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns  # type: ignore[attr-defined]
    except (AttributeError, ValueError, OSError):
        return None
