"""How long it takes until a tracer tells its first event, and to import ours."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path

from .senders import PROBE, Sender
from .tracers import Tracer

_PATIENCE_S = 60.0

#: The shortest program that traces.
FIRST = """
from pysigsnoop import SignalTracer
with SignalTracer() as tracer:
    for event in tracer:
        print(event.sender, flush=True)
"""
_IMPORT = """
import time
begin = time.perf_counter()
from pysigsnoop import SignalTracer
print(time.perf_counter() - begin)
"""


def first_event_s(folder: Path, tracer: Tracer) -> float:
    """From its start until it has told a send, of a sender that sends every millisecond."""
    with Sender(folder / PROBE, "check", "-s", _PATIENCE_S, "-b", 1, "-g", 1000) as sender:
        sender.begin()
        begin = time.monotonic()
        with subprocess.Popen(
            tracer.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as child:
            assert child.stdout
            try:
                text = b""
                while PROBE.encode() not in text:
                    ready, _, _ = select.select([child.stdout], [], [], _PATIENCE_S)
                    more = os.read(child.stdout.fileno(), 1 << 16) if ready else b""
                    if not more:
                        raise RuntimeError(f"{tracer.name} told nothing: {text[-400:]!r}")
                    text += more
                return time.monotonic() - begin
            finally:
                child.kill()
                sender.process.kill()


def import_ms() -> float:
    """`from pysigsnoop import SignalTracer`, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], check=True, capture_output=True, text=True
    )
    return 1000 * float(done.stdout)
