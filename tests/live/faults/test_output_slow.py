"""Output whose reader is slow: what waits for room is neither cut nor lost, whatever comes then."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import termios
import time
from typing import IO

import pytest

from pysigsnoop.exit_status import ExitStatus

from ..actors import state, until
from ..commands import PYSIGSNOOP, environment, forced
from ..conftest import MakeCommand
from ..senders import NOBODY, PATIENCE, Sender

# Lines of so many events are more than a pipe holds.
MANY = 1009
# Who has not written for so long, though there is more, waits.
STILL_S = 0.1


def waits_for_room(pid: int, pipe: IO[bytes]) -> bool:
    """Whether that process sleeps, and writes no more to the pipe."""

    def look() -> tuple[int, str]:
        (waiting,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
        return waiting, state(pid)

    before = look()
    time.sleep(STILL_S)
    return before == look() and before[0] > 0 and before[1] == "S"


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("stops", [True, False], ids=["stopped", "ended"])
def test_a_signal_cuts_no_line_that_waits_for_its_reader(
    stops: bool,
    unbuffered: str,
    sender: Sender,
    command: MakeCommand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A write that a signal interrupts returns how much was written: Python goes on, or does not.
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    running = command("-p", str(sender.pid))
    running.wait_for_header()
    pid, pipe = running.process.pid, running.process.stdout
    assert pipe
    # Of the lines that are written together some find room, and some do not.
    fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, os.sysconf("SC_PAGE_SIZE"))
    sender.send(MANY, target=NOBODY, step=1)
    until("its pipe is full", lambda: waits_for_room(pid, pipe))
    if stops:
        running.process.send_signal(signal.SIGSTOP)
        until("it is stopped", lambda: state(pid) == "T")
        running.process.send_signal(signal.SIGCONT)
    ended = running.end(signal.SIGINT)
    targets = [int(line.split()[4]) for line in ended.lines]
    assert targets == [NOBODY + i for i in range(MANY)]
    assert (ended.status, ended.summary) == (
        ExitStatus.INTERRUPTED,
        f"{MANY} received, 0 lost\n",
    )


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_pipe_that_does_not_block_is_waited_for(unbuffered: str, sender: Sender) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading, "rb") as lines:
        tracing = subprocess.Popen(
            [*PYSIGSNOOP, *forced(["-p", str(sender.pid), "--count", str(MANY)])],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            env=environment(PYTHONUNBUFFERED=unbuffered),
        )
        os.close(writing)
        with tracing:
            assert tracing.stderr
            try:
                assert lines.readline().startswith(b"TIME")
                sender.send(MANY, target=NOBODY, step=1)
                until("its pipe is full", lambda: waits_for_room(tracing.pid, lines))
                targets = [int(line.split()[4]) for line in lines]
            finally:
                tracing.kill()
            told = tracing.stderr.read().decode()
    assert targets == [NOBODY + i for i in range(MANY)]
    assert (tracing.wait(PATIENCE), told) == (ExitStatus.DONE, f"{MANY} received, 0 lost\n")
