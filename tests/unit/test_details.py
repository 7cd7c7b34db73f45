"""Details decoded from the kernel's records, and command lines looked up where it left them out."""

from __future__ import annotations

import os
import shlex
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop._records import (
    CMDLINE_LEN,
    DETAIL,
    DETAILS_FIELDS,
    DETAILS_FORMAT,
    PARENTS,
    RECORD_TYPE,
    SIDE,
)
from pysigsnoop.details import Ancestor, CommandLines, Details, Program, proc_is_ours, sides
from pysigsnoop.event import Event
from pysigsnoop.text import quoted

from .records import KILL, event

#: What no process has as an argument or in a name: a NUL.
WORDS = st.binary(max_size=30).map(lambda raw: raw.replace(b"\0", b"?"))
NAMES = st.binary(min_size=1, max_size=30).map(lambda raw: raw.translate(None, b"/\0") or b"n")
BOTH = SIDE["sender"] | SIDE["target"]


def details_record(*known: str, cmdline: bytes = b"", exe: bytes = b"", **values: Any) -> bytes:
    """A record of details as the kernel packs it; what is not named is 0."""
    values = {
        "type": RECORD_TYPE["details"],
        "sides": BOTH,
        "known": sum(DETAIL[name] for name in known),
        "cmdline_size": len(cmdline),
        "exe_size": len(exe),
        **{
            name.replace("parents_", "parents.").replace("__", "."): v for name, v in values.items()
        },
    }
    assert values.keys() <= {*DETAILS_FIELDS}
    filled = [values.get(name, b"" if name.endswith("comm") else 0) for name in DETAILS_FIELDS]
    return struct.pack(DETAILS_FORMAT, *filled) + cmdline + exe


def decoded(*known: str, **values: Any) -> Details:
    return Details(details_record(*known, **values))


def packed(arguments: list[bytes]) -> bytes:
    return b"".join(argument + b"\0" for argument in arguments)


@given(st.lists(WORDS, max_size=10))
def test_arguments_come_back_as_they_were(arguments: list[bytes]) -> None:
    found = decoded("cmdline", cmdline=packed(arguments))
    assert found.cmdline == tuple(arguments)
    assert found.cmdline_truncated is False


@given(st.lists(WORDS, min_size=1, max_size=10), st.data())
def test_a_cut_one_is_a_beginning_of_the_arguments(arguments: list[bytes], data: Any) -> None:
    whole = packed(arguments)
    kept = data.draw(st.integers(min_value=1, max_value=len(whole)))
    found = decoded("cmdline", "cmdline_cut", cmdline=whole[:kept])
    assert found.cmdline is not None
    assert found.cmdline_truncated is True
    *all_but_last, last = found.cmdline
    assert all_but_last == arguments[: len(all_but_last)]
    assert arguments[len(all_but_last)].startswith(last)


@given(WORDS, st.binary(max_size=30))
def test_a_title_ends_at_its_nul(title: bytes, behind: bytes) -> None:
    found = decoded("cmdline", "title", cmdline=title + b"\0" + behind)
    assert (found.cmdline, found.cmdline_truncated) == ((title,) if title else (), False)


def test_a_title_without_its_nul_has_more_to_it() -> None:
    found = decoded("cmdline", "title", cmdline=b"t" * CMDLINE_LEN)
    assert (found.cmdline, found.cmdline_truncated) == ((b"t" * CMDLINE_LEN,), True)


@given(st.lists(NAMES, min_size=1, max_size=10), st.lists(WORDS, max_size=3))
def test_a_path_is_turned_round(names: list[bytes], arguments: list[bytes]) -> None:
    exe = packed(list(reversed(names)))
    cmdline = packed(arguments)
    path = b"/" + b"/".join(names)
    both = decoded("cmdline", "exe", cmdline=cmdline, exe=exe)
    assert (both.cmdline, both.exe) == (tuple(arguments), path)
    assert decoded("exe", "exe_cut", exe=exe).exe == path[1:]
    assert decoded("exe", "exe_deleted", exe=exe).exe == path + b" (deleted)"


def test_what_is_not_known_is_none() -> None:
    for nothing in (decoded(), Details(None)):
        assert (nothing.cmdline, nothing.cmdline_truncated, nothing.exe) == (None, None, None)
        assert (nothing.loginuid, nothing.sessionid) == (None, None)
        assert nothing.elsewhere is None
    assert decoded().parents == ()
    assert Details(None).parents is None


def test_a_login_that_was_never_set_is_none() -> None:
    found = decoded("login", loginuid=1000, sessionid=3)
    assert (found.loginuid, found.sessionid) == (1000, 3)
    found = decoded("login", loginuid=2**32 - 1, sessionid=2**32 - 1)
    assert (found.loginuid, found.sessionid) == (None, None)


