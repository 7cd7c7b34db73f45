"""Checks of how the kernel was built and set: BTF, sysctls, tracefs, pid namespace."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import diagnosis
from .checks import OK, WARN, Check, of_error
from .errors import TracingUnavailable
from .tracefs import Tracefs

_AS_ROOT = "sudo pysigsnoop doctor"


def _btf() -> Check:
    btf = Path(diagnosis.BTF)
    if not btf.exists():
        raise diagnosis.no_btf()
    size = btf.stat().st_size
    return Check("btf", OK, f"{btf} ({size >> 10} KiB)")


def _tracefs() -> Check:
    """Needed by one way to attach of three, and by --trace-pipe."""
    try:
        place = diagnosis.find_tracefs()
    except TracingUnavailable as error:
        return of_error("tracefs", error, WARN)
    try:
        Tracefs()
    except TracingUnavailable as error:
        return Check("tracefs", WARN, f"{place}; for --trace-pipe: {error.message}", error.hint)
    return Check("tracefs", OK, str(place))


def _pid_namespace() -> Check:
    if diagnosis.in_initial_namespace("pid"):
        return Check("pid_namespace", OK, "the machine's own")
    return Check(
        "pid_namespace",
        WARN,
        "one of its own: processes outside have no pid here, only a host_pid",
        "in a container: --pid host",
    )


# Sysctls: whether the value is as it should be, and what to say of it.

_Judge = Callable[[str], tuple[str, str, str]]


def _unprivileged(value: str) -> tuple[str, str, str]:
    return OK, "anybody may use bpf()" if value == "0" else "CAP_BPF passes it", ""


def _paranoid(value: str) -> tuple[str, str, str]:
    if int(value) < 2:
        return OK, "anybody may watch the kernel", ""
    if "CAP_PERFMON" in diagnosis.missing_capabilities():
        return WARN, "needs CAP_PERFMON", diagnosis.AS_ROOT
    return OK, "CAP_PERFMON passes it", ""


def _jit(value: str) -> tuple[str, str, str]:
    if value == "1":
        return OK, "programs are compiled", ""
    what = "programs are interpreted, which is slow" if value == "0" else "their code is printed"
    return WARN, what, "sudo sysctl net.core.bpf_jit_enable=1"


def _stats(value: str) -> tuple[str, str, str]:
    if value == "0":
        return OK, "programs are not timed", ""
    return WARN, "programs are timed", "sudo sysctl kernel.bpf_stats_enabled=0"


def _sysctl(name: str, key: str, judge: _Judge) -> Check:
    path = Path("/proc/sys", *key.split("."))
    try:
        value = path.read_text().strip()
    except FileNotFoundError:
        return Check(name, OK, f"{key} is not there")
    except PermissionError:
        return Check(name, WARN, f"{key} is not readable for uid {os.geteuid()}", _AS_ROOT)
    status, said, hint = judge(value)
    return Check(name, status, f"{key} = {value}: {said}", hint)


CHECKS: dict[str, Callable[[], Check]] = {
    "btf": _btf,
    "tracefs": _tracefs,
    "pid_namespace": _pid_namespace,
} | {
    name: partial(_sysctl, name, key, judge)
    for name, key, judge in (
        ("unprivileged_bpf", "kernel.unprivileged_bpf_disabled", _unprivileged),
        ("perf_events", "kernel.perf_event_paranoid", _paranoid),
        ("bpf_jit", "net.core.bpf_jit_enable", _jit),
        ("bpf_stats", "kernel.bpf_stats_enabled", _stats),
    )
}
