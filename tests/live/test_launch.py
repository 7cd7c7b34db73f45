"""`pysigsnoop -- COMMAND`: the command's own status, its own streams and signals, and its end."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from pysigsnoop.exit_status import ExitStatus

from .actors import children, program, until
from .commands import PACKAGE_ROOT, PYSIGSNOOP, environment, forced, run
from .conftest import MakeCommand
from .senders import PATIENCE
from .test_pid_namespaces import NEW_NAMESPACE


def sh(script: str) -> tuple[str, ...]:
    return ("--", "sh", "-c", script)


def objects(text: str) -> list[dict[str, Any]]:
    """The sends of a trace in JSON."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line["type"] == "send"]


@pytest.mark.parametrize("status", [0, 1, 2, 3, 125, 130, 255])
def test_the_commands_exit_status_is_passed_on(status: int) -> None:
    ended = run(*sh(f"exit {status}"))
    assert (ended.status, ended.lines) == (status, [])
    (account,) = ended.err.splitlines()
    assert account.startswith(f"pysigsnoop: sh -c 'exit {status}' (pid ")
    assert f") exited by itself, with status {status}" in account


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1])
def test_a_command_that_a_signal_ended_is_told_as_shells_do(number: signal.Signals) -> None:
    ended = run("-j", *sh(f"kill -{int(number)} $$"))
    assert ended.status == 128 + number
    (event,) = objects(ended.err)
    assert (event["signo"], event["fatal"], event["sender"]["comm"]) == (number, True, "sh")
    assert event["sender"]["pid"] == event["target"]["pid"]
    (death,) = (json.loads(line) for line in ended.err.splitlines() if '"type": "death"' in line)
    assert (death["send_id"], death["signo"]) == (event["id"], number)


def test_the_commands_status_wins_over_loss_and_limits() -> None:
    storm = " ".join(["kill -0 $$;"] * 40)
    # A ring of one page holds some of these, the lines say so, and the trace ends first.
    lost = run("-j", "--buffer", "4K", "--duration", "30", *sh(f"{storm} exit 7"))
    assert lost.status == 7
    ended = run("--stream", "--count", "1", *sh("kill -0 $$; sleep 0.5; kill -0 $$; exit 8"))
    assert ended.status == 8
    assert "1 received, 0 lost" in ended.err
    assert "pysigsnoop: the trace ended before the command did\n" in ended.err


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("no-such-command", ExitStatus.NOT_FOUND, "No such file or directory"),
        ("/no/such/command", ExitStatus.NOT_FOUND, "No such file or directory"),
        ("", ExitStatus.NOT_FOUND, "cannot run '': No such file or directory"),
        ("/etc/passwd", ExitStatus.NOT_EXECUTABLE, "Permission denied"),
        ("/", ExitStatus.NOT_EXECUTABLE, "Permission denied"),
    ],
)
def test_a_command_that_cannot_be_run_is_told_as_env_does(
    command: str, status: int, said: str
) -> None:
    ended = run("--", command)
    assert (ended.status, ended.lines) == (status, [])
    message, hint = ended.err.splitlines()
    assert message.startswith("pysigsnoop: cannot run ")
    assert said in message
    assert hint.startswith("  hint: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nosuch", "--", "touch"],
        ["-s", "KILLER", "--", "touch"],
        ["--cgroup", "/no/such", "--", "touch"],
        ["--follow", "4194304", "--", "touch"],
        ["--trace-pipe", "--", "touch"],
    ],
)
def test_what_cannot_be_traced_is_not_run(arguments: list[str], tmp_path: Path) -> None:
    ended = run(*arguments, str(tmp_path / "ran"))
    assert ended.status == ExitStatus.NOT_RUN
    assert "pysigsnoop: " in ended.err
    assert not (tmp_path / "ran").exists()


