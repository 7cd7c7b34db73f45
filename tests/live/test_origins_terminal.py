"""Signals of a terminal: nobody is named, neither who wrote to it nor the kernel's own worker."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from pysigsnoop import Event, SignalTracer

from .actors import Actor, acting, all_events, check_kernel, next_event, sender_of, state, until


class Terminal:
    """A terminal, of which the test holds the other side, and a session's leader on it."""

    def __init__(self, stack: ExitStack, *arguments: object) -> None:
        self._master: int | None
        self._master, slave = pty.openpty()
        stack.callback(self.hang_up)
        try:
            self.leader: Actor = stack.enter_context(
                acting("families", *arguments, prefix=("setsid", "--ctty"), stdin=slave)
            )
        finally:
            os.close(slave)
        # The first word of a job is its child.
        self.said = self.leader.said[0]

    def write(self, text: bytes) -> None:
        assert self._master is not None
        os.write(self._master, text)

    def resize(self) -> None:
        assert self._master is not None
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("=HHHH", 11, 22, 0, 0))

    def hang_up(self) -> None:
        if self._master is not None:
            os.close(self._master)
            self._master = None


@contextmanager
def on_terminal(*arguments: object) -> Iterator[Terminal]:
    with ExitStack() as stack:
        yield Terminal(stack, *arguments)


@pytest.mark.parametrize("beside", [0, 2], ids=["alone", "beside busy bystanders"])
@pytest.mark.parametrize(
    ("key", "number", "fatal"),
    [
        (b"\x03", signal.SIGINT, True),
        (b"\x1c", signal.SIGQUIT, True),
        (b"\x1a", signal.SIGTSTP, False),
    ],
    ids=["Ctrl-C", "Ctrl-backslash", "Ctrl-Z"],
)
def test_a_key_is_the_terminals_signal_and_names_nobody(
    key: bytes, number: signal.Signals, fatal: bool, beside: int
) -> None:
    with ExitStack() as stack:
        for _ in range(beside):
            stack.enter_context(acting("families", "busy"))
        terminal = stack.enter_context(on_terminal("wait"))
        pid = terminal.leader.pid
        with SignalTracer(target_pid=pid, scope="all", signals=number) as tracer:
            terminal.write(key)
            event = next_event(tracer)
            if fatal:
                assert terminal.leader.end() == -number
            assert all_events(tracer, read=1) == []
    check_kernel(event, "terminal", "SI_KERNEL", target=pid, fatal=fatal)
    assert (int(event.signal), event.sender) == (number, None)
    assert event.disposition == "default"


def test_a_new_size_is_the_terminals_signal_and_names_nobody() -> None:
    with on_terminal("wait") as terminal:
        pid = terminal.leader.pid
        with SignalTracer(target_pid=pid, scope="all") as tracer:
            terminal.resize()
            (event,) = all_events(tracer)
    check_kernel(event, "terminal", "SI_KERNEL", target=pid, fatal=False)
    assert (int(event.signal), event.sender, event.result) == (signal.SIGWINCH, None, "ignored")


@pytest.mark.parametrize(("which", "number"), [(2, signal.SIGTTIN), (3, signal.SIGTTOU)])
def test_a_job_in_the_background_that_turns_to_the_terminal_is_stopped_by_nobody(
    which: int, number: signal.Signals
) -> None:
    with on_terminal("job", which) as terminal:
        child = int(terminal.said)
        with SignalTracer(target_pid=child, scope="all") as tracer:
            terminal.write(b"\n")
            assert terminal.leader.line() == ["told"]
            event = next_event(tracer)
            until("the job is stopped", lambda: state(child) == "T")
    check_kernel(event, "terminal", "SI_KERNEL", target=child, fatal=False)
    assert (int(event.signal), event.sender, event.result) == (number, None, "queued")


def _hang_ups(events: list[Event]) -> list[Event]:
    """Of the terminal's own, SIGHUP and then SIGCONT, sent to one process."""
    hup, cont, *_ = events
    assert (int(hup.signal), int(cont.signal)) == (signal.SIGHUP, signal.SIGCONT)
    return [hup, cont]


def test_a_hang_up_is_the_terminals_and_does_not_name_who_closed_the_other_side() -> None:
    with on_terminal("wait") as terminal:
        pid = terminal.leader.pid
        with SignalTracer(target_pid=pid, scope="all") as tracer:
            terminal.hang_up()
            assert terminal.leader.end() == -signal.SIGHUP
            events = all_events(tracer)
    for event in _hang_ups(events):
        check_kernel(event, "terminal", "SI_KERNEL", target=pid, fatal=event.signal == 1)
    assert [event.sender for event in events] == [None] * len(events)


def test_the_end_of_a_sessions_leader_hangs_up_the_foreground_and_names_nobody() -> None:
    with on_terminal("job", 0) as terminal:
        child = int(terminal.said)
        with SignalTracer(target_pid=child, scope="all") as tracer:
            terminal.write(b"\n")
            assert terminal.leader.line() == ["told"]
            terminal.write(b"\n")
            assert terminal.leader.end() == 0
            (event,) = all_events(tracer)
    check_kernel(event, "terminal", "SI_KERNEL", target=child, fatal=True)
    assert (int(event.signal), event.sender) == (signal.SIGHUP, None)


def test_the_end_of_a_sessions_leader_hangs_up_and_continues_a_stopped_job() -> None:
    with on_terminal("job", 4) as terminal:
        child = int(terminal.said)
        terminal.write(b"\n")
        assert terminal.leader.line() == ["told"]
        until("the job is stopped", lambda: state(child) == "T")
        with SignalTracer(target_pid=child, scope="all") as tracer:
            terminal.write(b"\n")
            assert terminal.leader.end() == 0
            events = all_events(tracer)
    for event in _hang_ups(events):
        check_kernel(event, "terminal", "SI_KERNEL", target=child, fatal=event.signal == 1)
        assert event.sender is None


def test_a_sessions_leader_that_gives_up_the_terminal_is_named_as_the_siginfo_does() -> None:
    with on_terminal("job", 5) as terminal:
        child, leader = int(terminal.said), terminal.leader.pid
        with SignalTracer(target_pid=child, scope="all") as tracer:
            terminal.write(b"\n")
            events = [next_event(tracer), next_event(tracer)]
    for event in _hang_ups(events):
        check_kernel(event, "terminal", "SI_USER", target=child, fatal=event.signal == 1)
        assert sender_of(event).pid == leader
