"""`pysigsnoop -- COMMAND`: what it tells at the end, held against what the test did itself."""

from __future__ import annotations

import functools
import json
import os
import pty
import pwd
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import IO, Any

import pytest

from .actors import children, program, until
from .commands import PYSIGSNOOP, environment, forced, run, run_program
from .conftest import MakeCommand, MakeSender
from .control_groups import memory_group
from .senders import PATIENCE, Sender
from .test_launch import on_terminal, sh, wait_for_word
from .test_origins_oom import _kernel_has_figures
from .test_pid_namespaces import NEW_NAMESPACE

TIME = r"at \d\d:\d\d:\d\d\.\d{3}"
NOBODY = pwd.getpwnam("nobody")
DIED = rf"{TIME}; it died [\d.]+ m?u?s later"


def account(err: str) -> list[str]:
    """The sentences of an account."""
    return [
        line.removeprefix("pysigsnoop: ")
        for line in err.splitlines()
        if line.startswith("pysigsnoop: ")
    ]


def one(sentences: list[str], pattern: str) -> re.Match[str]:
    """The one sentence that begins so."""
    found = [match for line in sentences if (match := re.match(pattern, line))]
    assert len(found) == 1, (pattern, sentences)
    return found[0]


def test_every_descendant_that_died_of_a_signal_is_told_with_its_reason() -> None:
    faults, inputs, families = map(program, ("faults", "inputs", "families"))
    memory = program("memory")
    with memory_group(24) as group:
        script = f"""
            ulimit -c 0
            echo | {faults} maperr default
            python3 -c 'import os; os.abort()'
            echo | {inputs} pipe
            echo | {families} parent-death 12
            (echo $(exec sh -c 'echo $PPID') > {group}/cgroup.procs; echo | exec {memory} alone 96)
            sleep 600 & env kill -TERM $!; wait
            kill -0 $$
            exit 3
        """
        ended = run(*sh(script))
    assert ended.status == 3
    # The address of the fault, as it said itself; and a child that it had.
    address, _, child, *_ = [line for line in ended.lines if line not in ("", "none")]
    told = account(ended.err)
    assert re.match(
        rf"sh -c .* \.\.\. \(pid \d+\) exited by itself, with status 3, {TIME}$", told[0]
    )
    assert len(told) == 7
    one(
        told,
        rf"{faults} maperr default \(pid \d+\) was killed by SIGSEGV: a fault of its own at "
        rf"address {address} \(SEGV_MAPERR: nothing is mapped there\), {DIED}$",
    )
    one(
        told,
        r".*python3\S* -c 'import os; os.abort\(\)' \(pid (\d+)\) was killed by SIGABRT: it sent "
        rf"that to itself, by tgkill\(\d+, \d+, SIGABRT\), {DIED}$",
    )
    one(
        told,
        rf"{inputs} pipe \(pid \d+\) was killed by SIGPIPE: it wrote to a pipe or socket that "
        rf"nobody reads any more, {DIED}$",
    )
    one(
        told,
        rf".*families.* \(pid {child}\) was killed by SIGUSR2: its parent families \(pid \d+\) "
        rf"died, and it had asked for that signal then \(PR_SET_PDEATHSIG\), {DIED}$",
    )
    figures = r", which held [\d.]+ MiB of its own, .*, its oom_score_adj being -?\d+"
    one(
        told,
        r".*memory.* \(pid \d+\) was killed by SIGKILL: the kernel was out of memory, and its OOM "
        rf"killer chose this process{figures if _kernel_has_figures() else ''}; it had asked for "
        rf"memory itself, {DIED}$",
    )
    one(
        told,
        r"(sleep|sleep 600|sh.*|env) \(pid (\d+)\) was killed by SIGTERM: kill -TERM \2, run by "
        rf"root \(uid 0\), pid \d+, below sh ← .*, by kill\(\2, SIGTERM\), {DIED}$",
    )


