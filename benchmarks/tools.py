"""The tracers that are compared, each as a command that runs until it is told to end."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

# How long a tracer may take to begin, and to end.
PATIENCE_S = 30.0


class Tool(NamedTuple):
    """A tracer: its name in the table, its command, what it prints for each kill."""

    name: str
    command: list[str]


def tools() -> list[Tool]:
    """The tracers that are installed; a missing one is named in the table."""
    own = [sys.executable, "-m", "pysigsnoop"]
    found = [
        Tool("pysigsnoop, JSON", [*own, "--json"]),
        Tool("pysigsnoop, text", own),
        Tool("pysigsnoop, all filtered out", [*own, "-p", "1", "-s", "KILL"]),
        Tool("the original program, read", [*own, "--trace-pipe"]),
    ]
    peers = [
        Tool("bpftrace killsnoop.bt", [_killsnoop() or "killsnoop.bt"]),
        Tool("perf trace -a -e kill", ["perf", "trace", "-a", "-e", "kill"]),
    ]
    return found + [peer for peer in peers if shutil.which(peer.command[0])]


def _killsnoop() -> str | None:
    """Debian installs bpftrace's own tools outside PATH's usual folders."""
    for place in ("/usr/sbin/killsnoop.bt", "/usr/share/bpftrace/tools/killsnoop.bt"):
        if Path(place).is_file():
            return place
    return shutil.which("killsnoop.bt")


@contextmanager
def running(tool: Tool, probe: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The tracer at work: begun once it has printed something for a `probe` run of the sender.

    Raises RuntimeError where it ends by itself or prints nothing in time.
    """
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(
            tool.command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            _await(tool, child, out.fileno(), probe)
            yield child
        finally:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _await(tool: Tool, child: subprocess.Popen[bytes], out: int, probe: list[str]) -> None:
    end = time.monotonic() + PATIENCE_S
    silent = "filtered out" in tool.name
    name = Path(probe[0]).name.encode()
    while time.monotonic() < end:
        subprocess.run(probe, check=True, stdout=subprocess.DEVNULL)
        time.sleep(0.1)
        text = Path(f"/proc/self/fd/{out}").read_bytes()
        if name in text or (silent and b"TIME" in text):
            return
        if child.poll() is not None:
            raise RuntimeError(f"{tool.name} ended by itself: {text[-400:]!r}")
    raise RuntimeError(f"{tool.name} printed nothing in {PATIENCE_S:.0f} s")
