"""No network at run time: no socket but a local one is ever made, and none is needed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pysigsnoop.exit_status import ExitStatus

from .commands import Ended, run

# Every system call that makes or uses a socket; the name is all that is looked at.
_SOCKETS = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\((\w+)| resumed>)", re.MULTILINE)
_STRACE = ("strace", "-f", "-qq", "-e", "signal=none", "-e", "trace=%network", "-o")


_SIGNAL = ("--", "sh", "-c", "kill -0 $$")
TRACE = ("--json", "--details", "--stack", "--count", "1", "-s", "0", *_SIGNAL)
TOP = ("top", "--once", "--interval", "0.1")


def families(told: Path) -> set[str]:
    """The families of the sockets that a traced program made."""
    return {family for call, family in _SOCKETS.findall(told.read_text()) if call == "socket"}


def traced(told: Path, *arguments: str) -> Ended:
    """A run of the command in a network namespace where there is nothing, under strace."""
    return run(*arguments, prefix=("unshare", "--net", *_STRACE, str(told)))


def test_a_socket_would_be_seen(tmp_path: Path) -> None:
    script = "import socket; socket.socket(); socket.socket(socket.AF_INET6); print(1)"
    command = [*_STRACE, str(tmp_path / "told"), sys.executable, "-c", script]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert families(tmp_path / "told") == {"AF_INET", "AF_INET6"}


@pytest.mark.parametrize("arguments", [TRACE, ("doctor",), TOP], ids=["trace", "doctor", "top"])
@pytest.mark.once
def test_no_socket_is_made_but_a_local_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = traced(tmp_path / "told", *arguments)
    assert ended.status == ExitStatus.DONE, ended
    assert ended.lines or "1 received" in ended.err
    # The C library may ask a local daemon for users.
    assert families(tmp_path / "told") <= {"AF_UNIX"}
