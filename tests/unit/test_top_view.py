"""The live view's picture, at the sizes of screens, and what keys make of it."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, Group

from pysigsnoop import Lost
from pysigsnoop.top_choices import HELP, SORTS, Choices
from pysigsnoop.top_table import GROUPS, Tables
from pysigsnoop.top_view import Cost, State, lines

from .test_top_table import death, failed, sent

SIZES = [(80, 24), (200, 60), (100, 30), (40, 10), (1, 1), (7, 3), (300, 4)]
HOSTILE = [
    b"\x1b[2J\x1b]0;x\x07",
    b"two\nlines\r\t",
    b"[red]markup[/]",
    b"[/bold] [link=x]",
    b"\xff\x80\x9b",
    "\u202egnp.exe".encode(),
    "漢字漢字漢".encode(),
    "e\u0301e\u0301e\u0301e\u0301".encode(),
    b"\\x1b[0m",
]


def state(tables: Tables, choices: Choices | None = None, **changed: Any) -> State:
    known = State(tables, choices or Choices(1.0), counted=10, running=3723, clock=0)
    return known._replace(**changed)


def filled() -> Tables:
    """Three senders; one kills, one fails, one is often."""
    tables = Tables()
    tables.add([sent(id=77, sender_pid=501, sender_comm=b"killer"), death()])
    tables.add([failed(sender_pid=502, sender_host_pid=502, sender_comm=b"failer", signo=15)] * 2)
    tables.add(
        [sent(id=9, sender_pid=503, sender_host_pid=503, sender_comm=b"often", fatal=0)] * 30
    )
    tables.tick(2)
    return tables


def exported(found: State, width: int, height: int | None) -> list[str]:
    """The picture as rich prints it on a screen of that width."""
    console = Console(file=io.StringIO(), width=width, height=height or 1000, record=True)
    picture = lines(found, width, height)
    for each in picture:
        each.end = "\n"
    console.print(Group(*picture))
    return console.export_text().removesuffix("\n").split("\n")


def press(choices: Choices, *keys: str) -> None:
    for key in keys:
        choices.press(key)


@pytest.mark.parametrize("comm", HOSTILE)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_picture_fills_the_screen_and_no_more(comm: bytes, width: int, height: int) -> None:
    tables = filled()
    tables.add([sent(sender_host_pid=i, sender_comm=comm, target_comm=comm) for i in range(70)])
    lost = Lost(ring_full=10**9, skipped=10**9)
    for keys in ((), ("g",), ("?",), ("/", "["), ("p", "x")):
        choices = Choices(1.0)
        press(choices, *keys)
        found = exported(
            state(tables, choices, lost=lost, cost=Cost(0.5, 1e6, 10**8)), width, height
        )
        assert len(found) == height
        for line in found:
            assert cell_len(line) <= width
            assert line.isprintable()
            assert "\x1b" not in line


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
def test_who_signals_whom_is_told_below_its_heading(width: int, height: int) -> None:
    title, totals, cost, head, *rows = exported(state(filled()), width, height)
    assert title.startswith("pysigsnoop top  " + time.strftime("%H:%M:%S", time.localtime(0)))
    assert "up 1:02:03  every 1 s" in title
    assert totals.startswith("sends 16.5/s now  3.3/s mean  33 all  failed 2  died 1  lost 0")
    assert cost.startswith("cost 0.0% CPU 0.0 events/s 0 MB")
    assert cost.rstrip().endswith("3 pairs by now")
    at = {name: head.index(name) for name in ("SENDER", "SIGNAL", "TARGET", "FAILED")}
    often, failer, killer = rows[:3]
    for row, pid, name, signal, target, failed_ in (
        (often, 503, "often", "KILL", "2219 sleep", ""),
        (failer, 502, "failer", "TERM", "2219 ", "2 ESRCH"),
        (killer, 501, "killer", "KILL", "2219 sleep", ""),
    ):
        assert row[at["SENDER"] :].startswith(f"{pid:>7} {name} ")
        assert row[at["SIGNAL"] :].startswith(f"{signal} ")
        assert row[at["TARGET"] :].lstrip().startswith(target)
        assert row[at["FAILED"] :].startswith(f"{failed_} ")
    assert often.split()[:3] == ["15.0", "3.0", "30"]
    died = head.index("DIED") + len("DIED")
    assert [row[died - 2 : died] for row in (often, failer, killer)] == ["  ", "  ", " 1"]
    assert ("HOW" in head) == ("LAST" in head) == (width == 200)
    assert rows[-1].startswith("q quit  p pause  s sort")
    assert set(rows[3:-1]) <= {"", " " * width}


def test_plain_text_has_all_rows_and_no_keys() -> None:
    tables = Tables()
    tables.add([sent(sender_host_pid=i) for i in range(90)])
    found = [line.plain for line in lines(state(tables), 80)]
    assert len(found) == 4 + 90
    assert {len(line) for line in found} == {80}


def test_loss_and_its_reason_stand_out() -> None:
    lost = Lost(ring_full=7, skipped=2)
    assert "lost 9 " in exported(state(filled(), lost=lost), 80, 24)[1]
    assert "lost 9 (ring full 7, skipped 2)" in exported(state(filled(), lost=lost), 200, 60)[1]
    (totals,) = lines(state(filled(), lost=lost), 80, 24)[1:2]
    assert any("on red" in str(span.style) for span in totals.spans)


def test_what_a_table_has_no_room_for_is_the_last_row() -> None:
    tables = Tables(limit=4)
    for i in range(40):
        tables.add([sent(sender_host_pid=i, boot_ns=i)])
    # At the end of the list, and also below what fits on the screen.
    for height in (24, 9):
        *_, others, _foot = [line for line in exported(state(tables), 80, height) if line.strip()]
        assert others.split()[-1] == "(others)"
    total = sum(int(line.plain.split()[2]) for line in lines(state(tables), 80)[4:])
    assert total == 40


def names(choices: Choices, tables: Tables) -> list[str]:
    """Whom the rows name as sender, top to bottom."""
    found = lines(state(tables, choices), 80, 24)[4:-1]
    return [line.plain.split()[4] for line in found if line.plain.strip()]


def test_every_order_can_be_chosen_and_reversed() -> None:
    orders = {
        "now": ["often", "failer", "killer"],
        "total": ["often", "failer", "killer"],
        "failed": ["failer", "often", "killer"],
        "died": ["killer", "often", "failer"],
        "sender": ["failer", "killer", "often"],
        "signal": ["often", "killer", "failer"],
    }
    choices, tables = Choices(1.0), filled()
    for sort in SORTS:
        assert choices.sort == sort
        expected = orders.get(sort)
        assert expected is None or names(choices, tables) == expected
        heading = lines(state(tables, choices), 200, 24)[3]
        (marked,) = (span for span in heading.spans if "underline" in str(span.style))
        word = heading.plain[marked.start : marked.end].strip().lower()
        assert word.removesuffix("/s") == sort
        press(choices, "s")
    assert choices.sort == "now"
    press(choices, "r")
    assert names(choices, tables) == ["killer", "failer", "often"]
    press(choices, "S", "r")
    assert choices.sort == "target"


def test_groups_sum_up_and_say_that_the_rest_is_the_latest() -> None:
    choices, tables = Choices(1.0), filled()
    tables.add([sent(sender_pid=502, sender_host_pid=502, sender_comm=b"failer", id=5)])
    seen = {}
    for group in GROUPS:
        assert choices.group == group
        head, *rows = [line.plain for line in lines(state(tables, choices), 120, 24)[3:-1]]
        seen[group] = sorted(int(row.split()[2]) for row in rows if row.strip())
        for name in ("sender", "signal", "target"):
            assert (f"LAST {name.upper()}" in head) == (group not in ("pair", "name", name))
        press(choices, "g")
    assert seen == {
        "pair": [1, 1, 2, 30],
        "name": [1, 1, 2, 30],
        "sender": [1, 3, 30],
        "target": [2, 32],
        "signal": [2, 32],
    }


def test_by_name_processes_that_come_and_go_are_one_row_without_a_number() -> None:
    choices, tables = Choices(1.0), Tables()
    tables.add([sent(sender_host_pid=i, sender_pid=i + 1, target_host_pid=i) for i in range(40)])
    tables.add([sent(signo=15), failed(target_arg=-5)])
    press(choices, "g")
    found = [line.plain.split()[2:6] for line in lines(state(tables, choices), 80, 24)[4:-1]]
    assert [row for row in found if row] == [
        ["40", "bash", "KILL", "sleep"],
        ["1", "bash", "TERM", "sleep"],
        ["1", "bash", "KILL", "-5"],
    ]
    assert len(tables.of["pair"].rows) == 42


def test_rows_are_found_by_text_by_failure_and_by_death() -> None:
    choices, tables = Choices(1.0), filled()
    press(choices, "/", *"SLEEPq", "backspace", "x")
    # While typed, keys are text.
    assert (choices.find, choices.failed_only, choices.ended) == ("SLEEPx", False, False)
    press(choices, "backspace")
    assert sorted(names(choices, tables)) == ["killer", "often"]
    assert "find: SLEEP" in lines(state(tables, choices), 80, 24)[-1].plain
    press(choices, "enter")
    told = lines(state(tables, choices), 80, 24)[2].plain
    assert "2 of 3 pairs with 'SLEEP' by now" in told
    press(choices, "escape", "x")
    assert names(choices, tables) == ["failer"]
    press(choices, "x", "d")
    assert names(choices, tables) == ["killer"]
    press(choices, "d", "/", *"esrch", "enter")
    assert names(choices, tables) == ["failer"]
    press(choices, "/", "clear", "x", "escape")
    assert choices.find == ""
    assert len(names(choices, tables)) == 3


def test_the_list_moves_and_stops_at_its_ends() -> None:
    tables = Tables()
    tables.add([sent(sender_host_pid=i, sender_pid=1000 + i, boot_ns=99 - i) for i in range(50)])
    choices = Choices(1.0)

    def seen() -> list[int]:
        found = lines(state(tables, choices), 80, 15)[4:-1]
        return [int(line.plain.split()[3]) for line in found if line.plain.strip()]

    whole = [*range(1000, 1050)]
    assert seen() == whole[:10]
    for keys, first in (
        (["down", "j"], 2),
        (["up", "k", "up"], 0),
        (["page down"], 10),
        (["page down"] * 9, 40),
        (["page up"], 30),
        (["end"], 40),
        (["home"], 0),
    ):
        press(choices, *keys)
        assert seen() == whole[first : first + 10]


def test_the_help_names_every_key_and_goes_away() -> None:
    choices, tables = Choices(1.0), filled()
    press(choices, "?")
    for width, height in ((80, 24), (200, 60)):
        found = [line.plain.rstrip() for line in lines(state(tables, choices), width, height)]
        assert (
            "  NOW/S: sends a second between the last two frames; MEAN/S: since start or z."
            in found
        )
        for keys, what in HELP:
            assert any(line.split() == f"{keys} {what}".split() for line in found)
    press(choices, "q")
    assert (choices.help, choices.ended) == (False, False)
    press(choices, "q")
    assert choices.ended


def test_the_pace_has_limits() -> None:
    choices = Choices(1.0)
    press(choices, "+")
    assert choices.interval == 0.5
    press(choices, *["+"] * 50)
    assert choices.interval == 0.1
    press(choices, *["-"] * 50)
    assert choices.interval == 60


@given(
    st.lists(
        st.sampled_from(["q", "p", "s", "r", "g", "/", "x", "d", "z", "+", "-", "?"])
        | st.text(max_size=1)
        | st.sampled_from(["up", "down", "page up", "page down", "home", "end", "escape", "enter"])
    ),
    st.integers(1, 250),
    st.integers(1, 70),
)
def test_whatever_is_typed_there_is_a_picture(keys: list[str], width: int, height: int) -> None:
    choices = Choices(1.0)
    press(choices, *keys)
    found = lines(state(filled(), choices), width, height)
    assert len(found) == height
    assert all(line.cell_len == width for line in found)
