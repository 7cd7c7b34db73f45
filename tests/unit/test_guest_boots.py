"""A guest that never booted is tried again; one that ran its command never is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.guests import machine
from tests.guests.machine import ATTEMPTS, Outcome

NEVER = Outcome("the guest went away", None, 1.0, "a panic")
FAILED = Outcome("exit 1", 2.0, 3.0, "")
PASSED = Outcome(None, 2.0, 3.0, "")


def run(monkeypatch: pytest.MonkeyPatch, *boots: Outcome) -> tuple[Outcome, int, list[str]]:
    """How the guest ended whose boots go like this, after how many of them, and what was said."""
    left = list(boots)
    said: list[str] = []

    async def boot(*_: Any, **__: Any) -> Outcome:
        return left.pop(0)

    monkeypatch.setattr(machine, "_boot", boot)
    unused: Any = None
    outcome = asyncio.run(
        machine.run(unused, b"", unused, cpus=1, counting=False, limit=1.0, on_line=said.append)
    )
    return outcome, len(boots) - len(left), said


@pytest.mark.parametrize("last", [FAILED, PASSED])
def test_a_boot_that_reached_its_command_is_the_last(
    last: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, boots, said = run(monkeypatch, last, PASSED)
    assert (outcome.problem, boots, said) == (last.problem, 1, [])


def test_a_boot_that_did_not_is_tried_again_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, boots, said = run(monkeypatch, NEVER, FAILED, PASSED)
    assert (outcome.problem, boots) == ("exit 1", 2)
    assert said == [f"(try 1 of {ATTEMPTS}: no boot: the guest went away)"]


def test_in_the_end_it_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, boots, said = run(monkeypatch, *[NEVER] * ATTEMPTS, PASSED)
    assert outcome.problem == "no boot: the guest went away"
    assert (outcome.kernel_log, boots, len(said)) == ("a panic", ATTEMPTS, ATTEMPTS)