def test_who_killed_the_command_is_told(command: MakeCommand, tmp_path: Path) -> None:
    running = command(*sh(f"touch {tmp_path}/ready; exec sleep 600"))
    wait_for_word(tmp_path / "ready")
    (child,) = children(running.process.pid)
    until("it sleeps", lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
    with subprocess.Popen(["env", "kill", "-KILL", str(child)]) as killer:
        ended = running.end(0)
    assert ended.status == 128 + signal.SIGKILL
    (told,) = account(ended.err)
    comm = Path("/proc/self/comm").read_text().strip()
    assert re.match(
        rf"sh -c .* \(pid {child}\) was killed by SIGKILL: kill -KILL {child}, run by root "
        rf"\(uid 0\), pid {killer.pid}, below {comm}( ← .*)?, by kill\({child}, SIGKILL\), {DIED}$",
        told,
    )


def test_what_is_passed_on_is_told_by_who_sent_it_first(
    command: MakeCommand, tmp_path: Path
) -> None:
    running = command(*sh(f"touch {tmp_path}/ready; exec sleep 600"))
    wait_for_word(tmp_path / "ready")
    wrapper = running.process.pid
    (child,) = children(wrapper)
    until("it sleeps", lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
    with subprocess.Popen(["env", "kill", "-USR1", str(wrapper)]) as killer:
        ended = running.end(0)
    assert ended.status == 128 + signal.SIGUSR1
    (told,) = account(ended.err)
    assert re.match(
        rf"sh -c .* \(pid {child}\) was killed by SIGUSR1: pysigsnoop passed it on, which got it "
        rf"so: kill -USR1 {wrapper}, run by root \(uid 0\), pid {killer.pid}, .*"
        rf"by kill\({wrapper}, SIGUSR1\), {DIED}$",
        told,
    )


@pytest.mark.parametrize("_again", range(3))
def test_of_two_senders_the_one_whose_signal_was_passed_on_is_told(
    _again: int, command: MakeCommand, make_sender: MakeSender, tmp_path: Path
) -> None:
    first, second = make_sender(), make_sender()
    running = command(*sh(f"touch {tmp_path}/ready; exec sleep 600"))
    wait_for_word(tmp_path / "ready")
    # The second before the first was passed on, or before what was passed on has had its effect.
    for sender in (first, second):
        sender.send(signal=signal.SIGTERM, target=running.process.pid)
    ended = running.end(0)
    assert ended.status == 128 + signal.SIGTERM
    (told,) = account(ended.err)
    assert f"pysigsnoop passed it on, which got it so: {sender_name(first)}" in told
    assert f", pid {first.pid}, " in told


def sender_name(sender: Sender) -> str:
    """Its command line, as an account begins with it."""
    return Path(f"/proc/{sender.pid}/cmdline").read_bytes().split(b"\0")[0].decode()


@pytest.mark.parametrize(
    "how",
    [(), ("-s", "KILL"), ("--stream", "--duration", "0.1"), ("--attach", "none")],
    ids=" ".join,
)
def test_a_signal_to_the_process_group_is_the_commands_once(
    how: tuple[str, ...], tmp_path: Path
) -> None:
    counts = (sys.executable, "-c", _COUNTS, str(tmp_path))
    with in_a_session(*how, "--", *counts) as running:
        wait_for_word(tmp_path / "ready")
        if "--duration" in how:
            wait_for_text(running.stderr, b" received, ")  # the trace has ended
        (child,) = children(running.pid)
        # To both; to us alone; to the command alone. Passed on is what it has no other way.
        sends = [(os.killpg, running.pid), (os.kill, running.pid), (os.kill, child)]
        for count, (send, to) in enumerate(sends, 1):
            send(to, signal.SIGRTMIN)
            until("it is told", functools.partial(_is_told, tmp_path / "told", count))
        # Passed on behind all that is.
        os.kill(running.pid, signal.SIGRTMIN + 1)
        running.communicate(timeout=PATIENCE)
    assert running.returncode == 5
    assert (tmp_path / "told").read_text() == "\n" * 3


@contextmanager
def in_a_session(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """With its command in a process group, which is ended whatever happens."""
    with subprocess.Popen(
        [*PYSIGSNOOP, *forced(arguments)],
        stderr=subprocess.PIPE,
        env=environment(),
        start_new_session=True,
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)


def wait_for_text(stream: IO[bytes] | None, text: bytes) -> None:
    """Until it has been written."""
    assert stream
    so_far, end = b"", time.monotonic() + PATIENCE
    while text not in so_far:
        ready, _, _ = select.select([stream], [], [], max(0.0, end - time.monotonic()))
        more = os.read(stream.fileno(), 65536) if ready else b""
        assert more, f"only {so_far!r}"
        so_far += more


# Signals that queue, so that each is counted.
_COUNTS = """
import os, signal, sys
os.chdir(sys.argv[1])
first, last = signal.SIGRTMIN, signal.SIGRTMIN + 1
signal.pthread_sigmask(signal.SIG_BLOCK, {first, last})
told = os.open("told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.close(os.open("ready", os.O_CREAT))
while signal.sigwait({first, last}) == first:
    os.write(told, b"\\n")
sys.exit(5)
"""


@pytest.mark.parametrize("how", [(), ("-s", "KILL")], ids=" ".join)
def test_what_the_commands_own_send_is_not_turned_against_it(how: tuple[str, ...]) -> None:
    # Each is gone when it is asked who sent that.
    script = "for i in 1 2 3 4 5 6 7 8; do env kill -USR1 $PPID; sleep 0.02; done; echo alive"
    ended = run(*how, *sh(script))
    assert (ended.status, ended.lines) == (0, ["alive"])
    assert "not passed on" not in ended.err


def test_without_a_trace_who_is_hidden_is_told_from_who_is_gone() -> None:
    hidden = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
    asked = run_program(
        ["unshare", "--mount", *NEW_NAMESPACE, "sh", "-c", hidden, "-", sys.executable, "-c", _ASKS]
    )
    assert (asked.status, asked.lines) == (0, ["True", "False"]), asked.err


# As nobody, of a process of root's that runs, and of one that ran.
_ASKS = f"""
import os, subprocess
from pysigsnoop import passing
passing._BEHIND_S = 0.0
runs, ran = (subprocess.Popen(["sleep", time]) for time in ("600", "0"))
ran.wait()
os.setgroups([])
os.setresgid({NOBODY.pw_gid}, {NOBODY.pw_gid}, {NOBODY.pw_gid})
os.setresuid({NOBODY.pw_uid}, {NOBODY.pw_uid}, {NOBODY.pw_uid})
assert not os.path.exists(f"/proc/{{runs.pid}}")
for each in (runs, ran):
    print(passing.Passing(os.getpid(), 4194304).is_for_command(15, each.pid))
"""


def _is_told(path: Path, times: int) -> bool:
    return path.exists() and path.read_text().count("\n") >= times


def test_a_terminal_that_hangs_up_is_told(tmp_path: Path) -> None:
    with on_terminal(*sh(f"touch {tmp_path}/ready; exec sleep 600")) as (running, terminal):
        wait_for_word(tmp_path / "ready")
        terminal.close()
        _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 128 + signal.SIGHUP
    (told,) = account(err.decode())
    assert re.search(
        r"was killed by SIGHUP: pysigsnoop passed it on, which got it so: its terminal, which hung "
        rf"up or whose session ended, {DIED}$",
        told,
    )


def test_a_terminal_that_is_given_up_tells_the_command_once(tmp_path: Path) -> None:
    counts = (sys.executable, "-c", _COUNTS_HUPS, str(tmp_path))
    master, slave = pty.openpty()
    with (
        FileIO(master, "rb"),
        subprocess.Popen(
            [
                *("setsid", "--ctty", sys.executable, "-c", _GIVES_UP, str(tmp_path)),
                *(*PYSIGSNOOP, *forced(["--", *counts])),
            ],
            stdin=slave,
            env=environment(),
        ) as leader,
    ):
        os.close(slave)
        try:
            assert leader.wait(PATIENCE) == 5
        finally:
            if leader.poll() is None:
                for group in (*children(leader.pid), leader.pid):
                    os.killpg(group, signal.SIGKILL)
    assert (tmp_path / "told").read_text() == "\n"


# The leader of a session, of whose terminal another group is in the foreground.
_GIVES_UP = """
import fcntl, os, signal, subprocess, sys, termios, time
path, *words = sys.argv[1:]
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
running = subprocess.Popen(words, preexec_fn=os.setpgrp)
os.tcsetpgrp(0, running.pid)
while not os.path.exists(f"{path}/ready"):
    time.sleep(0.01)
fcntl.ioctl(0, termios.TIOCNOTTY)
while not os.path.exists(f"{path}/told"):
    time.sleep(0.01)
# Passed on behind all that is.
running.send_signal(signal.SIGUSR1)
sys.exit(running.wait())
"""
_COUNTS_HUPS = """
import os, signal, sys
os.chdir(sys.argv[1])
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGUSR1})
os.close(os.open("ready", os.O_CREAT))
while signal.sigwait({signal.SIGHUP, signal.SIGUSR1}) == signal.SIGHUP:
    with open("told", "a") as told:
        told.write("\\n")
sys.exit(5)
"""


def test_what_it_handled_before_it_exited_is_told_as_that(
    command: MakeCommand, tmp_path: Path
) -> None:
    running = command(
        *sh(f"trap 'exit 4' TERM; touch {tmp_path}/ready; while :; do sleep 0.01; done")
    )
    wait_for_word(tmp_path / "ready")
    (child,) = children(running.process.pid)
    os.kill(child, signal.SIGTERM)
    ended = running.end(0)
    assert ended.status == 4
    (told,) = account(ended.err)
    assert re.search(
        rf"\) exited by itself, with status 4, {TIME}\. [\d.]+ m?u?s before its end it was sent "
        rf"SIGTERM, and handled it: .*, pid {os.getpid()}, .*by kill\({child}, SIGTERM\), {TIME}$",
        told,
    )


@pytest.mark.parametrize("how", [(), ("--stream",), ("-j",)], ids=" ".join)
def test_a_key_that_it_handled_is_told_however_lines_look(
    how: tuple[str, ...], tmp_path: Path
) -> None:
    wait = f"trap 'exit 6' INT; touch {tmp_path}/ready; while :; do sleep 0.01; done"
    with on_terminal(*how, *sh(wait)) as (running, terminal):
        wait_for_word(tmp_path / "ready")
        terminal.write(b"\x03")
        _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 6
    (told, *_) = account(err.decode())
    assert re.search(
        rf"\) exited by itself, with status 6, {TIME}\. [\d.]+ m?u?s before its end it was sent "
        rf"SIGINT, and handled it: its terminal, at the interrupt key \(Ctrl-C\), {TIME}$",
        told,
    )
    # To the shell it ended nothing, so it is no line.
    lines = [line for line in err.decode().splitlines() if not line.startswith("pysigsnoop: ")]
    assert not [line for line in lines if "handler" in line or " sh " in line]


def test_lines_beside_an_account_are_those_that_were_asked_for() -> None:
    def shown(*how: str) -> list[dict[str, Any]]:
        ended = run("-j", *how, *sh("sh -c 'exit 3'; kill -CHLD $$; exit 4"))
        assert ended.status == 4
        *lines, closing, account = ended.err.splitlines()
        told = [each for line in lines if (each := json.loads(line))["type"] != "lost"]
        assert closing.startswith(f"{len(told)} received, ")
        assert "exited by itself, with status 4" in account
        return told

    def sends(lines: list[dict[str, Any]]) -> list[str]:
        return [line["origin"] for line in lines if line["type"] == "send"]

    def deaths(lines: list[dict[str, Any]]) -> list[int]:
        return [line["status"] for line in lines if line["type"] == "death"]

    plain, exits, all_of_it = shown(), shown("--exits"), shown("--all")
    assert (sends(plain), deaths(plain)) == (["kill"], [])
    assert (sends(exits), deaths(exits)) == (["kill"], [3, 4])
    # The kernel's own, of the child that ended.
    assert (sends(all_of_it), deaths(all_of_it)) == (["child", "kill"], [])
    # And what became of them, where the shell handles them.
    for lines in (plain, exits, all_of_it):
        known = {line["id"] for line in lines if line["type"] == "send"}
        assert {line["send_id"] for line in lines if line["type"] == "delivery"} <= known


def test_a_number_of_lines_needs_lines() -> None:
    ended = run("--count", "3", "--", "true")
    assert (ended.status, ended.lines) == (125, [])
    assert ended.err.splitlines()[-2:] == [
        "pysigsnoop: error: --count is of lines, and beside a command none are shown",
        "  hint: pysigsnoop --stream --count 3 -- COMMAND",
    ]


_ALARM = (
    # At once, however slow the machine: Python's own end takes longer.
    "import os, signal, time; signal.signal(signal.SIGALRM, lambda *_: os._exit(9));"
    "signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(600)"
)


@pytest.mark.parametrize(
    ("command", "signal_name", "why"),
    [
        (
            ("--", sys.executable, "-c", _ALARM),
            "SIGALRM",
            r"an alarm that it had set \(alarm, setitimer\)",
        ),
        (
            sh("trap 'exit 9' XCPU; ulimit -St 1; while :; do :; done"),
            "SIGXCPU",
            r"its limit of CPU time \(ulimit -t\)",
        ),
    ],
    ids=["alarm", "limit"],
)
def test_a_timer_that_it_handled_before_it_exited_is_told(
    command: tuple[str, ...], signal_name: str, why: str
) -> None:
    ended = run(*command)
    assert ended.status == 9
    (told,) = account(ended.err)
    assert re.search(
        rf"\) exited by itself, with status 9, {TIME}\. [\d.]+ m?u?s before its end it was sent "
        rf"{signal_name}, and handled it: {why}, {TIME}$",
        told,
    )


AS_NOBODY: dict[str, Any] = {
    "SUDO_UID": str(NOBODY.pw_uid),
    "SUDO_GID": str(NOBODY.pw_gid),
    "SUDO_USER": NOBODY.pw_name,
    "SUDO_COMMAND": "/bin/pysigsnoop",
}
_WHO = 'grep -E "^(Uid|Gid|Groups|CapEff):" /proc/self/status; echo $HOME,$USER,$LOGNAME,$SUDO_UID'


@pytest.mark.parametrize("asked", [False, True], ids=["under sudo", "--as"])
def test_a_command_runs_as_who_called_and_still_gets_its_signals(asked: bool) -> None:
    # The shell's parent is root's, which the shell may not signal.
    script = f"{_WHO}; kill -TERM $PPID 2>/dev/null && exit 1; kill -0 $$ && echo fine"
    ended = run("--as", "nobody", *sh(script)) if asked else run(*sh(script), **AS_NOBODY)
    assert (ended.status, ended.lines[-1]) == (0, "fine")
    uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
    assert [line.split() for line in ended.lines[:4]] == [
        ["Uid:", *[str(uid)] * 4],
        ["Gid:", *[str(gid)] * 4],
        ["Groups:", *map(str, sorted(os.getgrouplist("nobody", gid)))],
        ["CapEff:", "0" * 16],
    ]
    assert ended.lines[4] == f"{NOBODY.pw_dir},nobody,nobody,"


def test_a_wrapper_passes_signals_on_to_who_it_became(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder.owner() == "root" and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    with subprocess.Popen(
        [*PYSIGSNOOP, *forced(sh(f"touch {tmp_path}/ready; exec sleep 600"))],
        stderr=subprocess.PIPE,
        env=environment(**AS_NOBODY),
    ) as running:
        wait_for_word(tmp_path / "ready")
        assert (tmp_path / "ready").owner() == "nobody"
        running.terminate()
        _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 128 + signal.SIGTERM
    assert "pysigsnoop passed it on" in err.decode()


def test_no_such_user_and_no_right_to_be_one_are_told() -> None:
    missing = run("--as", "nosuchuser", "--", "true")
    assert (missing.status, missing.lines) == (125, [])
    assert missing.err.splitlines()[0] == "pysigsnoop: no user: nosuchuser"
    bound = run("--as", "nobody", "--", "true", prefix=("setpriv", "--bounding-set=-setuid"))
    assert bound.status == 125
    assert bound.err.splitlines()[0] == "pysigsnoop: cannot run as nobody: Operation not permitted"
