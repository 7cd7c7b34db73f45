"""Programs that make the kernel signal them, or others: compiled once, run one at a time."""

from __future__ import annotations

import atexit
import functools
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pysigsnoop import Event, Process, SignalTracer

from .programs import compiled
from .senders import PATIENCE


@functools.cache
def program(source: str) -> str:
    """SOURCE.c, compiled."""
    folder = tempfile.TemporaryDirectory(prefix="pysigsnoop-actor-")
    atexit.register(folder.cleanup)
    return str(compiled(Path(__file__).with_name(f"{source}.c"), Path(folder.name, source)))


class Actor:
    """A running actor: it says what it knows beforehand in one line, and acts when told to go.

    `stdin` replaces the pipe by which it is told; `built` is it compiled in another way.
    """

    def __init__(
        self,
        source: str,
        *arguments: object,
        prefix: tuple[str, ...] = (),
        stdin: int = subprocess.PIPE,
        cwd: Path | None = None,
        built: Path | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [*prefix, str(built or program(source)), *map(str, arguments)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            text=True,
            cwd=cwd,
        )
        self.pid = self.process.pid
        try:
            #: The words of its first line.
            self.said = self.line()
        except BaseException:
            self.close()
            raise

    def line(self) -> list[str]:
        """The words of its next line; fails where it ends without one, or says nothing."""
        assert self.process.stdout
        text = b""
        end = time.monotonic() + PATIENCE
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            assert ready, f"no line, so far {text!r}"
            byte = os.read(self.process.stdout.fileno(), 1)
            assert byte, f"ended, after {text!r}"
            text += byte
        return text.decode().split()

    def go(self) -> None:
        """Let it act."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> int:
        """Wait for its end: the exit status, or less the signal that it died of."""
        return self.process.wait(PATIENCE)

    def close(self) -> None:
        """End it whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


@contextmanager
def acting(source: str, *arguments: object, **how: object) -> Iterator[Actor]:
    """One actor, ended with the block."""
    actor = Actor(source, *arguments, **how)  # type: ignore[arg-type]
    try:
        yield actor
    finally:
        actor.close()


def until(what: str, holds: Callable[[], object]) -> None:
    """Wait for a state of the machine that gives no notice."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.005)


def state(pid: int) -> str:
    """A process's state as /proc tells it: S, T, Z and so on; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(pid: int) -> list[int]:
    """The pids of a process's children."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def all_events(tracer: SignalTracer, read: int = 0) -> list[Event]:
    """End the trace; all that it saw, with the books closed. `read`: how many were before.

    No signal may be lost; kernel 7.3 skips exits of calls under load, and counts them.
    """
    tracer.stop()
    events = list(tracer)
    stats = tracer.stats
    assert stats.received == read + len(events)
    assert stats.lost_total == stats.lost.skipped, stats
    assert stats.signals.lost == 0, stats
    return events


def next_event(tracer: SignalTracer) -> Event:
    """The next event, as soon as it is there."""
    events = tracer.read(PATIENCE, limit=1)
    assert events, "no event came"
    return events[0]


def the_one(events: list[Event]) -> Event:
    """The only event."""
    assert len(events) == 1, events
    return events[0]


def sender_of(event: Event) -> Process:
    assert event.sender, event
    return event.sender


def target_of(event: Event) -> Process:
    assert event.target, event
    return event.target


def check_kernel(event: Event, origin: str, code: str, *, target: int, fatal: bool) -> None:
    """What holds for every signal that the kernel sends of itself."""
    assert event.origin == origin, event
    assert event.si_code == code
    assert target_of(event).pid == target
    assert event.fatal is fatal
    # No call sent it.
    assert (event.target_arg, event.ret, event.recipients) == (None, None, None)
