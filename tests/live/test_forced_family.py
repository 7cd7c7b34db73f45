"""PYSIGSNOOP_TEST_ATTACH: a run of these tests gets the way to attach that it asks for."""

from __future__ import annotations

import json
import sys

from pysigsnoop import SignalTracer

from .commands import ATTACH, forced_script, run_program


def test_tracers_here_attach_as_asked() -> None:
    with SignalTracer() as tracer:
        assert ATTACH in ("auto", tracer.attachment.syscalls)


def test_tracers_in_processes_of_their_own_attach_as_asked() -> None:
    script = """
import json
from pysigsnoop import SignalTracer
with SignalTracer() as tracer:
    print(json.dumps(tracer.attachment.syscalls))
"""
    ended = run_program([sys.executable, "-c", forced_script(script)])
    assert ended.status == 0, ended.err
    assert ATTACH in ("auto", json.loads(ended.lines[0]))
