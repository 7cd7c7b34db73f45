"""`pysigsnoop why`: a process that runs already, what ended it, and what it was sent until then."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pysigsnoop import why
from pysigsnoop.exit_status import ExitStatus

from .commands import Command, Ended, run
from .conftest import MakeCommand
from .senders import NOBODY
from .test_wrapper import DIED, TIME


class Waited:
    """A process of our own, and `pysigsnoop why` that waits for it."""

    def __init__(self, stack: ExitStack, make: MakeCommand, *command: str) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stack.enter_context(self.process)
        stack.callback(self.process.kill)
        self.pid = self.process.pid
        # It says a word when it is ready, where it has to be.
        if "echo" in command[-1]:
            assert self.process.stdout
            self.process.stdout.readline()
        self.make = make

    def ask(self, *how: str) -> Command:
        """Returns once the trace has begun."""
        command = self.make("why", *how, str(self.pid))
        assert command.process.stderr
        told = command.process.stderr.readline().decode()
        assert told.startswith("pysigsnoop: waiting for the end of ")
        assert told.endswith(f" (pid {self.pid}); Ctrl-C ends the wait\n")
        return command


Start = Callable[..., Waited]


def account(ended: Ended) -> list[str]:
    """What was told, but that records were lost where the kernel skipped programs: 7.3 does, of
    any process's, and these are told all the same."""
    skipped = re.compile(r"(pysigsnoop: )?\d+ records were lost \(skipped \d+\): .*")
    return [line for line in ended.lines if not skipped.fullmatch(line)]


@pytest.fixture
def start(command: MakeCommand) -> Iterator[Start]:
    """Starts processes to wait for."""
    with ExitStack() as stack:
        yield lambda *words: Waited(stack, command, *words)


def test_how_a_process_ended_is_told(start: Start) -> None:
    killed, exiting, asked, left = (
        start("sleep", "600"),
        start("bash", "-c", "read; exit 9"),
        start("bash", "-c", "trap 'kill -9 $!; exit 4' TERM; sleep 600 & echo; wait"),
        start("bash", "-c", "trap '' HUP; echo; read"),
    )
    whys = [each.ask() for each in (killed, exiting, asked)]
    whys.append(left.ask("-s", "HUP"))
    with subprocess.Popen(["env", "kill", "-9", str(killed.pid)]) as killer:
        pass
    assert exiting.process.stdin
    exiting.process.stdin.write(b"\n")
    exiting.process.stdin.close()
    os.kill(asked.pid, signal.SIGTERM)
    os.kill(left.pid, signal.SIGHUP)

    ended = whys[0].end(0)
    lost = account(ended) != ended.lines
    assert (ended.status, ended.err) == (ExitStatus.LOST if lost else ExitStatus.DONE, "")
    (told,) = account(ended)
    assert re.match(
        rf"sleep 600 \(pid {killed.pid}\) was killed by SIGKILL: kill -9 {killed.pid}, run by root "
        rf"\(uid 0\), pid {killer.pid}, below .*, by kill\({killed.pid}, SIGKILL\), {DIED}$",
        told,
    )

    (told,) = account(whys[1].end(0))
    assert re.match(
        rf"bash -c 'read; exit 9' \(pid {exiting.pid}\) exited by itself, with status 9, {TIME}$",
        told,
    )

    ended = whys[2].end(0)
    told, child = account(ended)
    assert re.match(
        rf"bash -c .* \(pid {asked.pid}\) exited by itself, with status 4, {TIME}\. .* before its "
        rf"end it was sent SIGTERM, and handled it: .*, pid {os.getpid()}, .*$",
        told,
    )
    assert re.match(
        rf"sleep.* \(pid \d+\) was killed by SIGKILL: bash .*, pid {asked.pid}, ", child
    )

    ended = whys[3].end(signal.SIGINT)
    assert ended.status == ExitStatus.INTERRUPTED
    told, sent, note = account(ended)
    assert told == f"bash -c 'trap '\"'\"''\"'\"' HUP; echo; read' (pid {left.pid}) runs on"
    assert re.match(
        rf"bash .* \(pid {left.pid}\) was sent SIGHUP: .*, pid {os.getpid()}, .*by "
        rf"kill\({left.pid}, SIGHUP\), {TIME}; it ignored it$",
        sent,
    )
    assert note == "filters were given: what they left out is not told here"


