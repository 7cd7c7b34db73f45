"""Processes that make any signal call on command: see callers.c for what each can do."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest

from pysigsnoop import Event, SignalTracer

from ..commands import ATTACH
from ..senders import PATIENCE

SI_QUEUE, SI_TKILL = -1, -6
PIDFD_THREAD = os.O_EXCL  # flags of pidfd_open
SIGNAL_THREAD, SIGNAL_THREAD_GROUP, SIGNAL_PROCESS_GROUP = 1, 2, 4  # of pidfd_send_signal
BLOCK, UNBLOCK = 1, 0
DEFAULT, IGNORED, HANDLER = 0, 1, 2
#: Somebody who may signal nobody else's processes.
STRANGER = 65534

#: How the tests attach: any of the ways must do.


def tracing(**options: Any) -> SignalTracer:
    """A tracer that attaches in the way that the test run is for."""
    return SignalTracer(attach=ATTACH, **options)


def read_out(tracer: SignalTracer) -> list[Event]:
    """Stop, and read what was seen."""
    tracer.stop()
    return list(tracer)


def only(tracer: SignalTracer) -> Event:
    """Stop; the one event that was seen.

    Skips the test where it is not told but counted as lost, since the kernel skipped the program.
    """
    events = read_out(tracer)
    if not events and tracer.stats.lost.skipped:
        assert tracer.stats.lost_total == tracer.stats.lost.skipped
        pytest.skip("the kernel skipped the program for the call, and it is counted: 7.3 does")
    (event,) = events
    return event


def sees_compat(tracer: SignalTracer) -> bool:
    """Whether calls of 32-bit programs that reach nobody are seen."""
    return tracer.attachment.syscalls != "tracepoint"


class Flood(NamedTuple):
    """What a flood really did: calls that failed, and calls made by each thread."""

    failed: int
    threads: dict[int, int]

    @property
    def calls(self) -> int:
        return sum(self.threads.values())


class Caller:
    """One running callers.c; `prefix` is a command that runs it."""

    def __init__(self, program: Path, prefix: Sequence[str] = ()) -> None:
        # A group of its own, so that a signal to the group stays inside.
        self.process = subprocess.Popen(
            [*prefix, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        #: As this test's pid namespace numbers it; of the command that runs it where there is one.
        self.pid = self.process.pid
        self._children: list[int] = []
        self._private = bool(prefix)

    def tell(self, line: str) -> None:
        """Give an order without waiting for its answer."""
        stdin = self._pipe(self.process.stdin)
        stdin.write(f"{line}\n")
        stdin.flush()

    def answer(self) -> list[int]:
        """The next answer."""
        line = self._pipe(self.process.stdout).readline()
        assert line.endswith("\n"), f"the caller ended: {self.process.wait(PATIENCE)}"
        return [int(word) for word in line.split()]

    def do(self, order: str, *arguments: int | str, thread: int | None = None) -> list[int]:
        """An order and its answer."""
        where = "" if thread is None else f"in {thread} "
        self.tell(where + " ".join(str(word) for word in (order, *arguments)))
        return self.answer()

    def call(self, name: str, *arguments: int | str, thread: int | None = None) -> str | int:
        """One call; 0 or a descriptor, or the errno by name."""
        return _named(self.do("call", name, *arguments, thread=thread)[0])

    def call32(self, name: str, *arguments: int | str) -> str | int:
        """One call as a 32-bit program makes it."""
        return _named(self.do("call32", name, *arguments)[0])

    def info(self, number: int, code: int, value: int = 0) -> None:
        """What `info` and `info32` as an argument point to: signal, code and value."""
        self.do("info", number, code, value - 2**64 if value >= 2**63 else value)

    def pidfd(self, pid: int, flags: int = 0) -> int:
        """A pidfd that the caller holds."""
        found = self.call("pidfd_open", pid, flags)
        assert isinstance(found, int), found
        return found

    def threads(self, count: int) -> list[int]:
        """Starts so many; their tids, in the order of their numbers."""
        return self.do("threads", count)

    def children(self, count: int, *, uid: int = 0, group: bool = True) -> list[int]:
        """Forks so many that wait to be killed, in a group of the first's or in the caller's own;
        they stand to signals as the caller does."""
        found = self.do("children", count, uid, int(group))
        self._children += found
        return found

    def flood(self, threads: int, count: int, name: str, *arguments: int | str) -> Flood:
        """So many calls from each of so many threads, or where 0, from the main one."""
        return _flood(self.do("flood", threads, count, name, *arguments))

    @contextmanager
    def flooding(self, threads: int, name: str, *arguments: int | str) -> Iterator[list[Flood]]:
        """Calls without end while the block runs; the list holds what was done afterwards."""
        done: list[Flood] = []
        self.tell(" ".join(str(word) for word in ("flood", threads, 0, name, *arguments)))
        try:
            yield done
        finally:
            self.tell("enough")
            done.append(_flood(self.answer()))

    def ignore(self, *signals: int) -> None:
        """Let these do nothing, here and in children to come."""
        for number in signals:
            assert self.do("action", number, IGNORED) == [0]

    def end_children(self) -> None:
        """Kill and reap what it forked."""
        if self._children and not self._private:
            for pid in self._children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.do("reap", len(self._children))
        self._children.clear()

    def close(self) -> None:
        """End it and its children, whatever its state."""
        if self.process.poll() is None:
            # A stopped one would not read.
            self.process.send_signal(signal.SIGCONT)
            with contextlib.suppress(BrokenPipeError, AssertionError):
                self.end_children()
        with contextlib.suppress(BrokenPipeError), self.process as process:
            self._pipe(process.stdin).close()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe
        return pipe


def _named(ret: int) -> str | int:
    return ret if ret >= 0 else errno.errorcode[-ret]


def _flood(answer: list[int]) -> Flood:
    failed, *pairs = answer
    return Flood(failed, dict(zip(pairs[::2], pairs[1::2], strict=True)))
