"""The processes that these tests call from, ended whatever happens."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .callers import Caller

MakeCaller = Callable[..., Caller]


@pytest.fixture(scope="session")
def caller_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """callers.c, compiled."""
    program = tmp_path_factory.mktemp("caller") / "caller"
    # Callers can be of another user than the test's.
    for folder in (program.parent, program.parent.parent):
        folder.chmod(0o755)
    source = Path(__file__).with_name("callers.c")
    command = ["cc", "-O2", "-Wall", "-Werror", "-pthread", str(source), "-o", str(program)]
    subprocess.run(command, check=True)
    return program


@pytest.fixture
def make_caller(caller_program: Path) -> Iterator[MakeCaller]:
    """Starts callers; `prefix` is a command that runs the caller."""
    with ExitStack() as stack:

        def make(*prefix: str) -> Caller:
            caller = Caller(caller_program, prefix)
            stack.callback(caller.close)
            return caller

        yield make


@pytest.fixture
def caller(make_caller: MakeCaller) -> Caller:
    """Who calls."""
    return make_caller()


@pytest.fixture
def target(make_caller: MakeCaller) -> Caller:
    """Whom it calls: a process that can be told how to stand to signals."""
    return make_caller()
