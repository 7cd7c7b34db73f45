"""A process in a container is told with the id that the engine itself gives the container."""

from __future__ import annotations

import signal

import pytest

from pysigsnoop import SignalTracer

from .engine import Engine
from .traced import IDLE, PRIVILEGED, TRACER, Sender, Traced

_SENT = 7

pytestmark = pytest.mark.parametrize("suite", ["bookworm"], indirect=True, scope="session")


def container_id(traced: Traced) -> str:
    """By the engine's own word."""
    return traced.engine.check("inspect", "--format", "{{.Id}}", traced.name).strip()


def test_by_a_tracer_on_the_host(engine: Engine, image: str) -> None:
    with Traced(engine, image, (), *IDLE) as container:
        assert container.wait_for_first_line() == "runs"
        with (
            Sender(container) as sender,
            SignalTracer(sender_pid=sender.host_pid, signals="WINCH") as tracer,
        ):
            sender.send(signal.SIGWINCH, _SENT)
            tracer.stop()
            ends = [(event.sender, event.target) for event in tracer]
            # Looked up while the container runs.
            found = [end.container for pair in ends for end in pair]
        assert found == [container_id(container)] * 2 * _SENT


def test_by_a_tracer_in_the_container(engine: Engine, image: str) -> None:
    # In a cgroup namespace of its own the container's path would be its root.
    rights = (*PRIVILEGED, "--cgroupns", "host")
    with Traced(engine, image, rights, TRACER, "-j", "-s", "WINCH") as traced:
        traced.wait_for_first_event()
        with Sender(traced) as sender:
            sender.send(signal.SIGWINCH, _SENT)
            identity = container_id(traced)
            # The sender lives until all is printed.
            events = traced.end_with_events()
    mine = [event for event in events if (event["sender"] or {}).get("host_pid") == sender.host_pid]
    assert [event["sender"]["container"] for event in mine] == [identity] * _SENT
