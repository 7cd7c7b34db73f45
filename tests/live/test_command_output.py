"""Where the command's lines cannot go: nobody reads, the disk is full, stdout is closed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from pysigsnoop import __version__
from pysigsnoop.exit_status import ExitStatus

from .commands import PACKAGE_ROOT, PYSIGSNOOP, environment, forced, run, run_program
from .conftest import MakeCommand
from .senders import NOBODY, PATIENCE, Sender


def test_head_ends_it_quietly(sender: Sender) -> None:
    tracing = subprocess.Popen(
        [*PYSIGSNOOP, *forced(["-p", str(sender.pid)])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with (
        tracing,
        subprocess.Popen(["head", "-1"], stdin=tracing.stdout, stdout=subprocess.PIPE) as head,
    ):
        assert tracing.stdout
        assert tracing.stderr
        tracing.stdout.close()  # head alone reads now
        assert head.stdout
        assert head.stdout.read().startswith(b"TIME")
        assert head.wait(PATIENCE) == 0
        sender.send(target=NOBODY)
        assert tracing.stderr.read() == b""
        assert tracing.wait(PATIENCE) == ExitStatus.DONE


@contextmanager
def sending(sender: Sender) -> Iterator[None]:
    """A signal now and then while the block runs: no more than a slow machine can tell."""
    enough = Event()

    def send() -> None:
        while not enough.wait(0.02):
            sender.send(target=NOBODY)

    thread = Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


def redirected(how: str, *arguments: str) -> tuple[str, ...]:
    """The command with its streams as a shell sets them."""
    return ("sh", "-c", f'exec "$@" {how}', "sh", *PYSIGSNOOP, *forced(arguments))


@pytest.mark.parametrize("how", [">/dev/full", ">&-"])
@pytest.mark.parametrize("arguments", [[], ["-j"]])
def test_where_lines_cannot_be_written_an_error_says_so(
    how: str, arguments: list[str], sender: Sender
) -> None:
    # A line to write comes for certain: the command is made to trace an endless flood.
    with sender.flooding(1):
        ended = run_program([*redirected(how, *arguments, "-p", str(sender.pid))])
    sender.answer()
    assert ended.status == ExitStatus.FAILED
    assert re.match(r"pysigsnoop: (stdout is closed|cannot write).*\n  hint: .+\n$", ended.err)


@pytest.mark.parametrize("how", ["2>/dev/full", "2>&-"])
def test_without_a_stderr_it_still_traces(how: str, sender: Sender) -> None:
    with sending(sender):
        ended = run_program([*redirected(how, "-p", str(sender.pid), "--count", "3")])
    assert (ended.status, len(ended.lines)) == (ExitStatus.DONE, 4)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a clone has it before anything is built."""
    root = tmp_path_factory.mktemp("bare")
    built = shutil.ignore_patterns("*.so", "*.o", "_records.py", "__pycache__")
    shutil.copytree(PACKAGE_ROOT / "pysigsnoop", root / "pysigsnoop", ignore=built)
    return root


@pytest.mark.once
def test_help_and_version_need_nothing_built(bare: Path) -> None:
    shown = run("--help-all", PYTHONPATH=str(bare))
    assert (shown.status, shown.err) == (0, "")
    assert "--trace-pipe" in "\n".join(shown.lines)
    assert all(len(line) <= 80 for line in shown.lines)
    assert run("--version", PYTHONPATH=str(bare)) == (0, [f"pysigsnoop {__version__}"], "")


@pytest.mark.once
def test_wrong_usage_is_told_before_anything_is_needed(bare: Path) -> None:
    ended = run("-s", "NONE", PYTHONPATH=str(bare))
    assert ended.status == ExitStatus.USAGE
    assert "hint: " in ended.err


def test_json_lines_have_no_header(sender: Sender, command: MakeCommand) -> None:
    running = command("-j", "-p", f"{sender.pid},{os.getpid()}", "--count", "1")
    running.wait_by_probe()
    ended = running.end(0)
    # Probes come until it has told one.
    assert (ended.status, ended.lines) == (0, [])
    assert re.fullmatch(r"1 received, 0 lost(, \d+ unread)?\n", ended.summary), ended.summary
