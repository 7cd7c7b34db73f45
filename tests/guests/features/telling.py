"""What is told of a signal: what becomes of it, and what more is asked for."""

from __future__ import annotations

import functools
import os
import signal
from contextlib import ExitStack
from pathlib import Path

from pysigsnoop import Death, Delivery, Event, SignalTracer
from tests.live.control_groups import enter, group_in, unified
from tests.live.senders import PATIENCE

from . import YES, Lacking
from .trying import Steps, expect, forked, read_out


def _outcomes() -> str:
    """A handler runs, then a SIGKILL ends the process: each end names its send."""

    def handling(steps: Steps) -> None:
        signal.signal(signal.SIGUSR1, lambda *_: None)
        steps.say("ready")
        steps.wait()

    with forked(handling) as child:
        child.said()
        with SignalTracer(target_pid=child.pid, sender_pid=os.getpid(), outcomes=True) as tracer:
            for number, kind, action in (
                (signal.SIGUSR1, Delivery, "handler"),
                (signal.SIGKILL, Death, "killed"),
            ):
                os.kill(child.pid, number)
                (send,) = tracer.read(PATIENCE, limit=1)
                (end,) = tracer.follow(send, PATIENCE)
                expect(isinstance(end, kind), end)
                expect((end.send_id, end.action) == (send.id, action), end)
                expect(end.signal == number, end)
                tracer.read(0)
    return YES


@functools.cache
def _with_details() -> Event:
    with SignalTracer(sender_pid=os.getpid(), details=True) as tracer:
        os.kill(os.getpid(), 0)
        (event,) = read_out(tracer)
    return event


def _details() -> str:
    sender = _with_details().sender
    assert sender
    own = Path("/proc/self")
    line = own.joinpath("cmdline").read_bytes()[:-1].decode().split("\0")
    expect(sender.cmdline == line, sender.cmdline)
    expect(sender.exe == str(own.joinpath("exe").readlink()), sender.exe)
    expect(sender.parents and sender.parents[0].pid == os.getppid(), sender.parents)
    return YES


def _login() -> str:
    told = Path("/proc/self/loginuid")
    if not told.exists():
        raise Lacking("this kernel keeps no logins (CONFIG_AUDIT)")
    sender = _with_details().sender
    assert sender
    held = int(told.read_text())
    expect(sender.loginuid == (None if held == 2**32 - 1 else held), sender.loginuid)
    return YES


# A small program: to name functions takes the longer the more its files have.
_SIGNALS = "read x; kill -CONT $$; echo . >&9 2>/dev/null; echo done; read x"


def _stacks() -> str:
    """Of a call: the process's; of the kernel's own signal: the kernel's too."""

    def act(steps: Steps) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        os.dup2(writer, 9)
        steps.become("/bin/sh", "-c", _SIGNALS)

    with (
        forked(act) as child,
        SignalTracer(target_pid=child.pid, scope="all", stacks=True) as tracer,
    ):
        child.go()
        child.said()
        told = read_out(tracer)
        expect([event.origin for event in told] == ["kill", "pipe"], told)
        call, pipe = ([*(event.stack or ())] for event in told)
    in_kernel = [frame.module for frame in pipe].count("[kernel]")
    expect(0 < in_kernel < len(pipe), pipe)
    expect("[kernel]" not in {frame.module for frame in call}, call)
    expect("kill" in {frame.symbol for frame in call}, call)
    return YES


def _follow() -> str:
    """A child that is there already, and one that comes later."""

    def act(steps: Steps) -> None:
        for later in (False, True):
            if later:
                steps.wait()
            if not os.fork():
                if not later:
                    steps.say(str(os.getpid()))
                    steps.wait()
                os.kill(os.getpid(), 0)
                os._exit(0)
        for _ in range(2):
            os.wait()

    with forked(act) as child:
        before = int(child.said())
        with SignalTracer(follow=child.pid, signals=0) as tracer:
            child.go(2)
            expect(child.end() == 0, child.end())
            parents = {e.sender.pid: e.sender.parent_pid for e in read_out(tracer) if e.sender}
    expect(before in parents, parents)
    expect([*parents.values()] == [child.pid] * 2, parents)
    return YES


def _cgroup_filter() -> str:
    """Whoever is in a cgroup below the one that was asked for, and nobody else."""

    def act(steps: Steps) -> None:
        steps.wait()
        os.kill(os.getpid(), 0)

    with ExitStack() as stack:
        group = stack.enter_context(group_in(unified()))
        below = stack.enter_context(group_in(group))
        inside, outside = (stack.enter_context(forked(act)) for _ in range(2))
        enter(below, inside.pid)
        tracer = stack.enter_context(SignalTracer(sender_cgroup=str(group), signals=0))
        for child in (outside, inside):
            child.go()
            child.end()
        told = [event.sender and event.sender.pid for event in read_out(tracer)]
    expect(told == [inside.pid], told)
    return YES


TRIALS = {
    "outcomes": _outcomes,
    "details": _details,
    "login": _login,
    "stacks": _stacks,
    "follow": _follow,
    "cgroup_filter": _cgroup_filter,
}
