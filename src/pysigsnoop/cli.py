"""The command line: options in, lines out, an exit status at the end."""

from __future__ import annotations

import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from . import options, privileges, progress, sinks, subcommands, tracer_options
from .diagnosis import limit_reached
from .errors import FilterInvalid, OutputFailed, PysigsnoopError
from .exit_status import ExitStatus, of_trace
from .text import printable

if TYPE_CHECKING:
    from types import FrameType

    from .original import OriginalTracer
    from .service_manager import ServiceManager
    from .sinks import Lines
    from .stats import Lost, Stats
    from .telling import Teller, Telling
    from .trace_assembly import Call, Half, Taken
    from .trace_lines import LostEvents
    from .tracer import SignalTracer


class Console:
    """Where lines go and how the user ends it; handed in, so that tests can bring their own."""

    def __init__(self, out: TextIO | None, err: TextIO | None) -> None:
        self.out = out
        self.err = err
        self.interrupted = False

    def lines(self, lines: Iterable[str]) -> None:
        """Write lines and flush them.

        Raises BrokenPipeError where nobody reads any more, OutputFailed where
        they cannot be written.
        """
        text = "\n".join([*lines, ""])
        if text and self.out:
            with self.writing():
                self.out.write(text)
                self.out.flush()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around what writes to the output: raises what `lines` does."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputFailed(
                f"cannot write the output: {error.strerror}", hint="df .     (is a disk full?)"
            ) from error

    def loss(self, lines: Lines, lost: Lost) -> None:
        """Tell a loss among the lines, or beside those that have no place for it."""
        if lines.loss_aside:
            self.say(lines.lost(lost))
        else:
            self.lines([lines.lost(lost)])

    def say(self, text: str) -> None:
        """A word to the user, beside the output; without a stderr there is nobody to tell."""
        if self.err:
            with suppress(OSError):
                self.err.write(f"{text}\n")
                self.err.flush()

    @contextmanager
    def ending(self, stop: Callable[[], None]) -> Iterator[None]:
        """Ctrl-C and SIGTERM call `stop`, so what was seen is printed; a second ends at once."""

        def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # signal's interface
            self.interrupted |= number == signal.SIGINT
            for each, second in after.items():
                signal.signal(each, second)
            stop()

        # Known before there is a handler, which may be called at once.
        before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
        # Who has SIGTERM ignored wants that. SIGINT is ignored in what a script runs in the
        # background, where `kill -INT $!` ends a trace all the same.
        if before[signal.SIGTERM] == signal.SIG_IGN:
            del before[signal.SIGTERM]
        after = before | ({signal.SIGTERM: signal.SIG_DFL} if signal.SIGTERM in before else {})
        try:
            for each in before:
                signal.signal(each, end)
            yield
        finally:
            for each, old in before.items():
                signal.signal(each, old)


def main(arguments: list[str] | None = None, console: Console | None = None) -> int:
    """Run the command; returns its exit status. Wrong usage exits with 2, as argparse does."""
    console = console or Console(sys.stdout, sys.stderr)
    try:
        with console.writing():  # help and version
            chosen = options.parse(arguments)
        if console.out is None and not chosen.command:
            console.say("pysigsnoop: stdout is closed\n  hint: >/dev/null, to see only the counts")
            return ExitStatus.FAILED
        return _run(chosen, console)
    except PysigsnoopError as error:
        console.say(f"pysigsnoop: {error}")
        return ExitStatus.USAGE if isinstance(error, FilterInvalid) else ExitStatus.FAILED
    except BrokenPipeError:
        # Whoever read has what they wanted, as with `| head`.
        return ExitStatus.DONE
    except OSError as error:
        limit = limit_reached("going on", error.errno or 0)
        if limit is None:
            raise
        console.say(f"pysigsnoop: {limit}")
        return ExitStatus.FAILED


def _run(chosen: Namespace, console: Console) -> int:
    if chosen.subcommand:
        return subcommands.run(chosen, console)
    if chosen.command:
        from . import wrapper

        return wrapper.main(chosen, console)
    return _trace_pipe(chosen, console) if chosen.trace_pipe else trace(chosen, console)[0]


def _status(console: Console, lost: int) -> ExitStatus:
    return of_trace(lost, interrupted=console.interrupted)


