"""How programs are attached, each way taken and made to tell what is sent; with which rights."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pysigsnoop import PysigsnoopError, SignalTracer, capabilities
from pysigsnoop.bpf_path import object_path
from pysigsnoop.exit_status import ExitStatus
from pysigsnoop.families import CALL_FAMILIES, NO_CALLS
from pysigsnoop.library import lib
from tests.live.trace_buffer import Original, patient, turn

from . import YES, Lacking
from .trying import Steps, expect, forked, read_out
from .watched import NATIVE, watched

# include/uapi/linux/capability.h
_PERFMON_AND_BPF = 1 << 38 | 1 << 39
_NOBODY = 65534


def _way(attach: str) -> str:
    """A signal that is generated, and where calls are watched one that is not, must be told."""
    of = watched(attach)
    found = [(int(e.signal), e.target_arg) for e in of.events if e.origin == "kill"]
    expect(found[:1] == [(int(NATIVE), of.pid)], found)
    expect(((0, of.pid) in found) is (attach != NO_CALLS), found)
    return YES


def _auto() -> str:
    used = watched("auto").attachment
    return f"{used.signals}, {used.syscalls}"


def _with_two_capabilities(steps: Steps) -> None:
    """As nobody, with CAP_BPF and CAP_PERFMON: says what `auto` takes."""
    capabilities.become(_NOBODY, _NOBODY)
    result = lib.set_capabilities(_PERFMON_AND_BPF, _PERFMON_AND_BPF)
    expect(result == 0, os.strerror(-result))
    try:
        with SignalTracer(sender_pid=os.getpid()) as tracer:
            os.kill(os.getpid(), 0)
            found = [event.signal for event in read_out(tracer)]
        expect(found == [0], found)
        steps.say(tracer.attachment.syscalls)
    except PysigsnoopError as error:
        steps.say(f"!{error.message}")


def _least_rights() -> str:
    with tempfile.TemporaryDirectory() as name:
        # The package may lie where only root reads.
        folder = Path(name)
        folder.chmod(0o755)
        copy = folder / "programs.o"
        shutil.copy(object_path(), copy)
        copy.chmod(0o644)
        before = os.environ.get("PYSIGSNOOP_BPF_OBJECT")
        os.environ["PYSIGSNOOP_BPF_OBJECT"] = str(copy)
        try:
            with forked(_with_two_capabilities) as child:
                said = child.said()
        finally:
            os.environ.pop("PYSIGSNOOP_BPF_OBJECT")
            if before is not None:
                os.environ["PYSIGSNOOP_BPF_OBJECT"] = before
    expect(said, "it ended without a word")
    if said.startswith("!"):
        raise Lacking(said.removeprefix("!"))
    return said


def _asks_without_rights(steps: Steps) -> None:
    """bpf() with a descriptor that is none: whether the kernel looks at it."""
    lib.set_capabilities(0, 0)
    steps.say(str(lib.bpf_map_update_elem(-1, b"\0", b"\0", 0)))


def _counts_without_rights() -> str:
    with forked(_asks_without_rights) as child:
        said = int(child.said())
    if said == -errno.EPERM:
        raise Lacking(
            "bpf() is refused without CAP_BPF (before Linux 5.19): the command line keeps that one"
        )
    expect(said == -errno.EBADF, said)
    return YES


def _original() -> str:
    _traces_as_it_did()
    return YES


@patient
def _traces_as_it_did() -> None:
    with turn():
        # Traces once its own calls have shown.
        status = Original().stop()
    expect(status == ExitStatus.INTERRUPTED, status)


TRIALS: dict[str, Callable[[], str]] = {
    **{way: partial(_way, way) for way in (*CALL_FAMILIES, NO_CALLS)},
    "raw_tp": partial(_way, "raw_tp+auto"),
    "auto": _auto,
    "least_rights": _least_rights,
    "counts_without_rights": _counts_without_rights,
    "trace_pipe": _original,
}
