"""The one wheel runs on every CPython that it promises, as far as they are here."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import interpreters, known_kill
from .conftest import ROOT, MakeEnvironment


def test_some_supported_cpython_is_here() -> None:
    assert any(interpreters.find(version) for version in interpreters.SUPPORTED)


@pytest.mark.parametrize("version", interpreters.SUPPORTED)
def test_the_wheel_traces_a_known_kill(
    version: str, wheel: Path, make_environment: MakeEnvironment
) -> None:
    interpreter = interpreters.find(version)
    if interpreter is None:
        pytest.skip(f"no CPython {version} on this machine")
    environment = make_environment(interpreter=interpreter)
    pinned = ("--require-hashes", "-r", ROOT / "requirements" / "run.txt")
    environment.pip("install", "--only-binary", ":all:", *pinned)
    # Nothing is missing among them.
    environment.pip("install", "--no-index", wheel)
    assert known_kill.check(environment).is_relative_to(environment.folder)
