"""Running sender.c: what it sent is the truth that each tracer's books are held against."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from .machine import split_cpus, steal, stolen

SOURCE = Path(__file__).with_name("sender.c")
#: The name of every sender that counts, and of those whose calls are no figure.
NAME, PROBE = "benchsender", "benchprobe"
# Of the time of all CPUs; more than this and the run is repeated, so often at most.
STEAL, REPEATS = 0.05, 3


class Run(NamedTuple):
    """What one run made, and what a call cost its thread, and took."""

    pid: int
    sent: int
    cpu_ns: float
    elapsed_ns: float


def build(folder: Path) -> None:
    """Compile the sender into a folder, by both names."""
    program = folder / NAME
    subprocess.run(["cc", "-O2", "-pthread", "-o", str(program), str(SOURCE)], check=True)
    shutil.copy(program, folder / PROBE)


class Sender:
    """One started sender, that begins when told. `prefix` is a command that runs it."""

    def __init__(
        self, program: Path, kind: str, *options: object, prefix: tuple[str, ...] = ()
    ) -> None:
        command = [str(w) for w in (*prefix, program, kind, "-c", split_cpus()[0], *options)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        ready, *words = self._line().split() or [""]
        if ready != "ready":
            self.close()
            raise RuntimeError(f"{' '.join(command)}: ended with {self.process.returncode}")
        #: Its pid; of a group, the group's number.
        self.pid = int(words[0])

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def begin(self) -> None:
        """Let it send."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def result(self) -> Run:
        """Wait until it has sent all; it lives on until `close`."""
        words = self._line().split()
        if not words:
            self.close()
            raise RuntimeError(f"the sender ended with {self.process.returncode}")
        return Run(self.pid, int(words[0]), float(words[1]), float(words[2]))

    def go(self) -> Run:
        """Let it send, and wait until it has."""
        self.begin()
        return self.result()

    def close(self) -> None:
        """End one that may not have begun."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def runs(
    program: Path,
    kind: str,
    *options: object,
    prefix: tuple[str, ...] = (),
    after: Callable[[Sender], None] | None = None,
) -> list[Run]:
    """Runs of the sender, the last of which is the figure: those before it were disturbed.

    `after` is told of each before it ends.
    """
    done: list[Run] = []
    for _ in range(REPEATS):
        before = steal()
        with Sender(program, kind, *options, prefix=prefix) as sender:
            done.append(sender.go())
            if after:
                after(sender)
        if stolen(before) <= STEAL:
            break
    return done
