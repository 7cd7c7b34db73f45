"""The kernel's global trace buffer: its settings, checked and put back, and its own counts."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from pathlib import Path

from .diagnosis import find_tracefs
from .errors import TracingUnavailable
from .trace_lines import ticks

# Options without which a line does not say who printed it, where and when.
_NEEDED = ("context-info", "irq-info", "nohex", "nobin", "noraw", "nolatency-format", "nofields")
_EVENT = "events/bpf_trace/bpf_trace_printk/enable"
# Locks on that file: a byte held by every user, and one by those who know that it was off before.
_USER, _WAS_OFF = 0, 1


class Tracefs:
    """tracefs as found: where it is, and whether printed lines can be seen in it.

    Raises TracingUnavailable where it is not mounted, not readable, or set so
    that lines are hidden or unreadable; nothing is changed.
    """

    def __init__(self) -> None:
        self.path = find_tracefs()
        try:
            if self._read("tracing_on").strip() == "0":
                raise TracingUnavailable(
                    "tracing_on is 0, so the kernel discards what programs print",
                    hint=f"echo 1 | sudo tee {self.path}/tracing_on",
                )
            options = self._read("trace_options").split()
        except PermissionError as error:
            raise TracingUnavailable(
                f"{error.filename} is not readable for uid {os.geteuid()}",
                hint="sudo pysigsnoop --trace-pipe",
            ) from error
        for option in _NEEDED:
            opposite = option.removeprefix("no") if option.startswith("no") else f"no{option}"
            if opposite in options:
                raise TracingUnavailable(
                    f"the trace option {opposite} changes the lines of trace_pipe",
                    hint=f"echo {option} | sudo tee {self.path}/trace_options",
                )

    def _read(self, name: str) -> str:
        return (self.path / name).read_text()

    def open_pipe(self) -> int:
        """A descriptor of trace_pipe, not blocking; what is read there no other reader sees."""
        try:
            return os.open(self.path / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            hint = "sudo pysigsnoop --trace-pipe"
            if error.errno == errno.EBUSY:
                hint = "end the other reader of the trace buffer (fuser -v trace_pipe names it)"
            raise TracingUnavailable(f"trace_pipe: {error.strerror}", hint=hint) from error

    def cpu_stats(self, *names: str) -> dict[int, tuple[int, ...]]:
        """For each CPU the named counts of its buffer; times are in the trace clock's ticks."""
        stats = {}
        for folder in self.path.glob("per_cpu/cpu*"):
            text = (folder / "stats").read_text()
            values = dict(line.split(":", 1) for line in text.splitlines())
            stats[int(folder.name[3:])] = tuple(ticks(values[n].strip().encode()) for n in names)
        return stats


class PrintkEvent:
    """The event that carries printed lines: loading a program that prints turns it on for good.

    `restore` puts it back as it was before the first of several tracers that run
    at once, when the last of them ends. Who they are is kept in the kernel's own
    locks on the event's file, so a tracer that was killed is not waited for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path / _EVENT
        self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        #: Whether another tracer of this kind runs, and takes lines too.
        self.shared = not self._lock(_USER, fcntl.F_WRLCK)
        others_know_off = not self._lock(_WAS_OFF, fcntl.F_WRLCK)
        self._lock(_WAS_OFF, fcntl.F_UNLCK)
        self._was_off = others_know_off or self._path.read_text().strip() == "0"
        if self._was_off:
            self._lock(_WAS_OFF, fcntl.F_RDLCK)
        self._lock(_USER, fcntl.F_RDLCK)
        # The load turns it on too, but only this write makes the kernel allocate the whole trace
        # buffer (it does so lazily), and the write in restore would do it anyway.
        os.pwrite(self._file, b"1", 0)

    def _lock(self, byte: int, kind: int) -> bool:
        """Take (or give up) a lock of this open file on one byte; False where another has it."""
        request = struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, request)
        except (BlockingIOError, PermissionError):
            return False
        return True

    def restore(self) -> None:
        """Put the event back, unless another tracer still needs it; call it once."""
        if self._was_off and self._lock(_USER, fcntl.F_WRLCK):
            os.pwrite(self._file, b"0", 0)
        os.close(self._file)
