"""A container whose first process is the tracer, and a sender beside it in the same container."""

from __future__ import annotations

import itertools
import json
import os
import signal
from types import TracebackType
from typing import Any

from .engine import Engine
from .talk import Talk
from .views import host_pid

PYTHON = "/opt/pysigsnoop/bin/python"
TRACER = "/opt/pysigsnoop/bin/pysigsnoop"
TRACEFS = "/sys/kernel/tracing"

#: Everything that a tracer may want.
PRIVILEGED = ("--privileged", "--volume", f"{TRACEFS}:{TRACEFS}")
#: The least that it needs. podman 4.3's own seccomp profile lets bpf() pass with SYS_ADMIN only.
LEAST = (
    *("--cap-drop", "ALL", "--cap-add", "BPF,PERFMON", "--security-opt", "seccomp=unconfined"),
    *("--volume", f"{TRACEFS}:{TRACEFS}:ro"),
)

#: A container that only keeps its pid namespace for a sender; its first line says that it runs.
IDLE = ("sh", "-c", "echo runs; exec sleep 600")

_NUMBERS = itertools.count(1)

# Sends what it is told to a child of its own, which a window-change signal does not disturb.
_SENDER = """
import os, subprocess, sys

child = subprocess.Popen(["sleep", "600"])
print(os.getpid(), child.pid, flush=True)
for line in sys.stdin:
    number, count = map(int, line.split())
    for _ in range(count):
        os.kill(child.pid, number)
    print("sent", flush=True)
child.kill()
child.wait()
"""


class Traced:
    """A running tracer: `with` it, send signals, then `end` it and look at what it told."""

    def __init__(
        self, engine: Engine, image: str, rights: tuple[str, ...], *arguments: str
    ) -> None:
        self.engine = engine
        self.name = f"traced{next(_NUMBERS)}"
        run = ("run", "--name", self.name, "--network", "none", "--workdir", "/", *rights)
        self._talk = Talk(engine.command(*run, image, *arguments), engine.environment)
        self._lines: list[str] = []

    def __enter__(self) -> Traced:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.run("rm", "--force", "--time", "0", self.name)
        self._talk.close()

    def wait_for_first_line(self) -> str:
        """The line that comes when all is ready: with columns, their header."""
        return self._talk.line()

    def wait_for_first_event(self) -> None:
        """Tell this very process of a changed window until the tracer tells of it; nobody minds.

        The filters let this signal through alone: others may be sent by the
        hundred thousand elsewhere on the machine.
        """
        me = os.getpid()
        self._lines.append(self._talk.line(lambda: os.kill(me, signal.SIGWINCH)))

    @property
    def init(self) -> int:
        """The host's pid of the container's first process, the tracer."""
        return int(self.engine.check("inspect", "--format", "{{.State.Pid}}", self.name))

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, list[str], str]:
        """End the trace by a signal: exit status, all lines, and what was said beside them."""
        self.engine.check("kill", "--signal", str(int(number)), self.name)
        self._lines += self._talk.rest()
        status, said = self._talk.end()
        return status, self._lines, said

    def end_with_events(self) -> list[dict[str, Any]]:
        """The sends of a trace in JSON, which must have gone well; every line must be valid."""
        status, lines, said = self.end()
        events = [json.loads(line) for line in lines]
        assert status == 0, said
        assert said.splitlines()[-1].startswith(f"{len(events)} received, 0 lost"), said
        return [event for event in events if event["type"] == "send"]


class Sender:
    """A process inside that sends signals to a child of its own."""

    def __init__(self, traced: Traced) -> None:
        engine = traced.engine
        command = engine.command("exec", "-i", traced.name, PYTHON, "-I", "-c", _SENDER)
        self._talk = Talk(command, engine.environment)
        try:
            #: As the container numbers them, by their own word.
            self.pid, self.child = map(int, self._talk.line().split())
            #: As the host numbers them, by the kernel's word.
            init = traced.init
            self.host_pid, self.host_child = host_pid(init, self.pid), host_pid(init, self.child)
        except BaseException:
            self._talk.close()
            raise

    def __enter__(self) -> Sender:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._talk.close()

    def send(self, number: int, count: int) -> None:
        """Send a signal so many times; returns once all are sent."""
        self._talk.say(f"{number} {count}")
        assert self._talk.line() == "sent"
