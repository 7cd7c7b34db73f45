"""The programs under examples/, run as their first lines say."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .commands import environment, run_program
from .senders import PATIENCE
from .test_errors_rights import with_only

pytestmark = pytest.mark.once

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_no_example_is_left_out() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {"asyncio_deaths.py", "deaths.py"}


def test_deaths_are_told_with_who_sent_the_signal() -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(EXAMPLES / "deaths.py"), str(PATIENCE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        text=True,
    ) as program:
        assert program.stdout
        # It says nothing when it is ready: shells end themselves until one is told.
        with subprocess.Popen(
            ["sh", "-c", "while :; do sh -c 'kill -USR2 $$'; sleep 0.05; done"],
            stderr=subprocess.DEVNULL,
        ) as shells:
            line = next(line for line in program.stdout if " SIGUSR2 " in line)
            shells.kill()
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=PATIENCE)
    pid = line.split()[0]
    assert line == f"{pid} (sh) SIGUSR2 by {pid} (sh), kill\n"
    assert err == "0 lost\n"


def test_the_asyncio_example_tells_what_ended_each_command() -> None:
    ended = run_program([sys.executable, "-W", "error", str(EXAMPLES / "asyncio_deaths.py")])
    assert (ended.status, ended.err) == (0, "")
    pids = re.findall(r"^job \d: '.*' is (\d+)$", "\n".join(ended.lines), re.MULTILINE)
    for pid, how in zip(pids, ("exited with 0", "SIGKILL", "SIGTERM"), strict=True):
        assert f"{pid} (sh): {how}" in ended.lines


@pytest.mark.parametrize("name", ["asyncio_deaths.py", "deaths.py"])
def test_where_it_cannot_run_an_example_says_what_to_type(name: str) -> None:
    ended = run_program([*with_only(), sys.executable, str(EXAMPLES / name)])
    assert (ended.status, ended.lines) == (1, [])
    assert "hint: sudo pysigsnoop" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [("x",), ("-1",), ("nan",), ("3", "4")])
def test_wrong_words_are_told_how_an_example_is_used(words: tuple[str, ...]) -> None:
    ended = run_program([sys.executable, str(EXAMPLES / "deaths.py"), *words])
    assert (ended.status, ended.lines) == (1, [])
    assert ended.err == "usage: sudo python examples/deaths.py [SECONDS]\n"
