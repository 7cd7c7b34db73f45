"""What is ended before its work is done ends quietly, and never as if it had done it."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from pysigsnoop.exit_status import ExitStatus

from .actors import children, until
from .commands import PACKAGE_ROOT, run_program
from .conftest import MakeCommand
from .senders import PATIENCE

# In place of the command line's work: a signal to itself in what drops all exceptions, as the
# import system has it, then work without end; and an exception there that is no signal's.
_DROPPING = """
import os, sys, time, weakref
from pysigsnoop import __main__, cli

class Thing: pass

def drop(what):
    thing = Thing()
    kept = weakref.ref(thing, what)
    del thing

def work():
    drop(lambda ref: os.kill(os.getpid(), int(sys.argv[1])))
    drop(lambda ref: sys.exit("dropped"))
    while True: time.sleep(0.001)

cli.main = work
sys.exit(__main__.main())
"""

# The same amid what runs a text, as importing what has a named tuple does: before there is a trace,
# and the second time in the live view.
_INTERRUPTING = """
import os, pty, signal, sys
from pysigsnoop import __main__, cli
from pysigsnoop.full_screen import Terminal

def importing():
    exec("os.kill(os.getpid(), signal.SIGINT)\\nwhile True: pass")

def looking():
    with Terminal(pty.openpty()[1]):
        os.kill(os.getpid(), signal.SIGINT)
        importing()

cli.main = {work}
sys.exit(__main__.main())
"""


def wait_for_mapping(pid: int, library: str) -> None:
    """Until a process has loaded a library."""
    end = time.monotonic() + PATIENCE
    while library not in Path(f"/proc/{pid}/maps").read_text():
        assert time.monotonic() < end, f"{library} was never loaded"


def wait_for_handler(pid: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Until a process handles a signal: of SIGTERM, Python has begun, and nothing else."""
    end = time.monotonic() + PATIENCE
    while True:
        status = Path(f"/proc/{pid}/status").read_text()
        (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
        if int(caught, 16) >> number - 1 & 1:
            return
        assert time.monotonic() < end, f"it never handled {number.name}"


# In the order of a start: while importing, and while opening.
@pytest.mark.parametrize("library", ["_cffi_backend", "libbpf.so", "anon_inode:bpf-map"])
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, ExitStatus.INTERRUPTED)],
)
def test_a_signal_before_the_trace_has_begun_ends_it_quietly(
    number: signal.Signals, status: int, library: str, command: MakeCommand
) -> None:
    running = command("-p", "1", "-s", "0")
    wait_for_mapping(running.process.pid, library)
    ended = running.end(number)
    # On a busy machine the trace may have begun by now, and then its counts are told.
    if ended.err:
        status = ExitStatus.DONE if number == signal.SIGTERM else status
        assert ended.summary == "0 received, 0 lost\n"
    assert ended.status == status


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, ExitStatus.INTERRUPTED)],
)
def test_a_signal_that_python_drops_ends_it_all_the_same(
    number: signal.Signals, status: int
) -> None:
    ended = run_program([sys.executable, "-c", _DROPPING, str(number.value)])
    assert ended.status == status
    told = [line for line in ended.err.splitlines() if re.match(r"\w+(: |$)", line)]
    assert told == ["SystemExit: dropped"]


@pytest.mark.parametrize("work", ["importing", "looking"])
def test_an_interrupt_amid_an_import_ends_it_with_that_status(work: str, tmp_path: Path) -> None:
    # As a module: only there Python looks in the end whether such a thing was caught.
    (tmp_path / "interrupting.py").write_text(_INTERRUPTING.format(work=work))
    ended = run_program(
        [sys.executable, "-m", "interrupting"], PYTHONPATH=f"{PACKAGE_ROOT}:{tmp_path}"
    )
    assert ended == (ExitStatus.INTERRUPTED, [], "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("library", ["", "_cffi_backend", "libbpf.so", "anon_inode:bpf-map"])
def test_a_signal_before_the_command_was_begun_is_told_as_that(
    number: signal.Signals, library: str, command: MakeCommand, tmp_path: Path
) -> None:
    running = command("--", "touch", str(tmp_path / "ran"))
    if library:
        wait_for_mapping(running.process.pid, library)
    else:
        wait_for_handler(running.process.pid)
    ended = running.end(number)
    if (tmp_path / "ran").exists():
        # It had begun by now.
        assert library
        assert ended.status in (0, 128 + number)
    else:
        assert ended.status == ExitStatus.NOT_RUN


def test_what_comes_after_the_command_does_not_hide_its_status(command: MakeCommand) -> None:
    running = command("--", "sh", "-c", "trap '' TERM; echo; sleep 0.2; exit 7")
    running.line()
    end = time.monotonic() + PATIENCE
    while running.process.poll() is None:
        assert time.monotonic() < end, "it never ended"
        running.process.terminate()
        time.sleep(0.001)
    assert running.end(0).status == 7


def test_ctrl_c_amid_doctor_is_for_doctor_alone(command: MakeCommand) -> None:
    running = command("doctor", prefix=("setsid",))
    pid = running.process.pid
    until("it has somebody to signal", lambda: children(pid))
    wait_for_handler(children(pid)[0], signal.SIGINT)
    os.killpg(pid, signal.SIGINT)
    ended = running.end(0)
    assert (ended.status, ended.err) == (ExitStatus.INTERRUPTED, "")


def test_doctor_that_is_ended_does_not_say_that_tracing_works(command: MakeCommand) -> None:
    running = command("doctor")
    assert running.line().startswith("ok    python")
    assert running.end(signal.SIGTERM).status == -signal.SIGTERM
