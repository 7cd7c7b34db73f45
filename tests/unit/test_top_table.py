"""The live view's tables: what is counted where, and that nothing is left out."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from pysigsnoop import Death, Delivery, Event
from pysigsnoop._records import (
    ACTION,
    END_FIELDS,
    END_FORMAT,
    NO_SEND,
    ORIGIN,
    RECORD_TYPE,
)
from pysigsnoop.ends import Began
from pysigsnoop.top_table import GROUPS, Row, Tables

from . import records
from .records import KILL, known

# A call that reached nobody.
FAILED = {**KILL, "ret": -3, "known": known("sender", "argument", "ret", "recipients")}


def sent(**changed: Any) -> Event:
    return records.event(KILL, **changed)


def failed(**changed: Any) -> Event:
    return records.event(FAILED, **changed)


def death(kind: type[Death] | type[Delivery] = Death, **values: Any) -> Any:
    """The end of the target of KILL."""
    filled = {
        "type": RECORD_TYPE["death" if kind is Death else "delivery"],
        "send_id": 77,
        "signo": 9,
        "action": ACTION["killed"],
        "no_send": NO_SEND["sent"],
        "target.host_pid": 3219,
        "target.start_ns": 4_500_000_000,
        "target.pid": 2219,
        "target.comm": b"sleep",
    } | values
    packed = [filled.get(name, b"" if name.endswith("comm") else 0) for name in END_FIELDS]
    return kind(struct.pack(END_FORMAT, *packed), 0, Began(0, False))


def the_row(tables: Tables, group: str) -> Row:
    (row,) = tables.of[group].rows.values()
    return row


def sums(tables: Tables, group: str, what: str) -> int:
    table = tables.of[group]
    return sum(getattr(row, what) for row in (*table.rows.values(), table.others))


def test_a_send_counts_once_in_each_table() -> None:
    tables = Tables()
    tables.add([sent(), sent(id=78), failed(id=79)])
    for group in GROUPS:
        assert sums(tables, group, "total") == tables.total.total == 3
        assert sums(tables, group, "failed") == tables.total.failed == 1
    row = the_row(tables, "sender")
    assert (row.sender.pid, row.sender.comm, row.sender.uid) == (12, b"bash", 1000)
    assert (row.how, row.errors, row.signal) == ({"kill"}, {"ESRCH": 1}, "KILL")
    # A target that was reached, and the same number where nothing was.
    assert [r.target.word for r in tables.of["target"].rows.values()] == ["", "2219"]


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_however_the_sends_are_batched_the_tables_are_the_same(batch: int) -> None:
    events = [
        sent(id=i + 1, sender_host_pid=i % 3, signo=1 + i % 4, boot_ns=i, ret=-(i % 2))
        for i in range(100)
    ]
    tables = Tables()
    for at in range(0, len(events), batch):
        tables.add(events[at : at + batch])
    assert {key: row.total for key, row in tables.of["sender"].rows.items()} == {
        (0, 4_000_000_000): 34,
        (1, 4_000_000_000): 33,
        (2, 4_000_000_000): 33,
    }
    assert len(tables.of["pair"].rows) == 12
    assert tables.total.errors == {"EPERM": 50}
    assert max(row.last_ns for row in tables.of["signal"].rows.values()) == 99


def test_where_nobody_sent_the_reason_stands_for_the_sender() -> None:
    tables = Tables()
    none = known("target", "generated")
    tables.add([sent(origin=ORIGIN["fault"], known=none), sent(origin=ORIGIN["oom"], known=none)])
    assert [row.sender.word for row in tables.of["sender"].rows.values()] == ["(fault)", "(oom)"]


def test_a_pidfd_that_reached_nobody_is_not_taken_for_a_pid() -> None:
    tables = Tables()
    tables.add([failed(origin=ORIGIN["pidfd_send_signal"], target_arg=5), failed(target_arg=5)])
    assert [row.target.word for row in tables.of["target"].rows.values()] == ["pidfd 5", "5"]


def test_a_process_that_renames_itself_is_one_and_a_later_one_of_its_number_another() -> None:
    tables = Tables()
    tables.add([sent(sender_comm=b"one"), sent(sender_comm=b"two")])
    assert the_row(tables, "sender").sender.comm == b"two"
    tables.add([sent(sender_start_ns=1)])
    assert len(tables.of["sender"].rows) == 2


def test_a_death_counts_where_its_send_does() -> None:
    tables = Tables()
    tables.add([sent(id=77), sent(id=78, sender_host_pid=1)])
    tables.add([death(Delivery), death()])
    assert (tables.taken, tables.total.died) == (1, 1)
    for group in GROUPS:
        assert sums(tables, group, "died") == 1
    assert [row.died for row in tables.of["sender"].rows.values()] == [1, 0]
    # Told once more, it is of a send that is not remembered: among the others, where it must be.
    tables.add([death()])
    assert tables.of["sender"].others.died == tables.of["pair"].others.died == 1
    assert tables.of["target"].others.died == tables.of["signal"].others.died == 0


def test_a_death_that_no_send_caused_says_why_in_the_senders_place() -> None:
    tables = Tables()
    tables.add([death(send_id=0, no_send=NO_SEND["before"])])
    row = the_row(tables, "pair")
    assert (row.sender.word, row.target.comm, row.signal) == ("(before)", b"sleep", "KILL")
    assert (row.total, row.died) == (0, 1)


def test_rates_are_of_the_time_between_two_ticks() -> None:
    tables = Tables()
    tables.add([sent(id=i + 1) for i in range(10)])
    tables.tick(2)
    assert the_row(tables, "pair").now == tables.total.now == 5
    tables.tick(1)
    assert the_row(tables, "pair").now == tables.total.now == 0
    assert tables.total.total == 10


def test_a_new_process_for_each_signal_fills_no_memory_and_nothing_is_left_out() -> None:
    tables = Tables(limit=10)
    heavy = [sent(sender_host_pid=1, target_host_pid=1) for _ in range(50)]
    tables.add(heavy)
    for i in range(500):
        errors = {"ret": -1, "known": KILL["known"]} if i % 5 == 0 else {}
        tables.add(
            [sent(id=i + 1, sender_host_pid=100 + i, target_host_pid=100 + i, boot_ns=i, **errors)]
        )
        for group in GROUPS:
            assert len(tables.of[group].rows) <= 20
    tables.tick(1)
    for group in GROUPS:
        assert sums(tables, group, "total") == 550
        assert sums(tables, group, "failed") == 100
        assert (
            sum(r.now for r in tables.of[group].rows.values()) + tables.of[group].others.now == 550
        )
    assert tables.of["sender"].others.errors["EPERM"] > 0
    # The heaviest is still there, and so is the latest.
    rows = tables.of["sender"].rows.values()
    assert max(row.total for row in rows) == 50
    assert max(row.last_ns for row in rows) == 5_000_000_123
    assert sorted(row.last_ns for row in rows)[-2] == 499
    # Deaths of those whose rows are gone are counted with the others.
    tables.add([death(send_id=2)])
    for group in GROUPS:
        assert sums(tables, group, "died") == 1
    assert tables.of["sender"].others.died == 1


def test_errors_of_a_row_are_bounded_in_kind_and_not_in_number() -> None:
    row = Row()
    for i in range(100):
        row.fail(str(i), 2)
    assert sum(row.errors.values()) == 200
    assert len(row.errors) <= 17


def test_a_frozen_copy_counts_no_further_and_zero_forgets() -> None:
    tables = Tables()
    tables.add([failed()])
    held = tables.frozen()
    tables.add([failed(id=78), sent(id=79)])
    assert (held.total.total, held.total.errors) == (1, {"ESRCH": 1})
    assert the_row(held, "pair").total == 1
    tables.zero()
    assert (tables.total.total, tables.of["pair"].rows) == (0, {})
    assert held.total.total == 1
