"""Columns: a batch as a table, over the same bytes as the events."""

from __future__ import annotations

import struct
from collections import Counter

import pytest

from pysigsnoop import Columns
from pysigsnoop._records import END_FIELDS, END_FORMAT, RECORD_TYPE, SEND_FIELDS, SEND_FORMAT
from pysigsnoop.layout import SEND_SIZE

from . import records
from .records import KILL

numpy = pytest.importorskip("numpy")


def batch() -> Columns:
    """Two sends, and a delivery between them."""
    first, last = (records.event(KILL, id=n, signo=n, value=2**64 - n)._record for n in (9, 15))
    values = {"type": RECORD_TYPE["delivery"], "signo": 7, "send_id": 9, "target.comm": b"it"}
    filled = [values.get(name, b"" if name.endswith("comm") else 0) for name in END_FIELDS]
    return Columns(first + struct.pack(END_FORMAT, *filled).ljust(SEND_SIZE, b"\0") + last)


def test_numpy_wraps_a_batch_without_copying() -> None:
    found = batch()
    table = numpy.frombuffer(found, dtype=numpy.dtype(found.dtype))
    assert len(table) == len(found) == 3
    assert table.ctypes.data == numpy.frombuffer(found, dtype="u1").ctypes.data
    sends = table[table["type"] == RECORD_TYPE["send"]]
    assert sends["signo"].tolist() == [9, 15]
    assert sends["value"].tolist() == [2**64 - 9, 2**64 - 15]
    ends = numpy.frombuffer(found, dtype=numpy.dtype(found.end_dtype))
    ends = ends[ends["type"] == RECORD_TYPE["delivery"]]
    assert (ends["send_id"].tolist(), ends["target.comm"].tolist()) == ([9], [b"it"])


def test_every_column_holds_what_the_record_does() -> None:
    found = batch()
    whole = dict(zip(SEND_FIELDS, struct.unpack_from(SEND_FORMAT, found), strict=True))
    row = numpy.frombuffer(found, dtype=numpy.dtype(found.dtype))[0]
    for name in found.dtype["names"]:
        kept = whole[name]
        assert row[name] == (kept.rstrip(b"\0") if isinstance(kept, bytes) else kept), name
    hidden = {*SEND_FIELDS} - {*found.dtype["names"]}
    assert hidden == {"hold", "many", "companions"}


def test_without_numpy_a_column_is_a_view() -> None:
    found = batch()
    assert found.column("type").tolist() == [1, RECORD_TYPE["delivery"], 1]
    assert Counter(found.column("id"))[15] == 1
    assert found.column("sender.uid")[0] == 1000
    for name in ("sender.comm", "hold", "nothing"):
        with pytest.raises(KeyError):
            found.column(name)


def test_a_batch_is_not_iterated_by_its_bytes() -> None:
    with pytest.raises(TypeError, match="numpy"):
        iter(batch())
    assert not Columns()
    assert len(Columns()) == 0
