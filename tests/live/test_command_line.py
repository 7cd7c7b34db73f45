"""The command line while it traces: columns, lines as they come, limits, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from pysigsnoop.exit_status import ExitStatus

from .actors import state, until
from .commands import Command, forced, run, run_program
from .conftest import MakeCommand
from .senders import NOBODY, PATIENCE, Sender


def test_columns_are_below_their_headings(sender: Sender, command: MakeCommand) -> None:
    running = command("-p", str(sender.pid))
    header = running.wait_for_header()
    sender.rename(b"fifteen-bytes-x")
    for number, target, name, result in (
        (0, sender.pid, "0", "ok"),
        (9, NOBODY, "SIGKILL", "failed ESRCH (no such process)"),
        (64, NOBODY, "SIGRTMIN+30", "failed ESRCH (no such process)"),
        (99, NOBODY, "99", "failed ESRCH (no such process)"),
    ):
        sender.send(signal=number, target=target)
        line = running.line()
        clock, *words = line.split()
        assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", clock)
        who = f"fifteen-bytes-x {sender.pid}"
        whom = who if target == sender.pid else str(target)
        assert words == f"{who} \u2192 {whom} {name} kill {result}".split()
        for heading, word in (
            ("SENDER", who),
            ("TARGET", whom),
            ("HOW", "kill"),
            ("SIGNAL", name),
            ("RESULT", result),
        ):
            assert line[header.index(heading) :].startswith(word)
    assert running.end().status == ExitStatus.INTERRUPTED


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_arrives_while_the_tracer_still_runs(
    form: str, sender: Sender, command: MakeCommand
) -> None:
    options = ["-p", f"{sender.pid},{os.getpid()}", *(["-j"] if form == "json" else [])]
    running = command(*options)
    running.wait_by_probe()
    for i in range(3):
        sender.send(target=NOBODY + i)
        while str(NOBODY + i) not in running.line():
            pass  # a probe
        assert running.process.poll() is None
    ended = running.end()
    # Kernel 7.3 can preempt a program; whom it lets run meanwhile on that CPU, it skips.
    skipped = re.search(r"^\d+ received, (\d+) lost \(skipped \1\)$", ended.err, re.MULTILINE)
    assert ended.status == (ExitStatus.LOST if skipped else ExitStatus.INTERRUPTED)


def test_duration_ends_the_trace_by_itself() -> None:
    begin = time.monotonic()
    ended = run("--duration", "0.3", "-p", "1", "-s", "0")
    assert time.monotonic() - begin >= 0.3
    assert (ended.status, ended.summary) == (ExitStatus.DONE, "0 received, 0 lost\n")
    assert len(ended.lines) == 1


def test_count_ends_the_trace_at_that_line_and_what_follows_is_not_lost(
    sender: Sender, command: MakeCommand
) -> None:
    running = command("-p", str(sender.pid), "--count", "5")
    running.wait_for_header()
    hold(running)
    sender.send(13, target=NOBODY, step=1)
    running.process.send_signal(signal.SIGCONT)
    ended = running.end(0)
    assert ended.status == ExitStatus.DONE
    assert [line.split()[4] for line in ended.lines] == [str(NOBODY + i) for i in range(5)]
    assert ended.summary == "5 received, 0 lost, 8 unread\n"


def test_sigterm_ends_like_duration_with_all_that_was_seen(
    sender: Sender, command: MakeCommand
) -> None:
    running = command("-p", str(sender.pid))
    running.wait_for_header()
    sender.send(1009, target=NOBODY)
    ended = running.end(signal.SIGTERM)
    assert (ended.status, len(ended.lines)) == (ExitStatus.DONE, 1009)
    assert ended.summary == "1009 received, 0 lost\n"


def test_ctrl_c_ends_with_130_and_all_that_was_seen(sender: Sender, command: MakeCommand) -> None:
    running = command("-p", str(sender.pid))
    running.wait_for_header()
    sender.send(1009, target=NOBODY)
    ended = running.end(signal.SIGINT)
    assert (ended.status, len(ended.lines)) == (ExitStatus.INTERRUPTED, 1009)
    assert ended.summary == "1009 received, 0 lost\n"


# Sends to nobody, and is ended, just after a read that waited its time in vain.
_STOPPED_BETWEEN_READS = f"""
import os, signal, sys
from pysigsnoop import cli
from pysigsnoop.tracer import SignalTracer

read = SignalTracer.read

def send(count):
    for _ in range(count):
        try: os.kill({NOBODY}, 0)
        except ProcessLookupError: pass

