"""Whether anything is lost under a flood, how late an event comes, and what quiet costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

from . import own
from .figures import percentile
from .machine import cpu_ns, memory_mb, steal, stolen, voluntary_switches
from .running import Running, running
from .senders import NAME, PROBE, REPEATS, STEAL, Sender
from .tracers import EACH, Tracer, api


class Flood(NamedTuple):
    """One CPU sent as fast as it could; Python looked at each event."""

    sent: int
    #: Received that this sender did not send.
    others: int
    lost: int
    seconds: float
    #: Latency in µs: half, 99 of 100, and all came sooner.
    half_us: float
    most_us: float
    worst_us: float
    #: Share of a CPU that the reader took, in percent; and of all CPUs, what the host took away.
    reader: float
    stolen: float
    #: MB resident, before and after.
    memory: tuple[float, float]


class Quiet(NamedTuple):
    """Single signals with nothing between them, latency as above; then none at all."""

    sent: int
    half_us: float
    most_us: float
    worst_us: float
    #: How often the reader's threads woke, in so many seconds without a signal.
    woken: int
    seconds: float


def _latencies(report: dict[str, Any]) -> tuple[float, float, float]:
    histogram = {int(step): count for step, count in report["latencies"].items()}
    # The upper end of a step.
    half, most = (percentile(histogram, share) + 1 for share in (0.5, 0.99))
    scale = own.STEP_NS / 1000
    return half * scale, most * scale, (max(histogram) + 1) * scale


def flood(folder: Path, kind: str, seconds: float) -> Flood:
    """Default settings; again where the host took much time away, which the last run tells.

    Raises RuntimeError where the books do not close.
    """
    for _ in range(REPEATS):
        run = _flood(folder, kind, seconds)
        if run.stolen <= 100 * STEAL:
            break
    return run


def _flood(folder: Path, kind: str, seconds: float) -> Flood:
    tracer = Tracer(EACH, api("flood"))
    with (
        running(tracer, folder / PROBE) as started,
        Sender(folder / NAME, kind, "-s", seconds) as sender,
    ):
        assert isinstance(started, Running)
        before, cpu = memory_mb(started.pid), cpu_ns(started.pid)
        begin, ticks = time.monotonic(), steal()
        run = sender.go()
        took = time.monotonic() - begin
        gone = stolen(ticks)
        cpu, after = cpu_ns(started.pid) - cpu, memory_mb(started.pid)
        report = started.finish().report
    others = report["received"] + report["lost"] - run.sent
    if others < 0:
        raise RuntimeError(f"{run.sent} sent, and of them {-others} neither received nor lost")
    return Flood(
        run.sent,
        others,
        report["lost"],
        took,
        *_latencies(report),
        100 * cpu / (took * 1e9),
        100 * gone,
        (before[0], after[0]),
    )


def quiet(folder: Path, count: int, seconds: float) -> Quiet:
    """A signal every 3 ms, then none. Others' are filtered out, so that they wake nobody."""
    with Sender(folder / NAME, "check", "-n", count, "-b", 1, "-g", 3000) as sender:
        tracer = Tracer(EACH, api("latency", sender_pid=sender.pid))
        with running(tracer, folder / PROBE) as started:
            assert isinstance(started, Running)
            time.sleep(0.2)
            woken = voluntary_switches(started.pid)
            time.sleep(seconds)
            woken = voluntary_switches(started.pid) - woken
            run = sender.go()
            report = started.finish().report
    if report["received"] != run.sent or report["lost"]:
        raise RuntimeError(f"{run.sent} sent, {report['received']} received")
    return Quiet(run.sent, *_latencies(report), woken, seconds)
