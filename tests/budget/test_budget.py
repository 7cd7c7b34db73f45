"""How many instructions an event costs its reader: no more than budgets.json allows.

Counted by valgrind, so it is the same on a busy machine. It guards against what slows the
reader down without breaking anything; time itself is measured by `make bench`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUDGETS: dict[str, float] = json.loads((HERE / "budgets.json").read_text())
#: Whose instructions they are: another Python takes others for the same.
PYTHON = "3.11"
EVENTS = 1500


def _environment(cache: Path) -> dict[str, str]:
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
        # The same order in every set, and compiled once for all runs, yet beside no source.
        "PYTHONHASHSEED": "0",
        "PYTHONPYCACHEPREFIX": str(cache),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def instructions(command: list[str], cache: Path) -> int:
    """What a command takes from its beginning to its end."""
    if not shutil.which("valgrind"):
        pytest.fail("valgrind is not installed\n  hint: sudo apt-get install valgrind")
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
        env=_environment(cache), cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    (total,) = re.findall(r"Collected : (\d+)", done.stderr)
    return int(total)


def within(path: str, seen: float) -> None:
    """Fails with what to do about it."""
    budget = BUDGETS[path]
    assert seen <= budget, (
        f"{path}: {seen:.0f} instructions an event, and the budget is {budget:.0f}.\n"
        f"  If this is what a feature is worth, put {seen * 1.1:.0f} for {path!r} in "
        f"{(HERE / 'budgets.json').relative_to(ROOT)}, and say why in the commit."
    )


def reading(name: str, folder: Path) -> Path:
    """A program around the reader, compiled."""
    program = folder / name
    native = ROOT / "src" / "native"
    others = (str(native / f"{each}.c") for each in ("ring", "held", "companions"))
    subprocess.run(
        [
            *("cc", "-O2", "-g0", "-I", str(ROOT / "bpf"), "-I", str(native), "-o", str(program)),
            *(str(HERE / f"{name}.c"), *others, "-lbpf"),
        ],
        check=True,
    )
    return program


def test_records_are_read_within_their_budget(tmp_path: Path) -> None:
    program = reading("reader_path", tmp_path)
    # With half the records there is half of everything, so the rest cancels.
    half, whole = (instructions([str(program), str(n)], tmp_path) for n in (EVENTS // 2, EVENTS))
    empty, full = (
        subprocess.run([program, str(n)], capture_output=True, text=True, check=True).stdout
        for n in (0, EVENTS)
    )
    assert (int(empty), int(full)) == (0, EVENTS)
    within("records", (whole - half) / (EVENTS - EVENTS // 2))


def test_four_times_as_many_that_wait_for_an_answer_cost_four_times_as_much(tmp_path: Path) -> None:
    program = reading("held_path", tmp_path)
    nothing, some, many = (instructions([str(program), str(n)], tmp_path) for n in (0, 1000, 4000))
    assert many - nothing < 5 * (some - nothing)


def work(path: str) -> list[str]:
    """The command of one run of work.py."""
    return [sys.executable, "-m", "tests.budget.work", path, str(EVENTS)]


@pytest.mark.skipif(
    platform.python_version_tuple()[:2] != tuple(PYTHON.split(".")),
    reason=f"the budgets are those of CPython {PYTHON}",
)
def test_events_and_lines_are_made_within_their_budget(tmp_path: Path) -> None:
    # Compiles, and reads what it compiled.
    for path in ("events", "json", "text"):
        subprocess.run(work(path), env=_environment(tmp_path), cwd=ROOT, check=True)
    with ThreadPoolExecutor(2) as pool:
        paths = ("nothing", "events", "json", "text")
        nothing, *seen = pool.map(lambda path: instructions(work(path), tmp_path), paths)
    for path, each in zip(paths[1:], seen, strict=True):
        within(path, (each - nothing) / EVENTS)
