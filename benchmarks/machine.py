"""The machine that is measured: its CPUs and who gets which, what others took, what it is."""

from __future__ import annotations

import functools
import json
import os
import platform
import shutil
import subprocess
from pathlib import Path


def steal() -> tuple[int, int]:
    """Ticks that the host took away, and all ticks: the first line of /proc/stat."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return ticks[7], sum(ticks)


def stolen(before: tuple[int, int]) -> float:
    """The share of the time of all CPUs that the host took away since `steal` said this."""
    taken, ticks = (now - then for now, then in zip(steal(), before, strict=True))
    return taken / max(1, ticks)


@functools.cache
def split_cpus() -> tuple[int, set[int]]:
    """The CPU of senders, and those of everything else; the same one where there is no other.

    Of those that this process had when it was first asked.
    """
    cpus = sorted(os.sched_getaffinity(0))
    return cpus[-1], set(cpus[:-1] or cpus)


def cpu_ns(pid: int) -> int:
    """CPU time of all threads of a process up to now."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total


def other_programs() -> int:
    """How many programs others have loaded that trace: each can make what is measured dearer."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    tool = shutil.which("bpftool", path=path) or "bpftool"
    listed = subprocess.run([tool, "-j", "prog", "show"], check=True, capture_output=True)
    kinds = {"tracepoint", "raw_tracepoint", "tracing", "kprobe"}
    return sum(program["type"] in kinds for program in json.loads(listed.stdout))


def voluntary_switches(pid: int) -> int:
    """How often the threads of a process have gone to sleep by themselves."""
    return sum(
        int(line.split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir()
        for line in (task / "status").read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    )


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process, with and without what it shares with the kernel: a ring's
    pages, or perf's buffers, each page as often as it is mapped."""
    total = shared = 0
    kernels = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        word, _, rest = line.partition(" ")
        if not word.endswith(":"):
            kernels = "anon_inode:" in rest
        elif word == "Rss:":
            kb = int(rest.split()[0])
            total += kb
            shared += kb * kernels
    return total / 1024, (total - shared) / 1024


def described() -> str:
    """Processor, number of CPUs, and kernel, as a sentence for the page."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    cpus = len({split_cpus()[0], *split_cpus()[1]})
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{model}, {cpus} CPU{'s' * (cpus != 1)}, Linux {platform.release()}, {python}"
