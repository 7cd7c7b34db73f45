"""The pages of docs/questions/: each command is run while its scene is played, and what it prints
is held against the page, line by line (see tests/replay.py)."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.replay import PAGES, Shown, differences, files, joined, named, replayed

from .actors import until
from .commands import PYSIGSNOOP, environment, forced
from .scenes import SCENES, Scene
from .senders import PATIENCE, SLOWNESS
from .stage import Stage
from .test_origins_oom import _kernel_has_figures

pytestmark = pytest.mark.once

_CTRL_C = b"\x03"
# poll, select, pselect6 and ppoll in the kernel's table of the machine.
_WAITS = {"x86_64": {"7", "23", "270", "271"}, "aarch64": {"72", "73"}}[platform.machine()]


class Played(NamedTuple):
    """What a command printed, and which pid of now each pid of the page's command is."""

    lines: list[str]
    known: dict[str, str]


class OnTerminal:
    """The command as somebody types it, on a terminal of 80 columns without colours."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        self._text = b""
        self._master, slave = os.openpty()
        try:
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            self.process = subprocess.Popen(
                ["setsid", "--ctty", *PYSIGSNOOP, *forced(arguments)],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                cwd=folder,
                env=environment(TERM="linux", LC_ALL="C.UTF-8", NO_COLOR="1"),
            )
        finally:
            os.close(slave)

    @property
    def lines(self) -> list[str]:
        """The lines that it has printed so far."""
        text = self._text[: self._text.rfind(b"\n") + 1].decode().replace("\r\n", "\n")
        # Progress is shown in a line that is erased.
        text = re.sub(r"[^\n]*\r\x1b\[K", "", text)
        # A terminal shows the key where the cursor was.
        return re.sub(r"^\^C(?=.)", "^C\n", text, flags=re.MULTILINE).splitlines()

    def begins(self) -> None:
        """Wait until it traces: it says so, or sleeps until something comes."""
        asleep = Path(f"/proc/{self.process.pid}/syscall")

        def traces() -> bool:
            while select.select([self._master], [], [], 0)[0] and self._more():
                pass
            assert self.process.poll() is None, self.lines
            return bool(self.lines) or asleep.read_text().split()[0] in _WAITS

        until("it traces", traces)

    def read(self, count: int) -> None:
        """Until it has printed so many whole lines, or has ended."""
        end = time.monotonic() + PATIENCE
        while self._text.count(b"\n") < count:
            left = end - time.monotonic()
            ready = select.select([self._master], [], [], max(0.0, left))[0]
            if not ready or not self._more():
                return

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.write(self._master, _CTRL_C)

    def read_to_the_end(self) -> list[str]:
        """All that it printed."""
        while self._more():
            pass
        self.process.wait(PATIENCE)
        return self.lines

    def _more(self) -> bool:
        try:
            more = os.read(self._master, 65536)
        except OSError:  # nobody has the terminal any more
            return False
        self._text += more
        return bool(more)

    def close(self) -> None:
        """End it whatever its state."""
        self.process.kill()
        self.process.wait()
        os.close(self._master)


def play(scene: Scene, stage: Stage, arguments: list[str], lines: list[str]) -> Played:
    """Run a page's command while its scene is played; where the page has ^C, that is pressed once
    all lines above it are there."""
    playing = scene(stage)
    arguments, known = named(arguments, next(playing))
    command = OnTerminal(arguments, stage.folder)
    try:
        command.begins()
        for _ in playing:
            pass
        if "^C" in lines:
            command.read(lines.index("^C"))
            command.interrupt()
        return Played(command.read_to_the_end(), known)
    finally:
        command.close()


def _replayed() -> Iterator[object]:
    """Each command of each page, with its scene."""
    commands = replayed()
    for page in PAGES:
        of_page = [each for each in commands if each.block.page == page]
        scenes = SCENES[page.stem]
        assert len(scenes) == len(of_page), f"{page.name}: a scene for each command"
        for shown, scene in zip(of_page, scenes, strict=True):
            yield pytest.param(shown, scene, id=shown.block.name)


def _keeps_what_zombies_get() -> bool:
    """Whether a signal to a zombie is kept, though nobody will take it (5.10), or ignored."""
    with subprocess.Popen(["true"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        os.kill(zombie.pid, signal.SIGTERM)
        status = Path(f"/proc/{zombie.pid}/status").read_text()
    kept = re.search(r"^ShdPnd:\s*(\w+)$", status, re.MULTILINE)
    assert kept
    return int(kept[1], 16) != 0


def _as_this_kernel_tells(lines: list[str]) -> list[str]:
    """What other kernels tell, as the page says: of a zombie, and fewer figures of an OOM kill."""
    if any("zombie" in line for line in lines) and _keeps_what_zombies_get():
        return [re.sub("(zombie .*) ignored", r"\1 queued #4", line) for line in lines]
    if not any("oom_score_adj" in line for line in lines) or _kernel_has_figures():
        return lines
    return [re.sub(r", which held .* oom_score_adj being 0", "", line) for line in joined(lines)]


def _in_good_time(arguments: list[str]) -> list[str]:
    """A scene takes as much longer as everything does where the processor is emulated."""
    if "--interval" not in arguments:
        return arguments
    at = 1 + arguments.index("--interval")
    slower = round(int(arguments[at]) * SLOWNESS)
    return [*arguments[:at], str(slower), *arguments[at + 1 :]]


def test_each_page_has_its_scenes() -> None:
    assert {page.stem for page in PAGES} == {*SCENES}


@pytest.mark.parametrize(("shown", "scene"), list(_replayed()))
def test_the_command_of_a_page_prints_what_the_page_says(
    shown: Shown, scene: Scene, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    try:
        for file in files(shown.block.page):
            stage.script(file.name, file.text)
        real = play(scene, stage, _in_good_time(shown.arguments), shown.lines)
    finally:
        stage.close()
    told = differences(_as_this_kernel_tells(shown.lines), real.lines, real.known)
    assert not told, "\n".join([*told, "", "all of it:", *real.lines])
