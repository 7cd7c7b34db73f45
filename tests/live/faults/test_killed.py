"""kill -9 of the tracer, however it traces: what the kernel then cleans up, and what it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..actors import children, state, until
from ..commands import PYSIGSNOOP, environment, forced
from ..kernel_objects import objects_of, wait_until_gone
from ..senders import PATIENCE
from ..trace_buffer import ENABLE, TRACEFS, Original, patient, setting, turn


@contextmanager
def killed(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A tracer that is killed, and of which then nothing is left in the kernel."""
    tracer = subprocess.Popen(
        [*PYSIGSNOOP, *forced(arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    try:
        # Attached last of all is what sees signals.
        until(
            "it traces", lambda: {"link", "map", "prog"} <= {k for k, _ in objects_of(tracer.pid)}
        )
        yield tracer
        held = objects_of(tracer.pid)
        assert held
        tracer.kill()
        assert tracer.wait(PATIENCE) == -signal.SIGKILL
        wait_until_gone(held)
    finally:
        tracer.kill()
        tracer.wait()


def test_nothing_is_left_of_top() -> None:
    with killed("top", "--batch", "1000"):
        pass


def test_nothing_is_left_of_why_and_who_it_waited_for_runs_on(
    sleeper: subprocess.Popen[bytes],
) -> None:
    with killed("why", str(sleeper.pid)):
        pass
    assert sleeper.poll() is None


def test_a_command_runs_on_unwatched() -> None:
    code = "import time; time.sleep(600)"
    command = 0
    try:
        with killed("--", sys.executable, "-c", code) as tracer:
            until("the command runs", lambda: children(tracer.pid))
            (command,) = children(tracer.pid)
            # It becomes the command once the trace has begun.
            until("it is the command", lambda: _says(command, code))
        # It runs or sleeps, and is no zombie.
        assert state(command) in {"R", "S", "D"}
    finally:
        if command:
            os.kill(command, signal.SIGKILL)


def _says(pid: int, word: str) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return words[:3] == [sys.executable, "-c", word]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@patient
def test_nothing_is_left_of_the_original_but_the_event_that_is_on(number: signal.Signals) -> None:
    # Loading a program that prints turns the event on for good. Who ends in order turns it off; of
    # who was killed it stays, which costs nothing as long as nobody prints.
    with turn():
        usual = (TRACEFS / ENABLE).read_text().strip()
        with setting(ENABLE, "0", usual):
            tracer = Original(alone=False)
            held = objects_of(tracer.pid)
            assert {"map", "prog"} <= {kind for kind, _ in held}
            tracer.signal(number)
            ended = (-number,) if number == signal.SIGKILL else (0, 3)
            assert tracer.wait() in ended
            wait_until_gone(held)
            assert (TRACEFS / ENABLE).read_text().strip() == str(int(number == signal.SIGKILL))
            # The pipe is free again.
            assert Original(alone=False).stop() in (3, 130)
