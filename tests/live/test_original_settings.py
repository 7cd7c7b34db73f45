"""--trace-pipe and the kernel's settings: refused where lines would hide, and left as found."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pysigsnoop.original import OriginalTracer
from pysigsnoop.tracefs import PrintkEvent
from tests.live.senders import PATIENCE
from tests.live.test_errors_rights import LOCK_TRACEFS, with_mounts, with_only
from tests.live.trace_buffer import (
    COMMAND,
    ENABLE,
    ENVIRONMENT,
    TRACEFS,
    Original,
    buffer_size,
    patient,
    send,
    setting,
    settings,
    turn,
)

NOBODY = 5_000_000


# One way to attach, and not SignalTracer's.
pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _turn() -> Iterator[None]:
    with turn():
        yield


def refused(*prefix: str) -> str:
    """What the command says when it cannot run."""
    done = subprocess.run(
        [*prefix, *COMMAND],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert "Traceback" not in done.stderr
    assert "\n  hint: " in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("name", "value", "back"),
    [
        ("tracing_on", "0", "1"),
        *(
            ("trace_options", option, back)
            for option, back in (
                *(("hex", "nohex"), ("bin", "nobin"), ("raw", "noraw"), ("fields", "nofields")),
                *(("nocontext-info", "context-info"), ("noirq-info", "irq-info")),
                *(("latency-format", "nolatency-format"), ("nooverwrite", "overwrite")),
            )
        ),
        ("set_event_pid", "1", ""),
        ("set_event_notrace_pid", "1", ""),
        ("events/bpf_trace/bpf_trace_printk/filter", "common_pid == 1", "0"),
    ],
)  # fmt: skip
@patient
def test_a_setting_that_hides_lines_is_refused_and_the_hint_ends_it(
    name: str, value: str, back: str
) -> None:
    usual = settings()
    if name == "trace_options" and not re.search(rf"\b{value}|\b{back}", usual[name]):
        pytest.skip(f"this kernel has no trace option {value}")
    with setting(name, value, back):
        changed = settings()
        assert changed != usual
        said = refused()
        assert settings() == changed
        hint = said.partition("hint: ")[2].partition("\n")[0].replace("sudo ", "")
        subprocess.run(["sh", "-c", hint], check=True, stdout=subprocess.DEVNULL)
        assert settings() == usual


@pytest.mark.parametrize("clock", ["global", "mono", "boot", "x86-tsc", "counter"])
@patient
def test_every_trace_clock_will_do(clock: str) -> None:
    known = (TRACEFS / "trace_clock").read_text()
    usual = known.partition("[")[2].partition("]")[0]
    if clock not in known.replace("[", "").replace("]", "").split():
        pytest.skip(f"this kernel has no trace clock {clock}")
    with setting("trace_clock", clock, usual):
        with OriginalTracer():
            before = send([(b"before", 0, NOBODY)])
        tracer = Original()
        pid = send([(b"after", 0, NOBODY + number) for number in range(101)])
        assert tracer.stop() == 130, tracer.errors
    assert tracer.of(before) == []
    assert tracer.of(pid) == [
        f"PID {pid} (after) sent signal 0 to PID {NOBODY + n}, ret = -3" for n in range(101)
    ]


@patient
def test_the_thread_groups_column_changes_nothing() -> None:
    with setting("trace_options", "record-tgid", "norecord-tgid"):
        tracer = Original()
        pid = send([(b"a\nb", 0, NOBODY)])
        assert tracer.stop() == 130
    assert tracer.of(pid) == [f"PID {pid} (a\\nb) sent signal 0 to PID {NOBODY}, ret = -3"]


@pytest.mark.parametrize("was", ["0", "1"])
@patient
def test_the_event_ends_as_it_was_found(was: str) -> None:
    usual = (TRACEFS / ENABLE).read_text().strip()
    with setting(ENABLE, was, usual):
        for _ in range(5):
            with OriginalTracer():
                assert (TRACEFS / ENABLE).read_text() == "1\n"
            assert (TRACEFS / ENABLE).read_text().strip() == was
        assert Original().stop() == 130
        assert (TRACEFS / ENABLE).read_text().strip() == was


@pytest.mark.parametrize("was", ["0", "1"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@patient
def test_tracers_that_overlap_leave_the_event_as_the_first_found_it(
    was: str, order: tuple[int, ...]
) -> None:
    usual = (TRACEFS / ENABLE).read_text().strip()
    with setting(ENABLE, was, usual):
        events = [PrintkEvent(TRACEFS)]
        (TRACEFS / ENABLE).write_text("1")  # as a load does
        events += [PrintkEvent(TRACEFS), PrintkEvent(TRACEFS)]
        assert [event.shared for event in events] == [False, True, True]
        for number in order:
            assert (TRACEFS / ENABLE).read_text() == "1\n"
            events[number].restore()
        assert (TRACEFS / ENABLE).read_text().strip() == was


@patient
def test_a_second_reader_is_let_in_and_warned_or_told_who_reads() -> None:
    first = Original()
    second = Original(ready=False, alone=False)
    # Newer kernels let one reader in; older ones share the lines out.
    if second.wait_for_end_or_line():
        assert second.stop() in (3, 130)
        assert "another --trace-pipe runs" in second.errors
    else:
        assert second.wait() == 1
        assert "fuser -v" in second.errors
    pid = send([(b"first", 0, NOBODY)])
    assert first.stop() in (3, 130)
    expected = f"PID {pid} (first) sent signal 0 to PID {NOBODY}, ret = -3"
    assert set(first.of(pid)) <= {expected}


@patient
def test_without_tracefs_it_says_how_to_mount_it() -> None:
    hide = "for d in /sys/kernel/tracing /sys/kernel/debug; do mount -t tmpfs none $d; done; "
    said = refused("unshare", "-m", "sh", "-c", hide + 'exec "$@"', "sh")
    assert "tracefs is not mounted" in said
    assert "mount -t tracefs" in said


@patient
def test_a_tracefs_in_debugfs_will_do() -> None:
    script = (
        # Where debugfs is mounted there already, once more is refused.
        "mount -t tmpfs none /sys/kernel/tracing && "
        "{ mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug; } "
        '&& exec "$@"'
    )
    tracer = Original(prefix=["unshare", "-m", "sh", "-c", script, "sh"])
    pid = send([(b"debug", 0, NOBODY)])
    assert tracer.stop() == 130, tracer.errors
    assert tracer.of(pid) == [f"PID {pid} (debug) sent signal 0 to PID {NOBODY}, ret = -3"]


@patient
def test_without_the_right_to_read_it_says_to_be_root() -> None:
    # Root that may not overrule modes: another user could not enter wherever a clone may lie.
    said = refused(*with_mounts(LOCK_TRACEFS, *with_only("bpf", "perfmon")))
    assert "not readable" in said
    assert "sudo" in said


@patient
def test_a_read_only_tracefs_is_told() -> None:
    script = f'mount -o remount,ro,bind {shlex.quote(str(TRACEFS))} && exec "$@"'
    said = refused("unshare", "-m", "sh", "-c", script, "sh")
    assert "Read-only file system" in said


@patient
def test_a_kernel_that_drops_lines_is_told_and_counted() -> None:
    with buffer_size(8):
        tracer = Original(alone=False)
        tracer.signal(signal.SIGSTOP)  # it reads nothing, and the buffer overflows
        os.waitid(os.P_PID, tracer.pid, os.WSTOPPED | os.WNOWAIT)
        pid = send([(b"flood", 0, NOBODY + number) for number in range(4999)])
        tracer.signal(signal.SIGCONT)
        assert tracer.stop() == 3
    assert "the kernel dropped" in tracer.errors
    assert " lost (events " in tracer.errors
    told = tracer.of(pid)
    sent = {f"PID {pid} (flood) sent signal 0 to PID {NOBODY + n}, ret = -3" for n in range(4999)}
    assert len(set(told)) == len(told) < 4999
    assert set(told) <= sent


@patient
def test_what_a_raw_reader_takes_is_missing_and_never_joined_wrongly() -> None:
    tracer = Original(alone=False)
    raw = [path.open("rb", buffering=0) for path in TRACEFS.glob("per_cpu/cpu*/trace_pipe_raw")]
    for file in raw:
        os.set_blocking(file.fileno(), False)
    taken = 0
    pids = []
    for part in range(20):
        pids.append(send([(b"thief", 0, NOBODY + part * 1000 + n) for n in range(211)], 2))
        for file in raw:
            taken += len(file.read(4096) or b"")
    for file in raw:
        file.close()
    status = tracer.stop()
    # Whole pages are taken, so how many lines that is the kernel alone counts.
    assert status == (3 if taken else 130), tracer.errors
    assert ("other readers took" in tracer.errors) == bool(taken)
    for part, pid in enumerate(pids):
        told = tracer.of(pid)
        assert len(set(told)) == len(told)
        assert set(told) <= {
            f"PID {pid} (thief) sent signal 0 to PID {NOBODY + part * 1000 + n}, ret = -3"
            for n in range(211)
        }


@patient
def test_a_second_copy_of_the_program_prints_each_call_again() -> None:
    from pysigsnoop.bpf_object import BpfObject

    tracer = Original()
    second = BpfObject()
    try:
        second.choose(("kill_entry", "kill_exit"), ("values",))
        second.load()
        second.attach("kill_exit")
        second.attach("kill_entry")
        pid = send([(b"twice", 0, NOBODY + number) for number in range(101)])
    finally:
        second.close()
    assert tracer.stop() == 130, tracer.errors
    expected = [
        f"PID {pid} (twice) sent signal 0 to PID {NOBODY + n}, ret = -3" for n in range(101)
    ]
    assert tracer.of(pid) == [line for line in expected for _ in range(2)]


@patient
def test_nothing_is_left_behind_when_it_ends() -> None:
    with OriginalTracer():
        pass  # what is opened once, for good
    before = sorted(path.name for path in Path("/proc/self/fd").iterdir())
    with OriginalTracer():
        pass
    with pytest.raises(RuntimeError, match="mine"), OriginalTracer():
        raise RuntimeError("mine")
    assert sorted(path.name for path in Path("/proc/self/fd").iterdir()) == before
