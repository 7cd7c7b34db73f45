"""A tracer at work: started, known to have begun, asked what it saw, ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .books import BooksOpen, Saw, count_lines
from .senders import PROBE, Sender
from .tracers import Tracer

# How long a tracer may take to begin, and to end; and without a new line before it has told all.
PATIENCE_S, QUIET_S = 60.0, 1.0


class Running:
    """One that runs by itself."""

    prefix: tuple[str, ...] = ()

    def __init__(self, tracer: Tracer, probe: Path) -> None:
        self._tracer = tracer
        self._speaks = not tracer.line
        self._out = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        self._err = tempfile.TemporaryFile()  # noqa: SIM115
        self._read = {self._out: 0, self._err: 0}
        self._told = 0
        self.process = subprocess.Popen(
            tracer.command,
            stdin=subprocess.PIPE if self._speaks else subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
        )
        self.pid = self.process.pid
        try:
            self._wait_until_it_sees(probe)
        except BaseException:
            self.close()
            raise

    def _text(self) -> bytes:
        # perf prints its lines on stderr.
        files = (self._out, self._err)
        return b"".join(Path(f"/proc/self/fd/{f.fileno()}").read_bytes() for f in files)

    def _end(self, file: IO[bytes]) -> bytes:
        """The last words."""
        size = os.fstat(file.fileno()).st_size
        return os.pread(file.fileno(), 4096, max(0, size - 4096))

    def _last_words(self) -> str:
        """Why it ended, as it said itself: of a traceback the error."""
        lines = self._end(self._err).decode(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip() == line != ""), "it ended")

    def _wait_until_it_sees(self, probe: Path) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self._speaks:
                if b"ready" in self._text():
                    return
            else:
                with Sender(probe, "check", "-n", 1) as sender:
                    sender.go()
                if PROBE.encode() in self._text():
                    return
            if self.process.poll() is not None:
                raise RuntimeError(self._last_words())
            time.sleep(0.01)
        raise RuntimeError(f"{self._tracer.name} saw nothing in {PATIENCE_S:.0f} s")

    def _lines(self) -> int:
        """How many sends were told by now; each line is looked at once."""
        for file in (self._out, self._err):
            new, at = b"", self._read[file]
            while more := os.pread(file.fileno(), 1 << 20, at + len(new)):
                new += more
            # The last may be in the making.
            whole = new[: new.rfind(b"\n") + 1]
            self._read[file] = at + len(whole)
            self._told += count_lines(whole, self._tracer.line)
        return self._told

    def drain(self, sent: int) -> None:
        """Wait until it has told so many sends, or tells no more."""
        if self._speaks:
            time.sleep(0.05)
            return
        last, since = -1, time.monotonic()
        while time.monotonic() - since < QUIET_S:
            lines = self._lines()
            if lines >= sent:
                return
            if lines != last:
                last, since = lines, time.monotonic()
            time.sleep(0.02)

    def finish(self) -> Saw:
        """End it; what it saw."""
        if self._speaks:
            self.process.communicate(b"\n", timeout=PATIENCE_S)
            if self.process.returncode:
                raise RuntimeError(self._last_words())
            report: dict[str, Any] = json.loads(self._text().splitlines()[-1])
            if report.get("dropped"):
                raise BooksOpen(f"{report['dropped']} records found no room")
            return Saw(report, None)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_S)
        # Ours says in the end what it lost; others say nothing that could be held against them.
        books = re.search(rb"^\d+ received, (\d+) lost", self._end(self._err), re.MULTILINE)
        return Saw({"lost": int(books[1])} if books else {}, self._lines())

    def close(self) -> None:
        """End it whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        self._out.close()
        self._err.close()


class Wrapping:
    """One that runs the sender, each run anew; its lines go to one file after the other."""

    pid = 0

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._file = tempfile.NamedTemporaryFile()  # noqa: SIM115
        self._lines = 0

    @property
    def prefix(self) -> tuple[str, ...]:
        return (*self._tracer.command, self._file.name)

    def drain(self, sent: int) -> None:  # noqa: ARG002
        """Its lines are complete when it ends, and the next run overwrites them."""
        self._lines += count_lines(Path(self._file.name).read_bytes(), self._tracer.line, name=b"")

    def finish(self) -> Saw:
        return Saw({}, self._lines)

    def close(self) -> None:
        self._file.close()


@contextmanager
def running(tracer: Tracer, probe: Path) -> Iterator[Running | Wrapping]:
    """The tracer at work, until the block's end at the latest."""
    started = Wrapping(tracer) if tracer.wraps else Running(tracer, probe)
    try:
        yield started
    finally:
        started.close()
