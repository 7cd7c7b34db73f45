"""A process that is talked with line by line; each wait ends, and a silence is an error."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

# Far beyond any answer's time, even on a busy machine.
LIMIT = 120


class Talk:
    """A started command: what it prints is taken line by line, and its errors as a whole."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._errors: list[str] = []
        assert self._process.stdout
        assert self._process.stderr
        self._threads = [
            threading.Thread(target=self._read, args=(self._process.stdout,)),
            threading.Thread(
                target=lambda e: self._errors.append(e.read()), args=(self._process.stderr,)
            ),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, out: IO[str]) -> None:
        for line in out:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self, meanwhile: Callable[[], None] | None = None) -> str:
        """The next line; `meanwhile` is called again and again until it is there."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            try:
                found = self._lines.get(timeout=0.05 if meanwhile else LIMIT)
            except queue.Empty:
                if meanwhile:
                    meanwhile()
                continue
            assert found is not None, f"it ended: {self.end()}"
            return found
        raise AssertionError(f"nothing came in {LIMIT} s")

    def say(self, line: str) -> None:
        """Hand it a line."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def rest(self) -> list[str]:
        """The lines that are left, to the last."""
        lines = []
        while (line := self._lines.get(timeout=LIMIT)) is not None:
            lines.append(line)
        return lines

    def end(self) -> tuple[int, str]:
        """Wait for its end: its exit status, and what it said as errors."""
        status = self._process.wait(LIMIT)
        for thread in self._threads:
            thread.join(LIMIT)
        return status, "".join(self._errors)

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process.poll() is None:
            self._process.kill()
        self.end()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()
