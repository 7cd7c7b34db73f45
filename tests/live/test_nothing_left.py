"""Nothing stays in the kernel, however a trace ends: by the kernel's own list."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pysigsnoop import SignalTracer

from .commands import environment, forced_script, run_program
from .conftest import MakeCommand
from .kernel_objects import Object, all_objects, objects_of, wait_until_gone
from .senders import NOBODY, Sender


@contextmanager
def nothing_left() -> Iterator[set[Object]]:
    """To be filled with what a trace holds, which must be gone afterwards."""
    held: set[Object] = set()
    before = objects_of(os.getpid())
    yield held
    assert {kind for kind, _ in held} == {"link", "map", "prog"}
    wait_until_gone(held)
    assert objects_of(os.getpid()) <= before


def test_while_a_trace_runs_the_kernel_lists_it_and_afterwards_not() -> None:
    with nothing_left() as held:
        before = objects_of(os.getpid())
        with SignalTracer():
            held.update(objects_of(os.getpid()) - before)
            assert held <= all_objects()


def test_nothing_is_left_of_a_trace_that_followed(sleeper: subprocess.Popen[bytes]) -> None:
    with nothing_left() as held:
        before = objects_of(os.getpid())
        with SignalTracer(follow=sleeper.pid) as tracer:
            tracer.add_followed(os.getpid())
            held.update(objects_of(os.getpid()) - before)
            assert held <= all_objects()


def test_nothing_is_left_after_an_exception_in_the_callers_loop(sender: Sender) -> None:
    def loop() -> None:
        with SignalTracer(sender_pid=sender.pid) as tracer:
            held.update(objects_of(os.getpid()) - before)
            sender.send(3, target=NOBODY)
            for _ in tracer:
                raise RuntimeError("the caller's own")

    with nothing_left() as held:
        before = objects_of(os.getpid())
        with pytest.raises(RuntimeError, match="the caller's own"):
            loop()


def test_nothing_is_left_after_an_open_that_failed() -> None:
    # All is loaded and mapped when attaching fails, for want of tracefs. What the process still
    # holds, it can say itself: by its descriptors, and by its mappings.
    script = """
import os
from pathlib import Path
from pysigsnoop import SignalTracer, TracingUnavailable

fds = len(os.listdir("/proc/self/fd"))
for _ in range(2):
    tracer = SignalTracer(attach="tracepoint")
    try:
        tracer.open()
    except TracingUnavailable:
        assert tracer.closed
    else:
        raise SystemExit("it opened")
assert "bpf-map" not in Path("/proc/self/maps").read_text()
assert len(os.listdir("/proc/self/fd")) == fds
"""
    hide = "mount -t tmpfs none /sys/kernel/tracing && mount -t tmpfs none /sys/kernel/debug"
    done = run_program(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            f'{hide} && exec "$@"',
            "hide",
            sys.executable,
            "-c",
            script,
        ]
    )
    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV])
def test_nothing_is_left_of_a_command_that_a_signal_ends(
    number: signal.Signals, command: MakeCommand
) -> None:
    running = command()
    running.wait_for_header()
    with nothing_left() as held:
        held.update(objects_of(running.process.pid))
        assert held <= all_objects()
        running.end(number)


def test_nothing_is_left_of_a_program_that_ctrl_c_ends() -> None:
    script = """
from pysigsnoop import SignalTracer
with SignalTracer() as tracer:
    print("tracing", flush=True)
    for event in tracer:
        pass
"""
    with subprocess.Popen(
        [sys.executable, "-c", forced_script(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    ) as program:
        assert program.stdout
        assert program.stdout.readline() == b"tracing\n"
        with nothing_left() as held:
            held.update(objects_of(program.pid))
            program.send_signal(signal.SIGINT)
            _, err = program.communicate()
        assert b"KeyboardInterrupt" in err
        assert program.returncode == -signal.SIGINT


def test_a_child_that_execs_holds_no_share(
    make_sleeper: Callable[[], subprocess.Popen[bytes]],
) -> None:
    with nothing_left() as held:
        before = objects_of(os.getpid())
        with SignalTracer():
            held.update(objects_of(os.getpid()) - before)
            assert not objects_of(make_sleeper().pid) & held
        # While the child still lives.
        wait_until_gone(held)
