"""Processes of any command line that do as they are told: see told.c."""

from __future__ import annotations

import atexit
import functools
import select
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from .senders import PATIENCE

_Known = TypeVar("_Known")


def known(value: _Known | None) -> _Known:
    """What must not be None."""
    assert value is not None
    return value


@functools.cache
def program() -> Path:
    """told.c, compiled; static, so that it runs under any root."""
    folder = tempfile.TemporaryDirectory(prefix="pysigsnoop-told-")
    atexit.register(folder.cleanup)
    built = Path(folder.name).resolve() / "told"
    source = str(Path(__file__).with_name("told.c"))
    command = ["cc", "-O1", "-Wall", "-Werror", "-static", "-pthread", source, "-o", str(built)]
    subprocess.run(command, check=True)
    return built


class Told:
    """One such process: `arguments` is what it is called with, `executable` what is run."""

    def __init__(
        self,
        arguments: Sequence[str | bytes],
        executable: Path | str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            arguments,
            executable=executable or program(),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # so that select sees what readline has not
        )
        #: Its pid, or that of the command that becomes it.
        self.pid = self.process.pid
        try:
            assert self.answer() == 0
        except BaseException:
            self.close()
            raise

    def tell(self, *words: object) -> None:
        """Give an order without waiting for its answer."""
        assert self.process.stdin
        self.process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> int:
        """The next answer; fails where it ends without one, or says nothing."""
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, "no answer"
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), f"it ended: {self.process.wait(PATIENCE)}"
        return int(line)

    def do(self, *words: object) -> int:
        """An order and its answer: 0, or -errno."""
        self.tell(*words)
        return self.answer()

    def cmdline(self) -> bytes:
        """What /proc shows of it now."""
        return Path(f"/proc/{self.pid}/cmdline").read_bytes()

    def close(self) -> None:
        """End it whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


@contextmanager
def telling(
    arguments: Sequence[str | bytes] = ("told",),
    executable: Path | str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Told]:
    """One such process, ended with the block."""
    told = Told(arguments, executable, environment)
    try:
        yield told
    finally:
        told.close()
