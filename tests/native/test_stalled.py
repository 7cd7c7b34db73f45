"""A sender that is interrupted within its record: the reader leaves the CPU to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pysigsnoop.ring import PAUSE_S

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("how", ["wait", "watch"])
def test_who_waits_for_a_record_that_is_being_written_pauses(how: str, tmp_path: Path) -> None:
    made_up = tmp_path / "made_up_ring.so"
    source = Path(__file__).with_name("made_up_ring.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made_up, source], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.native.stalled_ring", how],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "LD_PRELOAD": str(made_up)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    turns, taken = done.stdout.split()
    # No turn is shorter, however fast the machine is.
    assert float(taken) >= int(turns) * PAUSE_S
