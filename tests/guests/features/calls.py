"""Calls that not every kernel has, or not every way to watch calls shows."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial

from pysigsnoop.families import CALL_FAMILIES

from . import YES, Lacking
from .trying import NOBODY, expect
from .watched import COMPAT, GROUP, X32, on_x86, watched


def _compat(way: str) -> str:
    """A signal that is generated, and a call that reaches nobody."""
    if not on_x86():
        raise Lacking("tried on x86 alone")
    of = watched(way)
    if "compat" not in of.answers:
        raise Lacking("the kernel takes no 32-bit calls")
    answers = of.answers["compat"], of.answers["compat nobody"]
    expect(answers == (0, -errno.ESRCH), answers)
    told = [(event.target_arg, event.error) for event in of.events if event.signal == COMPAT]
    if told == [(of.pid, None), (NOBODY, "ESRCH")]:
        return "all"
    expect(told == [(of.pid, None)], told)
    raise Lacking(
        "only those that generate a signal are told: syscall tracepoints skip 32-bit callers"
    )


def _x32() -> str:
    if not on_x86():
        raise Lacking("of x86 alone")
    of = watched("auto")
    if of.answers["x32"] == -errno.ENOSYS:
        raise Lacking("the kernel has no x32 calls (ENOSYS)")
    told = [event.origin for event in of.events if event.signal == X32]
    expect((of.answers["x32"], told) == (0, ["kill"]), told)
    return YES


def _pidfd(name: str, flags: int, since: str) -> str:
    of = watched("auto")
    pidfd = of.answers[f"{name} open"]
    if pidfd < 0:
        raise Lacking(f"pidfd_open: {os.strerror(-pidfd)} (since Linux {since})")
    if answer := of.answers[name]:
        raise Lacking(f"pidfd_send_signal: {os.strerror(-answer)} (since Linux {since})")
    told = [
        (event.flags, event.ret, event.target and event.target.pid)
        for event in of.events
        if (event.origin, event.target_arg) == ("pidfd_send_signal", pidfd)
    ]
    expect(told == [(flags, 0, of.pid)], told)
    return YES


TRIALS: dict[str, Callable[[], str]] = {
    **{f"compat_{way}": partial(_compat, way) for way in CALL_FAMILIES},
    "x32": _x32,
    "pidfd_send_signal": partial(_pidfd, "pidfd_send_signal", 0, "5.1"),
    "pidfd_thread": partial(_pidfd, "pidfd_thread", 0, "6.9"),
    "pidfd_group": partial(_pidfd, "pidfd_group", GROUP, "6.9"),
}
