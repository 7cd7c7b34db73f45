"""Many ends at once: each told, each once, with its own send; and a table too small for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

from pysigsnoop import Death, Delivery

from ..actors import acting
from ..commands import run
from ..conftest import MakeCommand
from .conftest import MakeTarget
from .targets import Target, story, tracing

KILL, USR1 = signal.SIGKILL, signal.SIGUSR1

_STORM = """
import os, signal, sys
ends = 0
for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if not pid:
        signal.pause()
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    ends += status == signal.SIGKILL
print(ends)
"""


def test_each_of_2000_deaths_names_its_own_send() -> None:
    with (
        subprocess.Popen(
            ["sh", "-c", 'read go; exec "$@"', "sh", sys.executable, "-c", _STORM, "2000"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as storm,
        tracing(sender_pid=storm.pid, signals="KILL") as tracer,
    ):
        out, _ = storm.communicate("\n")
        told = story(tracer)
        skipped = tracer.stats.lost.skipped
    assert out == "2000\n"
    assert len(told.sends) + skipped >= 2000 >= len(told.sends)
    assert len(told.deaths) + skipped >= 2000 >= len(told.deaths)
    if not skipped:
        # In the order of their sends, as each was waited for.
        assert [death.send_id for death in told.deaths] == [send.id for send in told.sends]
        assert {send.outcome for send in told.sends} <= {"died", "pending"}


def test_each_death_of_ten_thousand_followed_processes_names_its_send() -> None:
    with acting("followed", "storm", 100, 100) as actor:
        root = int(actor.said[0])
        with tracing(follow=root, buffer_size=64 << 20) as tracer:
            actor.go()
            calls, processes = map(int, actor.line())
            assert actor.end() == 0
            told = story(tracer)
            skipped = tracer.stats.lost.skipped
    assert (calls, processes) == (30_000, 10_001)
    sends = {
        (send.target.host_pid, send.target.start_ns): send.id
        for send in told.sends
        if send.signal == KILL and send.target
    }
    # Signals are never missed; what ends a process can be skipped on kernels that skip, counted.
    assert len(sends) == processes - 1
    assert len(told.deaths) + skipped >= processes - 1 >= len(told.deaths)
    for death in told.deaths:
        assert death.signal == KILL
        assert death.send_id == sends[death.target.host_pid, death.target.start_ns]


def test_what_the_table_has_no_room_for_is_counted_and_never_guessed(
    make_target: MakeTarget,
) -> None:
    targets = [make_target() for _ in range(4)]
    for target in targets:
        for number in range(34, 65):
            target.do("handle", number)
            target.do("block", number)
    pids = [target.pid for target in targets]
    with tracing(target_pid=pids, max_links=1) as tracer:
        for pid in pids:
            for number in range(34, 65):
                os.kill(pid, number)
        for target in targets:
            for number in range(34, 65):
                target.do("unblock", number)
        seen = [(target.pid, each.signo) for target in targets for each in target.seen()]
        told = story(tracer)
        evicted = tracer.stats.evicted
    assert len(seen) == len(told.deliveries) == len(told.sends) == 4 * 31
    assert {each.no_send for each in told.deliveries} <= {None, "unknown"}
    # Whoever names a send names the right one: the check of every story.
    missed = sum(each.no_send == "unknown" for each in told.deliveries)
    assert 0 < missed <= evicted


def test_the_table_is_empty_when_all_is_over(target: Target) -> None:
    target.do("handle", USR1)
    with tracing(target_pid=target.pid) as tracer:
        for _ in range(500):
            os.kill(target.pid, USR1)
            target.do("seen")
        os.kill(target.pid, KILL)
        target.status()
        story(tracer)
        assert tracer.stats.evicted == 0


def test_json_has_a_line_for_each_end(target: Target, command: MakeCommand) -> None:
    target.do("handle", USR1)
    running = command("-j", "--exits", "-T", f"{target.pid},{os.getpid()}")
    running.wait_by_probe()
    os.kill(target.pid, USR1)
    target.do("seen")
    target.tell("exit", 5)
    target.status()
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != "death":
        line = running.object()
        if line["target"]["pid"] == target.pid:
            found.append(line)
    send, delivery, death = found
    assert [line["type"] for line in found] == ["send", "delivery", "death"]
    assert delivery["send_id"] == send["id"]
    assert (delivery["action"], delivery["no_send"]) == ("handler", None)
    assert delivery["delay_ns"] == delivery["boot_ns"] - send["boot_ns"]
    assert (death["action"], death["status"], death["no_send"]) == ("exited", 5, "none")
    assert running.end().status == 130


def test_without_outcomes_no_ends_come(target: Target, command: MakeCommand) -> None:
    running = command("-j", "--no-outcomes", "-T", f"{target.pid},{os.getpid()}")
    running.wait_by_probe()
    os.kill(target.pid, KILL)
    target.status()
    os.kill(os.getpid(), 0)
    lines = running.end().lines
    assert lines
    assert not any('"type": "death"' in line for line in lines)


def test_exits_without_outcomes_is_wrong_usage() -> None:
    assert run("--exits", "--no-outcomes").status == 2


def test_the_types_are_what_isinstance_says(target: Target) -> None:
    with tracing(target_pid=target.pid) as tracer:
        os.kill(target.pid, signal.SIGQUIT)
        target.status()
        tracer.stop()
        kinds: list[object] = [type(event) for event in tracer]
    assert kinds[1:] == [Delivery, Death]
