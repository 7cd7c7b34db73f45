"""Where a question's scene is played: small scripts that are targets or send, and their ends."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from .actors import children, state, until
from .senders import PATIENCE

_Kind = TypeVar("_Kind")

# Says that it is ready, and lives until its input ends; `{}` comes before.
TARGET = """#!/bin/bash
{}
echo ready
while read line; do :; done
"""


class Stage:
    """Scripts in a folder of their own; what was started is ended with `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()

    def enter(self, context: AbstractContextManager[_Kind]) -> _Kind:
        """Something that ends with the scene."""
        return self._stack.enter_context(context)

    def kill_at_the_end(self, pid: int) -> None:
        """Another's child, before that one is ended."""
        pidfd = os.pidfd_open(pid)
        self._stack.callback(os.close, pidfd)
        self._stack.callback(_kill, pidfd)

    def script(self, name: str, text: str) -> None:
        """A program of that name."""
        file = self.folder / name
        file.write_text(text)
        file.chmod(0o755)

    def start(self, *command: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """A command; returns once it has said that it is ready."""
        process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, cwd=self.folder, bufsize=0
        )
        self._stack.callback(_end, process)
        self.line(process)
        return process

    def target(
        self, name: str, setting: str = "", *before: str, stdin: int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        """A script that waits, after a line of a shell; `before` is a command that runs it."""
        self.script(name, TARGET.format(setting))
        return self.start(*before, f"./{name}", stdin=stdin)

    def line(self, process: subprocess.Popen[bytes]) -> str:
        """The next line that it says."""
        assert process.stdout
        text, end = b"", time.monotonic() + PATIENCE
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], end - time.monotonic())
            assert ready, f"{process.args!r} said {text!r} so far"
            byte = process.stdout.read(1)
            assert byte, f"{process.args!r} ended after {text!r}"
            text += byte
        return text.decode().rstrip()

    def tell(self, process: subprocess.Popen[bytes], line: str) -> None:
        """A line on its input."""
        assert process.stdin
        process.stdin.write(f"{line}\n".encode())

    def run(self, *command: str) -> None:
        """A command, to its end."""
        subprocess.run(command, cwd=self.folder, timeout=PATIENCE, check=False)

    def send(self, name: str, line: str, *, below: str = "") -> None:
        """A line of a shell, run by a script of that name, and that by another where one is
        given."""
        self.script(name, f"#!/bin/sh\n{line}\n")
        command = f"./{name}"
        if below:
            self.script(below, f"#!/bin/sh\n{command}\n:\n")
            command = f"./{below}"
        self.run(command)

    def terminal(self) -> tuple[int, int]:
        """Both sides of a new terminal: who sits before it, and what runs on it."""
        master, slave = pty.openpty()
        for side in (master, slave):
            self._stack.callback(os.close, side)
        return master, slave

    def child(self, pid: int, name: str) -> int:
        """The child of a process that runs a script of that name, as soon as there is one."""
        found: list[int] = []

        def runs() -> bool:
            found[:] = [each for each in children(pid) if comm(each) == name]
            return bool(found)

        until(f"{pid} has the child {name}", runs)
        return found[0]

    def close(self) -> None:
        """End all of it."""
        self._stack.close()


def comm(pid: int) -> str:
    """A process's name; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stops(pid: int) -> None:
    """Wait until a process is stopped."""
    until(f"{pid} is stopped", lambda: state(pid) == "T")


def _kill(pidfd: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()
