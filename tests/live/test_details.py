"""Parents and logins; the option; lines; and details that found no room."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pysigsnoop import Process, SignalTracer
from pysigsnoop._records import PARENTS

from .actors import all_events, sender_of, the_one
from .books import assert_missing
from .conftest import MakeCommand
from .senders import NOBODY
from .test_details_cmdline import HOSTILE, given, sent_by
from .told import Told, known, telling

_KEYS = {"cmdline", "cmdline_truncated", "exe", "parents", "loginuid", "sessionid"}


def field(pid: int, name: str) -> str:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{name}:\s*(.*)$", text, re.MULTILINE)
    assert found
    return found[1]


def ancestors(pid: int) -> list[tuple[int, str]]:
    """The parents of a process as /proc tells them, nearest first, to the namespace's first."""
    found = []
    while (pid := int(field(pid, "PPid"))) > 0:
        found.append((pid, field(pid, "Name")))
    return found


def nested(depth: int, tmp_path: Path) -> tuple[list[int], Process]:
    """Shells in shells, which say who they are, the innermost with a child that sends."""
    script = tmp_path / "nest"
    script.write_text(
        "echo $$\n"
        f'if [ $1 -gt 1 ]; then sh "$0" $(($1 - 1)); else /bin/kill -0 {NOBODY} || :; fi\n'
        ":\n"
    )
    with SignalTracer(origins="kill", target_pid=NOBODY, details=True) as tracer:
        done = subprocess.run(
            ["sh", script, str(depth)],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        sender = sender_of(the_one(all_events(tracer)))
    return [int(word) for word in done.stdout.split()], sender


def test_parents_are_told_from_the_nearest_on(tmp_path: Path) -> None:
    shells, sender = nested(3, tmp_path)
    chain = [(pid, "sh") for pid in reversed(shells)]
    chain += [(os.getpid(), field(os.getpid(), "Name")), *ancestors(os.getpid())]
    # None above the first process of all; beyond the pid namespace /proc says nothing.
    told = [(parent.pid, parent.comm) for parent in sender.parents if parent.pid]
    assert told == chain[: len(told)]
    assert len(told) == min(PARENTS, len(chain))
    nearest = known(sender.parents)[0]
    assert (nearest.pid, nearest.host_pid) == (sender.parent_pid, sender.parent_host_pid)
    assert (nearest.comm, nearest.comm_bytes) == (sender.parent_comm, sender.parent_comm_bytes)


def test_no_more_parents_than_the_bound_are_told(tmp_path: Path) -> None:
    shells, sender = nested(PARENTS + 2, tmp_path)
    assert [parent.pid for parent in sender.parents] == shells[: -PARENTS - 1 : -1]


def test_a_login_is_told_and_where_nobody_logged_in_there_is_none() -> None:
    own = Path("/proc/self/loginuid")
    if not own.exists():
        pytest.skip("this kernel keeps no logins")
    unset = str(2**32 - 1)
    with telling() as told:
        before = Path(f"/proc/{told.pid}/loginuid").read_text()
        sender = sent_by(told)
        assert sender.loginuid == (None if before == unset else int(before))
        if told.do("login", 54321) == -errno.EPERM:
            pytest.skip("the login of a process cannot be set here")
        session = Path(f"/proc/{told.pid}/sessionid").read_text()
        sender = sent_by(told)
    assert session != unset
    assert (sender.loginuid, sender.sessionid) == (54321, int(session))


def test_without_the_option_nothing_of_it_is_there() -> None:
    with (
        telling(["told", "x"]) as told,
        SignalTracer(sender_pid=told.pid, signals=[0, "CONT"]) as tracer,
    ):
        told.do("send", 0, NOBODY)
        told.do("send", int(signal.SIGCONT), 0)
        events = all_events(tracer)
        counters = tracer.stats
    assert len(events) == 2
    assert counters.lost.details == 0
    for event in events:
        assert not _KEYS & event.as_dict()["sender"].keys()
        assert {getattr(event.sender, key) for key in _KEYS} == {None}


def test_json_has_the_keys_with_the_option_and_is_plain_ascii(command: MakeCommand) -> None:
    with telling(HOSTILE) as told:
        pids = f"{told.pid},{os.getpid()}"
        running = command("-j", "--details", "--no-outcomes", "-p", pids)
        running.wait_by_probe()
        told.do("send", int(signal.SIGCONT), 0)
        line: dict[str, Any] = {"sender": {}}
        while line["sender"].get("pid") != told.pid:
            text = running.line()
            line = json.loads(text)
        assert text.isascii()
        assert text.isprintable()
        for end in ("sender", "target"):
            assert line[end].keys() >= _KEYS
            assert line[end]["cmdline"] == [
                argument.decode("utf-8", "backslashreplace") for argument in given(HOSTILE)
            ]
            assert line[end]["parents"][0] == line[end]["parent"]


@pytest.mark.parametrize("option", ["-v", "--details"])
def test_people_see_who_it_is_and_no_raw_byte(command: MakeCommand, option: str) -> None:
    with telling(HOSTILE) as told:
        running = command(option, "-p", str(told.pid))
        running.wait_for_header()
        told.do("send", 0, NOBODY)
        assert " failed ESRCH " in running.line()
        line = running.line()
    assert line.isprintable()
    found = re.search(
        r"^    sender: user \S+ \((\d+)\), .*parent \S+ (\d+).*, command: (.*)$", line
    )
    assert found
    assert (int(found[1]), int(found[2])) == (os.getuid(), os.getpid())
    # A shell takes it for the same arguments.
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {found[3]}"],
        check=True,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert tuple(done.stdout[:-1].split(b"\0")) == given(HOSTILE)


def test_details_without_room_are_counted_each() -> None:
    count = 1000
    # Where there is no room for details any more, there is still some for what is smaller.
    with (
        telling(["told", "x" * 400]) as told,
        telling() as target,
        SignalTracer(
            sender_pid=told.pid, signals=[0, "CONT"], details=True, buffer_size=65536
        ) as tracer,
    ):
        for _ in range(count // 2):
            told.tell("send", 0, NOBODY)
            told.tell("send", int(signal.SIGCONT), target.pid)
        assert [told.answer() for _ in range(count)] == [-errno.ESRCH, 0] * (count // 2)
        tracer.stop()
        events = list(tracer)
        stats = tracer.stats
    told_of = [end for event in events for end in (event.sender, event.target) if end]
    without = sum(end.parents is None for end in told_of)
    assert stats.received == len(events)
    assert stats.received + stats.lost.ring_full == count
    assert stats.lost.ring_full > 0
    assert stats.lost.details == without > 0
    assert stats.lost_total == stats.lost.ring_full + without + stats.lost.skipped
    for event in events:
        assert event.sender.cmdline in (None, ["told", "x" * 400])


def test_what_a_lost_send_leaves_behind_is_given_to_no_other() -> None:
    senders = [Told(["told", f"number {i}"]) for i in range(4)]
    try:
        by_pid = {told.pid: told.process.args for told in senders}
        with SignalTracer(
            sender_pid=list(by_pid), signals=[0, "CONT"], details=True, buffer_size=16384
        ) as tracer:
            received = 0
            for _ in range(10):
                for told in senders:
                    for _ in range(25):
                        told.tell("send", int(signal.SIGCONT), 0)
                        told.tell("send", 0, NOBODY)
                for told in senders:
                    assert [told.answer() for _ in range(50)] == [0, -errno.ESRCH] * 25
                for event in tracer.read(0):
                    received += 1
                    assert event.sender.cmdline in (None, by_pid[known(event.sender.pid)])
                    if event.sender.parents is None:
                        assert event.sender.exe is None
            tracer.stop()
            received += len(list(tracer))
            stats = tracer.stats
        assert stats.received == received
        assert_missing(stats, 10 * 50 * len(senders) - stats.received - stats.lost.ring_full)
        assert stats.lost.ring_full > 0
    finally:
        for told in senders:
            told.close()
