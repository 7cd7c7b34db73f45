"""The C programs of the tests: compiled, and started as often as a test asks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, TypeVar


class Closable(Protocol):
    """What ends with its test."""

    def close(self) -> None: ...


_Kind = TypeVar("_Kind", bound=Closable)


def compiled(source: Path, program: Path) -> Path:
    """The program of a C file, put there."""
    command = ["cc", "-O2", "-Wall", "-Werror", "-pthread", str(source), "-o", str(program), "-lrt"]
    subprocess.run(command, check=True)
    return program


def starter(
    kind: Callable[[Path, tuple[str, ...]], _Kind], program: Path
) -> Iterator[Callable[..., _Kind]]:
    """A fixture's work: hands out what starts one more, and ends them all.

    What is handed out takes the words of a command that runs the program.
    """
    with ExitStack() as stack:

        def start(*prefix: str) -> _Kind:
            started = kind(program, prefix)
            stack.callback(started.close)
            return started

        yield start
