"""No file descriptor is left: at opening an error says so, later the trace goes on."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from pysigsnoop.exit_status import ExitStatus

from ..commands import PYSIGSNOOP, environment, forced, forced_script, run, run_program
from ..conftest import MakeCommand
from ..control_groups import enter, group_in, unified
from ..senders import NOBODY, PATIENCE, Sender
from ..trace_buffer import Original, patient, send, turn

HINT = "  hint: ulimit -n 256\n        pysigsnoop doctor     (what this machine allows)\n"
# By how many the limit is raised each time; 1 tries every number. pytest -s shows what came of it.
STEP = int(os.environ.get("PYSIGSNOOP_DESCRIPTORS_STEP", "11"))


def test_opening_takes_all_it_needs_or_says_that_there_are_too_few() -> None:
    # In a process of its own, whose limit this is. What is attached with too few would show less.
    script = f"""
import os, resource
from pysigsnoop import LimitReached, SignalTracer

def count():
    return len(os.listdir("/proc/self/fd"))

def wanted():
    return SignalTracer(outcomes=True, follow=[])

with wanted() as tracer:
    usual = tracer.attachment
before, limits = count(), resource.getrlimit(resource.RLIMIT_NOFILE)
refused = 0
for free in range(0, 200, {STEP}):
    tracer = wanted()
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + free, limits[1]))
    try:
        tracer.open()
    except LimitReached as error:
        assert "too many open files" in error.message and error.hint == "ulimit -n 256", error
        assert tracer.closed
        refused += 1
    else:
        assert tracer.attachment == usual
        tracer.close()
        break
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert count() == before, (free, count() - before)
else:
    raise SystemExit("it never opened")
assert count() == before
print(refused)
"""
    done = run_program([sys.executable, "-c", forced_script(script)])
    assert (done.status, done.err) == (0, "")
    assert int(done.lines[0]) > 1
    print(f"refused with {done.lines[0]} numbers of free descriptors, and opened with the next")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), ExitStatus.FAILED),
        (("--trace-pipe",), ExitStatus.FAILED),
        (("--", "true"), ExitStatus.NOT_RUN),
    ],
)
def test_the_command_says_that_there_are_too_few(
    arguments: tuple[str, ...], status: ExitStatus
) -> None:
    ended = run(*arguments, prefix=("prlimit", "--nofile=14:14"))
    assert (ended.status, ended.lines) == (status, [])
    assert re.fullmatch(
        rf"pysigsnoop: .* failed: too many open files\n{re.escape(HINT)}", ended.err
    )


@contextmanager
def exhausted(pid: int) -> Iterator[None]:
    """No file can be opened in that process while the block runs."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # poll() takes no more descriptors than there may be, though they are open.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (4, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it has ended
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


# Who has given up rights is another user, whose limits cannot be changed from outside.
KEEP = "--keep-privileges"


@pytest.mark.parametrize("more", [(), ("-v",), ("--stack",)], ids=["places", "details", "stacks"])
def test_none_left_while_it_traces_and_no_event_is_lost(
    more: tuple[str, ...], sender: Sender, command: MakeCommand
) -> None:
    running = command("-j", KEEP, *more, "-p", f"{sender.pid},{os.getpid()}", "--buffer", "32M")
    running.wait_by_probe()
    with exhausted(running.process.pid):
        sender.send(503, target=NOBODY, step=1)
        told: list[int] = []
        while len(told) < 503:
            line = running.object()
            if line["type"] == "send" and line["sender"]["pid"] == sender.pid:
                told.append(line["target_arg"])
        ended = running.end()
    assert told == [NOBODY + number for number in range(503)]
    assert ended.status == ExitStatus.INTERRUPTED
    assert re.search(r"^\d+ received, 0 lost", ended.err), ended.err


def test_a_place_that_cannot_be_looked_up_is_null_and_later_found(sender: Sender) -> None:
    # The only thing that is not there then: a folder is to be opened. What was not found is
    # looked for again, after seconds.
    script = """
import json, resource, sys
from pysigsnoop import SignalTracer, whereabouts
whereabouts._LOOK_AGAIN = whereabouts._MAY_MOVE = 0.0

limits = resource.getrlimit(resource.RLIMIT_NOFILE)
with SignalTracer(sender_pid=int(sys.argv[1])) as tracer:
    for limit in (3, limits[0]):
        print("go", flush=True)
        sys.stdin.readline()
        events = tracer.read(60)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limits[1]))
        told = [event.sender.unit for event in events]
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        print(json.dumps(told), flush=True)
"""
    with (
        group_in(unified(), "wanted.service") as group,
        subprocess.Popen(
            [sys.executable, "-c", forced_script(script), str(sender.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as tracing,
    ):
        assert tracing.stdin
        assert tracing.stdout
        try:
            enter(group, sender.pid)
            for unit in (None, "wanted.service"):
                assert tracing.stdout.readline() == "go\n"
                sender.send(1, target=NOBODY)
                tracing.stdin.write("\n")
                tracing.stdin.flush()
                assert json.loads(tracing.stdout.readline()) == [unit]
            assert tracing.wait(PATIENCE) == 0
        finally:
            tracing.kill()
            sender.close()


def test_none_left_while_top_runs(sender: Sender) -> None:
    top = subprocess.Popen(
        [*PYSIGSNOOP, *forced(["top", KEEP, "-p", str(sender.pid), "--interval", "0.2"])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with top:
        assert top.stdout
        assert top.stderr
        top.stdout.readline()  # the first picture
        with exhausted(top.pid):
            sender.send(7, target=NOBODY)
            while not re.match(rf" +\S+ +\S+ +7 +{sender.pid} ", top.stdout.readline()):
                assert top.poll() is None, top.stderr.read()
            top.terminate()
            _, err = top.communicate(timeout=PATIENCE)
    assert (top.returncode, err) == (ExitStatus.DONE, "7 received, 0 lost\n")


@patient
def test_none_left_while_the_original_runs() -> None:
    with turn():
        tracer = Original(KEEP, alone=False)
        with exhausted(tracer.pid):
            pid = send([(b"none", 0, 5_000_000 + number) for number in range(101)])
            status = tracer.stop()
    expected = [
        f"PID {pid} (none) sent signal 0 to PID {5_000_000 + number}, ret = -3"
        for number in range(101)
    ]
    if status == ExitStatus.INTERRUPTED:
        assert tracer.of(pid) == expected
    else:  # somebody else filled the buffer, which is told
        assert status == ExitStatus.LOST, tracer.errors
        assert "the kernel dropped" in tracer.errors
        assert set(tracer.of(pid)) <= set(expected)
