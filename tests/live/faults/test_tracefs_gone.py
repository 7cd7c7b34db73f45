"""tracefs unmounted while it is traced: what was opened goes on."""

from __future__ import annotations

import subprocess
import sys

from pysigsnoop.exit_status import ExitStatus

from ..commands import run_program
from ..test_errors_rights import with_mounts
from ..trace_buffer import Original, patient, send, turn

NOBODY = 5_000_000


@patient
def test_the_original_reads_on_to_its_end() -> None:
    # Only the mount in a namespace of its own goes, which a busy one does with --lazy alone.
    with turn():
        tracer = Original(prefix=with_mounts("true"), alone=False)
        enter = ("nsenter", f"--mount=/proc/{tracer.pid}/ns/mnt", "umount")
        busy = subprocess.run([*enter, "/sys/kernel/tracing"], capture_output=True, check=False)
        assert b"busy" in busy.stderr
        subprocess.run([*enter, "--lazy", "/sys/kernel/tracing"], check=True)
        pid = send([(b"gone", 0, NOBODY + number) for number in range(101)])
        status = tracer.stop()
    expected = [
        f"PID {pid} (gone) sent signal 0 to PID {NOBODY + number}, ret = -3"
        for number in range(101)
    ]
    if status == ExitStatus.INTERRUPTED:
        assert tracer.of(pid) == expected
    else:  # somebody else filled the buffer, which is told
        assert status == ExitStatus.LOST
        assert "the kernel dropped" in tracer.errors
        assert set(tracer.of(pid)) <= set(expected)


def test_syscall_tracepoints_stay_attached() -> None:
    script = """
import os, subprocess
from pysigsnoop import SignalTracer
with SignalTracer(attach="tracepoint", sender_pid=os.getpid()) as tracer:
    subprocess.run(["umount", "/sys/kernel/tracing"], check=True)
    for number in range(101):
        try:
            os.kill(5_000_000 + number, 0)
        except ProcessLookupError:
            pass
    tracer.stop()
    assert [event.target_arg for event in tracer] == [5_000_000 + n for n in range(101)]
    assert tracer.stats.lost_total == 0
"""
    done = run_program([*with_mounts("true"), sys.executable, "-c", script])
    assert (done.status, done.err) == (0, "")
