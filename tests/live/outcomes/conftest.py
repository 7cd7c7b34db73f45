"""The processes that these tests send to, ended whatever happens."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .targets import Target

MakeTarget = Callable[..., Target]


@pytest.fixture(scope="session")
def target_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """target.c, compiled."""
    program = tmp_path_factory.mktemp("target") / "target"
    source = Path(__file__).with_name("target.c")
    command = ["cc", "-O1", "-Wall", "-Werror", "-pthread", str(source), "-o", str(program)]
    subprocess.run(command, check=True)
    return program


@pytest.fixture
def make_target(target_program: Path) -> Iterator[MakeTarget]:
    """Starts targets; `prefix` is a command that runs the target."""
    with ExitStack() as stack:

        def make(*prefix: str, **how: object) -> Target:
            target = Target(target_program, prefix, **how)
            stack.callback(target.close)
            return target

        yield make


@pytest.fixture
def target(make_target: MakeTarget) -> Target:
    """One target."""
    return make_target()
