"""Pid namespaces: each end in the tracer's view, the host's and its own, and as /proc has it."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from pysigsnoop import Process, SignalTracer

from .actors import acting, all_events, children, sender_of, target_of, the_one, until
from .commands import PYSIGSNOOP, environment
from .conftest import MakeSender
from .control_groups import enter, group_in, inode, unified
from .senders import Sender, only_child
from .test_pid_namespaces import NEW_NAMESPACE, pids


def _descendant(pid: int, depth: int) -> int:
    """The one process so many generations below that runs a sender."""
    for _ in range(depth - 1):
        pid = _first_child(pid)
    return only_child(pid)


def _first_child(pid: int) -> int:
    until("it has a child", lambda: children(pid))
    return children(pid)[0]


@pytest.fixture
def nested(make_sender: MakeSender) -> tuple[Sender, int]:
    """A sender two namespaces down, and its pid here."""
    sender = make_sender(*NEW_NAMESPACE, *NEW_NAMESPACE)
    return sender, _descendant(sender.pid, 2)


def _all_numbers(process: Process) -> tuple[int | None, int, int]:
    return process.pid, process.host_pid, process.ns_pid


def test_a_sender_in_a_namespace_reaches_its_own_and_is_told_in_each_view(
    make_sender: MakeSender,
) -> None:
    sender = make_sender(*NEW_NAMESPACE)
    pid = only_child(sender.pid)
    with SignalTracer(sender_pid=pid, signals="CONT") as tracer:
        sender.send(signal=signal.SIGCONT, target=1)
        event = the_one(all_events(tracer))
    assert (event.origin, event.target_arg, event.ret) == ("kill", 1, 0)
    for process in (sender_of(event), target_of(event)):
        assert _all_numbers(process) == (pid, pid, 1)
        assert process.parent_pid == process.parent_host_pid == sender.pid
        assert process.parent_comm == "unshare"


def test_a_namespace_in_a_namespace_has_numbers_of_its_own(nested: tuple[Sender, int]) -> None:
    sender, pid = nested
    assert pids(pid) == [pid, 2, 1]
    with SignalTracer(target_pid=pid, signals=["CONT", 0]) as tracer:
        sender.send(signal=signal.SIGCONT, target=1)
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, 0)
        inner, outer, asked = all_events(tracer)
    assert _all_numbers(sender_of(inner)) == _all_numbers(target_of(inner)) == (pid, pid, 1)
    for event in (outer, asked):
        assert event.target_arg == pid
        assert _all_numbers(target_of(event)) == (pid, pid, 1)
        assert sender_of(event).pid == sender_of(event).host_pid == os.getpid()


def test_the_host_reaches_into_a_namespace_but_nobody_reaches_out_of_it(
    make_sender: MakeSender, sender: Sender
) -> None:
    inside = make_sender(*NEW_NAMESPACE)
    pid = only_child(inside.pid)
    with SignalTracer(sender_pid=[pid, sender.pid], signals="CONT") as tracer:
        sender.send(signal=signal.SIGCONT, target=pid)
        # The host's number names nobody there.
        inside.send(signal=signal.SIGCONT, target=sender.pid)
        into, out = all_events(tracer)
    assert _all_numbers(sender_of(into)) == (sender.pid, sender.pid, sender.pid)
    assert _all_numbers(target_of(into)) == (pid, pid, 1)
    assert (into.target_arg, into.ret) == (pid, 0)
    assert _all_numbers(sender_of(out)) == (pid, pid, 1)
    assert (out.target_arg, out.error, out.target) == (sender.pid, "ESRCH", None)
    assert out.ret == -errno.ESRCH


def test_an_init_that_kills_itself_is_shown_to_be_shielded(make_sender: MakeSender) -> None:
    sender = make_sender(*NEW_NAMESPACE)
    pid = only_child(sender.pid)
    with SignalTracer(sender_pid=pid, signals="KILL") as tracer:
        sender.send(signal=signal.SIGKILL, target=1)
        event = the_one(all_events(tracer))
    assert (event.ret, event.result, event.disposition) == (0, "ignored", "default")
    assert event.fatal is False
    assert Path(f"/proc/{pid}").exists()


# Two processes, and the pid of each.
_BESIDE = '"$0" "$@" & echo $!; sleep 600 & echo $!; wait'


class TracerInside:
    """The command under its own pid namespace and its own /proc, as JSON; seen from outside."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*NEW_NAMESPACE, "--mount-proc", "sh", "-c", _BESIDE, *PYSIGSNOOP, "-j", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        assert self.process.stdout
        #: Its pid and that of a process beside it, as they see it themselves.
        self.pid, self.beside = (int(self.process.stdout.readline()) for _ in range(2))

    def line(self) -> dict[str, object]:
        assert self.process.stdout
        found: dict[str, object] = json.loads(self.process.stdout.readline())
        return found

    def host_pid(self, inside: int) -> int:
        (shell,) = children(self.process.pid)
        return next(pid for pid in children(shell) if pids(pid)[-1] == inside)