def test_no_right_to_trace_and_the_command_is_not_run(tmp_path: Path) -> None:
    ended = run(
        *("--", "touch", str(tmp_path / "ran")),
        prefix=("setpriv", "--bounding-set=-all", "--inh-caps=-all"),
    )
    assert ended.status == ExitStatus.NOT_RUN
    assert "hint: " in ended.err
    assert not (tmp_path / "ran").exists()


def test_the_commands_streams_are_its_own() -> None:
    done = subprocess.run(
        [*PYSIGSNOOP, *forced(["--stream", *sh("cat; echo beside >&2; kill -0 $$")])],
        input=b"through",
        capture_output=True,
        timeout=PATIENCE,
        env=environment(),
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"through")
    header, beside, line, closing, account = done.stderr.decode().splitlines()
    assert header.startswith("TIME")
    assert beside == "beside"
    assert re.search(r" sh (\d+) +\u2192 sh \1 +0 +kill +ok$", line)
    assert closing == "1 received, 0 lost"
    assert account.startswith("pysigsnoop: sh -c 'cat; echo beside")


def test_the_command_has_the_signals_that_we_were_given() -> None:
    masks = "grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status"

    def told(*prefix: str) -> list[str]:
        done = subprocess.run(
            [*prefix, "sh", "-c", masks], capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    for ignored in ((), (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1)):
        # The shell's own way to hand them on.
        before = f"trap '' {' '.join(str(int(s)) for s in ignored)}; " if ignored else ""
        ours = run(*sh(masks), prefix=("sh", "-c", f'{before}exec "$@"', "sh"))
        assert ours.status == 0
        assert ours.lines == told("sh", "-c", f'{before}exec "$@"', "sh")


@pytest.mark.parametrize("locale", [{}, {"LC_CTYPE": "C"}, {"LC_CTYPE": "POSIX"}], ids=str)
def test_the_command_has_the_environment_that_we_were_given(locale: dict[str, str]) -> None:
    # Where no locale is set, Python sets one for itself.
    given = {"PYTHONPATH": str(PACKAGE_ROOT), "PATH": os.environ["PATH"], **locale}
    done = subprocess.run(
        [*PYSIGSNOOP, *forced(["--", "env", "-0"])],
        capture_output=True,
        timeout=PATIENCE,
        env=given,
        check=True,
    )
    has = dict(each.split("=", 1) for each in done.stdout.decode().split("\0")[:-1])
    assert has == given


def test_a_script_that_names_no_interpreter_is_the_shells(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$0" "$@"; exit 3\n', encoding="ascii")
    script.chmod(0o755)
    # Behind what is not to be found, and what may not be run.
    (tmp_path / "refused").mkdir()
    (tmp_path / "refused" / "script").touch()
    path = f"{tmp_path}/none:{tmp_path}/refused:{tmp_path}:{os.environ['PATH']}"
    for name in (str(script), "script"):
        ended = run("--", name, "a b", "c", PATH=path)
        assert (ended.status, ended.lines) == (3, [f"{script} a b c"])
        assert f"{name} 'a b' c (pid " in ended.err


def test_descendants_are_told_from_their_first_instruction_and_strangers_are_not() -> None:
    noise = subprocess.Popen(["sh", "-c", "while :; do kill -0 $$; done"])
    try:
        done = subprocess.run(
            [*PYSIGSNOOP, *forced(["-j", "--", program("followed"), "storm", "20", "20"])],
            input=b"\n",
            capture_output=True,
            timeout=PATIENCE,
            env=environment(),
            check=False,
        )
    finally:
        noise.kill()
        noise.wait()
    assert done.returncode == 0
    calls, processes = map(int, done.stdout.split()[1:])
    assert (calls, processes) == (1200, 401)
    events = [e for e in objects(done.stderr.decode()) if e["type"] == "send"]
    closing = done.stderr.decode().splitlines()[-1]
    skipped = int(match[1]) if (match := re.search(r"skipped (\d+)", closing)) else 0
    assert calls - skipped <= len(events) <= calls
    senders = {(e["sender"]["host_pid"], e["sender"]["start_ns"]) for e in events}
    assert len(senders) == processes
    assert noise.pid not in {e["sender"]["pid"] for e in events}


def test_a_daemon_is_followed_as_long_as_the_command_runs(tmp_path: Path) -> None:
    script = tmp_path / "daemon"
    script.write_text(
        "echo $$ > pid\nwhile [ ! -e go ]; do sleep 0.01; done\nkill -USR1 $$\n", encoding="ascii"
    )
    ended = run(
        "-j",
        *sh(
            f"cd {tmp_path}; (setsid sh daemon &); until [ -s pid ]; do sleep 0.01; done;"
            "touch go; while kill -0 $(cat pid) 2>/dev/null; do sleep 0.01; done"
        ),
    )
    assert ended.status == 0
    pid = int((tmp_path / "pid").read_text())
    (event,) = [e for e in objects(ended.err) if e.get("signal") == "SIGUSR1"]
    assert event["sender"]["pid"] == event["target"]["pid"] == pid


def test_the_trace_ends_with_the_command_and_what_it_left_runs_on(tmp_path: Path) -> None:
    ended = run(*sh(f"cd {tmp_path}; sleep 600 >/dev/null 2>&1 & echo $!; exit 4"))
    left = int(ended.lines[0])
    try:
        assert ended.status == 4
        os.kill(left, 0)
    finally:
        os.kill(left, signal.SIGKILL)


def test_inside_a_pid_namespace_by_its_own_numbers() -> None:
    # The tracer and the command in one; then the command's child in one below it.
    below = " ".join(NEW_NAMESPACE) + ' sh -c "kill -0 \\$\\$"'
    ended = run("-j", *sh(f"echo $$; kill -0 $$; {below}"), prefix=NEW_NAMESPACE)
    assert ended.status == 0
    own, inner = [e["sender"] for e in objects(ended.err) if e["signal"] == "0"]
    assert own["pid"] == own["ns_pid"] == int(ended.lines[0])
    assert (inner["ns_pid"], inner["comm"]) == (1, "sh")
    assert inner["pid"] > own["pid"]


def wait_for_word(path: Path) -> None:
    until(f"{path} is there", path.exists)


@pytest.mark.parametrize(
    ("number", "status"),
    [(n, 128 + n) for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)],
)
def test_who_ends_the_tracer_ends_the_command(
    number: signal.Signals, status: int, command: MakeCommand, tmp_path: Path
) -> None:
    # A shell waits for its child before it acts on SIGINT, so the command is one program.
    running = command("-j", *sh(f"touch {tmp_path}/ready; ulimit -c 0; exec sleep 600"))
    wait_for_word(tmp_path / "ready")
    (child,) = children(running.process.pid)
    until("it sleeps", lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
    ended = running.end(number)
    assert ended.status == status
    (event,) = [e for e in objects(ended.err) if e["type"] == "send"]
    assert event["sender"]["pid"] == running.process.pid
    assert (event["target"]["pid"], event["signo"]) == (child, number)


def test_a_command_that_ends_in_its_own_time_is_traced_until_then(
    command: MakeCommand, tmp_path: Path
) -> None:
    running = command(
        "-j",
        *sh(
            f"trap 'kill -0 $$; exit 9' TERM; touch {tmp_path}/ready; while :; do sleep 0.01; done"
        ),
    )
    wait_for_word(tmp_path / "ready")
    ended = running.end(signal.SIGTERM)
    assert ended.status == 9
    assert [e["signal"] for e in objects(ended.err)] == ["SIGTERM", "0"]


def test_a_command_that_is_killed_while_the_tracer_opens_never_ran(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PYSIGSNOOP, *forced(["--", "touch", str(tmp_path / "ran")])],
        stderr=subprocess.PIPE,
        env=environment(),
    ) as running:
        until("it is held", lambda: children(running.pid))
        running.send_signal(signal.SIGTERM)
        assert running.wait(PATIENCE) in {ExitStatus.NOT_RUN, 128 + signal.SIGTERM, 0}
        if running.returncode != 128 + signal.SIGTERM:
            assert (running.returncode == 0) == (tmp_path / "ran").exists()


def test_the_command_does_not_run_where_the_tracer_is_killed_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PYSIGSNOOP, *forced(["--", "touch", str(tmp_path / "ran")])],
        stderr=subprocess.PIPE,
        env=environment(),
    ) as running:
        until("it is held", lambda: children(running.pid))
        (held,) = children(running.pid)
        running.kill()
        until("it is gone", lambda: not Path(f"/proc/{held}").exists())
    # Killed in time, or not: but never half.
    assert running.returncode == -signal.SIGKILL


