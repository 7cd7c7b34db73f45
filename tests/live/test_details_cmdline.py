"""The sender's command line, as its memory held it when it sent."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from pysigsnoop import Event, Process, SignalTracer
from pysigsnoop._records import CMDLINE_LEN

from .actors import all_events, sender_of, the_one
from .senders import NOBODY
from .told import Told, known, telling

HOSTILE: list[str | bytes] = [
    *("told", "two words", "", "line\nbreak", "\x1b[31mred", "it's", '"', "\\x41", "zażółć"),
    *(b"\xff\xfe\x80", "\u202e", "last", ""),
]


def sent_by(told: Told, order: tuple[object, ...] = ("send", 0, NOBODY)) -> Process:
    """The sender of one call, as told to a tracer with details."""
    with SignalTracer(sender_pid=told.pid, signals=[0, "CONT"], details=True) as tracer:
        told.do(*order)
        return sender_of(the_one(all_events(tracer)))


def given(arguments: list[str | bytes]) -> tuple[bytes, ...]:
    return tuple(os.fsencode(argument) for argument in arguments)


def test_a_kill_that_lives_a_millisecond_is_named(sleeper: subprocess.Popen[bytes]) -> None:
    command = ["/bin/kill", "-CONT", str(sleeper.pid)]
    with SignalTracer(target_pid=sleeper.pid, signals="CONT", details=True) as tracer:
        subprocess.run(command, check=True)
        # It is gone by the time that anybody looks.
        sender = sender_of(the_one(all_events(tracer)))
    assert (sender.cmdline, sender.cmdline_truncated) == (command, False)
    assert sender.exe == str(Path("/bin/kill").resolve())
    assert known(sender.parents)[0].pid == os.getpid()


@pytest.mark.parametrize(
    "order", [("send", 0, NOBODY), ("send", int(signal.SIGCONT), 0)], ids=["failed", "generated"]
)
def test_arguments_are_told_byte_by_byte(order: tuple[object, ...]) -> None:
    with telling(HOSTILE) as told:
        sender = sent_by(told, order)
        assert sender.cmdline_bytes == given(HOSTILE)
        assert sender.cmdline == [
            argument.decode("utf-8", "backslashreplace") for argument in given(HOSTILE)
        ]
        assert sender.cmdline_truncated is False
        assert b"\0".join([*known(sender.cmdline_bytes), b""]) == told.cmdline()


@pytest.mark.parametrize("length", [CMDLINE_LEN - 6, CMDLINE_LEN - 5, 5000, 100_000])
def test_a_long_one_is_cut_and_told_to_be(length: int) -> None:
    arguments: list[str | bytes] = ["told", "x" * length]
    with telling(arguments) as told:
        sender = sent_by(told)
    whole = b"".join(argument + b"\0" for argument in given(arguments))
    kept = sender.cmdline_bytes
    assert sender.cmdline_truncated is (len(whole) > CMDLINE_LEN)
    if sender.cmdline_truncated:
        assert kept == tuple(whole[:CMDLINE_LEN].split(b"\0"))
    else:
        assert kept == given(arguments)


def test_a_cut_between_two_arguments_adds_none() -> None:
    arguments: list[str | bytes] = ["told", "x" * (CMDLINE_LEN - 6), "more"]
    with telling(arguments) as told:
        sender = sent_by(told)
    assert (sender.cmdline_bytes, sender.cmdline_truncated) == (given(arguments[:2]), True)


def test_one_without_arguments_is_told_as_the_kernel_starts_it() -> None:
    # 5.18 and newer put an empty string in the place of none.
    with telling([""]) as told:
        assert sent_by(told).cmdline == [""]


@pytest.mark.parametrize("room", [{}, {"ROOM": "y" * 2000}], ids=["at the stack's end", "below"])
def test_a_title_written_over_the_arguments_is_what_is_told(room: dict[str, str]) -> None:
    with telling(["told", "some", "arguments to write over"], environment=room) as told:
        assert told.do("title", b"a title".hex()) == 0
        sender = sent_by(told)
        # The rest was zeroed, so to the kernel these are empty arguments.
        shown, *rest = known(sender.cmdline_bytes)
        assert shown == b"a title"
        assert set(rest) == {b""}
        assert b"\0".join([shown, *rest, b""]) == told.cmdline()


def test_a_title_written_beyond_the_arguments_is_one_string() -> None:
    title = b"a title longer than all arguments\xff"
    with telling(["told"], environment={"ROOM": "y" * 2000}) as told:
        assert told.do("overflow", title.hex()) == 0
        sender = sent_by(told)
        assert (sender.cmdline_bytes, sender.cmdline_truncated) == ((title,), False)
        assert told.cmdline().removesuffix(b"\0") == title
        assert told.do("overflow", (b"t" * 900).hex()) == 0
        sender = sent_by(told)
        assert (sender.cmdline_bytes, sender.cmdline_truncated) == ((b"t" * CMDLINE_LEN,), True)


def test_an_interpreter_is_what_runs_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\nkill -0 $1 || :\n")
    script.chmod(0o755)
    with SignalTracer(origins="kill", target_pid=NOBODY, details=True) as tracer:
        subprocess.run([script, str(NOBODY)], check=True, stderr=subprocess.DEVNULL)
        sender = sender_of(the_one(all_events(tracer)))
    assert sender.cmdline == ["/bin/sh", "-e", str(script), str(NOBODY)]
    assert sender.exe == str(Path("/bin/sh").resolve())
    assert sender.comm == "script"


def test_who_exits_has_no_memory_left_to_read() -> None:
    with SignalTracer(target_pid=os.getpid(), origins="child", details=True) as tracer:
        with telling(["told", "argument"]) as told:
            pid = told.pid
            threads = told.do("threads", 2)
        event = the_one([each for each in all_events(tracer) if sender_of(each).pid == pid])
    assert threads == 0
    sender = sender_of(event)
    assert (sender.cmdline, sender.cmdline_truncated, sender.exe) == (None, None, None)
    assert known(sender.parents)[0].pid == os.getpid()


def test_several_senders_at_once_are_never_mixed_up() -> None:
    senders = [Told(["told", f"number {i}", "z" * 50 * i]) for i in range(6)]
    try:
        by_pid = {told.pid: told.process.args for told in senders}
        with SignalTracer(
            sender_pid=list(by_pid), signals=[0, "CONT"], details=True, buffer_size=1 << 25
        ) as tracer:
            for _ in range(200):
                for told in senders:
                    told.tell("send", 0, NOBODY)
                    told.tell("send", int(signal.SIGCONT), 0)
            for told in senders:
                assert [told.answer() for _ in range(400)] == [-3, 0] * 200
            events: list[Event] = all_events(tracer)
        # Kernel 7.3 can preempt a program; whom it lets run meanwhile on that CPU, it skips.
        assert 0 <= 400 * len(senders) - len(events) <= tracer.stats.lost.skipped
        for event in events:
            assert event.sender.cmdline == by_pid[known(event.sender.pid)]
            if event.target:
                assert event.target.cmdline == event.sender.cmdline
    finally:
        for told in senders:
            told.close()
