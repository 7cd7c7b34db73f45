"""What a person sees: the default view on a terminal, and the forms that others read."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
from contextlib import closing

from pysigsnoop.exit_status import ExitStatus

from .commands import Command, run
from .conftest import MakeCommand
from .senders import NOBODY, Sender
from .terminals import Terminal

# Red escapes, a title, two wide characters and a letter that takes no column.
HOSTILE = [b"\x1b[31mred\x07", b"\x1b]0;t\x07", "界界e\u0301".encode(), "\u202egnp".encode()]


def test_a_person_sees_who_did_what_and_what_became_of_it(
    sender: Sender, sleeper: subprocess.Popen[bytes]
) -> None:
    with closing(Terminal("-p", str(sender.pid), columns=80, lines=24)) as seen:
        header = seen.line("SENDER", "TARGET", "RESULT")
        assert header.startswith("TIME ")
        sender.send(signal=signal.SIGSTOP, target=sleeper.pid)
        stopped = seen.line("#1 └ ", "stopped")
        assert re.search(rf" #1 └ sleep {sleeper.pid} +SIGSTOP +\+[\d.]+ [µm]?s +stopped$", stopped)
        sender.send(signal=signal.SIGKILL, target=sleeper.pid)
        sleeper.wait()
        sender.send(signal=signal.SIGKILL, target=NOBODY)
        failed = seen.row(str(NOBODY), "SIGKILL", "failed ESRCH")

        # A sentence, and below it what became of it, with the same mark.
        whom = rf"sleep {sleeper.pid} +SIGKILL +"
        sent = re.compile(rf"[\d:.]{{12}} sender {sender.pid} +→ {whom}kill +(died|fatal) (#2)")
        (first,) = [number for number, row in enumerate(seen.rows) if sent.fullmatch(row)]
        died = re.compile(rf"[\d:.]{{12}} +(#2) └ {whom}\+[\d.]+ [µm]?s +died")
        (death,) = [number for number, row in enumerate(seen.rows) if died.fullmatch(row)]
        assert first < death < failed
        assert "#" not in seen.rows[failed]

        # Colours mark deaths and failures; the rest is as people have it.
        assert seen.style(death, "died") == ("red", True)
        assert seen.style(failed, "failed ESRCH") == ("brown", False)
        assert seen.style(first, "#2") == seen.style(death, "#2") == ("cyan", False)
        assert seen.style(failed, "sender") == ("default", False)

        for name in HOSTILE:
            sender.rename(name)
            sender.send(target=NOBODY)
        seen.row("\\u202egnp", "failed ESRCH")
        assert seen.screen.title == ""
        # Each below its heading, as the terminal counts columns: none is pushed aside.
        for row in range(1, len(seen.rows)):
            cells = [seen.screen.buffer[row][column].data for column in range(80)]
            assert cells[header.index("TARGET") - 2] in "→└"
            for heading in ("SIGNAL", "HOW", "RESULT"):
                at = header.index(heading)
                assert cells[at - 1] == " " != cells[at]
        assert seen.style(seen.row("\\x1b[31m"), "\\x1b[31m") == ("default", False)

        # A wider window shows more of each, below a header of its own.
        seen.resize(200, 60)
        sender.rename(b"fifteen-bytes-x")
        sender.send(signal=64, target=NOBODY)
        wide = seen.line(f"fifteen-bytes-x {sender.pid}")
        assert "SIGRTMIN+30 kill          failed ESRCH (no such process)" in wide
        assert seen.rows[0].index("RESULT") == wide.index("failed")
        assert seen.end(signal.SIGINT) == ExitStatus.INTERRUPTED


def test_no_color_is_respected_and_more_is_told_when_asked_for(
    sender: Sender, sleeper: subprocess.Popen[bytes]
) -> None:
    arguments = ("-v", "--time", "relative", "-p", str(sender.pid))
    with closing(Terminal(*arguments, columns=400, lines=60, NO_COLOR="1")) as seen:
        seen.row("TIME")
        sender.send(signal=signal.SIGTERM, target=sleeper.pid)
        sleeper.wait()
        death = seen.row("└", "died")
        sent = seen.row("SIGTERM", "kill")
        assert (sent, death) == (1, 4)
        assert 0 < float(seen.rows[sent].split()[0]) <= float(seen.rows[death].split()[0])
        who, whom = seen.rows[sent + 1 : death]
        user = rf"user \S+ \({os.getuid()}\)"
        assert re.match(rf"    sender: {user}, .*parent \S+ {os.getpid()} .*command: \S+", who)
        assert re.match(rf"    target: {user}, .*parent \S+ {os.getpid()} ", whom)
        for row in seen.screen.buffer.values():
            assert {(cell.fg, cell.bold) for cell in row.values()} <= {("default", False)}


def test_lines_for_others_are_whole_plain_and_alike(sender: Sender, command: MakeCommand) -> None:
    common = ("-p", str(sender.pid), "--count", str(len(HOSTILE)))
    fields = "type,sender.comm,sender.pid,target_arg,signal,error"
    forms: dict[str, Command] = {
        "csv": command(*common, "--format", "csv", "-o", fields),
        "columns": command(*common, "-o", fields),
        "always": command(*common, "--color", "always"),
    }
    headers = {form: running.line() for form, running in forms.items()}
    for name in HOSTILE:
        sender.rename(name)
        sender.send(signal=0, target=NOBODY)
    lines = {form: running.end(0).lines for form, running in forms.items()}
    assert headers["csv"] == fields
    assert headers["columns"].split() == fields.upper().split(",")
    rows = [*csv.DictReader([headers["csv"], *lines["csv"]])]
    assert [row["sender.pid"] for row in rows] == [str(sender.pid)] * len(HOSTILE)
    assert [row["sender.comm"] for row in rows] == [
        "\\u001b[31mred\\u0007",
        "\\u001b]0;t\\u0007",
        "\\u754c\\u754ce\\u0301",
        "\\u202egnp",
    ]
    assert {(row["type"], row["signal"], row["error"]) for row in rows} == {("send", "0", "ESRCH")}
    for line in lines["columns"]:
        assert line.isprintable()
        assert line.split()[-4:] == [str(sender.pid), str(NOBODY), "0", "ESRCH"]
    assert "\x1b[33mfailed ESRCH (no such process)\x1b[m" in lines["always"][0]
    assert "\\x1b[31mred" in lines["always"][0]


def test_a_field_that_is_none_is_refused_before_anything_is_loaded() -> None:
    ended = run("-o", "time,sender.com")
    assert (ended.status, ended.lines) == (ExitStatus.USAGE, [])
    assert "no field is called 'sender.com'\n  hint: sender.comm" in ended.err
