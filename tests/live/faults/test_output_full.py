"""Output that cannot be written, in each form: the disk is full, nobody reads, it was closed."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pysigsnoop.exit_status import ExitStatus

from ..actors import until
from ..commands import PYSIGSNOOP, Ended, environment, forced, run_program
from ..senders import NOBODY, PATIENCE, Sender
from ..trace_buffer import turn

FAILED = r"pysigsnoop: cannot write the output: {}\n  hint: df \. +\(is a disk full\?\)\n"
FULL = FAILED.format("No space left on device")
# What traces, each in a form of its own; text and JSON are in test_command_output.py too.
FORMS = {
    "json": ("-j",),
    "csv-fields": ("--format", "csv", "-o", "time,signal"),
    "verbose": ("-v",),
}
TOP = ("top", "--batch", "1000", "--interval", "0.02")
TOLD = {"help": ("--help",), "version": ("--version",)}


def to(how: str, *arguments: str) -> Ended:
    """A command with its streams as a shell sets them, to its end."""
    command = ["sh", "-c", f'exec "$@" {how}', "sh", *PYSIGSNOOP, *forced(arguments)]
    return run_program(command)


@pytest.mark.parametrize("arguments", FORMS.values(), ids=FORMS)
def test_a_full_disk_ends_every_form_with_an_error(
    arguments: tuple[str, ...], sender: Sender
) -> None:
    with sender.flooding(1):
        ended = to(">/dev/full", *arguments, "-p", str(sender.pid))
    sender.answer()
    assert ended.status == ExitStatus.FAILED
    assert re.fullmatch(FULL, ended.err), ended.err


@pytest.mark.parametrize(
    "arguments", [TOP, ("doctor",), *TOLD.values()], ids=lambda words: words[0]
)
def test_a_full_disk_ends_all_else_that_prints_with_the_same(arguments: tuple[str, ...]) -> None:
    ended = to(">/dev/full", *arguments)
    assert (ended.status, ended.lines) == (ExitStatus.FAILED, [])
    assert re.fullmatch(FULL, ended.err), ended.err


def test_a_full_disk_ends_the_original_with_the_same() -> None:
    with turn(), sending_by_kill():
        ended = to(">/dev/full", "--trace-pipe")
    assert ended.status == ExitStatus.FAILED
    assert re.fullmatch(FULL, ended.err), ended.err


@contextmanager
def sending_by_kill() -> Iterator[None]:
    """Calls of kill() while the block runs: what the original sees."""
    code = "import os, time\nwhile True: os.kill(os.getpid(), 0); time.sleep(0.01)"
    sender = subprocess.Popen([sys.executable, "-S", "-c", code])
    try:
        yield
    finally:
        sender.kill()
        sender.wait()


def test_an_account_that_cannot_be_written_is_an_error(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    told = tmp_path / "told"
    waiting = subprocess.Popen(
        [
            *("sh", "-c", f'exec "$@" >/dev/full 2>{told}', "sh"),
            *(*PYSIGSNOOP, *forced(["why", str(sleeper.pid)])),
        ],
        env=environment(),
    )
    try:
        until("it waits", lambda: told.exists() and "waiting for" in told.read_text())
        sleeper.kill()
        assert waiting.wait(PATIENCE) == ExitStatus.FAILED
    finally:
        waiting.kill()
        waiting.wait()
    assert re.search(FULL, told.read_text())


def test_what_was_written_before_the_disk_was_full_is_whole(sender: Sender, tmp_path: Path) -> None:
    # The last line may be cut; each before it is there, in its order.
    folder = tmp_path / "small"
    folder.mkdir()
    script = (
        f"mount -t tmpfs -o size=64k none {folder} || exit 99; "
        f'"$@" >{folder}/out; status=$?; cat {folder}/out; exit $status'
    )
    sender.tell(f"flood 1 0 0 {NOBODY} 1")  # to another number each time
    try:
        ended = run_program(
            [
                *("unshare", "--mount", "sh", "-c", script, "sh", *PYSIGSNOOP),
                *forced(["-j", "-p", str(sender.pid), "--buffer", "64M"]),
            ]
        )
    finally:
        sender.tell("enough")
        sender.answer()
    assert ended.status == ExitStatus.FAILED
    assert re.fullmatch(FULL, ended.err), ended.err
    assert sum(len(line) + 1 for line in ended.lines) in range((64 << 10) - 1, (64 << 10) + 2)
    targets = [json.loads(line)["target_arg"] for line in ended.lines[:-1]]
    assert len(targets) > 50
    assert targets == [targets[0] + number for number in range(len(targets))]


@pytest.mark.parametrize("arguments", [*FORMS.values(), TOP], ids=[*FORMS, "top"])
def test_who_has_read_enough_ends_every_form_quietly(
    arguments: tuple[str, ...], sender: Sender
) -> None:
    words = forced([*arguments, "-p", str(sender.pid)])
    tracing = subprocess.Popen(
        [*PYSIGSNOOP, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert tracing.stdout
    assert tracing.stderr
    with tracing:
        with sender.flooding(1):
            ready, _, _ = select.select([tracing.stdout], [], [], PATIENCE)
            assert ready
            assert os.read(tracing.stdout.fileno(), 1)
            tracing.stdout.close()
            err = tracing.stderr.read()
            status = tracing.wait(PATIENCE)
        sender.answer()
    assert (status, err) == (ExitStatus.DONE, b"")


@pytest.mark.parametrize("arguments", TOLD.values(), ids=TOLD)
def test_who_reads_nothing_ends_all_else_quietly(arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as nobody:
        done = subprocess.run(
            [*PYSIGSNOOP, *arguments],
            stdout=nobody,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (ExitStatus.DONE, b"")


@pytest.mark.parametrize("arguments", [TOP, ("--trace-pipe",), ("doctor",), ("why", "1")])
def test_a_closed_stdout_is_told_before_anything_is_traced(arguments: tuple[str, ...]) -> None:
    ended = to(">&-", *arguments)
    assert (ended.status, ended.lines) == (ExitStatus.FAILED, [])
    assert ended.err == "pysigsnoop: stdout is closed\n  hint: >/dev/null, to see only the counts\n"


@pytest.mark.parametrize("how", ["2>/dev/full", "2>&-"])
def test_wrong_usage_is_an_exit_status_where_nobody_can_be_told(how: str) -> None:
    assert to(how, "--no-such-option") == (ExitStatus.USAGE, [], "")


@pytest.mark.parametrize("how", [">&-", "2>&-", "<&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_command_finds_closed_what_was_closed(how: str, tmp_path: Path) -> None:
    # What we open ourselves takes the numbers of streams that are closed.
    found, command = tmp_path / "found", tmp_path / "command"
    command.write_text(
        f'#!/bin/sh\nfor fd in 0 1 2; do [ -e /proc/$$/fd/$fd ] && o="$o$fd"; done\n'
        f'exec 9>{found}; echo "=$o" >&9; exit 7\n'
    )
    command.chmod(0o755)
    assert to(how, "--", str(command)).status == 7
    closed = {"0": "<&-", "1": " >&-", "2": "2>&-"}
    open_ = [fd for fd, word in closed.items() if word.strip() not in how.split()]
    assert found.read_text() == f"={''.join(open_)}\n"
