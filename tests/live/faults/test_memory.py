"""No memory is left: the OOM killer ends the tracer, or opening is refused; nothing stays of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pysigsnoop.exit_status import ExitStatus

from ..commands import PYSIGSNOOP, environment, forced, forced_script
from ..control_groups import memory_group
from ..kernel_objects import Object, objects_of, wait_until_gone
from ..senders import PATIENCE


def inside(group: Path, *command: str) -> list[str]:
    """The command, which enters the group before it begins."""
    return ["sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh", *command]


def test_what_the_oom_killer_ends_while_it_traces_leaves_nothing() -> None:
    script = """
import sys
from pysigsnoop import SignalTracer
with SignalTracer(buffer_size=65536) as tracer:
    print("tracing", flush=True)
    sys.stdin.readline()
    held = []
    while True:
        held.append(bytearray(b"x") * (1 << 20))
"""
    with (
        memory_group(160) as group,
        subprocess.Popen(
            inside(group, sys.executable, "-c", forced_script(script)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        ) as tracing,
    ):
        try:
            assert tracing.stdout
            assert tracing.stdout.readline() == b"tracing\n"
            held = objects_of(tracing.pid)
            assert {kind for kind, _ in held} == {"link", "map", "prog"}
            tracing.communicate(b"\n", timeout=PATIENCE)
            assert tracing.returncode == -signal.SIGKILL
            wait_until_gone(held)
        finally:
            tracing.kill()


@pytest.mark.parametrize("megabytes", [12, 26, 40])
def test_opening_with_too_little_ends_with_an_error_or_by_the_oom_killer(megabytes: int) -> None:
    # Where it ends is the kernel's to say: before 5.11 maps are in no group.
    held: set[Object] = set()
    words = [*PYSIGSNOOP, *forced(["--duration", "0.1", "-p", "1"])]
    with (
        memory_group(megabytes) as group,
        subprocess.Popen(
            inside(group, *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as tracing,
    ):
        while tracing.poll() is None:
            try:
                held |= objects_of(tracing.pid)
            except (FileNotFoundError, ProcessLookupError):
                break
        _, err = tracing.communicate(timeout=PATIENCE)
        wait_until_gone(held)
    if tracing.returncode == ExitStatus.FAILED:
        assert re.match(r"pysigsnoop: .* failed: the kernel has no memory for it\n  hint: ", err)
    elif tracing.returncode == -signal.SIGKILL:
        assert err == ""
    else:
        assert (tracing.returncode, megabytes > 12) == (ExitStatus.DONE, True), err