@pytest.mark.parametrize(
    "how", [(), ("--stream",), ("-v",), ("-j",), ("-o", "time,signal")], ids=" ".join
)
def test_how_lines_look_takes_nothing_out_of_the_account(
    how: tuple[str, ...], start: Start
) -> None:
    exiting = start("bash", "-c", "trap 'exit 3' WINCH; echo; while :; do read -t 0.01; done")
    why = exiting.ask(*how)
    os.kill(exiting.pid, signal.SIGWINCH)
    ended = why.end(0)
    # Beside lines it is on stderr.
    told = ended.err if how else "\n".join(ended.lines)
    assert re.search(
        rf"^(pysigsnoop: )?bash -c .* \(pid {exiting.pid}\) exited by itself, with status 3, "
        rf"{TIME}$",
        told,
        re.MULTILINE,
    )


def test_a_process_is_found_by_its_name_and_of_several_none_is_chosen(
    start: Start, command: MakeCommand, tmp_path: Path
) -> None:
    # By a name that no other has, and longer than the kernel keeps it.
    name = f"sleeps-{os.getpid()}-long-name"
    program = str(tmp_path / name)
    shutil.copy(shutil.which("sleep") or "", program)
    one, other = sorted([start(program, "600"), start(program, "600")], key=lambda one: one.pid)
    both = run("why", name)
    assert (both.status, both.lines) == (ExitStatus.USAGE, [])
    assert both.err.splitlines() == [
        f"pysigsnoop: 2 processes are called {name}:",
        *(f"  {each.pid:>7} {program} 600" for each in (one, other)),
        f"  hint: pysigsnoop why {one.pid}",
    ]
    other.process.kill()
    other.process.wait()
    waits = command("why", name)
    assert waits.process.stderr
    assert f"{program} 600 (pid {one.pid})" in waits.process.stderr.readline().decode()
    one.process.terminate()
    (told,) = waits.end(0).lines
    assert f"600 (pid {one.pid}) was killed by SIGTERM: " in told
    # Ended, and its parent, this test, has not asked how.
    for wanted, said in (
        (str(one.pid), f"process {one.pid} has ended already, and its parent has not asked how"),
        (name, f"no process is called {name}"),
        (str(NOBODY), f"no process {NOBODY}"),
        ("-1", "no process is called -1"),
        ("0", "0 is no pid that a process can have"),
        ("", "'' is no name of a process"),
    ):
        missing = run("why", wanted)
        assert (missing.status, missing.lines) == (ExitStatus.USAGE, [])
        assert said in missing.err


def test_a_thread_is_told_as_one_of_its_process() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        wrong = run("why", str(thread.native_id))
    finally:
        end.set()
        thread.join()
    assert (wrong.status, wrong.lines) == (ExitStatus.USAGE, [])
    assert wrong.err.splitlines() == [
        f"pysigsnoop: {thread.native_id} is a thread of process {os.getpid()}",
        f"  hint: pysigsnoop why {os.getpid()}",
    ]


def test_one_that_ends_while_it_is_looked_for_is_none_of_several(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"ends-{os.getpid()}"
    program = str(tmp_path / name)
    shutil.copy(shutil.which("sleep") or "", program)
    one, other = sorted([start(program, "600"), start(program, "600")], key=lambda one: one.pid)
    is_called = why._is_called

    def found_then_ended(pid: int, wanted: bytes) -> bool:
        found = is_called(pid, wanted)
        if pid == other.pid:
            assert found
            other.process.kill()
            other.process.wait()
        return found

    monkeypatch.setattr(why, "_is_called", found_then_ended)
    assert why._find(name) == one.pid
