"""What a trial works with: children that act when told to, and a tracer that watches them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pysigsnoop import Event, SignalTracer

#: No process has this pid.
NOBODY = 10_000_000


class Child:
    """A process made by fork, to which this one writes a byte for each step that it is to take."""

    def __init__(self, pid: int, go: int, said: int) -> None:
        self.pid = pid
        self._go, self._said = go, said
        self._status: int | None = None

    def go(self, steps: int = 1) -> None:
        """Let it take its next step; let others that read the same pipe take theirs."""
        os.write(self._go, b"\n" * steps)

    def said(self) -> str:
        """What it says next; nothing where it ended without a word."""
        return os.read(self._said, 4096).decode()

    def end(self) -> int:
        """Its exit status, or less the signal that it died of."""
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status


class Steps:
    """The child's side."""

    def __init__(self, go: int, said: int) -> None:
        self._go, self._said = go, said

    def wait(self) -> None:
        """Until the next step; where the parent is gone, the process ends."""
        if not os.read(self._go, 1):
            os._exit(1)

    def say(self, text: str) -> None:
        os.write(self._said, text.encode())

    def become(self, *command: str) -> None:
        """Another program, for which a step is a line."""
        os.dup2(self._go, 0)
        os.dup2(self._said, 1)
        os.execv(command[0], command)


@contextmanager
def forked(act: Callable[[Steps], object]) -> Iterator[Child]:
    """A child that does this, from its own fork on; it is ended with the block."""
    (their_go, go), (said, their_said) = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.close(go)
            os.close(said)
            act(Steps(their_go, their_said))
            status = 0
        except BaseException as error:
            print(f"in a child: {error!r}", file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    os.close(their_go)
    os.close(their_said)
    child = Child(pid, go, said)
    try:
        yield child
    finally:
        if child._status is None:
            os.kill(pid, signal.SIGKILL)
            child.end()
        os.close(go)
        os.close(said)


def waiting(steps: Steps) -> None:
    """Does nothing but to be there, until it is let go."""
    steps.wait()


def broken_pipe(steps: Steps) -> None:
    """Writes where nobody reads, and lives: Python ignores the signal."""
    reader, writer = os.pipe()
    os.close(reader)
    steps.wait()
    with suppress(BrokenPipeError):
        os.write(writer, b".")


def read_out(tracer: SignalTracer) -> list[Event]:
    """End the trace; all that it saw."""
    tracer.stop()
    return list(tracer)


def expect(holds: object, what: object) -> None:
    """A trial's assertion, which python -O does not take away."""
    if not holds:
        raise AssertionError(what)
