"""CAP_BPF and CAP_PERFMON, and tracefs to read, are enough; without them the error says so."""

from __future__ import annotations

import signal

import pytest

from .engine import Engine
from .traced import LEAST, PRIVILEGED, TRACER, Sender, Traced

_SENT = 17


def test_two_capabilities_and_readable_tracefs_are_enough(engine: Engine, image: str) -> None:
    with Traced(engine, image, LEAST, TRACER, "-j", "-s", "WINCH") as traced:
        traced.wait_for_first_event()
        with Sender(traced) as sender:
            sender.send(signal.SIGWINCH, _SENT)
        events = traced.end_with_events()
    mine = [e for e in events if (e["sender"] or {}).get("host_pid") == sender.host_pid]
    assert [e["sender"]["pid"] for e in mine] == [sender.pid] * _SENT


@pytest.mark.parametrize(
    ("rights", "told"),
    [
        ((), "CAP_BPF and CAP_PERFMON missing"),
        (("--cap-drop", "ALL", "--cap-add", "BPF"), "CAP_PERFMON missing"),
        (("--cap-drop", "ALL", "--cap-add", "BPF,PERFMON"), "seccomp"),
    ],
    ids=["default", "without PERFMON", "default seccomp profile"],
)
def test_what_is_missing_is_named(
    rights: tuple[str, ...], told: str, engine: Engine, image: str
) -> None:
    mount = PRIVILEGED[1:]
    refused = engine.run("run", "--rm", *rights, *mount, image, TRACER, "--duration", "5")
    assert refused.returncode == 1
    assert told in refused.stderr
    assert "hint:" in refused.stderr
