"""Chosen fields, as columns, as JSON and as CSV; and that they are those of the JSON form."""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from pysigsnoop import Event, Lost, fields, loss
from pysigsnoop._records import KNOWN, ORIGIN
from pysigsnoop.chosen_columns import TextColumns, chosen_objects
from pysigsnoop.clock_text import clock
from pysigsnoop.csv_lines import CsvLines
from pysigsnoop.details import sides
from pysigsnoop.terminal import Screen

from .records import EVERYTHING, KILL, end, event
from .test_details import details_record, packed


def leaves(line: dict[str, Any], before: str = "") -> Iterator[str]:
    for key, value in line.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{before}{key}.")
        else:
            yield before + key


def detailed(*arguments: bytes, **changed: Any) -> Event:
    record = event(KILL, **changed)._record
    details = details_record("cmdline", cmdline=packed([*arguments]))
    return Event(record, 0, sides([details]), None)


OOM = {"origin": ORIGIN["oom"], "known": EVERYTHING & ~KNOWN["sender"]}
LINES = [
    event(KILL).as_dict() | {"stack": None},
    detailed(b"sleep").as_dict(),
    event(KILL, **OOM).as_dict(),
    end("delivery", "handler").as_dict(),
    end("death", "killed").as_dict(),
    loss.as_dict(Lost(ring_full=1)),
]


def test_the_fields_are_the_keys_of_the_json_form_and_no_others() -> None:
    known = {name for line in LINES for name in leaves(line)}
    # What is null stands for the object that it would be.
    objects = {"sender", "oom", "oom.allocator"}
    every = fields.every(details=True, stacks=True)
    assert sorted(every) == sorted(known - objects)
    for name in (*objects, "sender.parent", "target", "target.parent"):
        assert fields.chosen(name) == [name]
    without = {*every} - {*fields.every(details=False, stacks=False)}
    assert {name.rpartition(".")[2] for name in without} == {
        *("cmdline", "cmdline_truncated", "exe", "parents", "loginuid", "sessionid", "stack")
    }
    assert fields.need_details(["type", "target.exe"])
    assert not fields.need_details(["type", "target.comm"])


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("comm", ["sender.comm", "target.comm"]),
        ("pid", ["sender.pid", "target.pid"]),
        ("sender.cmd", ["sender.cmdline", "sender.comm"]),
        ("singal", ["signal"]),
        ("taget.pid", ["target.pid"]),
        ("SIGNAL", ["signal"]),
        ("sig", ["signal", "signo"]),
        ("foo", ["type", "time"]),
        ("qqqq", ["type", "time"]),
        ("", ["type", "time"]),
    ],
)
def test_a_wrong_field_is_an_error_that_names_the_nearest(wrong: str, nearest: list[str]) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as error:
        fields.chosen(f"time,{wrong}")
    said, hint = str(error.value).split("\n")
    assert said == f"no field is called {wrong!r}"
    for name in nearest:
        assert name in hint.partition("hint: ")[2].split(", ")


def table(names: str) -> TextColumns:
    return TextColumns(fields.chosen(names), clock("utc"), Screen(None, "never"))


def test_values_stand_below_the_names_of_their_fields() -> None:
    told = table("time,sender.comm,target.pid,signal,outcome,blocked,delay_ns")
    lines = [told.header, *told.lines([event(KILL), end("death", "killed")])]
    assert lines == [
        "TIME          SENDER.COMM     TARGET.PID SIGNAL      OUTCOME   BLOCKED DELAY_NS",
        "00:00:05.000Z bash            2219       SIGKILL     pending   false   -",
        "00:00:05.000Z -               2219       SIGKILL     -         -       136000",
    ]