def test_parents_are_as_many_as_were_found() -> None:
    values: dict[str, Any] = {}
    for i in range(PARENTS):
        values |= {f"parents_{i}__pid": i, f"parents_{i}__host_pid": 100 + i}
        values |= {f"parents_{i}__comm": b"p\xff%d" % i}
    for count in range(PARENTS + 1):
        assert decoded(parent_count=count, **values).parents == tuple(
            Ancestor(i or None, 100 + i, f"p\\xff{i}", b"p\xff%d" % i) for i in range(count)
        )


def test_records_are_sorted_by_end_and_other_kinds_left_alone() -> None:
    sender = details_record("login", sides=SIDE["sender"], loginuid=1)
    target = details_record("login", sides=SIDE["target"], loginuid=2)
    other = struct.pack("=IIQ", 99, BOTH, 7)
    both = sides([other, sender, target])
    assert (both.sender.loginuid, both.target.loginuid) == (1, 2)
    alone = sides([target])
    assert (alone.sender.loginuid, alone.target.loginuid) == (None, 2)
    own = sides([details_record("login", loginuid=3)])
    assert (own.sender.loginuid, own.target.loginuid) == (3, 3)


# Command lines that the kernel left out

PROGRAM = Program(4, 1000, 2000)


def left_out(**values: Any) -> Details:
    return decoded("elsewhere", **{**PROGRAM._asdict(), **values})


def looked_up(details: Details, answers: list[bool], pid: int | None = None) -> list[Any]:
    """What the kernel is asked, when it answers so, about this very process."""
    asked = []

    def still_runs(*identity: int) -> bool:
        asked.append(identity)
        return answers[len(asked) - 1]

    CommandLines(still_runs).complete(details, pid or os.getpid(), 77, 88)
    return asked


def test_it_is_read_where_the_program_is_the_same_before_and_after() -> None:
    details = left_out()
    assert looked_up(details, [True, True]) == [(77, 88, *PROGRAM)] * 2
    raw = Path("/proc/self/cmdline").read_bytes()
    assert details.cmdline == tuple(raw[:CMDLINE_LEN].removesuffix(b"\0").split(b"\0"))
    assert details.cmdline_truncated is (len(raw) > CMDLINE_LEN)


@pytest.mark.parametrize("answers", [[False], [True, False]])
def test_it_is_not_told_where_the_program_is_another(answers: list[bool]) -> None:
    details = left_out()
    assert len(looked_up(details, answers)) == len(answers)
    assert (details.cmdline, details.cmdline_truncated) == (None, None)


def test_it_is_not_looked_for_where_the_kernel_read_it() -> None:
    assert looked_up(decoded("cmdline"), []) == []


def test_it_is_not_told_where_the_process_is_gone() -> None:
    details = left_out()
    assert looked_up(details, [True], pid=2**22 + 1) == [(77, 88, *PROGRAM)]
    assert details.cmdline is None


def test_nothing_read_means_none_only_where_there_was_nothing() -> None:
    details = left_out()
    details.found(b"")
    assert details.cmdline is None
    details = left_out(arg_end=PROGRAM.arg_start)
    details.found(b"")
    assert details.cmdline == ()


@pytest.mark.parametrize(
    ("line", "ours"), [("NSpid:\t5\n", True), ("NSpid:\t812\t5\n", False), ("", True)]
)
def test_proc_of_another_namespace_is_not_used(tmp_path: Path, line: str, ours: bool) -> None:
    status = tmp_path / "status"
    status.write_text(f"Name:\tx\nPid:\t5\n{line}")
    assert proc_is_ours(status) is ours


def test_without_proc_it_is_not_used(tmp_path: Path) -> None:
    assert proc_is_ours(tmp_path / "none") is False


# Events and lines


def detailed(*companions: bytes, **changed: Any) -> Event:
    plain = event(KILL, **changed)
    return Event(plain._record, 0, sides(companions))


def test_an_event_has_the_keys_where_details_were_asked_for_even_if_lost() -> None:
    keys = {"cmdline", "cmdline_truncated", "exe", "parents", "loginuid", "sessionid"}
    without = event(KILL).as_dict()
    assert not keys & without["sender"].keys()
    lost = detailed().as_dict()
    for end in ("sender", "target"):
        assert lost[end].keys() == without[end].keys() | keys
        assert {lost[end][key] for key in keys} == {None}


def test_text_is_text_whatever_the_bytes() -> None:
    raw = details_record("cmdline", "exe", cmdline=b"\xff\0z\xc5\xbc\0", exe=b"\xfe\0")
    told = detailed(raw).as_dict()["sender"]
    assert told["cmdline"] == ["\\xff", "z\u017c"]
    assert told["exe"] == "/\\xfe"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])), max_size=5))
def test_printable_arguments_are_quoted_as_a_shell_reads_them(words: list[str]) -> None:
    if any("\\" in word for word in words):
        return
    assert shlex.split(quoted(word.encode() for word in words)) == words


@given(st.lists(WORDS, max_size=5))
def test_nothing_raw_is_printed_of_a_command_line(arguments: list[bytes]) -> None:
    assert quoted(arguments).isprintable()