@contextmanager
def on_terminal(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], FileIO]]:
    """The command leads a terminal's session, of which the other side is ours."""
    master, slave = pty.openpty()
    with (
        FileIO(master, "wb") as terminal,
        subprocess.Popen(
            ["setsid", "--ctty", *PYSIGSNOOP, *forced(arguments)],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            env=environment(),
        ) as running,
    ):
        os.close(slave)
        try:
            yield running, terminal
        finally:
            running.kill()


@pytest.mark.parametrize(
    ("key", "number"), [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)], ids=["INT", "QUIT"]
)
def test_a_key_is_the_commands_which_gets_it_once(
    key: bytes, number: signal.Signals, tmp_path: Path
) -> None:
    count = f"trap 'echo once >> {tmp_path}/told' {int(number)}"
    # It takes the first, goes on, and ends by itself.
    wait = f"until [ -s {tmp_path}/told ]; do sleep 0.01; done; sleep 0.3"
    with on_terminal("--all", "-j", *sh(f"{count}; touch {tmp_path}/ready; {wait}; exit 6")) as (
        running,
        terminal,
    ):
        wait_for_word(tmp_path / "ready")
        terminal.write(key)
        _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == 6
    assert (tmp_path / "told").read_text() == "once\n"
    # To the shell, and to the sleep that it ran.
    sent = [e for e in objects(err.decode()) if e.get("signo") == number]
    assert {e["origin"] for e in sent} == {"terminal"}
    assert max(Counter(e["target"]["pid"] for e in sent).values()) == 1