def trace(
    chosen: Namespace, console: Console, teller: Teller | None = None
) -> tuple[ExitStatus, Stats]:
    """Trace as the options say, or as an account needs it, to its end."""
    from .fields import need_details
    from .views import lines_for

    fields = chosen.fields or ()
    settings: dict[str, Any] = {
        "outcomes": not chosen.no_outcomes,
        "exits": chosen.exits,
        "details": chosen.details or chosen.verbose or need_details(fields),
        "stacks": chosen.stack or "stack" in fields,
    }
    settings |= teller.telling.settings if teller else {}
    tracer = tracer_options.tracer(chosen, follow=teller.follow if teller else (), **settings)
    telling = teller.telling if teller else None
    # A service's own trace: what a command, or who waits for one, has of it is another's.
    service = None if teller else _service_manager()
    ending = teller.tracing(tracer, console) if teller else console.ending(tracer.stop)
    with tracer_options.opened(tracer, console), ending:
        stacks = privileges.FOR_STACKS if settings["stacks"] else ()
        lines = lines_for(chosen, console.out, tracer.began_ns)
        if teller:
            privileges.give_up(chosen, teller.user, (*teller.keep, *stacks))
        else:
            privileges.give_up(chosen, privileges.caller(), stacks)
        if telling is None or telling.shows:
            console.lines(lines.header)
        if teller:
            teller.begin(tracer, console)
        if service:
            service.tell("READY=1")
        left = _stream(tracer, lines, console, chosen, telling=telling, service=service)
        if service:
            service.tell("STOPPING=1")
    stats = tracer.stats
    limited = left == 0
    if telling is None or telling.shows:
        hidden = telling.hidden if telling else 0
        shown = stats._replace(received=stats.received - hidden)
        console.say(sinks.summary(shown, limited=limited))
    # Who asked for no more has lost nothing by that.
    lost = stats.lost._replace(unread=0) if limited else stats.lost
    if telling and limited and stats.lost.unread:
        telling.complete = False
    return _status(console, sum(lost)), stats._replace(lost=lost)


def _service_manager() -> ServiceManager | None:
    """Whoever started this as a service and waits to be told of it."""
    if "NOTIFY_SOCKET" not in os.environ:
        return None
    from .service_manager import ServiceManager

    return ServiceManager(os.environ)


def _stream(
    tracer: SignalTracer,
    lines: Lines,
    console: Console,
    chosen: Namespace,
    *,
    telling: Telling | None,
    service: ServiceManager | None,
) -> int | None:
    """Write lines until the end; returns how many of `count` are left."""
    from .loss import INTERVAL_S, LossWatch

    duration: float | None = chosen.duration
    count: int | None = chosen.count
    shows = telling is None or telling.shows
    loss = LossWatch(lambda: tracer.stats)
    end = None if duration is None else time.monotonic() + duration
    looked = True
    while count is None or count > 0:
        waits = [] if end is None else [max(0.0, end - time.monotonic())]
        # A loss is told though nothing more comes.
        waits += [] if looked else [INTERVAL_S]
        beat = service.beat() if service else None
        waits += [] if beat is None else [beat]
        # Asked first: one that is stopped while nothing was read may hold something to read.
        stopped = tracer.stopped
        events = tracer.read(min(waits, default=None), count)
        lost = loss.look(now=not events)
        looked = not events
        shown = telling.take(events) if telling else events
        for part in sinks.parts(shown):
            with progress.told(console.err if chosen.stack else None, "reading symbols"):
                told = list(lines.of(part))
            console.lines(told)
        if lost and shows:
            console.loss(lines, lost)
        if count is not None:
            count -= len(shown)
        if end is not None and time.monotonic() >= end:
            tracer.stop()
            end = None
        elif not events and stopped:
            break
    return count


def _trace_pipe(chosen: Namespace, console: Console) -> ExitStatus:
    from .original import OriginalTracer
    from .trace_assembly import Call, Half, Taken

    received = halves = lost = taken = 0
    with OriginalTracer() as tracer, console.ending(tracer.stop):
        # The kernel's settings, which are files of root's, are read on and put back at the end.
        privileges.give_up(chosen, None)
        if tracer.shared:
            console.say(
                "pysigsnoop: another --trace-pipe runs: each takes lines from the other, "
                "and each call is printed by both"
            )
        for found in _until(tracer, chosen.duration):
            if isinstance(found, Call):
                console.lines([sinks.original_line(found)])
                received += 1
                if received == chosen.count:
                    break
            elif isinstance(found, Half):
                console.say(f"pysigsnoop: half a line: {printable(found.message)}")
                halves += 1
            elif isinstance(found, Taken):
                console.say(f"pysigsnoop: other readers took {found.lines} lines")
                taken = found.lines
            else:
                console.say(f"pysigsnoop: the kernel dropped {found.dropped or 'some'} lines")
                lost += found.dropped or 1
        skipped = tracer.skipped
    counts = {"events": lost, "taken": taken, "halves": halves, "skipped": skipped}
    reasons = [f"{name} {count}" for name, count in counts.items() if count]
    detail = f" ({', '.join(reasons)})" if reasons else ""
    all_lost = sum(counts.values())
    console.say(f"{received} received, {all_lost} lost{detail}")
    return _status(console, all_lost)


def _until(
    tracer: OriginalTracer, seconds: float | None
) -> Iterator[Call | Half | LostEvents | Taken]:
    yield from tracer.calls(seconds)
    if seconds is not None:
        tracer.stop()
        yield from tracer.calls()