def reading(tracer, timeout=None, limit=None):
    if not tracer.stopped and timeout is None:
        send(1)  # then it looks once more, and not for ever
    events = read(tracer, timeout, limit)
    if not events and not tracer.stopped:
        send(5)
        os.kill(os.getpid(), signal.SIGTERM)
    return events

SignalTracer.read = reading
sys.exit(cli.main({forced(["-s", "0", "-p"])!r} + [str(os.getpid())]))
"""


def test_what_was_seen_before_the_end_is_printed_though_no_read_waited_for_it() -> None:
    ended = run_program([sys.executable, "-c", _STOPPED_BETWEEN_READS])
    assert (ended.status, len(ended.lines)) == (ExitStatus.DONE, 1 + 1 + 5)
    assert ended.summary == "6 received, 0 lost\n"


def test_a_duration_longer_than_poll_takes_is_one(sender: Sender, command: MakeCommand) -> None:
    running = command("-p", str(sender.pid), "--duration", str(30 * 86400))
    running.wait_for_header()
    # Only one who sleeps has been told how long.
    until("it waits", lambda: state(running.process.pid) == "S")
    sender.send(1, target=NOBODY)
    assert "ESRCH" in running.line()
    assert running.end().status == ExitStatus.INTERRUPTED


def test_sigterm_stays_ignored_and_sigint_ends_what_a_script_runs_in_the_background(
    sender: Sender, command: MakeCommand
) -> None:
    ignoring = ("sh", "-c", "trap '' TERM INT; exec \"$@\"", "sh")
    running = command("-p", str(sender.pid), prefix=ignoring)
    running.wait_for_header()
    running.process.send_signal(signal.SIGTERM)
    sender.send(1, target=NOBODY)
    running.line()
    assert running.process.poll() is None
    ended = running.end(signal.SIGINT)
    assert (ended.status, ended.summary) == (ExitStatus.INTERRUPTED, "1 received, 0 lost\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_lost_records_are_told_by_reason_and_by_the_status(
    number: signal.Signals, sender: Sender, command: MakeCommand
) -> None:
    running = command("-p", str(sender.pid), "--buffer", "4K")
    running.wait_for_header()
    hold(running)
    sender.send(1009, target=NOBODY)
    running.process.send_signal(signal.SIGCONT)
    running.line()
    ended = running.end(number)
    assert ended.status == ExitStatus.LOST
    summary = re.fullmatch(r"(\d+) received, (\d+) lost \(ring full (\d+)\)\n", ended.summary)
    assert summary
    received, lost, full = map(int, summary.groups())
    told = [line for line in ended.lines if not line.startswith("-- ")]
    assert received == 1 + len(told)
    # In the stream too, where it was noticed.
    assert [line for line in ended.lines if line.startswith("-- ")]
    assert lost == full > 0
    assert received + lost == 1009


def test_a_larger_buffer_holds_what_a_small_one_lost(sender: Sender, command: MakeCommand) -> None:
    running = command("-p", str(sender.pid), "--buffer", "256K")
    running.wait_for_header()
    hold(running)
    sender.send(1009, target=NOBODY)
    running.process.send_signal(signal.SIGCONT)
    ended = running.end(signal.SIGTERM)
    assert (ended.status, ended.summary) == (ExitStatus.DONE, "1009 received, 0 lost\n")


def test_options_filter_as_the_api_does(sender: Sender, command: MakeCommand) -> None:
    running = command("-p", str(sender.pid), "-s", "USR1,0", "-x", "--count", "3")
    running.wait_for_header()
    sender.send(2, signal=0, target=sender.pid)
    sender.send(2, signal=10, target=NOBODY)
    sender.send(2, signal=12, target=NOBODY)
    sender.send(1, signal=0, target=NOBODY)
    ended = running.end(0)
    assert [line.split()[5] for line in ended.lines] == ["SIGUSR1", "SIGUSR1", "0"]


def test_target_filters_by_the_process_named(sender: Sender, command: MakeCommand) -> None:
    running = command("-p", str(sender.pid), "-T", str(sender.pid), "--count", "2")
    running.wait_for_header()
    sender.send(2, target=1)
    sender.send(2, target=sender.pid)
    ended = running.end(0)
    assert [line.split()[5] for line in ended.lines] == [str(sender.pid)] * 2


def hold(running: Command) -> None:
    """Stop the tracing process, so that nobody reads, until SIGCONT."""
    running.process.send_signal(signal.SIGSTOP)
    stat = Path(f"/proc/{running.process.pid}/stat")
    end = time.monotonic() + PATIENCE
    while stat.read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < end, "it did not stop"
        time.sleep(0.001)
