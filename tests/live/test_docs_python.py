"""Every Python block of the documents is run, against real signals.

What it needs stands in the comment above it (see tests/snippets.py): `proc` is a child of the
program that the block becomes, `signals` has processes die of SIGTERM until the block has printed a
line, and ends it by Ctrl-C; `pytest` makes it a file of tests.
"""

from __future__ import annotations

import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.snippets import Block, blocks

from .commands import environment, run_program
from .senders import PATIENCE

pytestmark = pytest.mark.once

PYTHON = [block for block in blocks() if block.language == "python" and not block.not_run]
# The child ends with its input, and so with the program, however that ends.
_WITH_PROC = """
import subprocess
with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as proc:
    exec({text!r})
    proc.kill()
"""


def test_what_blocks_need_is_known() -> None:
    assert PYTHON
    for block in PYTHON:
        assert block.needs in (set(), {"proc"}, {"signals"}, {"pytest"}), block.name


def run_until_a_line(text: str) -> None:
    """A program that prints of signals until it is interrupted."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-u", "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as program:
        assert program.stdout
        try:
            end = time.monotonic() + PATIENCE
            while not select.select([program.stdout], [], [], 0.05)[0]:
                assert time.monotonic() < end, "it printed nothing"
                with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as target:
                    target.terminate()
            assert b"SIG" in program.stdout.readline()
            program.send_signal(signal.SIGINT)
            _, err = program.communicate(timeout=PATIENCE)
        finally:
            program.kill()
    # Python ends so where nobody catches KeyboardInterrupt.
    assert (program.returncode, err.splitlines()[-1]) == (-signal.SIGINT, b"KeyboardInterrupt"), err


def run_to_its_end(text: str) -> list[str]:
    """The lines of a program that ends by itself, and says nothing on stderr."""
    ended = run_program([sys.executable, "-W", "error", "-c", text])
    assert (ended.status, ended.err) == (0, "")
    return ended.lines


def run_as_tests(text: str, folder: Path) -> None:
    """A file of tests, all of which pass."""
    (folder / "test_block.py").write_text(text)
    ended = run_program(
        [
            *(sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"),
            *("-p", "pysigsnoop.pytest_plugin", "--rootdir", str(folder), str(folder)),
        ]
    )
    count = text.count("def test_")
    assert ended.status == 0, ended.lines
    assert ended.lines[-1].startswith(f"{count} passed in ")


@pytest.mark.parametrize("block", PYTHON, ids=[block.name for block in PYTHON])
def test_a_python_block_runs(block: Block, tmp_path: Path) -> None:
    run: Callable[[str], object] = run_to_its_end
    text = block.text
    if "pytest" in block.needs:
        run_as_tests(text, tmp_path)
        return
    if "signals" in block.needs:
        run = run_until_a_line
    if "proc" in block.needs:
        text = _WITH_PROC.format(text=text)
    run(text)


def test_who_follows_a_signal_to_its_end_loses_nothing() -> None:
    (text,) = (block.text for block in PYTHON if "tracer.follow(" in block.text)
    (line,) = run_to_its_end(_WITH_PROC.format(text=text))
    assert re.fullmatch(r"dead after \d+ us, and 0 records lost", line), line
