"""The systemd unit: systemd's own tools take it, and a service gets by with the calls it allows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from .conftest import ROOT

UNIT = ROOT / "packaging" / "systemd" / "pysigsnoop.service"
# As DynamicUser= and AmbientCapabilities= make it; the third, so that it can lie anywhere.
_CAPABILITIES = "+bpf,+perfmon,+dac_read_search"
_AS_SERVICE = (
    *("setpriv", "--reuid=1234567", "--regid=1234567", "--clear-groups", "--no-new-privs"),
    *(f"--inh-caps={_CAPABILITIES}", f"--ambient-caps={_CAPABILITIES}"),
)
# setpriv's own; and what a tracer tries that has the right to it, and does without.
_NOT_OURS = {"setgroups", "setresgid", "setresuid", "open_by_handle_at"}


def _analyze(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def _calls_of(name: str) -> set[str]:
    """The system calls that a word of a filter stands for."""
    if not name.startswith("@"):
        return {name}
    words = [line.strip() for line in _analyze("syscall-filter", name).splitlines()[1:]]
    named = [_calls_of(word) for word in words if word and not word.startswith("#")]
    assert named, name
    return set().union(*named)


def _allowed() -> set[str]:
    allowed = _calls_of("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text(), re.MULTILINE):
        named = set().union(*map(_calls_of, line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def test_systemd_takes_it_for_what_it_is(tmp_path: Path) -> None:
    installed = tmp_path / UNIT.name
    text, count = re.subn(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.M)
    assert count == 1
    installed.write_text(text)
    assert _analyze("verify", installed) == ""
    told = _analyze("security", "--offline=yes", "--no-pager", UNIT)
    exposed = re.search(r"Overall exposure level for pysigsnoop.service: ([\d.]+)", told)
    assert exposed
    assert float(exposed[1]) < 2


def test_it_allows_each_system_call_that_a_service_makes(tmp_path: Path) -> None:
    record = tmp_path / "calls"
    ended = subprocess.run(
        [
            *("strace", "-f", "-qq", "-e", "signal=none", "-o", record, *_AS_SERVICE),
            *(sys.executable, "-m", "pysigsnoop", "--json", "--duration", "1"),
        ],
        cwd=ROOT / "src",
        env=os.environ | {"NOTIFY_SOCKET": "@nobody-hears", "WATCHDOG_USEC": "200000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"^\d+ received", ended.stderr, re.MULTILINE), ended
    made = set(re.findall(r"^\d+ +(\w+)\(", record.read_text(), re.MULTILINE))
    assert {"bpf", "capset", "prctl", "sendto"} <= made
    assert made - _allowed() <= _NOT_OURS
