"""What the command line still may once it traces: next to nothing, and all it does goes on."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rich

import pysigsnoop
from pysigsnoop import SignalTracer
from pysigsnoop.exit_status import ExitStatus

from .actors import acting, children, until
from .commands import Command, forced, run, run_program
from .conftest import MakeCommand
from .control_groups import enter, group_in, unified
from .kernel_objects import _BPF, objects_of, wait_until_gone
from .senders import NOBODY, PATIENCE, Sender
from .test_errors_rights import with_only
from .test_launch import sh, wait_for_word
from .test_stacks import CALLS
from .trace_buffer import Original, patient, turn

# Nobody on this machine has these.
CALLER, GROUP = 1234567, 2345678
UNDER_SUDO = ("env", f"SUDO_UID={CALLER}", f"SUDO_GID={GROUP}")
UNIT = "told-of-once-rights-are-gone.service"
# Tells, behind all else, what is imported once rights are gone: Python's files may be out of reach.
_LATE = """
import sys
from pysigsnoop import cli, privileges

give_up = privileges.give_up

def noting(*arguments):
    give_up(*arguments)
    noting.known = {*sys.modules}

privileges.give_up = noting
status = cli.main()
print("late:", *sorted({*sys.modules} - noting.known), file=sys.stderr)
sys.exit(status)
"""
# include/uapi/linux/capability.h
KILL, BPF = 1 << 5, 1 << 39
FOR_STACKS = 1 << 2 | 1 << 19 | 1 << 34 | 1 << 40

pytestmark = pytest.mark.once


def rights(pid: int) -> dict[str, Any]:
    """What the kernel says of a process: users and groups, capabilities as numbers."""
    fields = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return {
        **{name: [int(word) for word in fields[name].split()] for name in ("Uid", "Gid", "Groups")},
        **{name: int(fields[name], 16) for name in fields if name.startswith("Cap")},
        "NoNewPrivs": int(fields["NoNewPrivs"]),
    }


def given_up(uid: int, gid: int, kept: int = 0) -> dict[str, Any]:
    """What is to be left of all rights."""
    kept |= BPF if bpf_is_refused() else 0
    none = dict.fromkeys(("CapInh", "CapBnd", "CapAmb"), 0)
    who = {"Uid": [uid] * 4, "Gid": [gid] * 4, "Groups": []}
    return {**who, **none, "CapPrm": kept, "CapEff": kept, "NoNewPrivs": 1}


def bpf_is_refused() -> bool:
    """Whether this kernel refuses all of bpf() to who has no capabilities: asked as such a user."""
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresgid(GROUP, GROUP, GROUP)
        os.setresuid(CALLER, CALLER, CALLER)
        libc = ctypes.CDLL(None, use_errno=True)
        # BPF_MAP_LOOKUP_ELEM in a descriptor that is none.
        request = ctypes.create_string_buffer(b"\xff" * 4, 128)
        libc.syscall(_BPF, 1, request, 128)
        os._exit(ctypes.get_errno())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1  # EPERM


def as_caller(*command: str) -> subprocess.CompletedProcess[str]:
    """A command of whoever called sudo, to its end."""
    who = ("setpriv", f"--reuid={CALLER}", f"--regid={GROUP}", "--clear-groups")
    return subprocess.run([*who, *command], capture_output=True, text=True, check=False)


@pytest.fixture
def private(tmp_path: Path) -> tuple[str, ...]:
    """Runs the package, and what draws its live view, from a folder that only root can enter."""
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    for package in (Path(str(module.__file__)).parent for module in (pysigsnoop, rich)):
        shutil.copytree(
            package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__")
        )
    return ("env", f"PYTHONPATH={folder}")


@pytest.mark.parametrize("form", ["", "--stream", "-j", "-v", "--format=csv", "-o=signal,sender"])
def test_nothing_is_imported_once_rights_are_gone(form: str) -> None:
    script = "sleep 60 & kill -TERM $!; wait $!; kill -KILL $$"
    wanted = [*form.split(), "--", "sh", "-c", script]
    ended = run_program([sys.executable, "-c", _LATE, *forced(wanted)], LC_ALL="C.UTF-8")
    assert ended.status == 128 + signal.SIGKILL
    assert "was killed by SIGTERM" in ended.err
    assert ended.err.splitlines()[-1] == "late:"


def wait_until_given_up(pid: int, wanted: dict[str, Any]) -> None:
    """The last of it shows that all is done."""
    until(f"{pid} has given up its rights", lambda: rights(pid)["CapPrm"] == wanted["CapPrm"])
    assert rights(pid) == wanted


def test_under_sudo_it_goes_on_as_who_called_and_misses_nothing(
    command: MakeCommand,
    sender: Sender,
    sleeper: subprocess.Popen[bytes],
    private: tuple[str, ...],
) -> None:
    options = ("-j", "--details", "--no-outcomes", "-s", "CONT", "-T", str(sleeper.pid))
    groups = ("setpriv", "--groups", "0,4,6")
    running = command(*options, prefix=(*groups, *UNDER_SUDO, *private))
    pid = running.process.pid
    wait_until_given_up(pid, given_up(CALLER, GROUP))
    objects = objects_of(pid)
    # Made afterwards, so it is looked up without rights.
    with group_in(unified(), UNIT) as group:
        enter(group, sleeper.pid)
        sent = sender.send(500, signal=signal.SIGCONT, target=sleeper.pid)
        events = [running.object() for _ in range(sent)]
        # Who called may end it, but not look into it: it holds what others' processes said.
        for secret in ("environ", "maps", "mem"):
            assert as_caller("cat", f"/proc/{pid}/{secret}").returncode
        assert as_caller("kill", "-TERM", str(pid)).returncode == 0
        ended = running.end(0)
        sleeper.kill()
        sleeper.wait()
    assert (ended.status, ended.lines) == (ExitStatus.DONE, [])
    assert ended.summary == f"{sent} received, 0 lost\n"
    for event in events:
        assert (event["sender"]["pid"], event["target"]["unit"]) == (sender.pid, UNIT)
        assert event["target"]["cmdline"] == ["sleep", "600"]
    wait_until_gone(objects)


def test_the_live_view_shows_any_name_though_its_files_are_out_of_reach(
    command: MakeCommand, private: tuple[str, ...], tmp_path: Path
) -> None:
    program = tmp_path / "睡"
    program.symlink_to(shutil.which("sleep") or "")
    with subprocess.Popen([program, "600"]) as asleep:
        try:
            options = ("top", "--batch", "2", "--interval", "0.3", "-T", str(asleep.pid))
            running = command(*options, prefix=private)
            nobody = pwd.getpwnam("nobody")
            wait_until_given_up(running.process.pid, given_up(nobody.pw_uid, nobody.pw_gid))
            asleep.send_signal(signal.SIGCONT)
            ended = running.end(0)
        finally:
            asleep.kill()
    assert ended.status == ExitStatus.DONE, ended.err
    assert any("睡" in line for line in ended.lines), ended.lines


def test_without_sudo_it_is_nobody_and_counts_what_it_lost(
    command: MakeCommand, sender: Sender, private: tuple[str, ...]
) -> None:
    pids = f"{sender.pid},{os.getpid()}"
    options = ("--buffer", "4K", "--no-outcomes", "-s", "0", "-p", pids)
    running = command("-v", *options, prefix=private)
    nobody = pwd.getpwnam("nobody")
    running.wait_for_header()
    assert rights(running.process.pid) == given_up(nobody.pw_uid, nobody.pw_gid)
    running.process.send_signal(signal.SIGSTOP)
    sent = sender.send(2000, target=NOBODY)
    running.process.send_signal(signal.SIGCONT)
    ended = running.end()
    assert ended.status == ExitStatus.LOST
    counts = re.match(r"(\d+) received, \d+ lost \(ring full (\d+)", ended.err)
    assert counts
    received, lost = map(int, counts.groups())
    assert received + lost == sent
    assert lost > sent / 2


def test_stacks_keep_what_they_are_found_with(command: MakeCommand) -> None:
    # Root's, in a folder of root's own.
    with acting("stacks", "call") as actor:
        options = ("--stack", "-s", "0", "-p", str(actor.pid), "--count", "1")
        running = command(*options, prefix=UNDER_SUDO)
        running.wait_for_header()
        assert rights(running.process.pid) == given_up(CALLER, GROUP, FOR_STACKS)
        actor.go()
        lines = running.end(0).lines
    functions = [line.split("+")[0].strip() for line in lines if line.startswith("    ")]
    assert functions[:4] == ["kill", *CALLS]


@pytest.mark.parametrize("caller", [0, CALLER], ids=["root", "under sudo"])
def test_a_command_can_be_told_and_cannot_tell(
    caller: int, command: MakeCommand, tmp_path: Path, private: tuple[str, ...]
) -> None:
    folder = tmp_path / "told"
    folder.mkdir()
    folder.chmod(0o777)
    for above in folder.parents[:3]:
        above.chmod(0o755)
    script = f"trap 'exit 7' TERM; kill -0 $PPID && touch {folder}/may"
    running = command(
        *sh(f"{script}; touch {folder}/ready; while :; do sleep 0.01; done"),
        prefix=(*(UNDER_SUDO if caller else ()), *private),
    )
    wait_for_word(folder / "ready")
    nobody = pwd.getpwnam("nobody")
    pid = running.process.pid
    assert rights(pid) == given_up(nobody.pw_uid, nobody.pw_gid, KILL)
    (child,) = children(pid)
    here = rights(os.getpid())
    assert rights(child)["Uid"] == [caller] * 4
    assert rights(child)["CapEff"] == (0 if caller else here["CapEff"])
    # Its own programs may gain rights as ever: sudo in a script.
    assert rights(child)["NoNewPrivs"] == here["NoNewPrivs"]
    ended = running.end(signal.SIGTERM)
    assert ended.status == 7
    assert "status 7" in ended.err
    assert (folder / "may").exists() is (caller == 0)


def test_top_and_why_give_up_too(
    command: MakeCommand, sleeper: subprocess.Popen[bytes], private: tuple[str, ...]
) -> None:
    prefix = (*UNDER_SUDO, *private)
    # Not of all: what others on the machine send at the time could be more than it can take.
    mine = ("-p", str(os.getpid()))
    top = command("top", *mine, "--batch", "600", "--interval", "0.1", prefix=prefix)
    assert top.line().startswith("pysigsnoop top")
    assert rights(top.process.pid) == given_up(CALLER, GROUP)
    why = command("why", str(sleeper.pid), prefix=prefix)
    wait_until_given_up(why.process.pid, given_up(CALLER, GROUP))
    sleeper.kill()
    told = why.end(0)
    assert told.status == ExitStatus.DONE
    assert "was killed by SIGKILL" in told.lines[0]
    assert top.end(signal.SIGTERM).status == ExitStatus.DONE


@patient
def test_the_original_stays_root_for_its_files_and_gives_up_the_rest() -> None:
    with turn():
        tracer = Original(prefix=UNDER_SUDO)
        here, found = rights(os.getpid()), rights(tracer.pid)
        assert tracer.stop() == ExitStatus.INTERRUPTED
    users = {name: here[name] for name in ("Uid", "Gid", "Groups")}
    assert found == given_up(0, 0) | users


def test_who_wants_to_keeps_all_and_who_cannot_be_another_is_told(command: MakeCommand) -> None:
    keeps = command("--keep-privileges", prefix=UNDER_SUDO)
    keeps.wait_for_header()
    assert rights(keeps.process.pid) == rights(os.getpid())
    assert keeps.end().status == ExitStatus.INTERRUPTED
    # May set the user, and not the groups.
    half = with_only("bpf", "perfmon", "setuid")
    refused = run("--duration", "60", prefix=half)
    assert (refused.status, refused.lines) == (ExitStatus.FAILED, [])
    nobody = pwd.getpwnam("nobody")
    assert refused.err.splitlines()[:2] == [
        f"pysigsnoop: giving up rights failed: becoming user {nobody.pw_uid}, group "
        f"{nobody.pw_gid}: Operation not permitted",
        "  hint: --keep-privileges     (goes on with all rights)",
    ]
    allowed = run("--duration", "0.1", "-p", "1", "--keep-privileges", prefix=half)
    assert allowed.status == ExitStatus.DONE


def _as_service(name: str) -> tuple[str, ...]:
    """As a systemd unit with DynamicUser: another user, and two capabilities. Files can be read,
    so that the tests need not lie where everybody can."""
    capabilities = "+bpf,+perfmon,+dac_read_search"
    return (
        *("env", f"NOTIFY_SOCKET={name}", "WATCHDOG_USEC=400000"),
        *("setpriv", f"--reuid={CALLER}", f"--regid={GROUP}", "--clear-groups", "--no-new-privs"),
        *(f"--inh-caps={capabilities}", f"--ambient-caps={capabilities}"),
    )


def test_a_service_with_two_capabilities_tells_its_manager(
    command: Callable[..., Command], sender: Sender
) -> None:
    name = f"@pysigsnoop-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name[1:]}")
        manager.settimeout(PATIENCE)
        options = ("-j", "--no-outcomes", "--attach", "auto", "-s", "0", "-p", str(sender.pid))
        running = command(*options, prefix=_as_service(name))
        assert manager.recv(100) == b"READY=1"
        # Ready is: attached, and without the rights to do so again.
        here = rights(running.process.pid)
        assert here == given_up(CALLER, GROUP) | {"CapBnd": here["CapBnd"]}
        sent = sender.send(10, target=NOBODY)
        assert [running.object()["sender"]["pid"] for _ in range(sent)] == [sender.pid] * sent
        # Nothing is sent now, and the watchdog hears of it all the same: each half of its time.
        earlier = waiting(manager)
        began = time.monotonic()
        manager.settimeout(PATIENCE)
        assert [manager.recv(100) for _ in range(4)] == [b"WATCHDOG=1"] * 4
        assert time.monotonic() - began > 0.5
        ended = running.end(signal.SIGTERM)
        *later, last = waiting(manager)
    assert (ended.status, ended.summary) == (ExitStatus.DONE, f"{sent} received, 0 lost\n")
    assert last == b"STOPPING=1"
    assert {*earlier, *later} <= {b"WATCHDOG=1"}


def waiting(manager: socket.socket) -> list[bytes]:
    """What was told so far and not yet received."""
    manager.settimeout(0)
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(manager.recv(100))
    return found


def test_the_library_keeps_its_hands_off() -> None:
    before = rights(os.getpid())
    with SignalTracer(outcomes=True, details=True, stacks=True) as tracer:
        assert rights(os.getpid()) == before
        tracer.stop()
    assert rights(os.getpid()) == before
