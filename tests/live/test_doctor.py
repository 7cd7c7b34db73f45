"""`pysigsnoop doctor` on machines that lack one thing each: it names that, and what to type."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pysigsnoop.exit_status import ExitStatus

from .commands import PYSIGSNOOP, environment, run_program
from .kernel_objects import objects_of, wait_until_gone
from .senders import PATIENCE
from .test_errors_files import package  # noqa: F401  # a fixture
from .test_errors_rights import HIDE_BTF, HIDE_TRACEFS, NOBODY, with_mounts, with_only

pytestmark = pytest.mark.once

NAMES = [
    *("python", "libbpf", "extension", "object", "capabilities", "seccomp", "lockdown", "memlock"),
    *("btf", "tracefs", "pid_namespace", "unprivileged_bpf", "perf_events", "bpf_jit", "bpf_stats"),
    *("fentry", "tracepoint", "raw", "tp_btf", "raw_tp", "kernel", "trial"),
]
WAYS = ("fentry", "tracepoint", "raw", "tp_btf", "raw_tp")
MOUNT_TRACEFS = "mount -t tracefs tracefs /sys/kernel/tracing"


def examined(prefix: tuple[str, ...] = (), **variables: str) -> dict[str, dict[str, Any]]:
    """What `doctor --json` found, by name; its form, its status and its exit status agree."""
    ended = run_program([*prefix, *PYSIGSNOOP, "doctor", "--json"], **variables)
    assert ended.err == ""
    (line,) = ended.lines
    told = json.loads(line)
    assert told.keys() == {"ok", "checks"}
    for check in told["checks"]:
        assert check.keys() == {"name", "status", "found", "hint"}
        assert check["status"] in ("ok", "warn", "FAIL")
        assert check["found"]
        assert check["hint"] is None or check["hint"].strip()
    assert [check["name"] for check in told["checks"]] == NAMES
    found = {check["name"]: check for check in told["checks"]}
    assert told["ok"] is (found["trial"]["status"] == "ok")
    assert ended.status == (ExitStatus.DONE if told["ok"] else ExitStatus.FAILED)
    return found


def failed(found: dict[str, dict[str, Any]]) -> set[str]:
    """The names of what makes tracing impossible."""
    return {name for name, check in found.items() if check["status"] == "FAIL"}


@pytest.mark.parametrize(
    ("prefix", "at", "words", "hint"),
    [
        (NOBODY, "capabilities", "missing (uid 65534)", "sudo pysigsnoop"),
        (with_only("bpf"), "capabilities", ": CAP_PERFMON missing", "sudo pysigsnoop"),
        (
            ("unshare", "--user", "--map-root-user"),
            "capabilities",
            "in this user namespace only",
            "sudo pysigsnoop     (outside",
        ),
        (with_mounts(HIDE_BTF), "btf", "has no BTF", "CONFIG_DEBUG_INFO_BTF=y"),
    ],
    ids=["nobody", "bpf-only", "user-namespace", "no-btf"],
)
def test_what_stands_in_the_way_fails_and_the_ways_to_attach_point_to_it(
    prefix: tuple[str, ...], at: str, words: str, hint: str
) -> None:
    found = examined(prefix)
    assert failed(found) == {at, "trial"}
    assert words in found[at]["found"]
    assert hint in found[at]["hint"]
    for way in WAYS:
        assert found[way] == {
            **{"name": way, "status": "warn", "found": f"not tried: see {at}", "hint": None}
        }


def test_without_tracefs_only_what_needs_it_is_worse() -> None:
    found = examined(with_mounts(HIDE_TRACEFS))
    assert failed(found) == set()
    for name in ("tracefs", "tracepoint"):
        assert found[name]["status"] == "warn"
        assert found[name]["found"] == "tracefs is not mounted"
        assert found[name]["hint"] == f"sudo {MOUNT_TRACEFS}"
    assert found["raw"]["status"] == "ok"


def libbpf() -> Path:
    """The file of the library that this very process would load."""
    told = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    return Path(re.findall(r"libbpf\.so\.1 .*=> (.+)", told)[0])


def test_without_libbpf_it_runs_and_says_what_to_install() -> None:
    found = examined(with_mounts(f"mount --bind /dev/null {libbpf()}"))
    assert {"libbpf", "extension", "trial"} == failed(found)
    assert "sudo apt-get install libbpf1" in found["libbpf"]["hint"]
    assert found["libbpf"]["hint"] == found["extension"]["hint"]
    # The object is looked at all the same.
    assert found["object"]["status"] == "warn"


@pytest.mark.parametrize(
    ("gone", "fails"),
    [
        (("_native.abi3.so",), {"extension"}),
        (("_records.py",), {"extension"}),
        (("sigsnoop.bpf.o",), {"object"}),
        (("_native.abi3.so", "_records.py", "sigsnoop.bpf.o"), {"extension", "object"}),
    ],
    ids=["extension", "records", "object", "all"],
)
def test_without_what_is_built_it_runs_and_says_what_to_type(
    gone: tuple[str, ...],
    fails: set[str],
    package: Path,  # noqa: F811  # the fixture
) -> None:
    for name in gone:
        (package / "pysigsnoop" / name).unlink()
    found = examined(PYTHONPATH=str(package))
    assert failed(found) == {*fails, "trial"}
    for name in fails:
        assert "python build.py" in found[name]["hint"]


# Installs a filter that answers one system call with an error, and becomes a command.
_FILTERED = """
import ctypes, os, struct, sys
number, *command = sys.argv[1:]
code = [(0x20, 0, 0, 0), (0x15, 0, 1, int(number)), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)]
packed = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in code))
program = struct.pack("@HP", len(code), ctypes.addressof(packed))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(22, 2, program) == 0, os.strerror(ctypes.get_errno())
os.execvp(command[0], command)
"""


def filtered(number: int) -> tuple[str, ...]:
    """A prefix under which one system call is refused with EPERM."""
    return (sys.executable, "-c", _FILTERED, str(number))


def test_a_seccomp_filter_that_refuses_bpf_is_told() -> None:
    found = examined(filtered({"x86_64": 321, "aarch64": 280}[os.uname().machine]))
    assert failed(found) == {"seccomp", "trial"}
    assert "seccomp=unconfined" in found["seccomp"]["hint"]


def test_where_all_is_there_the_signals_of_its_own_child_are_told() -> None:
    # In a pid namespace, under a filter that lets bpf() through, with tracefs: as in a container.
    reboot = {"x86_64": 169, "aarch64": 142}[os.uname().machine]
    found = examined(
        (
            *with_mounts(f"umount -R /sys/kernel/tracing 2>/dev/null || :; {MOUNT_TRACEFS}"),
            *("unshare", "--pid", "--fork", "--mount-proc", *filtered(reboot)),
        )
    )
    assert failed(found) == set()
    assert found["seccomp"]["found"] == "a filter, which lets bpf() through"
    assert found["pid_namespace"]["status"] == "warn"
    assert "--pid host" in found["pid_namespace"]["hint"]
    assert found["raw"]["status"] == found["tracefs"]["status"] == "ok"
    assert found["tracepoint"]["found"].startswith("attached beside ")
    assert "a SIGKILL and the death of it told, by " in found["trial"]["found"]
    machine = os.uname()
    assert found["kernel"]["found"] == f"{machine.release} {machine.machine} takes the programs"


def test_as_text_each_check_has_a_line_and_the_last_is_a_sentence() -> None:
    ended = run_program([*with_only(), *PYSIGSNOOP, "doctor"])
    assert (ended.status, ended.err) == (ExitStatus.FAILED, "")
    *lines, sentence = ended.lines
    assert sentence == "Tracing does not work here: see capabilities."
    assert [line.split()[1] for line in lines if not line.startswith(" ")] == NAMES
    assert "\33" not in "".join(lines)


def on_terminal(status: int, *prefix: str, **variables: str) -> str:
    """All that it writes to a terminal of 80 columns, until it exits with a status."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [*prefix, *PYSIGSNOOP, "doctor"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment(TERM="xterm", **variables),
    ) as process:
        os.close(slave)
        told = b""
        try:
            while more := os.read(master, 65536):
                told += more
        except OSError:  # the terminal's last process has ended
            pass
        finally:
            os.close(master)
        assert process.wait(PATIENCE) == status
    return told.decode()


