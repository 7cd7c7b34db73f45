"""Container, unit and pod of real senders, in cgroups named as engines name them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from pysigsnoop import Process, SignalTracer
from pysigsnoop.cgroup_tree import mounts, path_of
from pysigsnoop.exit_status import ExitStatus
from pysigsnoop.places import NOWHERE, Place
from pysigsnoop.whereabouts import Whereabouts

from .actors import all_events, sender_of
from .conftest import MakeCommand, MakeSender
from .control_groups import enter, group_in, inode, legacy, unified
from .senders import NOBODY, PATIENCE, Sender
from .test_errors_rights import with_mounts

CONTAINER = "0f1e2d3c4b5a69788796a5b4c3d2e1f0" * 2
UID = "7d9c1b5a-3e2f-4a6b-8c0d-112233445566"
SLICE = f"kubepods-burstable-pod{UID.replace('-', '_')}.slice"
SCOPE = f"docker-{CONTAINER}.scope"
SOURCE = str(Path(__file__).parents[2] / "src")


def told(tracer: SignalTracer, read: int = 0) -> list[Process]:
    """The senders of all events that there are; so many were read before."""
    return [sender_of(event) for event in all_events(tracer, read)]


def test_a_sender_is_told_with_container_unit_and_pod(sender: Sender) -> None:
    with ExitStack() as stack:
        outside = stack.enter_context(group_in(unified()))
        pod = stack.enter_context(group_in(outside, SLICE))
        inside = stack.enter_context(group_in(pod, SCOPE))
        tracer = stack.enter_context(SignalTracer(sender_pid=sender.pid))
        for folder in (pod, inside):
            enter(folder, sender.pid)
            sender.send(2, target=NOBODY)
        found = told(tracer)
        # Looked up while the cgroups are there.
        places = [process.place for process in found]
        sender.close()
        ids = [inode(pod)] * 2 + [inode(inside)] * 2
    assert [process.cgroup_id for process in found] == ids
    assert places == [Place(None, SLICE, UID)] * 2 + [Place(CONTAINER, SCOPE, UID)] * 2
    # Now they are gone, and what was looked up is remembered.
    last = found[-1].as_dict()
    assert (last["container"], last["unit"], last["pod"]) == (CONTAINER, SCOPE, UID)
    assert (found[-1].container, found[-1].unit, found[-1].pod) == (CONTAINER, SCOPE, UID)


def test_a_cgroup_that_is_gone_is_null_unless_it_was_read_before(make_sender: MakeSender) -> None:
    one, two = make_sender(), make_sender()
    with ExitStack() as stack:
        with ExitStack() as groups:
            outside = groups.enter_context(group_in(unified()))
            tracer = stack.enter_context(SignalTracer(sender_pid=[one.pid, two.pid]))
            for sender, name in ((one, SCOPE), (two, f"crio-{CONTAINER}.scope")):
                enter(groups.enter_context(group_in(outside, name)), sender.pid)
            one.send(1, target=NOBODY)
            assert sender_of(tracer.read(PATIENCE)[0]).container == CONTAINER
            for sender in (one, two):
                sender.send(1, target=NOBODY)
                sender.close()
        found = told(tracer, read=1)
    assert [process.place for process in found] == [Place(CONTAINER, SCOPE, None), NOWHERE]


def test_where_a_process_is_now_is_not_told_as_where_it_was(sender: Sender) -> None:
    with ExitStack() as stack:
        now = stack.enter_context(group_in(unified(), SCOPE))
        with group_in(unified()) as before:
            enter(before, sender.pid)
            tracer = stack.enter_context(SignalTracer(sender_pid=sender.pid))
            sender.send(1, target=NOBODY)
            enter(now, sender.pid)
        sender.send(1, target=NOBODY)
        places = [process.place for process in told(tracer)]
        sender.close()
    assert places == [NOWHERE, Place(CONTAINER, SCOPE, None)]


def test_a_cgroup_keeps_its_name_and_its_id_is_not_given_again() -> None:
    # By which a path that was found once stays right.
    ids = []
    for _ in range(100):
        with group_in(unified(), f"pysigsnoop-{CONTAINER}") as folder:
            ids.append(inode(folder))
            with pytest.raises(PermissionError):
                folder.rename(folder.with_name(f"pysigsnoop-{SCOPE}"))
    assert len(set(ids)) == len(ids)


def test_any_name_of_a_cgroup_is_taken(sender: Sender) -> None:
    name = "lxc.payload.\x1b[2J\udcff" + "é" * 100
    with group_in(unified(), name) as folder:
        enter(folder, sender.pid)
        with SignalTracer(sender_pid=sender.pid) as tracer:
            sender.send(1, target=NOBODY)
            (found,) = told(tracer)
        assert found.container == "\x1b[2J\\xff" + "é" * 100
        sender.close()


@pytest.mark.parametrize("lives", [True, False], ids=["living", "ended"])
def test_under_version_1_a_living_process_is_told_and_an_ended_one_is_not(
    lives: bool, sender: Sender
) -> None:
    with group_in(legacy()) as outside, group_in(outside, CONTAINER) as folder:
        enter(folder, sender.pid)
        with SignalTracer(sender_pid=sender.pid) as tracer:
            sender.send(1, target=NOBODY)
            if not lives:
                sender.close()
            (found,) = told(tracer)
        assert found.place == (Place(CONTAINER, None, None) if lives else NOWHERE)
        # Another process of the same number started at another time.
        other = Whereabouts().place_of(found.cgroup_id, found.pid, found.start_ns + 10**9)
        assert other == NOWHERE
        sender.close()


def test_where_version_1_alone_is_mounted_a_living_process_is_told(
    sender: Sender, command: MakeCommand
) -> None:
    with group_in(legacy()) as outside, group_in(outside, CONTAINER) as folder:
        enter(folder, sender.pid)
        gone = 'umount --all --types cgroup2; test -z "$(grep -w cgroup2 /proc/self/mounts)"'
        alone = with_mounts(gone)
        running = command("-j", "-p", f"{sender.pid},{os.getpid()}", prefix=alone)
        running.wait_by_probe()
        sender.send(1, target=NOBODY)
        while (line := running.object()).get("target_arg") != NOBODY:
            pass
        assert (line["sender"]["container"], line["sender"]["unit"]) == (CONTAINER, None)
        assert running.end().status == ExitStatus.INTERRUPTED
        sender.close()


_ASK = """
import sys
from pysigsnoop import cgroup_tree
for number in map(int, sys.argv[1:]):
    for mount in cgroup_tree.mounts():
        try:
            cgroup_tree._by_handle(number, mount)
            print("told", end=" ")
        except PermissionError:
            print("refused", end=" ")
    print(cgroup_tree.path_of(number, cgroup_tree.mounts()))
