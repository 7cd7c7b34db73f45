"""Tests that cannot run here say so, and fail where they must."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .commands import run_program
from .requirement import VARIABLE

ROOT = Path(__file__).parents[2]


@pytest.mark.once
@pytest.mark.parametrize(("required", "status", "words"), [("", 0, "skipped"), ("1", 1, "error")])
def test_without_rights_live_tests_are_skipped_or_fail_where_required(
    required: str, status: int, words: str
) -> None:
    demonstration = str(Path(__file__).with_name("test_demonstration.py"))
    ended = run_program(
        [
            *("setpriv", "--bounding-set=-all", sys.executable, "-m", "pytest", "-q"),
            *("--rootdir", str(ROOT), demonstration),
        ],
        **{VARIABLE: required},
    )
    assert ended.status == status
    assert words in ended.lines[-1]
    assert "passed" not in ended.lines[-1]
    assert any("CAP_BPF and CAP_PERFMON missing" in line for line in ended.lines)
