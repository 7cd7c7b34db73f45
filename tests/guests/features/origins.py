"""The kernel's own signals: each brought about, and told with its reason."""

from __future__ import annotations

import ctypes
import fcntl
import functools
import os
import resource
import signal
import tempfile
import termios
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from pysigsnoop import Event, SignalTracer
from tests.live.control_groups import enter, group_in, memory_group, unified

from . import YES, Lacking
from .trying import Steps, broken_pipe, expect, forked, read_out, waiting

_PR_SET_PDEATHSIG = 1
# Megabytes of a group, and what is asked for in it.
_MOST, _TOO_MUCH = 24, 96

# What brings each about, in a child that does nothing else.


def _fault(steps: Steps) -> None:
    steps.wait()
    ctypes.string_at(8)


def _timer(steps: Steps) -> None:
    steps.wait()
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    signal.pause()


def _terminal(steps: Steps) -> None:
    """Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.setsid()
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    steps.wait()
    os.write(master, b"\x03")
    signal.pause()


def _parent_death(steps: Steps) -> None:
    reader, writer = os.pipe()
    if not os.fork():
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        os.write(writer, b".")
        signal.pause()
    os.read(reader, 1)
    steps.wait()


def _io(steps: Steps) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
    steps.wait()
    os.write(writer, b".")
    signal.pause()


def _file_size(steps: Steps) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    with tempfile.TemporaryFile(buffering=0) as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
        steps.wait()
        file.write(b"..")
        file.write(b"..")


_BROUGHT_ABOUT: dict[str, Callable[[Steps], object]] = {
    "fault": _fault,
    "timer": _timer,
    "child": waiting,
    "terminal": _terminal,
    "pipe": broken_pipe,
    "parent-death": _parent_death,
    "io": _io,
    "kernel": _file_size,
}


def _origins() -> str:
    with ExitStack() as stack:
        acting = {name: stack.enter_context(forked(act)) for name, act in _BROUGHT_ABOUT.items()}
        tracer = stack.enter_context(SignalTracer(origins=[*acting]))
        for child in acting.values():
            child.go()
            child.end()
        events = read_out(tracer)
    told = {
        (event.origin, end.pid) for event in events for end in (event.sender, event.target) if end
    }
    untold = [name for name, child in acting.items() if (name, child.pid) not in told]
    expect(not untold, untold)
    return YES


def _cgroup_kill() -> str:
    with group_in(unified()) as group, forked(waiting) as child:
        switch = group / "cgroup.kill"
        if not switch.exists():
            raise Lacking("this kernel has no cgroup.kill (since Linux 5.14)")
        enter(group, child.pid)
        with SignalTracer(target_pid=child.pid) as tracer:
            switch.write_text("1")
            expect(child.end() == -signal.SIGKILL, child.end())
            told = [(event.origin, event.sender and event.sender.pid) for event in read_out(tracer)]
    expect(told == [("cgroup.kill", os.getpid())], told)
    return YES


@functools.cache
def _out_of_memory() -> Event:
    with memory_group(_MOST) as group, forked(_hungry) as child:
        enter(group, child.pid)
        with SignalTracer(target_pid=child.pid) as tracer:
            child.go()
            expect(child.end() == -signal.SIGKILL, child.end())
            (event,) = read_out(tracer)
    expect((event.origin, event.sender) == ("oom", None), event)
    expect(event.oom and event.oom.allocator and event.oom.allocator.pid == child.pid, event)
    return event


def _hungry(steps: Steps) -> None:
    steps.wait()
    bytes(b"." * (_TOO_MUCH << 20))


def _oom() -> str:
    try:
        _out_of_memory()
    except pytest.skip.Exception as skipped:
        raise Lacking(str(skipped)) from skipped
    return YES


def _oom_figures() -> str:
    _oom()
    oom = _out_of_memory().oom
    expect(oom, "no oom")
    assert oom
    figures = oom.as_dict()
    del figures["allocator"]
    if not any(figures.values()):
        raise Lacking(
            "the kernel's event has no figures (since Linux 6.9, and some stable releases)"
        )
    expect(None not in figures.values(), figures)
    return YES


TRIALS = {
    "origins": _origins,
    "cgroup_kill": _cgroup_kill,
    "oom": _oom,
    "oom_figures": _oom_figures,
}
