"""The command line as users run it: a process, its lines as they come, and its end."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple

import pysigsnoop
from pysigsnoop import subcommands
from pysigsnoop.families import CALL_FAMILIES

from .senders import PATIENCE

#: Where the package under test lies, in the source tree or installed.
PACKAGE_ROOT = Path(pysigsnoop.__file__).parent.parent
PYSIGSNOOP = (sys.executable, "-m", "pysigsnoop")
#: How calls are watched in this run of the tests, by SignalTracer and the command alike.
ATTACH = os.environ.get("PYSIGSNOOP_TEST_ATTACH", "auto")
assert ATTACH in ("auto", *CALL_FAMILIES), f"PYSIGSNOOP_TEST_ATTACH={ATTACH}"


def forced(arguments: Iterable[str]) -> list[str]:
    """The arguments with the way to attach put before them, where one is forced; behind the name
    of a command beside tracing itself.

    The original program has one way, doctor asks for none, and who gives --attach means it.
    """
    given = list(arguments)
    if ATTACH == "auto" or {"--trace-pipe", "--attach"} & {*given} or given[:1] == ["doctor"]:
        return given
    at = 1 if given and given[0] in subcommands.NAMES else 0
    return [*given[:at], "--attach", ATTACH, *given[at:]]


def forced_script(text: str) -> str:
    """A Python program for a process of its own, in which tracers attach as they do here."""
    changed = text.replace("SignalTracer(", f"SignalTracer(attach={ATTACH!r}, ")
    assert changed != text
    return changed


def environment(**more: str) -> dict[str, str]:
    """Ours, so that the same package is found from any directory and nothing is written to it."""
    return {
        **os.environ,
        "PYTHONPATH": str(PACKAGE_ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **more,
    }


class Ended(NamedTuple):
    """How a command ended: its status, the lines that nobody had read yet, all of stderr."""

    status: int
    lines: list[str]
    err: str

    @property
    def summary(self) -> str:
        """stderr less the calls in flight: group sends of other processes, at either end, count
        there whatever the filters, and no test can keep them from being made."""
        return re.sub(r", \d+ in flight\n$", "\n", self.err)


class Command:
    """One running `pysigsnoop`; `prefix` is a command that runs it."""

    def __init__(self, *arguments: str, prefix: tuple[str, ...] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, *PYSIGSNOOP, *forced(arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        self._text = b""

    def line(self, timeout: float = PATIENCE) -> str:
        """The next line of stdout, without its end, as soon as it is there."""
        end = time.monotonic() + timeout
        stdout = self._stream(self.process.stdout)
        while b"\n" not in self._text:
            ready, _, _ = select.select([stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no line; so far {self._text!r}")
            more = os.read(stdout.fileno(), 65536)
            if not more:
                raise EOFError(self._stream(self.process.stderr).read().decode())
            self._text += more
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def object(self) -> dict[str, Any]:
        """The next line as JSON."""
        found: dict[str, Any] = json.loads(self.line())
        return found

    def wait_for_header(self) -> str:
        """The header is printed once the trace has begun."""
        header = self.line()
        assert header.startswith("TIME")
        return header

    def wait_by_probe(self) -> None:
        """Where there is no header, signals 0 to ourselves until one is seen; -p must allow it."""
        end = time.monotonic() + PATIENCE
        while True:
            os.kill(os.getpid(), 0)
            try:
                self.line(0.05)
                return
            except TimeoutError:
                assert time.monotonic() < end, "the trace never began"

    def end(self, number: int = signal.SIGINT) -> Ended:
        """Send it a signal (0: it ends by itself) and read the rest."""
        if number:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        lines = (self._text + out).decode().splitlines()
        self._text = b""
        return Ended(self.process.returncode, lines, err.decode())

    def close(self) -> None:
        """End it whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    @staticmethod
    def _stream(stream: IO[bytes] | None) -> IO[bytes]:
        assert stream
        return stream


def run(*arguments: str, prefix: tuple[str, ...] = (), **variables: str) -> Ended:
    """Run `pysigsnoop` to its end."""
    return run_program([*prefix, *PYSIGSNOOP, *forced(arguments)], **variables)


def run_program(command: list[str], **variables: str) -> Ended:
    """Run any command to its end, with the package under test in reach."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        env=environment(**variables),
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode().splitlines(), done.stderr.decode())
