"""The one trace buffer in tests: taking turns, settings, the command, and a sender."""

from __future__ import annotations

import fcntl
import functools
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from .senders import PATIENCE

TRACEFS = Path("/sys/kernel/tracing")
SOURCE = Path(__file__).parents[2] / "src"
ENABLE = "events/bpf_trace/bpf_trace_printk/enable"
SETTINGS = (
    *("tracing_on", "trace_options", "current_tracer", "trace_clock", "set_event", ENABLE),
    *("set_event_pid", "set_event_notrace_pid", "tracing_cpumask", "buffer_percent"),
    "events/bpf_trace/bpf_trace_printk/filter",
)
COMMAND = (sys.executable, "-m", "pysigsnoop", "--trace-pipe")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"}

# Calls kill() as told on stdin, a line each: comm in hex, signal, target; from N threads.
_SENDER = """
import ctypes, os, sys, threading
libc = ctypes.CDLL(None)
orders = [line.split(",") for line in sys.stdin.read().split()]
def work(mine):
    for comm, signo, target in mine:
        libc.prctl(15, bytes.fromhex(comm) + bytes(1), 0, 0, 0)
        libc.kill(int(target), int(signo))
count = int(sys.argv[1])
threads = [threading.Thread(target=work, args=(orders[i::count],)) for i in range(count)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def settings() -> dict[str, str]:
    """The kernel's tracing settings, as they read."""
    return {name: (TRACEFS / name).read_text() for name in SETTINGS}


@contextmanager
def turn() -> Iterator[None]:
    """The trace buffer for this test alone; its settings must end as they were."""
    if os.geteuid():
        pytest.skip("tracing needs root")
    if not (TRACEFS / "events").is_dir():
        pytest.skip("tracefs is not mounted")
    with (TRACEFS / "README").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _wait_for_the_pipe()
        before = settings()
        yield
        assert settings() == before


@contextmanager
def buffer_size(kb: int) -> Iterator[None]:
    """Another size of each CPU's buffer, put back exactly whatever happens."""
    files = sorted(TRACEFS.glob("per_cpu/cpu*/buffer_size_kb"))
    # As long as nobody has traced it reads `7 (expanded: 1408)`; tracing expands it.
    before = {path: re.findall(r"\d+", path.read_text())[-1] for path in files}
    try:
        (TRACEFS / "buffer_size_kb").write_text(str(kb))
        yield
    finally:
        for path, size in before.items():
            path.write_text(size)
    assert {path: path.read_text().strip() for path in files} == before


def _wait_for_the_pipe() -> None:
    """Newer kernels let in one reader of trace_pipe; another program's may be at it."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return os.close(os.open(TRACEFS / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK))
        except OSError:
            assert time.monotonic() < end, "another program keeps trace_pipe"
            time.sleep(0.1)  # the kernel tells nobody when it is free


class Disturbed(Exception):
    """Another program read trace_pipe, or flooded the buffer, so that this run says nothing."""


def patient(test: Callable[..., None]) -> Callable[..., None]:
    """Runs a test again, a few times at most, where another program disturbed it."""

    @functools.wraps(test)
    def run(*arguments: object, **named: object) -> None:
        for _ in range(5):
            _wait_for_the_pipe()
            try:
                return test(*arguments, **named)
            except Disturbed:
                continue
        raise AssertionError("the trace buffer is never left alone")

    return run


@contextmanager
def setting(name: str, value: str, back: str) -> Iterator[None]:
    """A setting changed, and put back whatever happens."""
    try:
        (TRACEFS / name).write_text(value)
        yield
    finally:
        (TRACEFS / name).write_text(back)


def send(orders: Sequence[tuple[bytes, int, int]], threads: int = 1) -> int:
    """Make these kill() calls (comm, signal, target) in a process of their own; returns its pid."""
    text = "\n".join(f"{comm.hex()},{signo},{target}" for comm, signo, target in orders)
    sender = subprocess.Popen(
        [sys.executable, "-c", _SENDER, str(threads)], stdin=subprocess.PIPE, text=True
    )
    sender.communicate(text, timeout=PATIENCE)
    assert sender.returncode == 0
    return sender.pid


class Original:
    """The command with --trace-pipe, started and known to trace; its lines come in as printed."""

    def __init__(
        self, *arguments: str, prefix: Sequence[str] = (), ready: bool = True, alone: bool = True
    ) -> None:
        self._process = subprocess.Popen(
            [*prefix, *COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        self.pid = self._process.pid
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._collect), threading.Thread(target=self._err)]
        self.errors = ""
        self._alone = alone
        for thread in self._threads:
            thread.start()
        self._pidfd = os.pidfd_open(self.pid)
        self.seen: list[str] = []
        if ready:
            self._probe()

    def _collect(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _err(self) -> None:
        assert self._process.stderr
        self.errors = self._process.stderr.read()

    def _probe(self) -> None:
        """Call kill() until it shows: only then is the program attached."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            os.kill(os.getpid(), 0)
            try:
                while (line := self._lines.get(timeout=0.1)) is not None:
                    if line.startswith(f"PID {os.getpid()} ("):
                        return
            except queue.Empty:
                continue
            self._lines.put(None)
            break
        self.stop()
        raise AssertionError(f"does not trace: {self.errors}")

    def wait_for(self, pattern: str) -> str:
        """The first line from here on that matches."""
        end = time.monotonic() + PATIENCE
        while (line := self._lines.get(timeout=max(0.1, end - time.monotonic()))) is not None:
            self.seen.append(line)
            if re.search(pattern, line):
                return line
        self._lines.put(None)
        raise AssertionError(f"ended before {pattern}: {self.errors}")

    def wait_for_end_or_line(self) -> bool:
        """Whether a line comes before the end; kill() is called until one of the two."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            os.kill(os.getpid(), 0)
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                continue
            if line is None:
                self._lines.put(None)
                return False
            self.seen.append(line)
            return True
        raise AssertionError("neither a line nor an end")

    def signal(self, number: int) -> None:
        """A signal that is no kill(), so it makes no line."""
        signal.pidfd_send_signal(self._pidfd, number)

    def stop(self) -> int:
        """End it as Ctrl-C does; returns its exit status, all its lines being in `seen`."""
        if self._process.poll() is None:
            self.signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Its exit status, all its lines being in `seen`."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._process.wait()
            raise
        finally:
            for thread in self._threads:
                thread.join()
            os.close(self._pidfd)
            for stream in (self._process.stdout, self._process.stderr):
                assert stream
                stream.close()
        while (line := self._lines.get()) is not None:
            self.seen.append(line)
        if self._alone and re.search("the kernel dropped|resource busy", self.errors):
            raise Disturbed
        return self._process.returncode

    def of(self, pid: int) -> list[str]:
        """The lines of one sender, in their order."""
        return [line for line in self.seen if line.startswith(f"PID {pid} (")]
