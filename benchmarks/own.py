"""A process that traces by the Python API, and says in the end what it saw.

    python -m benchmarks.own MODE OPTIONS

OPTIONS are SignalTracer's, as JSON. Says "ready", traces until a line comes on stdin, and
says as JSON what it saw, by its own books and by the events that it counted. MODE:

    iterate   each event: who sent it
    columns   batches as columns, no event made
    flood     each event, and the latency of every 16th
    latency   each event, and its latency
    unread    the original program, whose lines nobody reads
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from threading import Thread
from typing import Any

from pysigsnoop import SignalTracer
from pysigsnoop.original import OriginalTracer

#: Latencies are counted in steps of so many ns.
STEP_NS = 1000
_SAMPLED = 16
_now, _BOOT = time.clock_gettime_ns, time.CLOCK_BOOTTIME


def _stop_when_told(tracer: SignalTracer) -> None:
    def wait() -> None:
        sys.stdin.readline()
        tracer.stop()

    Thread(target=wait, daemon=True).start()


def _iterate(tracer: SignalTracer) -> dict[str, Any]:
    by_pid: Counter[int] = Counter()
    for event in tracer:
        if event.type == "send" and event.sender and event.sender.pid:
            by_pid[event.sender.pid] += 1
    return {"by_pid": by_pid}


def _columns(tracer: Any) -> dict[str, Any]:
    while True:
        stopped = tracer.stopped
        if not len(tracer.read_columns()) and stopped:
            return {}


def _flood(tracer: SignalTracer) -> dict[str, Any]:
    latencies: Counter[int] = Counter()
    for n, event in enumerate(tracer):
        if not n % _SAMPLED:
            latencies[(_now(_BOOT) - event.boot_ns) // STEP_NS] += 1
    return {"latencies": latencies}


def _latency(tracer: SignalTracer) -> dict[str, Any]:
    latencies: Counter[int] = Counter()
    for event in tracer:
        latencies[(_now(_BOOT) - event.boot_ns) // STEP_NS] += 1
    return {"latencies": latencies}


_MODES = {"iterate": _iterate, "columns": _columns, "flood": _flood, "latency": _latency}


def main(mode: str, options: str) -> int:
    if mode == "unread":
        with OriginalTracer():
            print("ready", flush=True)
            sys.stdin.readline()
        print("{}")
        return 0
    with SignalTracer(**json.loads(options)) as tracer:
        _stop_when_told(tracer)
        print("ready", flush=True)
        saw = _MODES[mode](tracer)
        stats = tracer.stats
    saw |= {
        "received": stats.received,
        "filtered": stats.filtered,
        "lost": stats.lost_total,
        "syscalls": tracer.attachment.syscalls,
    }
    print(json.dumps(saw), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
