"""`pysigsnoop top`: a live view of who signals whom, or the same as plain text."""

from __future__ import annotations

import io
import os
import resource
import shutil
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from . import privileges, progress, sinks, tracer_options
from .errors import LibraryMissing
from .exit_status import of_trace
from .full_screen import Terminal, capable
from .top_choices import Choices
from .top_table import Tables

if TYPE_CHECKING:
    from rich.text import Text

    from .cli import Console
    from .top_view import State
    from .tracer import SignalTracer

# How long reading goes on before keys and the picture have their turn.
_READ_S = 0.05
# Signals that come within this time are read together: to be woken for each costs their senders.
_GATHER_S = 0.02
# A signal that came just before a sleep, or came to another thread, does not end it (waking.py); it
# is at an end so soon anyway.
_LOOK_UP_S = 1.0
# Of /proc/self/statm: seven numbers.
_STATM_SIZE = 256
# A plain picture's width where its reader has none.
_PLAIN_WIDTH = 132


def main(chosen: Namespace, console: Console) -> int:
    """Run it until its end; the exit status is that of tracing."""
    try:
        from . import top_view
    except ImportError as error:
        raise LibraryMissing(
            f"the live view needs rich: {error}", hint=f"{sys.executable} -m pip install rich"
        ) from error
    choices = Choices(chosen.interval)
    tracer = tracer_options.tracer(chosen, outcomes=True)
    with tracer_options.opened(tracer, console):
        watch = Watch(tracer, choices)
        if chosen.batch or not console.out or not capable(console.out.fileno()):
            privileges.give_up(chosen, privileges.caller())
            _plain(watch, console, chosen.batch, top_view.lines)
        else:
            ansi = _Ansi()
            with Terminal(console.out.fileno(), console.out.encoding) as terminal:
                # The terminal, opened anew, may be another user's.
                privileges.give_up(chosen, privileges.caller())
                _live(watch, terminal, ansi, top_view.lines)
                console.interrupted |= terminal.ended == signal.SIGINT
        tracer.stop()
        while watch.read():
            pass
    console.say(sinks.summary(tracer.stats, limited=False))
    return of_trace(tracer.stats.lost_total, interrupted=console.interrupted)


class Watch:
    """Counts what a tracer sees, and what that costs."""

    def __init__(self, tracer: SignalTracer, choices: Choices) -> None:
        from .top_view import Cost

        self.tracer = tracer
        self.choices = choices
        self.tables = Tables()
        self._began = self._zeroed = self._ticked = time.monotonic()
        self._cpu = time.process_time()
        #: Events read.
        self.count = self._count_before = 0
        self._cost = Cost()
        self._held: State | None = None
        # Held open to the end of the process: later there may be no descriptor left.
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)

    def read(self) -> bool:
        """Count what waits, for a while at most; whether more may wait already."""
        end = time.monotonic() + _READ_S
        while events := self.tracer.read(0):
            self.tables.add(events)
            self.count += len(events)
            if time.monotonic() >= end:
                return True
        return False

    @property
    def due(self) -> float:
        """In how many seconds the next picture is due."""
        return self._ticked + self.choices.interval - time.monotonic()

    def tick(self) -> None:
        """A picture's time is over: work out the rates in it."""
        now, cpu = time.monotonic(), time.process_time()
        seconds = max(now - self._ticked, 0.001)
        self.tables.tick(seconds)
        self._cost = self._cost._replace(
            cpu=(cpu - self._cpu) / seconds,
            events=(self.count - self._count_before) / seconds,
            memory=self._memory(),
        )
        self._ticked, self._cpu, self._count_before = now, cpu, self.count

    def _memory(self) -> int:
        """This process's own, without what it shares: the ring is in none of it."""
        _, resident, shared, *_ = os.pread(self._statm, _STATM_SIZE, 0).split()
        return (int(resident) - int(shared)) * resource.getpagesize()

    def zero(self) -> None:
        """Count from here."""
        self.tables.zero()
        self._zeroed = self._ticked = time.monotonic()
        self._cpu, self._count_before = time.process_time(), self.count
        self._held = None

    def state(self) -> State:
        """What is to be shown: while paused, what there was then."""
        from .top_view import State

        if self._held and self.choices.paused:
            return self._held
        now = time.monotonic()
        state = State(
            tables=self.tables,
            choices=self.choices,
            counted=max(now - self._zeroed, 0.001),
            running=now - self._began,
            clock=time.time(),
            lost=self.tracer.stats.lost,
            cost=self._cost,
        )
        self._held = None
        if self.choices.paused:
            self._held = state = state._replace(tables=self.tables.frozen())
        return state


Lines = Callable[["State", int, "int | None"], "list[Text]"]


def _plain(watch: Watch, console: Console, frames: int | None, lines: Lines) -> None:
    """So many pictures, or without end, one below the other."""
    tracer = watch.tracer
    made = 0
    with console.ending(tracer.stop):
        while frames is None or made < frames:
            with progress.told(console.err, f"counting for {watch.choices.interval:g} s"):
                _count(watch)
            if tracer.stopped:
                break
            watch.tick()
            width, _ = shutil.get_terminal_size((_PLAIN_WIDTH, 0))
            picture = [line.plain.rstrip() for line in lines(watch.state(), width, None)]
            console.lines([*[""] * bool(made), *picture])
            made += 1


def _count(watch: Watch) -> None:
    """Until a picture is due."""
    while watch.due > 0 and not watch.tracer.stopped:
        before = watch.count
        if watch.read():
            continue
        if watch.count != before:
            time.sleep(_GATHER_S)
        else:
            _wait(watch.tracer, min(watch.due, _LOOK_UP_S))


def _wait(tracer: SignalTracer, seconds: float) -> None:
    import select

    select.select([tracer.fileno()], [], [], max(0.0, seconds))


def _live(watch: Watch, terminal: Terminal, ansi: _Ansi, lines: Lines) -> None:
    """The picture on a terminal, until a key or a signal ends it."""
    choices, fd = watch.choices, watch.tracer.fileno()
    stale = True
    while not choices.ended and terminal.ended is None:
        terminal.suspend_if_asked()
        before = watch.count
        more = watch.read()
        if watch.due <= 0:
            watch.tick()
            stale |= not choices.paused
        if (stale or terminal.changed) and terminal.idle:
            width, height = terminal.size
            terminal.draw(ansi.of(lines(watch.state(), width, height)))
            stale = False
        quiet = watch.count == before
        seconds = 0 if more else min(watch.due, _LOOK_UP_S if quiet else _GATHER_S)
        for key in terminal.wait(seconds, (fd,) if quiet else ()):
            choices.press(key)
            stale = True
        if choices.zero:
            watch.zero()
            choices.zero = False
        if choices.redraw:
            terminal.changed = True
            choices.redraw = False


class _Ansi:
    """Lines with their colours, as the terminal takes them (NO_COLOR: without)."""

    def __init__(self) -> None:
        from rich.console import Console

        # Where it thinks that it writes to; whoever asks takes the text from it.
        self._console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)

    def of(self, lines: Sequence[Text]) -> list[str]:
        with self._console.capture() as captured:
            self._console.print(
                *lines, sep="\n", end="", soft_wrap=True, markup=False, highlight=False
            )
        return captured.get().split("\n")
