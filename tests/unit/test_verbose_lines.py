"""Who both ends are, below a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop import Event
from pysigsnoop._records import SIDE
from pysigsnoop.details import sides
from pysigsnoop.text import quoted
from pysigsnoop.users import name_of_user, uids_are_ours
from pysigsnoop.verbose_lines import Verbose

from .records import KILL, end, event, known
from .test_details import WORDS, details_record, packed

USERS = {1000: "ala", 1001: "b\x1bd"}


def detailed(*companions: bytes, **changed: Any) -> Event:
    return Event(event(KILL, **changed)._record, 0, sides(companions))


def lines(told: Any) -> list[str]:
    return Verbose(USERS.get).lines(told)


def test_both_ends_are_told() -> None:
    sender = details_record(
        *("cmdline", "login"),
        sides=SIDE["sender"],
        cmdline=b"kill\0-9\0a b\0",
        loginuid=7,
        parent_count=2,
        parents_0__pid=11,
        parents_0__comm=b"sshd",
        parents_1__comm=b"init",
    )
    assert lines(detailed(sender)) == [
        "    sender: user ala (1000), login 7, parent sshd 11 < init -, command: kill -9 'a b'",
        "    target: user b\\x1bd (1001), parent init -",
    ]


def test_a_process_that_signals_itself_is_told_once() -> None:
    told = detailed(target_host_pid=5978, target_start_ns=4_000_000_000)
    assert lines(told) == ["    itself: user ala (1000), parent sshd 11"]


def test_names_that_differ_never_look_alike_nor_are_they_escaped_twice() -> None:
    # A byte that is no UTF-8, and the four characters that such a byte is shown as.
    for name, shown in ((b"a\xff", "a\\xff"), (b"a\\xff", "a\\\\xff")):
        known = details_record(
            "login", sides=SIDE["sender"], parent_count=1, parents_0__pid=11, parents_0__comm=name
        )
        assert f", parent {shown} 11" in lines(detailed(known))[0]
        assert f", parent {shown} 11" in lines(detailed(**{"sender_parent_comm": name}))[0]


def test_a_users_name_that_is_no_text_is_told() -> None:
    # As pwd decodes it.
    assert "user \\xff (1000)" in Verbose({1000: "\udcff"}.get).lines(event(KILL))[0]


def test_of_the_kernels_own_there_is_one_end() -> None:
    (line,) = lines(detailed(known=known("target", "generated")))
    assert line.startswith("    target: user ")
    assert lines(detailed(known=known("generated"))) == []


def test_a_follow_up_adds_nothing_but_who_it_was_where_no_send_is_known() -> None:
    assert lines(end("death", "killed")) == []
    (line,) = lines(end("death", "killed", no_send="before"))
    assert line == "    target: user b\\x1bd (1001), parent init -"


def test_a_cut_command_line_says_so() -> None:
    raw = details_record("cmdline", "cmdline_cut", cmdline=b"kill\0-")
    assert lines(detailed(raw))[0].endswith(", command: kill - ...")


@given(st.lists(WORDS, max_size=5))
def test_nothing_raw_is_printed_of_a_command_line(arguments: list[bytes]) -> None:
    line = lines(detailed(details_record("cmdline", cmdline=packed(arguments))))[0]
    assert line.isprintable()
    assert line.endswith(f", command: {quoted(arguments)}")


@pytest.mark.parametrize(
    ("uid_map", "ours"),
    [
        ("         0          0 4294967295\n", True),
        ("         0       1000          1\n", False),
        ("0 100000 65536\n65536 0 1\n", False),
    ],
)
def test_names_are_told_only_where_numbers_mean_the_same(
    tmp_path: Path, uid_map: str, ours: bool
) -> None:
    path = tmp_path / "uid_map"
    assert uids_are_ours(path) is False
    path.write_text(uid_map)
    assert uids_are_ours(path) is ours


def test_names_are_those_of_this_machine() -> None:
    assert name_of_user(0) == "root"
    assert name_of_user(2**31 - 3) is None
