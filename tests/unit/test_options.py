"""Options: what they mean, and what wrong ones say."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pysigsnoop
from pysigsnoop import options, subcommands

PACKAGE = Path(pysigsnoop.__file__).parent.parent


@pytest.mark.parametrize(
    ("arguments", "name", "value"),
    [
        ("", "signal", None),
        ("-s KILL,TERM,9,RTMIN+1", "signal", [9, 15, 9, 35]),
        ("-s KILL --signal 0", "signal", [9, 0]),
        ("-p 1,2 -p 3", "pid", [1, 2, 3]),
        ("-T -1", "target", [-1]),
        ("-T 0", "target", [0]),
        ("--target=-1,-2219", "target", [-1, -2219]),
        ("-x", "failed", True),
        ("", "format", "text"),
        ("-j", "format", "json"),
        ("--json", "format", "json"),
        ("--format csv", "format", "csv"),
        ("-o time,sender.comm -o target", "fields", ["time", "sender.comm", "target"]),
        ("", "time", "wall"),
        ("--time utc --date", "date", True),
        ("--color never", "color", "never"),
        ("--trace-pipe --count 3 --duration 1", "trace_pipe", True),
        ("--duration 0.5", "duration", 0.5),
        ("--count 5", "count", 5),
        ("--buffer 4096", "buffer", 4096),
        ("--buffer 64K", "buffer", 64 << 10),
        ("--buffer 8m", "buffer", 8 << 20),
        ("--buffer 1GB", "buffer", 1 << 30),
        ("--follow 1,2 --follow 3", "follow", [1, 2, 3]),
        ("--max-followed 7", "max_followed", 7),
        ("", "command", None),
        ("-x -- kill -9 1", "command", ["kill", "-9", "1"]),
        ("-- sh -- -x --", "command", ["sh", "--", "-x", "--"]),
        ("top", "interval", 1.0),
        ("top -s KILL,TERM --all", "signal", [9, 15]),
        ("top --all", "all", True),
        ("top --once", "batch", 1),
        ("top --batch 3 --interval 0.5", "batch", 3),
        ("-c top", "subcommand", None),
        ("--as nobody -- true", "as", "nobody"),
        ("--stream -- true", "stream", True),
        ("why 2219", "process", "2219"),
        ("why --stream nginx", "stream", True),
        ("-j --format text --date", "date", True),
        ("-j --time wall", "time", "wall"),
    ],
)
def test_options_mean_what_the_help_says(arguments: str, name: str, value: Any) -> None:
    assert getattr(options.parse(arguments.split()), name) == value


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-s", "KILLER"], "no signal is called 'KILLER'"),
        (["-s", "KILL,"], "no signal is called ''"),
        (["-s", ""], "no signal is called ''"),
        (["-p", "bash"], "'bash' is not a list of pids"),
        (["-p", "1,,2"], "is not a list of pids"),
        (["-p"], "expected one argument"),
        (["--buffer", "64X"], "'64X' is not a size"),
        (["--buffer", "-1"], "is not a size"),
        (["--buffer", "1.5M"], "is not a size"),
        *((["--duration", bad], "is no time") for bad in ("0", "-1", "nan", "inf", "soon", "")),
        *((["--count", bad], "is no count") for bad in ("0", "-1", "1.5", "\u00b2", "many", "")),
        (["--sig", "9"], "unrecognized arguments"),
        (["2219"], "unrecognized arguments"),
        (["--format", "xml"], "invalid choice"),
        (["-o", "comm"], "no field is called 'comm'\n  hint: sender.comm, target.comm"),
        (["-o", "time,"], "no field is called ''"),
        (["--time", "relative", "--date"], "--date goes with --time wall or utc"),
        (["-j", "--date"], "--date is of text: json has the date always"),
        (["--time", "utc", "--format", "csv"], "hint: leave out --time, or --format csv"),
        (["why", "1", "-j", "--time", "relative"], "--time is of text"),
        (["--stream"], "hint: pysigsnoop --stream -- COMMAND"),
        (["--follow", "bash"], "'bash' is not a list of pids\n  hint: numbers, as in 2219 or"),
        (["-u", "nosuch"], "no user: 'nosuch'\n  hint: getent passwd"),
        (["-u", ""], "no user: ''"),
        (["--max-followed", "0"], "is no count"),
        (["-s", "KILL", "top"], "--signal stands before top, whose options come after it"),
        (["--trace-pipe", "top"], "--trace-pipe stands before top"),
        (["top", "-j"], "unrecognized arguments"),
        (["top", "--once", "--batch", "2"], "not allowed with"),
        (["top", "--interval", "0"], "is no time"),
        (["--as", "nobody"], "--as is for a command"),
        (["why"], "the following arguments are required: PID|NAME"),
        (["why", "1", "2"], "unrecognized arguments: 2"),
        *(
            (["--trace-pipe", *bad.split()], "has no --")
            for bad in (
                "-j",
                "-p 1",
                "-T 0",
                "-s KILL",
                "-x",
                "--buffer 64K",
                "--buffer 0",
                "--follow 1",
                "--stream",
                "--as nobody",
            )
        ),
    ],
)
def test_wrong_usage_exits_2_and_says_why(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parse(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--"], "no command after --"),
        (["--nosuch", "--", "true"], "unrecognized arguments: --nosuch"),
        (["2219", "--", "true"], "unrecognized arguments: 2219"),
        (["--trace-pipe", "--", "true"], "which follows no command"),
        (["top", "--", "true"], "top runs no command"),
        (["why", "2219", "--", "true"], "why runs no command"),
    ],
)
def test_with_a_command_wrong_usage_is_told_from_the_commands_own_status(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parse(arguments)
    assert ended.value.code == 125
    assert said in capsys.readouterr().err


def run_bare(*arguments: str, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """The command in a Python that finds neither cffi, the extension nor any other package."""
    code = (
        "import sys; sys.modules['_cffi_backend'] = sys.modules['pysigsnoop._native'] = None\n"
        f"sys.path.insert(0, {str(PACKAGE)!r}); from pysigsnoop.cli import main; sys.exit(main())"
    )
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code, *arguments],
        env={**os.environ, "COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# What a terminal of 80x24 shows above the next prompt.
SCREEN = (80, 23)
COMMANDS = ([], *([name] for name in subcommands.NAMES))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: "".join(words) or "none")
def test_help_fits_a_screen_and_ends_in_examples_without_libbpf_or_rich(command: list[str]) -> None:
    done = run_bare(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= SCREEN[0]
    assert len(lines) <= SCREEN[1]
    assert lines[0].startswith(f"usage: {' '.join(['pysigsnoop', *command])} [")
    examples = lines[lines.index("examples:") + 1 :]
    assert 2 <= len(examples) <= 4
    for line in examples:
        words = shlex.split(line.strip().split("  ")[0])
        options.parse(words[1:])
        assert words[: 1 + len(command)] == ["pysigsnoop", *command]
    assert run_bare(*command, "-h").stdout == done.stdout


# argparse takes what int() takes, and where that is nothing the terminal's.
@pytest.mark.parametrize("columns", ["", "0", "-5", "1", " 100", "1_00", "wide", "9" * 5000, "40"])
def test_help_is_as_wide_as_argparse_has_it(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    ours = options.parser()._get_formatter()
    assert ours._width == argparse.HelpFormatter("pysigsnoop")._width


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: "".join(words) or "none")
def test_all_options_are_told_on_request(command: list[str]) -> None:
    done = run_bare(*command, "--help-all")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    for option in options.parser().of(command[0] if command else None):
        assert re.search(rf"(^  |, ){option}\b", done.stdout, re.MULTILINE), option
    often = re.findall(r"^  (--?[a-z-]+)", run_bare(*command, "--help").stdout, re.MULTILINE)
    assert {*often} <= {*re.findall(r"--?[a-z-]+", done.stdout)}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ("--sig 9", "pysigsnoop --signal"),
        ("--sign=9", "pysigsnoop --signal"),
        ("--dur 5", "pysigsnoop --duration"),
        ("--colour never", "pysigsnoop --color"),
        ("--csv", "pysigsnoop --format csv"),
        ("--batch 3", "pysigsnoop top --batch"),
        ("--columns 5", "pysigsnoop --help"),
        ("--st", "pysigsnoop --help"),
        ("tpo", "pysigsnoop top"),
        ("2219", "pysigsnoop -T 2219, or pysigsnoop why 2219"),
        ("--zzzz", "pysigsnoop --help"),
        ("-s", "pysigsnoop --help"),
        ("top --intervall 3", "pysigsnoop top --interval"),
        ("top --once=3", "pysigsnoop top --help"),
        ("top -v", "pysigsnoop top --help"),
        ("top --duration 1", "pysigsnoop top --help"),
        ("top foo", "pysigsnoop top --help"),
        ("top --csv", "pysigsnoop top --help"),
        ("doctor -s KILL", "pysigsnoop doctor --help"),
        ("why", "pysigsnoop why --help"),
        ("why 1 2", "pysigsnoop why --help"),
        ("why 1 --csv", "pysigsnoop why --format csv"),
        ("why 1 --once", "pysigsnoop top --once"),
        ("why 1 --dur 5", "pysigsnoop why --duration"),
    ],
)
def test_wrong_usage_ends_in_what_to_type(
    arguments: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        options.parse(arguments.split())
    usage, *_, last = capsys.readouterr().err.splitlines()
    first = arguments.split(maxsplit=1)[0]
    command = [first] if first in subcommands.NAMES else []
    assert usage.startswith(f"usage: {' '.join(['pysigsnoop', *command])} [")
    assert last == f"  hint: {hint}"


def test_version_works_without_libbpf() -> None:
    done = run_bare("--version")
    assert (done.returncode, done.stdout) == (0, f"pysigsnoop {pysigsnoop.__version__}\n")


def test_without_the_extension_tracing_says_what_to_type() -> None:
    done = run_bare()
    assert done.returncode == 1
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("bad", [["-s", "NOSUCH"], ["--count", "0"], ["--nosuch"]])
def test_wrong_usage_exits_2_before_anything_is_loaded(bad: list[str]) -> None:
    done = run_bare(*bad)
    assert done.returncode == 2
    assert "usage:" in done.stderr
    assert done.stdout == ""
