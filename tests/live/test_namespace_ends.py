"""A tracer in a pid namespace of its own, and the end of that namespace with it inside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pysigsnoop import SignalTracer
from pysigsnoop.diagnosis import BTF

from .actors import all_events, children, state, the_one, until
from .commands import environment
from .senders import PATIENCE
from .test_pid_namespaces import NEW_NAMESPACE

# A kernel without the first has no such wait at all; Linux 6.9 mended the others, and brought the
# second.
_WAITS, _MENDED = b"\0rcu_tasks_nvcsw\0", b"\0rcu_tasks_exit_list\0"

_TRACING = """
import json, os, signal
from pysigsnoop import SignalTracer
with SignalTracer(scope="all") as tracer:
    used = tracer.attachment
    print(json.dumps([os.getpid(), used.syscalls, used.refused]), flush=True)
    signal.pause()
"""
_AS_FIRST = (sys.executable, "-c", _TRACING)
# The shell stays, as the namespace's first process.
_AS_SECOND = ("sh", "-c", '"$@" & wait', "sh", *_AS_FIRST)


class _Inside:
    """The tracer, and what it says of itself."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout
        self.pid, self.syscalls, self.refused = json.loads(process.stdout.readline())

    @property
    def hang_was_told(self) -> bool:
        return "could hang the kernel" in self.refused.get("tp_btf+fentry", "")


@contextmanager
def _inside(*command: str) -> Iterator[_Inside]:
    with subprocess.Popen(
        [*NEW_NAMESPACE, *command], stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            yield _Inside(process)
        finally:
            process.kill()


def _is_safe() -> bool:
    types = Path(BTF).read_bytes()
    return _MENDED in types or _WAITS not in types


def test_function_exits_are_left_where_the_namespaces_end_could_hang_the_kernel() -> None:
    with _inside(*_AS_SECOND) as tracer:
        assert tracer.pid == 2
        assert tracer.hang_was_told != _is_safe()
        if not _is_safe():
            assert tracer.syscalls == "tracepoint"


def test_the_first_process_of_a_namespace_may_watch_function_exits() -> None:
    with _inside(*_AS_FIRST) as tracer:
        assert tracer.pid == 1
        assert not tracer.hang_was_told


def test_in_a_namespace_within_one_the_first_process_is_not_safe_either() -> None:
    with _inside(*NEW_NAMESPACE, *_AS_FIRST) as tracer:
        assert tracer.pid == 1
        assert tracer.hang_was_told != _is_safe()


@pytest.mark.parametrize(
    "command",
    [_AS_FIRST, _AS_SECOND, (*NEW_NAMESPACE, *_AS_FIRST)],
    ids=["first", "second", "nested"],
)
def test_a_namespace_that_is_killed_ends_with_its_tracer(command: tuple[str, ...]) -> None:
    """And leaves the kernel as it was: another tracer begins, traces and ends."""
    with _inside(*command) as tracer:
        inside = _below(tracer.process.pid)
        assert inside
        tracer.process.kill()
        until("all in the namespace are gone", lambda: not any(map(state, inside)))
        assert tracer.process.wait(PATIENCE) == -signal.SIGKILL
    with SignalTracer(sender_pid=os.getpid()) as after:
        os.kill(os.getpid(), 0)
        assert the_one(all_events(after)).signal == 0


def _below(pid: int) -> list[int]:
    """All that a process and its descendants began."""
    return [each for child in children(pid) for each in (child, *_below(child))]
