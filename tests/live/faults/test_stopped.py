"""SIGSTOP of the tracer while others send: what it lost is counted, told and its exit status.

PYSIGSNOOP_STOPPED_S says for how long, a minute for instance; the counts are printed (pytest -s).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from typing import IO

from pysigsnoop.exit_status import ExitStatus

from ..commands import PYSIGSNOOP, environment, forced
from ..conftest import MakeCommand
from ..senders import NOBODY, Sender
from ..test_command_line import hold

SECONDS = float(os.environ.get("PYSIGSNOOP_STOPPED_S", "0.5"))


def flood(sender: Sender) -> int:
    """As many calls as it can for so long."""
    with sender.flooding(1):
        time.sleep(SECONDS)  # how long it is stopped is what is tested
    return sum(sender.answer().values())


def test_each_call_is_told_or_counted_in_the_stream_and_at_the_end(
    sender: Sender, command: MakeCommand
) -> None:
    running = command("-j", "-p", f"{sender.pid},{os.getpid()}", "--buffer", "64K")
    running.wait_by_probe()
    hold(running)
    sent = flood(sender) + 1
    running.process.send_signal(signal.SIGCONT)  # which is one more that finds no room
    told = lost = 0
    while told + lost < sent:
        line = running.object()
        if line["type"] == "lost":
            assert line["lost"] == line["ring_full"] + line["skipped"]
            lost += line["lost"]
        elif line["type"] == "send" and line["sender"]["pid"] == sender.pid:
            told += 1
    assert told + lost == sent
    assert told > 100
    assert lost > 0
    # It goes on as before.
    assert sender.send(1, target=NOBODY + 1) == 1
    while running.object().get("target_arg") != NOBODY + 1:
        pass
    ended = running.end()
    assert ended.status == ExitStatus.LOST
    counts = re.match(r"(\d+) received, (\d+) lost \(ring full \d+(, skipped \d+)?\)", ended.err)
    assert counts, ended.err
    assert int(counts[2]) == lost
    print(f"stopped for {SECONDS} s: {sent} calls, {told} told, {lost} lost")


def test_top_tells_it_in_the_picture_and_at_the_end(sender: Sender) -> None:
    words = ["top", "-p", str(sender.pid), "--buffer", "64K", "--interval", "0.2"]
    top = subprocess.Popen(
        [*PYSIGSNOOP, *forced(words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with top:
        assert top.stdout
        assert " lost 0 " in _counts(top.stdout)
        top.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, top.pid, os.WSTOPPED | os.WNOWAIT)
        sent = flood(sender)
        top.send_signal(signal.SIGCONT)
        while " lost 0 " in (picture := _counts(top.stdout)):
            pass
        top.terminate()
        _, err = top.communicate()
    assert top.returncode == ExitStatus.LOST
    counts = re.match(r"(\d+) received, (\d+) lost \(ring full", err)
    assert counts, err
    assert int(counts[1]) + int(counts[2]) == sent
    print(f"top, stopped for {SECONDS} s: {sent} calls, {counts[1]} told, {counts[2]} lost")
    assert f"(ring full {counts[2]})" in picture


def _counts(pictures: IO[str]) -> str:
    """The line of the next picture that has its counts."""
    while not (line := pictures.readline()).startswith("sends "):
        assert line, "it ended"
    return line
