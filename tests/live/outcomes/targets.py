"""Processes that meet signals in any way on command: see target.c for what each can do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pysigsnoop import Death, Delivery, Event, SignalTracer

from ..commands import ATTACH
from ..senders import PATIENCE


class Handled(NamedTuple):
    """A signal as the target's own handler saw it; `ns` on the boot clock."""

    signo: int
    tid: int
    ns: int
    value: int


class Target:
    """One running target.c; `prefix` is a command that runs it."""

    def __init__(self, program: Path, prefix: Sequence[str] = (), **how: Any) -> None:
        self.process = subprocess.Popen(
            [*prefix, str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **how,
        )
        #: As its own pid namespace numbers it, which without a prefix is the test's too.
        (self.pid,) = self.answer()

    def tell(self, *order: int | str) -> None:
        """Give an order without waiting for its answer."""
        assert self.process.stdin
        self.process.stdin.write(" ".join(map(str, order)) + "\n")
        self.process.stdin.flush()

    def answer(self) -> list[int]:
        """The next answer."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line.endswith("\n"), f"the target ended: {self.process.wait(PATIENCE)}"
        return [int(word) for word in line.split()]

    def do(self, *order: int | str) -> list[int]:
        """An order and its answer."""
        self.tell(*order)
        return self.answer()

    def seen(self) -> list[Handled]:
        """What its handler saw, in that order."""
        words = iter(self.do("seen"))
        return [Handled(*each) for each in zip(words, words, words, words, strict=True)]

    def status(self) -> int:
        """Wait for its end: the status as waitpid tells it, the truth about deaths."""
        pid, status = os.waitpid(self.process.pid, 0)
        assert pid == self.process.pid
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return status

    def close(self) -> None:
        """End it, whatever its state."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


def tracing(**options: Any) -> SignalTracer:
    """A tracer that follows signals to their end."""
    return SignalTracer(attach=ATTACH, outcomes=True, **options)


def deliveries(events: Sequence[object]) -> list[Delivery]:
    """Events that are all deliveries; a tracer's are typed as sends."""
    found = [event for event in events if isinstance(event, Delivery)]
    assert len(found) == len(events)
    return found


class Story(NamedTuple):
    """What a trace told: sends, deliveries and deaths, each in its order."""

    sends: list[Event]
    deliveries: list[Delivery]
    deaths: list[Death]

    def ends_of(self, send: Event) -> list[str]:
        """What became of a send, in a word each."""
        ends: list[Delivery | Death] = [*self.deliveries, *self.deaths]
        return [end.action for end in ends if end.send_id == send.id]


def story(tracer: SignalTracer) -> Story:
    """End the trace; all that it told, with the books closed."""
    tracer.stop()
    events: list[Any] = list(tracer)
    stats = tracer.stats
    found = Story(
        [event for event in events if event.type == "send"],
        [event for event in events if isinstance(event, Delivery)],
        [event for event in events if isinstance(event, Death)],
    )
    assert stats.lost_total == stats.lost.skipped, stats
    assert (stats.deliveries.received, stats.deaths.received) == (
        len(found.deliveries),
        len(found.deaths),
    )
    check(found)
    return found


def check(found: Story) -> None:
    """What holds for every end: it comes after its send, is about the same, and is told once."""
    sends = {send.id: send for send in found.sends}
    ends: list[Delivery | Death] = [*found.deliveries, *found.deaths]
    for end in ends:
        assert (end.send_id is None) == (end.no_send is not None) == (end.delay_ns is None)
        if end.send_id in sends:
            send = sends[end.send_id]
            assert end.signal == send.signal
            assert end.delay_ns == end.boot_ns - send.boot_ns >= 0
            assert send.target
            assert end.target.host_pid == send.target.host_pid
            assert end.target.start_ns == send.target.start_ns
    for kind in (found.deliveries, found.deaths):
        ids = [end.send_id for end in kind if end.send_id]
        assert len(ids) == len(set(ids))