def test_what_processes_choose_is_escaped_once_from_what_the_kernel_holds() -> None:
    told = table("sender.comm,sender.parent.comm,sender.cmdline")
    lines = told.lines(
        [
            detailed(b"a\xff", sender_comm=b"a\xff", sender_parent_comm=b"p\xff"),
            detailed(b"a\\xff", sender_comm=b"a\\xff", sender_parent_comm=b"p\\xff"),
        ]
    )
    assert [line.split() for line in lines] == [
        ["a\\xff", "p\\xff", "$'a\\xff'"],
        ["a\\\\xff", "p\\\\xff", "$'a\\\\xff'"],
    ]


def test_a_wider_value_widens_its_column_for_what_follows() -> None:
    told = table("ret,signal")
    lines = told.lines([event(KILL), event(KILL, ret=-123_456), event(KILL)])
    assert [line.index("SIGKILL") for line in lines] == [4, 8, 8]
    # But not without end.
    told = table("sender.cmdline,signal")
    lines = told.lines([detailed(b"x" * 100), detailed(b"y")])
    assert [line.index("SIGKILL") for line in lines] == [101, 41]


def test_objects_and_lists_are_shown_whole() -> None:
    told = table("target.parent,sender.cmdline,sender.parents")
    (line,) = told.lines([detailed(b"sh", b"-c", b"a b")])
    assert '{"pid": null, "host_pid": 1, "comm": "init"}' in line
    assert "sh -c 'a b'" in line
    assert line.endswith(" []")


HOSTILE = [
    b"\x1b[31mred\x07",
    b"two\nlines",
    b'a","b',
    "\u202eabc".encode(),
    b"\xff",
    b"\\x1b",
    b"",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_of_a_name_comes_raw_in_any_form(name: bytes) -> None:
    names = ["sender.comm", "target.comm", "sender.cmdline", "sender"]
    told = detailed(name or b"x", sender_comm=name, target_comm=name)
    (line,) = table(",".join(names)).lines([told])
    assert line.isprintable()
    for made in (chosen_objects(names)(told), CsvLines(names).event(told)):
        assert made.isascii()
        assert made.isprintable()


@pytest.mark.parametrize("name", [*HOSTILE, b"=1+1", b"+1", b"-1", b"@x", b"null", b" a "])
def test_csv_gives_back_what_the_json_form_says(name: bytes) -> None:
    names = fields.every(details=True, stacks=True)
    told = detailed(name, sender_comm=name)
    lines = CsvLines(names)
    (row,) = csv.DictReader(io.StringIO(f"{lines.header}\n{lines.event(told)}\n"))
    whole = told.as_dict()
    for field, cell in row.items():
        value = fields.value_of(whole, field)
        if isinstance(value, str):
            # No spreadsheet takes it for a formula.
            assert cell[:1] not in {"=", "+", "-", "@"}
            assert json.loads(f'"{cell}"') == value
        else:
            assert (json.loads(cell) if cell else None) == value


def test_csv_tells_each_kind_of_line_in_the_same_columns() -> None:
    lines = CsvLines(fields.every(details=False, stacks=False))
    text = [
        lines.header,
        lines.event(event(KILL)),
        lines.event(end("death", "killed")),
        lines.lost(Lost(ring_full=7, answers=2)),
    ]
    send, death, lost = csv.DictReader(io.StringIO("\n".join(text)))
    assert (send["type"], send["sender.parent.comm"], send["ret"]) == ("send", "sshd", "0")
    assert (death["type"], death["send_id"], death["sender.comm"]) == ("death", "77", "")
    assert (lost["type"], lost["lost"], lost["ring_full"]) == ("lost", "9", "7")
    assert lines.tells_loss
    assert not CsvLines(["type", "time"]).tells_loss


def test_json_can_have_chosen_keys_only() -> None:
    line = chosen_objects(["signal", "sender.comm", "sender.parent"])(event(KILL))
    assert json.loads(line) == {
        "signal": "SIGKILL",
        "sender.comm": "bash",
        "sender.parent": {"pid": 11, "host_pid": 5977, "comm": "sshd"},
    }