def test_a_hang_up_ends_command_and_tracer(tmp_path: Path) -> None:
    with on_terminal(*sh(f"touch {tmp_path}/ready; exec sleep 600")) as (running, terminal):
        wait_for_word(tmp_path / "ready")
        (child,) = children(running.pid)
        # The kernel tells the leader of the session alone, which passes it on.
        terminal.close()
        running.communicate(timeout=PATIENCE)
    assert running.returncode == 128 + signal.SIGHUP
    assert not Path(f"/proc/{child}").exists()


def test_nobody_reads_the_lines_and_the_command_runs_on(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PYSIGSNOOP, *forced(sh(f"kill -0 $$; sleep 0.2; touch {tmp_path}/ran; exit 5"))],
        stderr=writer,
        timeout=PATIENCE,
        env=environment(),
        check=False,
    )
    os.close(writer)
    assert done.returncode == 5
    assert (tmp_path / "ran").exists()


def test_follow_on_the_command_line_takes_in_what_runs(
    command: MakeCommand, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text(
        "while read line; do kill -0 $$; (kill -0 $$); sh -c 'kill -0 $$'; echo; done\n",
        encoding="ascii",
    )
    with subprocess.Popen(
        ["sh", "-c", f"sh {script}; :"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdin
        assert other.stdout
        running = command("--follow", str(other.pid))
        running.wait_for_header()
        other.stdin.write(b"\n")
        other.stdin.flush()
        other.stdout.readline()
        ended = running.end()
        other.stdin.close()
    assert ended.status == ExitStatus.INTERRUPTED
    told = [line.split() for line in ended.lines]
    assert [[line[1], *line[6:]] for line in told] == [["sh", "0", "kill", "ok"]] * 3
