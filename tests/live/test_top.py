"""`pysigsnoop top`: real signals, on the screen of a real terminal and as plain text."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pysigsnoop.exit_status import ExitStatus

from .actors import children, until
from .commands import PYSIGSNOOP, environment, forced, run_program
from .screens import Screen
from .senders import NOBODY, PATIENCE, Sender

_TOP = " ".join([*PYSIGSNOOP, "top", *forced(["--interval", "0.2"])])
# Draws once, and then fails while it handles a key.
_BROKEN = f"""
import sys
from pysigsnoop import cli, top_choices
top_choices.Choices.press = lambda self, key: 1 / 0
sys.exit(cli.main({["top", *forced(["-s", "0"])]!r}))
"""

# Leads a session, as a shell does, and outlives its terminal: what the kernel and shells do to a
# stopped job then.
_HANGS_UP = """
import contextlib, os, signal, sys
told, *command = sys.argv[1:]
for ignored in (signal.SIGHUP, signal.SIGTTOU):
    signal.signal(ignored, signal.SIG_IGN)
job = os.fork()
if not job:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    for ignored in (signal.SIGHUP, signal.SIGTTOU):
        signal.signal(ignored, signal.SIG_DFL)
    os.dup2(os.open(f"{told}.err", os.O_CREAT | os.O_WRONLY), 2)
    os.execv(command[0], command)
os.waitpid(job, os.WUNTRACED)
os.tcsetpgrp(0, os.getpid())
with contextlib.suppress(OSError):
    # Python writes a line's end by itself where it is unbuffered: too late, then.
    os.write(1, b"it stopped\\n")
    while os.read(0, 1):
        pass
os.killpg(job, signal.SIGHUP)
os.killpg(job, signal.SIGCONT)
status = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
with open(f"{told}.part", "w") as file:
    file.write(str(status))
