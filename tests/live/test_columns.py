"""Columns of real events: what was sent, each once, and counted so."""

from __future__ import annotations

import struct

import pytest

from pysigsnoop import Columns, SignalTracer, TracerClosed

from .senders import NOBODY, PATIENCE, Sender


def test_columns_hold_what_was_sent_and_are_counted_as_events_are(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid) as tracer:
        assert not tracer.read_columns(0)
        sender.send(5000, target=NOBODY, step=1)
        # By turns with events: each is in one of them, and in order.
        first = tracer.read(PATIENCE, 3)
        seen = [event.target_arg for event in first]
        batches: list[Columns] = []
        while batch := tracer.read_columns(0):
            batches.append(batch)
            seen += batch.column("target_arg").tolist()
        assert seen == [NOBODY + number for number in range(5000)]
        assert tracer.stats.received == tracer.stats.calls.received == 5000
        assert len({each for batch in batches for each in batch.column("id")}) == 4997
        sender.send(7, target=NOBODY)
        tracer.stop()
        assert sum(map(len, iter(lambda: tracer.read_columns(0), Columns()))) == 7
        assert not tracer.read_columns()
    assert (tracer.stats.received, tracer.stats.lost_total) == (5007, 0)
    # Still the caller's.
    assert batches[0].column("sender.pid")[0] == sender.pid
    with pytest.raises(TracerClosed):
        tracer.read_columns(0)


def test_what_columns_never_saw_is_counted_as_lost(sender: Sender) -> None:
    with SignalTracer(sender_pid=sender.pid, buffer_size=4096) as tracer:
        sender.send(1000, target=NOBODY)
        came = len(tracer.read_columns(PATIENCE))
        sender.send(3, target=NOBODY)
    lost = tracer.stats.lost
    assert 0 < came < 1000
    assert (tracer.stats.received, lost.ring_full, lost.unread) == (came, 1000 - came, 3)


def test_ends_are_among_the_columns(sender: Sender) -> None:
    with SignalTracer(signals=["USR1"], target_pid=sender.pid, outcomes=True) as tracer:
        # By default it ends the sender.
        sender.tell(f"flood 0 1 10 {sender.pid} 0")
        sender.process.wait(PATIENCE)
        rows: list[bytes] = []
        while len(rows) < 2 and (batch := tracer.read_columns(PATIENCE)):
            size = batch.dtype["itemsize"]
            rows += [bytes(batch[at * size : (at + 1) * size]) for at in range(len(batch))]
    send, death = (batch_of(row) for row in rows)
    assert [Columns.words["type"][each.column("type")[0]] for each in (send, death)] == [
        *("send", "death")
    ]
    offset = dict(zip(Columns.end_dtype["names"], Columns.end_dtype["offsets"], strict=True))
    assert struct.unpack_from("=Q", death, offset["send_id"])[0] == send.column("id")[0]
    assert struct.unpack_from("=I", death, offset["target.pid"])[0] == sender.pid
    assert (tracer.stats.deaths.received, tracer.stats.signals.received) == (1, 1)


def batch_of(row: bytes) -> Columns:
    """A batch of one."""
    return Columns(row)
