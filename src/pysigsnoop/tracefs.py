"""The kernel's global trace buffer: its settings, checked and put back, and its own counts."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from .diagnosis import find_tracefs, limit_reached
from .errors import PysigsnoopError, TracingUnavailable
from .trace_lines import ticks

# Options without which a line does not say who printed it, where and when; and `overwrite`,
# without which the kernel drops new lines and says nothing of it.
_NEEDED = (
    *("context-info", "irq-info", "nohex", "nobin", "noraw", "nolatency-format", "nofields"),
    "overwrite",
)
# Tracers that print the lines of others their own way, or not at all.
_TRACERS = ("function_graph", "mmiotrace")
_EVENT = "events/bpf_trace/bpf_trace_printk"
# Files that keep lines back while they hold more than this; and what to write to end that.
_HIDING = {
    "set_event_pid": ("", ""),
    "set_event_notrace_pid": ("", ""),
    f"{_EVENT}/filter": ("none", "0"),
}
# Locks on the event's file, a byte each: one held while it is changed, one by every user, and one
# by those who know that it was off before.
_CHANGE, _USER, _WAS_OFF = 0, 1, 2
# How long the kernel's worker may take to turn the event on after a load; it takes microseconds.
_WORKER_S = 1.0
# Of a CPU's counts: some lines, each with a number.
_STATS_SIZE = 4096
_AS_ROOT = "sudo pysigsnoop --trace-pipe"


class Tracefs:
    """tracefs as found: where it is, and whether printed lines can be seen in it.

    Raises TracingUnavailable where it is not mounted, not readable, or set so
    that lines are hidden or unreadable; nothing is changed.
    """

    def __init__(self) -> None:
        self.path = find_tracefs()
        try:
            self._check()
        except PermissionError as error:
            raise TracingUnavailable(
                f"{error.filename} is not readable for uid {os.geteuid()}", hint=_AS_ROOT
            ) from error
        except OSError as error:
            raise _unavailable(error, str(error.filename), f"ls {self.path}") from error

    def _check(self) -> None:
        if self._read("tracing_on") == "0":
            what = "tracing_on is 0, so the kernel discards what programs print"
            self._refuse(what, "tracing_on", "1")
        options = self._read("trace_options").split()
        for option in _NEEDED:
            opposite = option.removeprefix("no") if option.startswith("no") else f"no{option}"
            if opposite in options:
                what = f"with the trace option {opposite} the lines of trace_pipe cannot be told"
                self._refuse(what, "trace_options", option)
        tracer = self._read("current_tracer")
        if tracer in _TRACERS:
            self._refuse(f"the tracer {tracer} prints lines its own way", "current_tracer", "nop")
        for name, (usual, reset) in _HIDING.items():
            if self._read(name) != usual:
                self._refuse(f"{name} is set, so lines would be missing", name, reset)

    def _refuse(self, what: str, name: str, reset: str) -> NoReturn:
        raise TracingUnavailable(what, hint=f"echo {reset} | sudo tee {self.path}/{name}")

    def _read(self, name: str) -> str:
        return (self.path / name).read_text().strip()

    def open_pipe(self) -> int:
        """A descriptor of trace_pipe, not blocking; what is read there no other reader sees."""
        try:
            return os.open(self.path / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            hint = _AS_ROOT
            if error.errno == errno.EBUSY:
                # Newer kernels let in one reader at a time.
                hint = f"end the other reader: sudo fuser -v {self.path}/trace_pipe"
            raise _unavailable(error, "trace_pipe", hint) from error


def _unavailable(error: OSError, what: str, hint: str) -> PysigsnoopError:
    limit = limit_reached(f"opening {what}", error.errno or 0)
    return limit or TracingUnavailable(f"{what}: {error.strerror}", hint=hint)


class CpuStats:
    """What the kernel says of each CPU's buffer, offline ones included.

    Held open: tracefs can be unmounted while it is traced, and descriptors run out.
    """

    def __init__(self, path: Path) -> None:
        self._files: dict[int, int] = {}
        try:
            for folder in path.glob("per_cpu/cpu*"):
                fd = os.open(folder / "stats", os.O_RDONLY | os.O_CLOEXEC)
                self._files[int(folder.name[3:])] = fd
        except OSError as error:
            self.close()
            raise _unavailable(error, str(error.filename), _AS_ROOT) from error

    def read(self, *names: str) -> dict[int, tuple[int, ...]]:
        """For each CPU the named counts of its buffer; times are in the trace clock's ticks."""
        stats = {}
        for cpu, fd in self._files.items():
            text = os.pread(fd, _STATS_SIZE, 0).decode()
            values = dict(line.split(":", 1) for line in text.splitlines())
            stats[cpu] = tuple(ticks(values[n].strip().encode()) for n in names)
        return stats

    def close(self) -> None:
        """Let go of them; call it once."""
        while self._files:
            os.close(self._files.popitem()[1])


class PrintkEvent:
    """The event that carries printed lines: loading a program that prints turns it on for good.

    `restore` puts it back as it was before the first of several tracers that run
    at once, when the last of them ends. Who they are is kept in the kernel's own
    locks on the event's file, so a tracer that was killed is not waited for.
    """

    def __init__(self, path: Path) -> None:
        place = path / _EVENT / "enable"
        try:
            self._file = os.open(place, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise _unavailable(error, str(place), _AS_ROOT) from error
        self._expected = False
        try:
            with self._changing():
                #: Whether another tracer of this kind runs, and takes lines too.
                self.shared = not self._lock(_USER, fcntl.F_WRLCK)
                known_off = not self._lock(_WAS_OFF, fcntl.F_WRLCK)
                self._was_off = known_off or not self._on()
                self._lock(_WAS_OFF, fcntl.F_RDLCK if self._was_off else fcntl.F_UNLCK)
                self._lock(_USER, fcntl.F_RDLCK)
                # No change; but a write makes the kernel allocate the whole trace buffer, which a
                # load does not, and the write in restore would do it anyway.
                self._write(self._on())
        except BaseException:
            os.close(self._file)
            raise

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One tracer at a time comes or goes."""
        self._lock(_CHANGE, fcntl.F_WRLCK, wait=True)
        try:
            yield
        finally:
            self._lock(_CHANGE, fcntl.F_UNLCK)

    def _lock(self, byte: int, kind: int, *, wait: bool = False) -> bool:
        """Take (or give up) a lock of this open file on one byte; False where another has it."""
        request = struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, request)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _on(self) -> bool:
        return os.pread(self._file, 8, 0).strip() != b"0"

    def _write(self, on: bool) -> None:
        os.pwrite(self._file, b"1" if on else b"0", 0)

    def expect(self) -> None:
        """A program that prints is about to be loaded."""
        self._expected = True

    def wait(self) -> None:
        """Wait until the event is on.

        Newer kernels leave that to a worker, which may come after the load has
        returned; without waiting, it could also come after `restore`.
        """
        end = time.monotonic() + _WORKER_S
        while not self._on():
            if time.monotonic() > end:
                self._write(True)
                break
            time.sleep(0.0005)  # nothing to wait on tells of it
        self._expected = False

    def restore(self) -> None:
        """Put the event back, unless another tracer still needs it; call it once."""
        try:
            if self._expected:
                self.wait()
            with self._changing():
                if self._was_off and self._lock(_USER, fcntl.F_WRLCK):
                    self._write(False)
        finally:
            os.close(self._file)