os.rename(f"{told}.part", told)
"""


class Shell:
    """An interactive shell on a terminal: what is typed to it, and the terminal's mode."""

    def __init__(self, folder: Path) -> None:
        self.screen = Screen(["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self._folder = folder
        self._asked = 0
        self.run("PS1='ready> '")

    def start(self, line: str) -> None:
        """Run the live view, and wait for its picture on a screen that was empty."""
        self.run("clear")
        self.screen.until("an empty screen", lambda: self.screen.text.strip() == "ready>")
        self.run(line)
        self.screen.shows("q quit")

    def run(self, line: str) -> None:
        self.screen.type(f"{line}\n")

    def ask(self, command: str) -> str:
        """What a command prints, without the terminal between."""
        self._asked += 1
        told = self._folder / f"told{self._asked}"
        self.run(f"{command} > {told}.part; mv {told}.part {told}")
        self.screen.until(command, told.exists)
        return told.read_text().strip()

    def mode(self) -> str:
        return self.ask("stty -g")

    def restored(self, mode: str, status: int) -> None:
        """The terminal is as it was before a program that just ended, with that status."""
        assert self.ask("echo $?") == str(status)
        assert self.mode() == mode
        raw = self.screen.raw
        assert raw.count(b"\x1b[?1049h") == raw.count(b"\x1b[?1049l")
        assert raw.rindex(b"\x1b[?1049l") > raw.rindex(b"\x1b[?1049h")
        assert not self.screen.cursor_hidden
        assert self.screen.wraps

    def job(self) -> int:
        """The pid of what it runs, once there is one."""
        until("the shell has a job", lambda: children(self.screen.process.pid))
        (pid,) = children(self.screen.process.pid)
        return pid


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    found = Shell(tmp_path)
    try:
        yield found
    finally:
        found.screen.close()


def row_of(screen: Screen, *words: object) -> str:
    """The row that has all these words, as soon as it is there: a picture comes in pieces."""
    wanted = {str(word) for word in words}

    def found() -> list[str]:
        return [line for line in screen.lines[4:-1] if wanted <= {*line.split()}]

    screen.until(f"a row with {wanted}", found)
    return found()[0]


def whole(screen: Screen) -> bool:
    """Whether the picture fills the screen from its first line to its last."""
    return screen.lines[0].startswith("pysigsnoop top") and screen.lines[-1].startswith("q quit")


def sized(screen: Screen, wide: bool) -> bool:
    """Whether it is whole, with the columns that a screen so wide has."""
    return whole(screen) and ("HOW" in screen.lines[3]) == wide


def test_a_person_sees_who_signals_whom_and_finds_the_way_about(
    shell: Shell, sender: Sender, sleeper: subprocess.Popen[bytes]
) -> None:
    screen, mode = shell.screen, shell.mode()
    shell.start(f"{_TOP} -p {sender.pid}")
    assert screen.cursor_hidden
    sender.rename(b"\x1b[31m[red]")
    sender.send(3, target=NOBODY)
    sender.send(4, target=sleeper.pid)
    sender.send(signal=signal.SIGTERM, target=sleeper.pid)
    sleeper.wait()

    # Both ends, the signal, what failed and who died; the name as text and nothing else.
    screen.shows("8 all  failed 3  died 1  lost 0")
    assert " \\x1b[31" in row_of(screen, 3, sender.pid, 0, NOBODY, "ESRCH")
    row_of(screen, 4, sender.pid, 0, sleeper.pid, "sleep")
    died = row_of(screen, 1, sender.pid, "TERM", sleeper.pid, "sleep")
    assert died.split()[-1] == "1"
    assert re.search(r"cost \d+\.\d% CPU \d+\.\d events/s \d+ MB", screen.text)
    screen.until("the keys", lambda: whole(screen))

    order_and_filters(screen)
    pause_and_sizes(screen, sender)

    # Stopped by Ctrl-Z the shell has its terminal, and has it as it was; then on with it.
    screen.type("\x1a")
    screen.shows("Stopped")
    shell.restored(mode, 128 + signal.SIGTSTP)
    sender.send(5, target=NOBODY)
    shell.run("fg")
    screen.shows("113 all  failed 108")
    assert screen.cursor_hidden

    screen.type("?")
    screen.shows("count again from zero")
    screen.type("qz")
    screen.shows(" 0 all  failed 0")
    screen.type("q")
    screen.shows("received, 0 lost")
    shell.restored(mode, ExitStatus.DONE)


def order_and_filters(screen: Screen) -> None:
    # Order: by total the four are first, reversed last; by failures the three.
    screen.type("s")
    screen.shows("by total")
    screen.until("4 first", lambda: screen.lines[4].split()[2:3] == ["4"])
    screen.type("r")
    screen.until("4 last", lambda: screen.lines[6].split()[2:3] == ["4"])
    screen.type("rs")
    screen.until("failures first", lambda: "ESRCH" in screen.lines[4])

    # A filter, as it is typed and kept; then all again. Cursor keys and Escape are told apart.
    screen.type(f"/{NOBODY}")
    screen.shows(f"1 of 3 pairs with '{NOBODY}'")
    screen.shows(f"find: {NOBODY}")
    screen.type("\r")
    screen.shows("q quit")
    screen.until("one row", lambda: screen.lines[5] == "")
    screen.type("\x1b")
    screen.shows(" 3 pairs by failed")
    screen.type("d")
    screen.shows("1 of 3 pairs with died")
    screen.type("dgg")
    screen.shows("1 senders by failed")
    screen.type("GG")


def pause_and_sizes(screen: Screen, sender: Sender) -> None:
    # Paused, the picture stays, through keys and a change of size; nothing is left out of it after.
    screen.type("p")
    screen.shows("PAUSED")
    sender.send(100, target=NOBODY)
    screen.type("r")
    screen.shows("by failed reversed")
    for columns, lines in ((200, 60), (80, 24), (40, 10), (200, 60)):
        screen.resize(columns, lines)
        # Until it was told, it may draw once more in the old size.
        screen.until(
            f"{columns}x{lines}",
            partial(sized, screen, columns == 200),
        )
        assert screen.lines[0].endswith("PAUSED")
    assert "8 all" in screen.text
    screen.type("rp")
    screen.shows("108 all  failed 103  died 1  lost 0")
    assert " \\x1b[31m[red] " in row_of(screen, 103, sender.pid, NOBODY, "kill", "ESRCH")
    screen.resize(80, 24)
    screen.until("80x24", partial(sized, screen, False))
    row_of(screen, 103, sender.pid, NOBODY, "ESRCH")


@pytest.mark.once
def test_the_terminal_is_given_back_however_it_ends(shell: Shell, tmp_path: Path) -> None:
    screen, mode = shell.screen, shell.mode()
    shell.start(f"{_TOP} -s 0")
    screen.type("\x03")
    screen.shows("received, 0 lost")
    shell.restored(mode, ExitStatus.INTERRUPTED)

    # SIGTERM, while the terminal takes nothing (Ctrl-S).
    shell.start(f"{_TOP} -s 0")
    screen.type("\x13")
    os.kill(shell.job(), signal.SIGTERM)
    screen.shows("received, 0 lost")
    shell.restored(mode, ExitStatus.DONE)

    # An error of its own, with a key.
    script = tmp_path / "broken.py"
    script.write_text(_BROKEN)
    shell.start(f"{sys.executable} {script}")
    screen.type("x")
    screen.shows("ZeroDivisionError")
    shell.restored(mode, 1)

    # Nothing of it is left when the terminal goes.
    shell.start(f"{_TOP} -s 0")
    pid = shell.job()
    screen.close()
    until("it is gone", lambda: not Path(f"/proc/{pid}").exists())


def test_a_terminal_that_goes_while_it_is_stopped_ends_it_without_a_traceback(
    tmp_path: Path,
) -> None:
    # By SIGHUP, as if it had run on.
    told = tmp_path / "told"
    command = [*PYSIGSNOOP, "top", *forced(["--interval", "0.2", "-s", "0"])]
    screen = Screen([sys.executable, "-c", _HANGS_UP, str(told), *command])
    try:
        screen.shows("q quit")
        screen.type("\x1a")
        screen.shows("it stopped")
        screen.hang_up()
        until("it has ended", told.exists)
        assert told.read_text() == str(-signal.SIGHUP)
    finally:
        screen.close()
    assert (tmp_path / "told.err").read_text() == ""


def test_without_a_terminal_pictures_come_as_plain_text(sender: Sender) -> None:
    top = [*PYSIGSNOOP, "top", *forced(["-p", str(sender.pid)])]
    two = run_program([*top, "--batch", "2", "--interval", "0.1"])
    assert two.status == ExitStatus.DONE
    assert [line.split()[0] for line in two.lines if line] == [
        "pysigsnoop",
        "sends",
        "cost",
        "NOW/S",
    ] * 2
    assert two.err.startswith("0 received, 0 lost")

    # Without an end, until Ctrl-C; more than the smallest ring holds is lost, and told.
    running = subprocess.Popen(
        [*top, "--interval", "0.1", "--buffer", "4096"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert running.stdout
        assert running.stdout.readline().startswith("pysigsnoop top")
        with sender.flooding(2):
            end = time.monotonic() + PATIENCE
            for line in running.stdout:
                told = re.search(r"lost (\d+\S*) \(ring full", line)
                if told:
                    break
                assert time.monotonic() < end
        sent = sum(sender.answer().values())
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE)
        assert "\x1b" not in out
        received, lost = re.match(r"(\d+) received, (\d+) lost \(ring full", err).groups()
        assert int(received) + int(lost) == sent
        assert running.returncode == ExitStatus.LOST
    finally:
        running.kill()
        running.communicate()


def test_waiting_for_a_picture_is_told_on_a_terminal_and_taken_away() -> None:
    screen = Screen([*PYSIGSNOOP, "top", *forced(["--batch", "1", "--interval", "1.3"])])
    try:
        screen.shows("counting for 1.3 s ...")
        screen.shows("received, 0 lost")
        assert "counting" not in screen.text
    finally:
        screen.close()
