"""What an event costs its reader: CPU time of this process, by what it makes of events.

    python -m benchmarks.reader        prints ns an event, as root

Real events of one process, as many as the ring holds, sent before they are read: so no
wake-up and no waiting is in it, and the ring's memory has gone cold. Of some rounds the
cheapest counts: what others do on the machine only adds.
"""

from __future__ import annotations

import gc
import io
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from pysigsnoop import Columns, SignalTracer, options, sinks, views

SENDER = Path(__file__).with_name("sender.c")
# Calls in a round; with their ends still fewer bytes than the default ring has.
CALLS = 20_000
ROUNDS = 12

Reader = Callable[[SignalTracer], int]


def columns(tracer: SignalTracer) -> int:
    """Count a signal in a table, by numpy."""
    import numpy

    count = 0
    dtype = numpy.dtype(Columns.dtype)
    while batch := tracer.read_columns(0):
        table = numpy.frombuffer(batch, dtype=dtype)
        numpy.count_nonzero(table["signo"] == 9)
        count += len(batch)
    return count


def length(tracer: SignalTracer) -> int:
    """Read columns, and ask only how many."""
    count = 0
    while batch := tracer.read_columns(0):
        count += len(batch)
    return count


def events(tracer: SignalTracer) -> int:
    """Loop over events."""
    count = 0
    while batch := tracer.read(0):
        for _event in batch:
            count += 1
    return count


def looked_at(tracer: SignalTracer) -> int:
    """Loop, and look at the signal and the sender's pid of each."""
    count = 0
    while batch := tracer.read(0):
        for event in batch:
            _ = event.type == "send" and event.signal == 9
            count += 1
    return count


def written(lines: sinks.Lines) -> Reader:
    """Write lines to where they go nowhere, as the command line does."""

    def read(tracer: SignalTracer) -> int:
        count = 0
        with Path(os.devnull).open("w", encoding="utf-8") as out:
            while batch := tracer.read(0):
                for part in sinks.parts(batch):
                    out.write("\n".join([*lines.of(part), ""]))
                    out.flush()
                count += len(batch)
        return count

    return read


def lines(*arguments: str) -> sinks.Lines:
    """As the command line writes them with these arguments."""
    return views.lines_for(options.parse([*arguments]), None, 0)


def readers() -> dict[str, Reader]:
    """What is measured, by name; without numpy, nothing counts in a table."""
    found: dict[str, Reader] = {"length": length, "events": events, "looked at": looked_at}
    if find_spec("numpy"):
        found = {"columns": columns} | found
    return found | {"json": written(lines("-j")), "text": written(lines())}


def _round(tracer: SignalTracer, read: Reader, send: list[str], expected: int) -> float:
    subprocess.run(send, check=True, input=b"\n", stdout=subprocess.DEVNULL)
    # What earlier readers left is not this one's to clear.
    gc.collect()
    begin = time.process_time_ns()
    count = read(tracer)
    spent = time.process_time_ns() - begin
    assert count == expected, f"{count} events of {expected}"
    return spent / count


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """ns of CPU time an event, by reader: of sends alone, and `… outcomes` with as many
    deliveries among them.

    Raises AssertionError where an event is missing, so that no figure comes of lost ones.
    """
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        sender = f"{folder}/readsender"
        subprocess.run(["cc", "-O2", "-pthread", "-o", sender, str(SENDER)], check=True)
        for kind, outcomes in (("check", False), ("handled", True)):
            expected = CALLS * (2 if outcomes else 1)
            for name, read in readers().items():
                with SignalTracer(
                    sender_comm="readsender", signals=["0", "USR2"], outcomes=outcomes
                ) as tracer:
                    costs = [
                        _round(tracer, read, [sender, kind, "-n", str(CALLS)], expected)
                        for _ in range(rounds)
                    ]
                    tracer.stop()
                    assert tracer.stats.lost_total == 0, tracer.stats
                figures[f"{name}{' outcomes' if outcomes else ''}"] = min(costs)
    return figures


def main() -> None:
    out = io.StringIO()
    for name, ns in measure().items():
        print(f"{name:20} {ns:8.1f} ns", file=out)
    print(out.getvalue(), end="")


if __name__ == "__main__":
    main()