def test_on_a_terminal_it_shows_what_it_tries_and_colours_what_it_found() -> None:
    told = on_terminal(ExitStatus.DONE)
    assert "\33[32mok    \33[0mpython" in told
    # What runs is shown, and taken away before the line that tells of it.
    assert re.search(r"\r\x1b\[K\.\.\.   trial\r\x1b\[K\x1b\[32mok    \x1b\[0mtrial", told)
    shown = [line.rpartition("\33[K")[2] for line in told.splitlines()]
    assert max(len(re.sub(r"\x1b\[\d+m", "", line)) for line in shown) <= 80
    plain = on_terminal(ExitStatus.FAILED, *NOBODY, NO_COLOR="1")
    assert "ok    python" in plain
    assert not re.search(r"\x1b\[\d+m", plain)


def test_killed_in_the_middle_it_leaves_no_child_and_nothing_in_the_kernel() -> None:
    with subprocess.Popen(
        [*PYSIGSNOOP, "doctor"], stdout=subprocess.PIPE, env=environment(), text=True
    ) as doctor:
        assert doctor.stdout
        for line in doctor.stdout:
            if line.split()[1] == "bpf_stats":
                break
        children = Path(f"/proc/{doctor.pid}/task/{doctor.pid}/children")
        end = time.monotonic() + PATIENCE
        while not (pids := children.read_text().split()) or not (held := objects_of(doctor.pid)):
            assert time.monotonic() < end, "doctor never tried anything"
        doctor.send_signal(signal.SIGKILL)
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < end, f"{pids} is left"
        time.sleep(0.01)
    wait_until_gone(held)


def test_stdout_that_nobody_reads_is_no_error() -> None:
    shell = ("bash", "-c", '"$@" | head -1; exit ${PIPESTATUS[0]}', "bash", *PYSIGSNOOP, "doctor")
    ended = run_program([*shell])
    assert (ended.status, ended.err, len(ended.lines)) == (ExitStatus.DONE, "", 1)


def test_the_package_imports_none_of_it_unless_asked() -> None:
    script = (
        "import sys; from pysigsnoop import SignalTracer, cli; cli.options.parser();"
        "print([m for m in sys.modules if 'doctor' in m or 'check' in m or 'expecting' in m])"
    )
    ended = run_program([sys.executable, "-c", script])
    assert ended.lines == ["[]"]