"""


def asked(*prefix: str, ids: list[int]) -> list[str]:
    """What a process that is started so finds of these cgroups."""
    command = [*prefix, sys.executable, "-c", _ASK, *map(str, ids)]
    environment = {"PYTHONPATH": SOURCE, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, env=environment, text=True, capture_output=True, timeout=PATIENCE, check=True
    )
    return done.stdout.splitlines()


def test_without_the_capability_the_tree_is_looked_through() -> None:
    with group_in(unified()) as outside, group_in(outside, SCOPE) as folder:
        number = inode(folder)
        path = path_of(number, mounts())
        assert path is not None
        assert path.decode().endswith(f"/{outside.name}/{SCOPE}")
        (found,) = asked("setpriv", "--bounding-set=-dac_read_search", ids=[number])
        assert found.split() == ["refused"] * len(mounts()) + [str(path)]
    (gone,) = asked("setpriv", "--bounding-set=-dac_read_search", ids=[number])
    assert gone.split()[-1] == "None"
    assert path_of(number, mounts()) is None


def test_in_a_cgroup_namespace_what_lies_outside_is_not_told(
    make_sleeper: Callable[[], subprocess.Popen[bytes]],
) -> None:
    # A namespace's root is the cgroup in which it is made.
    join = 'echo $$ > "$0"/cgroup.procs && exec unshare --cgroup --mount "$@"'
    mount = 'umount "$0"; mount -t cgroup2 cgroup2 "$0" && exec "$@"'
    with ExitStack() as stack:
        outside = stack.enter_context(group_in(unified()))
        other = stack.enter_context(group_in(outside))
        own = stack.enter_context(group_in(outside))
        below = stack.enter_context(group_in(own, SCOPE))
        sleeper = make_sleeper()
        enter(other, sleeper.pid)
        groups = [other, own, below]
        found = asked(
            *("sh", "-c", join, str(own), "sh", "-c", mount, str(unified())),
            ids=[inode(group) for group in groups],
        )
        sleeper.kill()
    ends = [line.split()[-1] for line in found]
    assert ends == ["None", str(b"/"), str(f"/{SCOPE}".encode())]
