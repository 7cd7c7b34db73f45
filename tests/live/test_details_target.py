"""The target's details: of itself from the kernel, of others only where it is surely theirs."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from pysigsnoop import Event, SignalTracer

from .actors import all_events, next_event, state, target_of, the_one, until
from .senders import PATIENCE
from .told import Told, known, program, telling


def caught(tracer: SignalTracer, target: Told) -> Event:
    """A SIGCONT to it, read while it stands as it did."""
    os.kill(target.pid, signal.SIGCONT)
    return next_event(tracer)


def test_who_signals_itself_is_told_at_both_ends() -> None:
    with telling(["told", "to itself"]) as told:
        with SignalTracer(target_pid=told.pid, details=True) as tracer:
            told.do("threads", 2)
            told.do("send", int(signal.SIGCONT), 0)
            # It is stopped and cannot be asked: the kernel read it all.
            os.kill(told.pid, signal.SIGSTOP)
            event, _ = all_events(tracer)
        for end in (event.sender, event.target):
            assert end.cmdline == ["told", "to itself"]
            assert end.exe == str(program())
            assert known(end.parents)[0].pid == os.getpid()


def test_of_a_fault_the_target_is_told_although_it_is_gone() -> None:
    with (
        telling(["told", "at fault"]) as told,
        SignalTracer(target_pid=told.pid, origins="fault", details=True) as tracer,
    ):
        told.tell("fault")
        assert told.process.wait(PATIENCE) == -signal.SIGSEGV
        event = the_one(all_events(tracer))
    assert event.sender is None
    assert target_of(event).cmdline == ["told", "at fault"]
    assert target_of(event).exe == str(program())


@pytest.mark.parametrize("length", [3, 2000])
def test_another_that_lives_is_told(length: int) -> None:
    with telling(["told", "", "x" * length, "last\n"]) as told:
        with SignalTracer(target_pid=told.pid, details=True) as tracer:
            target = target_of(caught(tracer, told))
        whole = told.cmdline()
    assert target.exe == str(program())
    assert target.cmdline_truncated is (len(whole) > 512)
    assert target.cmdline_bytes == tuple(whole[:512].removesuffix(b"\0").split(b"\0"))


def test_a_title_is_told_as_the_reader_finds_it() -> None:
    with telling(["told"], environment={"ROOM": "y" * 2000}) as told:
        assert told.do("overflow", b"a title, long enough".hex()) == 0
        with SignalTracer(target_pid=told.pid, details=True) as tracer:
            assert target_of(caught(tracer, told)).cmdline == ["a title, long enough"]


def test_who_is_gone_keeps_what_the_kernel_saw(sleeper: subprocess.Popen[bytes]) -> None:
    with SignalTracer(target_pid=sleeper.pid, details=True) as tracer:
        sleeper.kill()
        until("it is dead", lambda: state(sleeper.pid) == "Z")
        target = target_of(the_one(all_events(tracer)))
    assert (target.cmdline, target.cmdline_truncated) == (None, None)
    assert target.exe == str(Path("/usr/bin/sleep").resolve())
    assert known(target.parents)[0].pid == os.getpid()


@pytest.mark.parametrize("prefix", [(), ("setarch", "-R")], ids=["anywhere", "same addresses"])
def test_another_program_is_never_taken_for_the_one_that_was_signalled(
    prefix: tuple[str, ...],
) -> None:
    # The same program and arguments of the same length: with -R even at the same addresses.
    arguments = [*prefix, str(program()), "before"]
    executable = f"/usr/bin/{prefix[0]}" if prefix else None
    with (
        telling(arguments, executable) as told,
        SignalTracer(target_pid=told.pid, signals="CONT", details=True) as tracer,
    ):
        os.kill(told.pid, signal.SIGCONT)
        assert told.do("exec", program(), "after!") == 0
        assert told.cmdline().split(b"\0")[1] == b"after!"
        before = target_of(next_event(tracer))
        after = target_of(caught(tracer, told))
    assert (before.cmdline, before.exe) == (None, str(program()))
    assert after.cmdline == [str(program()), "after!"]
    assert before.start_ns == after.start_ns


def test_the_exe_is_the_one_at_the_send() -> None:
    with (
        telling() as told,
        SignalTracer(target_pid=told.pid, signals="CONT", details=True) as tracer,
    ):
        os.kill(told.pid, signal.SIGCONT)
        told.tell("exec", "/bin/sleep", "600")
        until("it sleeps", lambda: told.cmdline() == b"/bin/sleep\x00600\0")
        before = target_of(next_event(tracer))
        after = target_of(caught(tracer, told))
    assert (before.cmdline, before.exe) == (None, str(program()))
    assert (after.cmdline, after.exe) == (
        ["/bin/sleep", "600"],
        str(Path("/bin/sleep").resolve()),
    )


def test_each_recipient_of_a_group_send_is_told() -> None:
    told = [Told(["told", f"member {i}"]) for i in range(5)]
    try:
        group = told[0].pid
        for each in told:
            assert each.do("group", group) == 0
        pids = {each.pid: each.process.args for each in told}
        with SignalTracer(target_pid=list(pids), signals="CONT", details=True) as tracer:
            os.killpg(group, signal.SIGCONT)
            events = [next_event(tracer) for _ in told]
        assert {event.target.pid: event.target.cmdline for event in events} == pids
        own = Path("/proc/self/cmdline").read_bytes()[:512].removesuffix(b"\0").split(b"\0")
        for event in events:
            assert event.sender.cmdline_bytes == tuple(own)
            assert event.recipients == len(told)
    finally:
        for each in told:
            each.close()


def test_a_kernel_thread_runs_no_program() -> None:
    if not Path("/proc/2/comm").exists() or Path("/proc/2/comm").read_text() != "kthreadd\n":
        pytest.skip("no kernel threads are seen from this pid namespace")
    with SignalTracer(sender_pid=os.getpid(), target_pid=2, signals=0, details=True) as tracer:
        os.kill(2, 0)
        target = target_of(the_one(all_events(tracer)))
    assert (target.cmdline, target.cmdline_truncated, target.exe) == (None, None, None)
    assert target.parents == ()
    assert (target.loginuid, target.sessionid) == (None, None)


def test_what_became_of_a_send_comes_beside_its_details() -> None:
    with (
        telling(["told", "until the end"]) as told,
        telling(["told", "who ends it"]) as other,
        SignalTracer(target_pid=told.pid, details=True, outcomes=True) as tracer,
    ):
        assert other.do("send", int(signal.SIGTERM), told.pid) == 0
        assert told.process.wait(PATIENCE) == -signal.SIGTERM
        tracer.stop()
        send, death = tracer
    assert (send.type, death.type) == ("send", "death")
    assert known(send.sender).cmdline == ["told", "who ends it"]
    assert target_of(send).exe == str(program())
    assert known(death.target).pid == told.pid
    assert known(death.target).exe is None
