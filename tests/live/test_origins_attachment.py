"""Whichever way is chosen, it is told, and the same events come."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pysigsnoop import NotSupported, PysigsnoopError, SignalTracer, attachment
from pysigsnoop.attachment import Attachment
from pysigsnoop.families import SIGNAL_FAMILIES

from .actors import acting, all_events, check_kernel, sender_of, target_of
from .commands import environment
from .senders import NOBODY, PATIENCE, Sender

WAYS = ("fentry", "tracepoint", "raw")


def _works(way: str) -> str | None:
    """None where a way works here, or the kernel's reason."""
    try:
        with SignalTracer(attach=way):
            return None
    except PysigsnoopError as error:
        return error.message


def test_a_way_that_is_asked_for_is_taken_or_refused_with_a_reason_and_auto_takes_the_first() -> (
    None
):
    reasons = {way: _works(way) for way in WAYS}
    working = [way for way in WAYS if reasons[way] is None]
    assert "raw" in working
    with SignalTracer(attach="auto") as tracer:
        found = tracer.attachment
    assert (found.signals, found.syscalls) == ("tp_btf", working[0])
    refused = WAYS[: WAYS.index(working[0])]
    assert found.refused == {f"tp_btf+{way}": reasons[way] for way in refused}
    assert all(found.refused.values())
    for way in working:
        with SignalTracer(attach=way) as tracer:
            assert tracer.attachment.syscalls == way
            assert tracer.attachment.refused == {}


def _same_story(way: str, sender: Sender) -> Attachment:
    """One of each: a signal by a process, a call that reached nobody, one of the kernel's own."""
    with (
        acting("inputs", "pipe") as actor,
        SignalTracer(
            attach=way, scope="all", sender_pid=[sender.pid, actor.pid], exclude_signals="CHLD"
        ) as tracer,
    ):
        sender.send(signal=signal.SIGCONT, target=actor.pid)
        sender.send(signal=signal.SIGTERM, target=NOBODY)
        actor.go()
        assert actor.end() == -signal.SIGPIPE
        sent, failed, broken = all_events(tracer)
        found = tracer.attachment
    assert (sent.origin, sent.ret, sent.result) == ("kill", 0, "ignored")
    assert target_of(sent).pid == sent.target_arg == actor.pid
    assert (failed.origin, failed.error, failed.target) == ("kill", "ESRCH", None)
    assert (failed.target_arg, failed.recipients, failed.result) == (NOBODY, 0, None)
    check_kernel(broken, "pipe", "SI_USER", target=actor.pid, fatal=True)
    assert sender_of(broken).pid == actor.pid
    return found


@pytest.mark.parametrize("way", WAYS)
def test_the_same_events_come_whichever_way_is_taken(way: str, sender: Sender) -> None:
    if reason := _works(way):
        pytest.skip(f"refused here: {reason}")
    assert _same_story(way, sender).syscalls == way


@pytest.mark.parametrize("way", ["auto", "raw"])
def test_raw_tracepoints_take_over_where_typed_ones_are_refused(
    way: str, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No kernel that can be had refuses them, so the refusal alone is made up.
    attempt = attachment._try

    def refusing(bpf: Any, family: str, generate: str, *rest: Any) -> Any:
        if generate == SIGNAL_FAMILIES["tp_btf"]:
            raise NotSupported("typed tracepoints are refused", hint="this is a test")
        return attempt(bpf, family, generate, *rest)

    monkeypatch.setattr(attachment, "_try", refusing)
    found = _same_story(way, sender)
    assert found.signals == "raw_tp"
    assert "tp_btf+raw" in found.refused
    assert all(found.refused.values())


def _enabled_by_bpf() -> int:
    """How many syscall tracepoints the kernel has BPF programs on, by its own list."""
    tool = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if tool is None:
        pytest.skip("bpftool is missing: sudo apt-get install bpftool")
    listed = subprocess.run(
        [tool, "-j", "perf", "show"], capture_output=True, text=True, check=True
    ).stdout
    ours = [each for each in json.loads(listed) if each["pid"] == os.getpid()]
    return sum(each.get("tracepoint", "").startswith("sys_exit_") for each in ours)


def test_no_syscall_tracepoint_is_taken_with_raw() -> None:
    with SignalTracer(attach="raw"):
        assert _enabled_by_bpf() == 0
    if _works("tracepoint") is None:
        with SignalTracer(attach="tracepoint"):
            assert _enabled_by_bpf() == 6


# Where tracefs is not mounted: a mount namespace of its own, from which it is taken.
_WITHOUT = """
import os
from pysigsnoop import SignalTracer

for attach in ("auto", "raw"):
    with SignalTracer(attach=attach, sender_pid=os.getpid()) as tracer:
        os.kill(os.getpid(), 0)
        tracer.stop()
        print(tracer.attachment.syscalls, [event.target.host_pid for event in tracer])
try:
    SignalTracer(attach="tracepoint").open()
except Exception as error:
    print(error)
"""


def test_it_works_without_tracefs() -> None:
    script = (
        "for at in /sys/kernel/tracing /sys/kernel/debug/tracing /sys/kernel/debug; do"
        " while umount -l $at 2>/dev/null; do :; done; done;"
        ' test ! -e /sys/kernel/tracing/events && exec "$0" "$@"'
    )
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
    done = subprocess.run(
        [*command, sys.executable, "-c", _WITHOUT],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    auto, raw, refusal, *_ = done.stdout.splitlines()
    best = "fentry" if _works("fentry") is None else "raw"
    pids = [line.partition(" ")[2] for line in (auto, raw)]
    assert [line.split()[0] for line in (auto, raw)] == [best, "raw"]
    assert pids[0] == pids[1] != "[]"
    assert "tracefs" in refusal
    assert Path("/proc/self").exists()
