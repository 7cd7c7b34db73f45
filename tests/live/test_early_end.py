"""A command that is ended before its trace has begun ends quietly, and leaves nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from pysigsnoop.exit_status import ExitStatus

from .conftest import MakeCommand
from .senders import PATIENCE


def wait_for_mapping(pid: int, library: str) -> None:
    """Until a process has loaded a library."""
    end = time.monotonic() + PATIENCE
    while library not in Path(f"/proc/{pid}/maps").read_text():
        assert time.monotonic() < end, f"{library} was never loaded"


# In the order of a start: while importing, and while opening.
@pytest.mark.parametrize("library", ["_cffi_backend", "libbpf.so", "anon_inode:bpf-map"])
@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, ExitStatus.DONE), (signal.SIGINT, ExitStatus.INTERRUPTED)],
)
def test_a_signal_before_the_trace_has_begun_ends_it_quietly(
    number: signal.Signals, status: ExitStatus, library: str, command: MakeCommand
) -> None:
    running = command("-p", "1", "-s", "0")
    wait_for_mapping(running.process.pid, library)
    ended = running.end(number)
    assert ended.status == status
    # On a busy machine the trace may have begun by now, and then its counts are told.
    assert ended.summary in ("", "0 received, 0 lost\n")
