"""What is measured: each tracer as a command, and how it tells what it saw."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

#: The kinds of calls that are measured; the last is traced by nobody.
KINDS = ("check", "ignored", "handled", "other")
SENDS = frozenset(KINDS[:3])
#: Names that are asked for again.
EACH, FILTERED = "Python, each event", "all filtered out, by pid"
#: The same two where no call is watched, so that nothing is met but signals.
GENERATED = "generated only (`--attach none`)"
GENERATED_FILTERED = "generated only, all filtered out"


class Tracer(NamedTuple):
    """A tracer: its name in the tables, and its command."""

    name: str
    command: tuple[str, ...]
    #: Which calls it is to tell; None where it says nothing of what it saw.
    sees: frozenset[str] | None = SENDS
    #: What a line that tells one holds, beside the sender's name; empty: it reports as JSON.
    line: bytes = b""
    #: How long the sender pauses after each burst, so that the slowest keeps up.
    gap_us: int = 5_000
    #: It runs the sender itself.
    wraps: bool = False
    #: Of the calls, only so large a share: it is slow.
    share: float = 1.0


_OWN = (sys.executable, "-m", "pysigsnoop")


def api(mode: str, **options: object) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.own", mode, json.dumps(options))


def own_tracers() -> list[Tracer]:
    """This tracer, as it can be used."""
    from pysigsnoop import SignalTracer  # which needs libbpf, and the rest here does not

    found = [Tracer(EACH, api("iterate"))]
    if hasattr(SignalTracer, "read_columns"):
        found.insert(0, Tracer("Python, columns", api("columns")))
    found += [
        Tracer("Python, each event, outcomes", api("iterate", outcomes=True)),
        Tracer("JSON lines", (*_OWN, "--json"), line=b'"type": "send"', gap_us=30_000),
        Tracer("text", _OWN, line="→".encode(), gap_us=30_000),
    ]
    found += [
        Tracer(GENERATED, api("iterate", attach="none"), SENDS - {"check"}),
        Tracer(FILTERED, api("iterate", sender_pid=[1]), frozenset()),
        Tracer(GENERATED_FILTERED, api("iterate", attach="none", sender_pid=[1]), None),
        Tracer(
            "`--trace-pipe`",
            (*_OWN, "--trace-pipe"),
            line=b" sent signal ",
            gap_us=30_000,
            share=0.4,
        ),
        Tracer("the original, nobody reading", api("unread"), None),
    ]
    return found


def references(built: Path) -> dict[str, Tracer]:
    """Programs with nothing in them but what each needs, by their set."""
    names = {
        "one_end": "empty programs, exit",
        "both_ends": "empty programs, enter and exit",
        "one_record": "the same on exit, and an empty record",
        "both_record": "**the limit**: the same on both, and an empty record",
        "hash": "enter, hash, exit, record",
        "waking": "the same, each record wakes",
        "registers": "exit alone, saved registers, record",
        "generated": "`signal_generate` alone, record",
    }
    command = (sys.executable, "-m", "benchmarks.reference", str(built))
    return {key: Tracer(name, (*command, key), None) for key, name in names.items()}


def peers() -> list[Tracer]:
    """The tracers that people would use instead. They must be there, but for bcc's."""
    return [
        Tracer("bpftrace `killsnoop.bt`", (_killsnoop(),), line=b" ", share=0.2, gap_us=30_000),
        Tracer(
            "`perf trace -a -e kill`",
            ("perf", "trace", "-a", "-e", "kill"),
            line=b"kill(",
            share=0.2,
            gap_us=30_000,
        ),
        Tracer(
            "strace on the sender",
            ("strace", "-f", "-e", "trace=kill,tkill,tgkill", "-o"),
            line=b"kill(",
            wraps=True,
            share=0.04,
            gap_us=1000,
        ),
    ]


def missing_peers() -> dict[str, str]:
    """Peers that cannot be measured on this machine, and why."""
    probes = Path("/sys/bus/event_source/devices/kprobe")
    if not probes.exists():
        return {"bcc `killsnoop`": "not measured: this kernel has no kprobes"}
    return {"bcc `killsnoop`": "not measured: it builds against the kernel's headers"}


def _killsnoop() -> str:
    """Debian installs bpftrace's own tools outside PATH's usual folders."""
    for place in ("/usr/sbin/killsnoop.bt", "/usr/share/bpftrace/tools/killsnoop.bt"):
        if Path(place).is_file():
            return place
    return shutil.which("killsnoop.bt") or "killsnoop.bt"
