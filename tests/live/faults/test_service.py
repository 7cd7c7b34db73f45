"""The systemd unit under systemd itself, process 1 of a pid namespace in a guest."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pysigsnoop

from .. import requirement
from ..senders import NOBODY, PATIENCE, Sender
from ..test_privileges import BPF, bpf_is_refused

SYSTEMD = Path("/lib/systemd/systemd")
UNIT = Path(__file__).parents[3] / "packaging" / "systemd" / "pysigsnoop.service"
UNITS = Path("/run/systemd/system")
#: Where the unit looks for the program: nobody else's home, and nowhere that the unit hides.
PLACE = Path("/opt/pysigsnoop")
WATCHDOG_S = 10

pytestmark = pytest.mark.once

# Type=notify services and their journal; nothing of the machine's own services.
_FIRST = f"""
mount -t proc proc /proc
mount -t tmpfs tmpfs /tmp
export container=guest
exec {SYSTEMD} --system --unit=sockets.target --log-target=null --show-status=false
"""


def _interpreter() -> str:
    """One that other users can run, with the extension modules of this one's version."""
    for path in ("/usr/bin/python3", os.path.realpath(sys.executable)):
        told = subprocess.run(
            ["setpriv", "--reuid=65534", path, "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode == 0 and told.stdout.split() == [*map(str, sys.version_info[:2])]:
            return path
    pytest.skip("no other user can run this Python")


def _install() -> None:
    library = PLACE / "lib"
    shutil.copytree(Path(pysigsnoop.__file__).parent, library / "pysigsnoop")
    for found in Path(sysconfig.get_path("platlib")).iterdir():
        if found.name.split(".")[0] in {"cffi", "_cffi_backend", "pycparser", "elftools"}:
            (shutil.copytree if found.is_dir() else shutil.copy)(found, library / found.name)
    program = PLACE / "bin" / "pysigsnoop"
    program.parent.mkdir()
    program.write_text(
        f"#!{_interpreter()}\nimport sys\nsys.path.insert(0, {str(library)!r})\n"
        "from pysigsnoop.__main__ import main\nsys.exit(main())\n"
    )
    program.chmod(0o755)
    UNITS.mkdir(parents=True, exist_ok=True)
    unit = re.sub(r"^(WatchdogSec)=.*", rf"\1={WATCHDOG_S}", UNIT.read_text(), flags=re.M)
    (UNITS / UNIT.name).write_text(unit)


def _until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 60 * PATIENCE
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.fixture(scope="module")
def inside() -> Iterator[Callable[..., str]]:
    """Runs a command where systemd is process 1; what it printed."""
    requirement.guest("starts a second systemd")
    if not SYSTEMD.exists():
        pytest.skip("there is no systemd on this machine")
    _install()
    first = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--mount", "--propagation=private", "sh", "-c", _FIRST],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    forked = Path(f"/proc/{first.pid}/task/{first.pid}/children")
    _until(lambda: bool(forked.read_text()))
    manager = int(forked.read_text())

    def run(*command: str) -> str:
        done = subprocess.run(
            ["nsenter", f"--target={manager}", "--pid", "--mount", *command],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    try:
        _until(lambda: run("systemctl", "is-system-running") in {"running", "degraded"})
        yield run
    finally:
        # All of its pid namespace ends with it.
        with contextlib.suppress(ProcessLookupError):
            os.kill(manager, signal.SIGKILL)
        first.wait()
        shutil.rmtree(PLACE)
        (UNITS / UNIT.name).unlink()


def test_the_service_traces_restarts_when_it_hangs_and_stops(
    inside: Callable[..., str], sender: Sender
) -> None:
    def show(name: str) -> str:
        return inside("systemctl", "show", UNIT.name, f"--property={name}", "--value")

    def told() -> list[dict[str, object]]:
        lines = inside("journalctl", "--unit=pysigsnoop", "--output=cat").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    # With Type=notify it returns when the service says that it traces.
    inside("systemctl", "start", UNIT.name)
    state = (show("ActiveState"), show("SubState"), show("NRestarts"))
    assert state == ("active", "running", "0"), inside("systemctl", "status", UNIT.name)
    pid = show("MainPID")
    status = inside("cat", f"/proc/{pid}/status")
    kept = BPF if bpf_is_refused() else 0
    for name, left in (("CapInh", 0), ("CapPrm", kept), ("CapEff", kept), ("CapAmb", 0)):
        assert re.search(rf"^{name}:\s*{left:016x}$", status, re.M), status
    assert not re.search(r"^Uid:.*\b0\b", status, re.M)

    assert sender.send(2, target=NOBODY) == 2
    _until(lambda: sum(line.get("signal") == "0" for line in told()) >= 2)
    ours = [line for line in told() if line["type"] == "send" and line["signal"] == "0"]
    senders = {line["sender"]["host_pid"] for line in ours}  # type: ignore[index]
    assert sender.pid in senders

    # It beats: nothing happens to it in twice the limit. Where it hangs it is ended and begun anew.
    time.sleep(2 * WATCHDOG_S)
    assert (show("MainPID"), show("NRestarts")) == (pid, "0")
    inside("kill", "-STOP", pid)
    _until(lambda: show("NRestarts") == "1" and show("SubState") == "running")
    assert show("MainPID") not in {pid, "0"}

    inside("systemctl", "stop", UNIT.name)
    assert (show("ActiveState"), show("Result")) == ("inactive", "success")
