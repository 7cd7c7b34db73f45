"""The processes that these tests call from, ended whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..programs import compiled, starter
from .callers import Caller

MakeCaller = Callable[..., Caller]


@pytest.fixture(scope="session")
def caller_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """callers.c, compiled."""
    folder = tmp_path_factory.mktemp("caller")
    program = compiled(Path(__file__).with_name("callers.c"), folder / "caller")
    # Callers can be of another user than the test's.
    for folder in (program.parent, program.parent.parent):
        folder.chmod(0o755)
    return program


@pytest.fixture
def make_caller(caller_program: Path) -> Iterator[MakeCaller]:
    """Starts callers; `prefix` is a command that runs the caller."""
    yield from starter(Caller, caller_program)


@pytest.fixture
def caller(make_caller: MakeCaller) -> Caller:
    """Who calls."""
    return make_caller()


@pytest.fixture
def target(make_caller: MakeCaller) -> Caller:
    """Whom it calls: a process that can be told how to stand to signals."""
    return make_caller()
