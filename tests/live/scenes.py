"""What happens on the pages of docs/questions/, and can be played again: a scene for each command.

A scene makes ready, yields the pids that the command names, and once the trace has begun plays to
its end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

from .actors import state, until
from .control_groups import enter, group_in, memory_group, unified
from .senders import NOBODY, PATIENCE
from .stage import TARGET, Stage, stops

Scene = Callable[[Stage], Iterator[list[int]]]

# Takes what it is given: a megabyte at a time, and touches it.
_WORKER = """#!/usr/bin/python3
print("ready", flush=True)
input()
held = []
while len(held) < 96:
    held.append(b"x" * (1 << 20))
"""
_SANDBOX = """#!/usr/bin/python3
import ctypes
libc = ctypes.CDLL(None)
print("ready", flush=True)
input()
libc.prctl(22, 1, 0, 0, 0)
open("/dev/null")
"""
# Without the third descriptor the helper would read from nowhere, and end.
_MAIN = """#!/bin/sh
exec 3<&0
setpriv --pdeathsig KILL ./helper <&3 &
wait
"""


def _who_killed(stage: Stage) -> Iterator[list[int]]:
    server = stage.target("server")
    yield [server.pid]
    stage.send("cleanup.sh", f"kill -9 {server.pid}", below="nightly.sh")


def _out_of_memory(stage: Stage) -> Iterator[list[int]]:
    group = stage.enter(memory_group(24))
    stage.script("worker", _WORKER)
    worker = stage.start("./worker")
    enter(group, worker.pid)
    yield [worker.pid]
    stage.tell(worker, "go")
    assert worker.wait(PATIENCE) == -signal.SIGKILL


def _stopped_as_containers_are(stage: Stage) -> Iterator[list[int]]:
    outer = stage.target("web", "", "unshare", "--pid", "--fork")
    web = stage.child(outer.pid, "web")
    stage.kill_at_the_end(web)
    yield [web]
    stage.send("stop.sh", f"kill -TERM {web}; sleep 0.3; kill -KILL {web}")
    outer.wait(PATIENCE)


def _hang_ups(stage: Stage) -> Iterator[list[int]]:
    server = stage.target("server", "trap 'echo reloaded' HUP")
    yield [server.pid]
    for _ in range(2):
        stage.send("rotate", f"kill -HUP {server.pid}", below="hourly.sh")
        assert stage.line(server) == "reloaded"


def _nothing_happens(stage: Stage) -> Iterator[list[int]]:
    handles = stage.target("handles", "trap 'echo handled' TERM")
    ignores = stage.target("ignores", "trap '' TERM")
    blocks = stage.target("blocks", "", "env", "--block-signal=TERM")
    stopped = stage.target("stopped")
    stopped.send_signal(signal.SIGSTOP)
    stops(stopped.pid)
    outer = stage.target("init", "", "unshare", "--pid", "--fork")
    init = stage.child(outer.pid, "init")
    stage.kill_at_the_end(init)
    zombie = stage.target("zombie")
    assert zombie.stdin
    zombie.stdin.close()
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    shell = stage.start("bash", "-c", "echo ready; while read line; do eval $line; echo done; done")
    yield [shell.pid]
    for pid in (handles.pid, ignores.pid, blocks.pid, blocks.pid, stopped.pid, init, zombie.pid):
        stage.tell(shell, f"kill {pid}")
        stage.line(shell)
        if pid == handles.pid:
            assert stage.line(handles) == "handled"


def _interrupts(stage: Stage) -> Iterator[list[int]]:
    master, slave = stage.terminal()
    job = stage.target("job", "trap 'echo handled' INT", "setsid", "--ctty", stdin=slave)
    yield [job.pid]
    os.write(master, b"\x03")
    assert stage.line(job) == "handled"
    stage.send("stop.sh", f"kill -INT {job.pid}")
    assert stage.line(job) == "handled"


def _exit_statuses(stage: Stage) -> Iterator[list[int]]:
    del stage
    yield []


def _a_service_restarts(stage: Stage) -> Iterator[list[int]]:
    service = stage.enter(group_in(unified(), "web.service"))
    stage.script("web", TARGET.format("").replace("done", "done; exit 3"))
    first, second = (stage.start("./web") for _ in range(2))
    for each in (first, second):
        enter(service, each.pid)
    yield []
    assert first.stdin
    first.stdin.close()
    assert first.wait(PATIENCE) == 3
    stage.send("deploy", f"kill {second.pid}", below="ci.sh")
    assert second.wait(PATIENCE) == -signal.SIGTERM


def _stops(stage: Stage) -> Iterator[list[int]]:
    _, slave = stage.terminal()
    stage.script("job", "#!/bin/sh\nmkfifo go\necho ready\nread line <go\nread line\n")
    # Where its stderr is no terminal, a shell has no job control.
    shell = stage.start(
        *("setsid", "--ctty", "sh", "-c", "exec bash -mc './job & read line' 2>&0"), stdin=slave
    )
    job = stage.child(shell.pid, "job")
    stage.kill_at_the_end(job)
    yield [job]
    stage.send("freeze", f"kill -STOP {job}")
    stops(job)
    stage.send("thaw", f"kill -CONT {job}")
    until("it goes on", lambda: state(job) != "T")
    stage.run("sh", "-c", "echo >go")
    stops(job)


def _who_signals_most(stage: Stage) -> Iterator[list[int]]:
    server = stage.target("server", "trap '' HUP")
    stage.script("poller", "#!/bin/bash\necho ready\nwhile read line; do eval $line; done\n")
    poller = stage.start("./poller")
    yield [poller.pid]
    stage.tell(poller, f"for i in {{1..40}}; do kill -0 {server.pid}; done")
    stage.tell(poller, f"for i in {{1..3}}; do kill -HUP {server.pid}; done")
    stage.tell(poller, f"for i in {{1..2}}; do kill {NOBODY} 2>/dev/null; done")
    stage.tell(poller, f"kill {server.pid}; echo done")
    stage.line(poller)


def _vanishes(stage: Stage) -> Iterator[list[int]]:
    stage.script("batch", TARGET.format("").replace("done", "done; exit 3"))
    stage.script("sandbox", _SANDBOX)
    stage.script("helper", TARGET.format(""))
    stage.script("main", _MAIN)
    batch, sandbox = stage.start("./batch"), stage.start("./sandbox")
    main = stage.start("./main")
    helper = stage.child(main.pid, "helper")
    yield [batch.pid, sandbox.pid, helper]
    assert batch.stdin
    batch.stdin.close()
    batch.wait(PATIENCE)
    stage.tell(sandbox, "go")
    sandbox.wait(PATIENCE)
    main.kill()
    main.wait(PATIENCE)


def _a_log(stage: Stage) -> Iterator[list[int]]:
    server = stage.target("server", "trap '' TERM")
    yield [server.pid]
    stage.send("stop.sh", f"kill {server.pid}; kill -9 {server.pid}")


SCENES: dict[str, tuple[Scene, ...]] = {
    "how-do-i-keep-a-log": (_a_log,),
    "what-do-139-141-and-143-mean": (_exit_statuses,),
    "what-keeps-sending-sighup": (_hang_ups,),
    "where-did-my-process-go": (_vanishes,),
    "which-process-signals-most": (_who_signals_most,),
    "who-killed-my-process": (_who_killed,),
    "who-pressed-ctrl-c": (_interrupts,),
    "who-stopped-my-process": (_stops,),
    "why-did-my-container-exit-137": (_out_of_memory, _stopped_as_containers_are),
    "why-did-my-service-restart": (_a_service_restarts,),
    "why-does-kill-do-nothing": (_nothing_happens,),
}