@pytest.fixture
def inside() -> Iterator[TracerInside]:
    with ExitStack() as stack:
        tracer = TracerInside("--no-outcomes", "-s", "CONT,URG")
        stack.enter_context(tracer.process)
        stack.callback(tracer.process.kill)
        yield tracer


def test_a_tracer_in_a_namespace_tells_what_it_can_see_in_its_own_numbers(
    inside: TracerInside,
) -> None:
    target = inside.host_pid(inside.beside)
    # Until it has begun, and once more so that it is known to be after that.
    first: list[dict[str, object]] = []
    reader = Thread(target=lambda: first.append(inside.line()))
    reader.start()
    while reader.is_alive():
        os.kill(target, signal.SIGURG)
        reader.join(0.05)
    os.kill(target, signal.SIGCONT)
    line = first[0]
    while line["signal"] != "SIGCONT" or line["target_arg"] != target:
        line = inside.line()
    reached, by = line["target"], line["sender"]
    assert isinstance(reached, dict)
    assert isinstance(by, dict)
    assert (reached["pid"], reached["host_pid"]) == (inside.beside, target)
    assert (reached["ns_pid"], reached["comm"]) == (inside.beside, "sleep")
    assert reached["parent"]["pid"] == 1
    # Who sent it is not in that namespace.
    assert (by["pid"], by["tid"], by["parent"]["pid"]) == (None, None, None)
    assert (by["host_pid"], by["parent"]["host_pid"]) == (os.getpid(), os.getppid())


def _start_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def _check_against_proc(process: Process, pid: int) -> None:
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    parent = int(status["PPid"])
    assert process.pid == pid
    assert process.start_ns // tick == _start_ticks(pid)
    assert process.uid == int(status["Uid"].split()[0])
    assert process.comm == status["Name"].strip()
    assert (process.parent_pid, process.parent_host_pid) == (parent, parent)
    assert process.parent_comm == Path(f"/proc/{parent}/comm").read_text().rstrip("\n")


def test_both_ends_are_as_proc_tells_them(make_sender: MakeSender) -> None:
    if Path("/proc/self/ns/pid").stat().st_ino != 0xEFFFFFFC:
        pytest.skip("these tests do not run in the initial pid namespace")
    root = make_sender()
    with group_in(unified()) as group, ExitStack() as stack:
        actor = stack.enter_context(
            acting("families", "wait", prefix=("setpriv", "--reuid=12345", "--clear-groups"))
        )
        enter(group, actor.pid)
        with SignalTracer(sender_pid=root.pid, signals="CONT") as tracer:
            root.send(signal=signal.SIGCONT, target=actor.pid)
            event = the_one(all_events(tracer))
        _check_against_proc(sender_of(event), root.pid)
        _check_against_proc(target_of(event), actor.pid)
        assert target_of(event).uid == 12345
        assert target_of(event).cgroup_id == inode(group)
        own = Path(f"/proc/{root.pid}/cgroup").read_text().splitlines()
        path = next(line[3:] for line in own if line.startswith("0::"))
        assert sender_of(event).cgroup_id == inode(unified() / path.lstrip("/"))
