"""Lines for people and for programs."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pysigsnoop import Event, Lost, Stats, sinks
from pysigsnoop._records import ORIGIN
from pysigsnoop.trace_assembly import Call

from . import records
from .records import KILL, known

# A call that reached nobody, with everything as wide as it can be.
WIDEST = {
    **KILL,
    "origin": ORIGIN["rt_tgsigqueueinfo"],
    "signo": 64,
    "target_arg": -4_194_304,
    "ret": -11,
    "known": known("sender", "argument", "ret", "recipients"),
    "sender.pid": 2**22,
    "sender.comm": b"123456789012345\0",
}


def event(**changed: Any) -> Event:
    return records.event(WIDEST, **changed)


def reached(**changed: Any) -> Event:
    return records.event(KILL, **changed)


def columns(line: str) -> dict[str, str]:
    """What stands under each name of the header; a column reaches to where the next may begin."""
    header = sinks.HEADER
    begin = {"TIME": 0, "PID": 13, "COMM": 21, "HOW": 37, "SIGNAL": 48, "TARGET": 60, "RESULT": 69}
    # Words begin where their names do; numbers end there.
    for name in ("TIME", "COMM", "HOW", "SIGNAL", "RESULT"):
        assert header.index(name) == begin[name]
    assert header.index("PID") + len("PID") == begin["COMM"] - 1
    assert header.index("TARGET") + len("TARGET") == begin["RESULT"] - 1
    ends = [*list(begin.values())[1:], len(line) + 1]
    assert all(line[end - 1 : end] in (" ", "") for end in ends)
    return {name: line[at : end - 1] for (name, at), end in zip(begin.items(), ends, strict=True)}


@pytest.mark.parametrize("origin", [name for name, number in ORIGIN.items() if number])
@pytest.mark.parametrize("error", [-11, -1, -95])
def test_the_widest_line_is_below_80_columns(origin: str, error: int) -> None:
    assert len(sinks.HEADER) < 80
    line = sinks.text_line(event(origin=ORIGIN[origin], ret=error))
    assert len(line) < 80
    assert columns(line)["SIGNAL"] == "SIGRTMIN+30"


@pytest.mark.parametrize("pid", [0, 1, 2**22])
@pytest.mark.parametrize("signo", [0, 9, 26, 33, 64, 65, -1])
@pytest.mark.parametrize("target", [0, -1, 2219, -4_194_304])
def test_values_stand_under_their_names(pid: int, signo: int, target: int) -> None:
    found = event(sender_pid=pid, signo=signo, target_arg=target, ret=-3, sender_comm=b"a b")
    shown = columns(sinks.text_line(found))
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}", shown["TIME"])
    assert shown["PID"] == f"{pid or '-':>7}"
    assert shown["COMM"] == "a b".ljust(15)
    assert shown["HOW"] == "tgsigqueue"
    assert shown["SIGNAL"].rstrip() == (found.signal.name or str(signo))
    assert shown["TARGET"] == f"{target:>8}"
    assert shown["RESULT"] == "ESRCH"


@pytest.mark.parametrize(
    ("changed", "target"),
    [
        ({}, "2219"),
        # The process reached, whatever the argument was.
        ({"target_arg": -1}, "2219"),
        # Reached, and not in sight from here: the argument is another namespace's number.
        ({"target_pid": 0, "target_arg": 5}, "-"),
        ({"target_pid": 0, "known": known("target", "generated")}, "-"),
        ({"known": known("sender", "argument", "ret"), "target_arg": -1}, "-1"),
    ],
)
def test_the_target_is_the_process_reached_or_else_the_argument(
    changed: dict[str, Any], target: str
) -> None:
    assert columns(sinks.text_line(reached(**changed)))["TARGET"].strip() == target


@pytest.mark.parametrize(
    ("origin", "how"),
    [
        ("kill", "kill"),
        ("rt_sigqueueinfo", "sigqueue"),
        ("rt_tgsigqueueinfo", "tgsigqueue"),
        ("pidfd_send_signal", "pidfd"),
        ("parent-death", "parent"),
        ("cgroup.kill", "cgroup"),
        ("fault", "fault"),
    ],
)
def test_the_origin_is_told_in_a_word_that_fits(origin: str, how: str) -> None:
    assert columns(sinks.text_line(reached(origin=ORIGIN[origin])))["HOW"].strip() == how


def test_without_a_sender_nobody_is_named() -> None:
    line = sinks.text_line(reached(origin=ORIGIN["fault"], known=known("target", "generated")))
    shown = columns(line)
    assert (shown["PID"].strip(), shown["COMM"].strip()) == ("-", "-")
    assert "bash" not in line


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "fatal"),
        ({"fatal": 0}, "queued"),
        ({"blocked": 1}, "blocked"),
        ({"result": 1}, "ignored"),
        ({"result": 2}, "pending"),
        ({"result": 3, "ret": -11}, "EAGAIN"),
        ({"result": 4}, "lost info"),
        ({"ret": -1, "known": known("sender", "argument", "ret")}, "EPERM"),
        # Signal 0: the call succeeded, and nothing was sent.
        ({"ret": 0, "signo": 0, "known": known("sender", "target", "argument", "ret")}, "0"),
    ],
)
def test_the_answer_is_one_word(changed: dict[str, Any], answer: str) -> None:
    assert columns(sinks.text_line(reached(**changed)))["RESULT"] == answer


HOSTILE = [b"\x1b[2J\n\xff\r", "\u202eabc".encode(), b"\x85\\", b'"}\n{"']


@pytest.mark.parametrize("comm", HOSTILE)
def test_a_hostile_name_stays_on_its_line_and_prints(comm: bytes) -> None:
    assert sinks.text_line(event(sender_comm=comm)).isprintable()
    assert sinks.original_line(Call(1, comm, 9, 2, 0)).isprintable()


@pytest.mark.parametrize("comm", HOSTILE)
def test_json_is_one_valid_ascii_line_whatever_the_name(comm: bytes) -> None:
    found = event(sender_comm=comm)
    line = sinks.json_lines().event(found)
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == found.as_dict()


def test_the_original_line_is_the_originals() -> None:
    line = sinks.original_line(Call(5978, b"bash", 9, 2219, 0))
    assert line == "PID 5978 (bash) sent signal 9 to PID 2219, ret = 0"
    assert sinks.original_line(Call(5978, b"bash", 9, 2219, -3)).endswith(", ret = -3")


@pytest.mark.parametrize(
    ("stats", "limited", "line"),
    [
        (Stats(), False, "0 received, 0 lost"),
        (Stats(118), False, "118 received, 0 lost"),
        (Stats(1, filtered=9, in_flight=2), False, "1 received, 0 lost, 2 in flight"),
        (
            Stats(1, lost=Lost(1, 2, 4, 8, 16)),
            False,
            "1 received, 31 lost (ring full 1, table full 2, answers 4, skipped 8, unread 16)",
        ),
        (Stats(5, lost=Lost(unread=8)), True, "5 received, 0 lost, 8 unread"),
        (
            Stats(5, lost=Lost(ring_full=2, unread=8)),
            True,
            "5 received, 2 lost (ring full 2), 8 unread",
        ),
    ],
)
def test_the_closing_line_tells_the_counts_and_the_reasons(
    stats: Stats, limited: bool, line: str
) -> None:
    assert sinks.summary(stats, limited=limited) == line


def test_a_loss_is_told_by_reason_in_either_form() -> None:
    lost = Lost(ring_full=7, answers=2)
    assert sinks.text_loss(lost) == "-- 9 lost (ring full 7, answers 2)"
    line = json.loads(sinks.json_lines().lost(lost))
    assert line["type"] == "lost"
    assert (line["lost"], line["ring_full"], line["answers"], line["skipped"]) == (9, 7, 2, 0)
