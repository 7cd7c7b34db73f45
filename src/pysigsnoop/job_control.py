"""A command's part in its terminal: who is in the foreground, what stops, and what goes on.

The command is in our process group, so a shell above runs both as one job: Ctrl-C, Ctrl-Z
and `fg` reach the command without us. What is left to do is to stop when it stops, or the
shell would wait for ever; and where it made a process group of its own (a shell does),
to see to it that the terminal and SIGCONT come to that group.
"""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

# What the kernel sends to who turns to a terminal from the background.
_TURNED_TO_TERMINAL = (signal.SIGTTIN, signal.SIGTTOU)

_Answer = TypeVar("_Answer")


class Job:
    """A child that shares our terminal. All of it runs in one thread, with SIGTTOU blocked."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._had_terminal = False
        self._group = os.getpgrp()
        self._terminal = _controlling_terminal()
        self._modes = self._read(termios.tcgetattr) if self._in_front() else None

    def stopped_by(self, number: int) -> None:
        """The command stopped: we stop too, unless nobody is there who could continue us."""
        group = self._group_of_command()
        if group != self._group and number in _TURNED_TO_TERMINAL and self._in_front():
            # It left our group and wants the terminal, which is ours to give.
            self._give_terminal(group)
            self._continue(group)
            return
        self._had_terminal = group != self._group and self._foreground() == group
        if not _is_waited_for(self._group):
            return
        # Not SIGSTOP: the kernel heeds these only in a process group that a shell looks after. One
        # that the terminal has sent already is the same as this one.
        os.kill(os.getpid(), signal.SIGTSTP)
        before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def continued(self) -> None:
        """We got SIGCONT: so must the command, where it was for us alone."""
        if not _is_stopped(self._pid):
            return
        group = self._group_of_command()
        if self._had_terminal and self._in_front():
            self._give_terminal(group)
        self._continue(group)

    def ended(self, *, by_signal: bool) -> None:
        """The command is gone and may have left the terminal as only it could use it."""
        if self._foreground() == self._pid:
            # A group that nobody is left in, as a rule.
            self._give_terminal(self._group)
        if by_signal and self._modes is not None and self._in_front():
            modes = self._modes
            self._read(lambda terminal: termios.tcsetattr(terminal, termios.TCSANOW, modes))

    def close(self) -> None:
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def _group_of_command(self) -> int:
        try:
            return os.getpgid(self._pid)
        except ProcessLookupError:
            return self._group

    def _continue(self, group: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if group == self._group:
                os.kill(self._pid, signal.SIGCONT)
            else:
                os.killpg(group, signal.SIGCONT)

    def _foreground(self) -> int | None:
        return self._read(os.tcgetpgrp)

    def _in_front(self) -> bool:
        return self._foreground() == self._group

    def _give_terminal(self, group: int) -> None:
        self._read(lambda terminal: os.tcsetpgrp(terminal, group))

    def _read(self, act: Callable[[int], _Answer]) -> _Answer | None:
        """What is asked of the terminal; None where there is none, or it has hung up."""
        if self._terminal is None:
            return None
        try:
            return act(self._terminal)
        except (OSError, termios.error):
            return None


def _controlling_terminal() -> int | None:
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None


def _is_stopped(pid: int) -> bool:
    _, state, _ = _stat(pid)
    return state in (b"T", b"t")


def _is_waited_for(group: int) -> bool:
    """Whether our parent is one that sees us stop and can continue us: a shell that made our
    process group, or such a shell's sudo. A script stops and goes on by itself, as its
    group does, and would leave us stopped where only the command was."""
    pid = os.getppid()
    while pid > 1:
        try:
            if os.getpgid(pid) != group:
                return True
        except ProcessLookupError:
            return False
        comm, _, parent = _stat(pid)
        if comm not in (b"sudo", b"doas"):
            return False
        pid = parent
    return True


def _stat(pid: int) -> tuple[bytes, bytes, int]:
    """Name, state and parent of a process; nothing of one that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return b"", b"", 0
    name, _, rest = stat.partition(b"(")[2].rpartition(b")")
    state, parent, *_ = rest.split()
    return name, state, int(parent)
