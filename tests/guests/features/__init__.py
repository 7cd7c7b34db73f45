"""What the tracer can do on the running kernel, found out by doing it.

    sudo env PYTHONPATH=src python -m tests.guests.features

Nothing is concluded from a version. Each feature has a trial, which opens a tracer, sends signals
that it knows, and looks at what is told; or, where it is about how the kernel is read, asks the
kernel's own description for what the programs ask it for. It answers `yes` or a word that tells in
which way; it raises Lacking with a reason where the kernel has nothing to offer. Any other
exception is a fault of the tracer's or of the trial's.

    trying.py     what a trial works with: children made by fork, and what it expects
    watched.py    one process that makes every kind of call, watched in each way once
    attaching.py  how programs are attached, with which rights
    calls.py      calls that some kernels or some ways do not show
    origins.py    the kernel's own signals
    telling.py    what is told of a signal, and what more is asked for
    reading.py    how the kernel's structures are read
    __main__.py   all of them, and one line of what was found
"""

from __future__ import annotations

#: Before the line of JSON, so that it is found in a guest's output.
MARK = "features"
YES = "yes"
#: Before the reason where it is lacking, and before the error where its trial failed.
NO, FAILED = "no: ", "failed: "

#: Each feature: what it is, in words for the page. In its order.
FEATURES = {
    "fentry": "`--attach fentry`: calls by the return of their functions",
    "tracepoint": "`--attach tracepoint`: calls by syscall tracepoints",
    "raw": "`--attach raw`: calls by the exit of every system call",
    "none": "`--attach none`: only what is generated",
    "raw_tp": "signals by the raw tracepoint, in place of the typed",
    "auto": "what `--attach auto` takes as root: for signals, for calls",
    "least_rights": "what it takes for calls as nobody, with `CAP_BPF` and `CAP_PERFMON` alone",
    "counts_without_rights": "once attached, the runs skipped are read without any capability",
    "trace_pipe": "`--trace-pipe`: the original",
    "compat_fentry": "which calls of 32-bit programs `fentry` tells",
    "compat_tracepoint": "which calls of 32-bit programs `tracepoint` tells",
    "compat_raw": "which calls of 32-bit programs `raw` tells",
    "x32": "calls by x32 numbers",
    "pidfd_send_signal": "`pidfd_send_signal` to a process",
    "pidfd_thread": "`pidfd_send_signal` to a thread",
    "pidfd_group": "`pidfd_send_signal` to a process group",
    "origins": "the origins `fault timer child terminal pipe parent-death io kernel`",
    "cgroup_kill": "the origin `cgroup.kill`, and who wrote it",
    "oom": "the origin `oom`, and who asked for memory",
    "oom_figures": "what the victim of an OOM kill held",
    "outcomes": "deliveries and deaths, by the send that caused them",
    "details": "`--details`: command line, program, parents",
    "login": "`--details`: who logged in",
    "stacks": "`--stack`: of the process, and of the kernel",
    "follow": "`--follow`: children to come, and those that are there",
    "cgroup_filter": "filters by cgroup, with what is below it",
    "loads": "what the programs read by loads, in place of a helper's calls",
    "loops": "the kernel counts the turns of long loops, which opens faster",
    "registers": "how a call's registers are found",
    "last_thread": "how the last thread of a process is known",
    "skipped": "runs of a program that the kernel skips are counted",
    "cgroup_above": "how a cgroup's ancestors are found",
    "memory_counted": "how the kernel counts what an OOM kill's victim held",
    "cut_types": "libbpf gets the kernel's types cut down, which opens faster",
    "locked_memory": "whether BPF memory counts as locked memory",
}


class Lacking(Exception):
    """The kernel does not have it. The message is the reason, in words for a table's reader."""
