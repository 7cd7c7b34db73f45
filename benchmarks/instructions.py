"""How many instructions tracing adds to a call, as an emulator counts them: each time the same.

    python -m benchmarks.instructions [KERNEL] in a guest, into the page
    python -m benchmarks.instructions --here   on this kernel, which must run in such a guest

Not time: an instruction that misses all caches counts as one that misses none. But it shows what
no noise hides, and ways to watch calls that the machine's own kernel refuses. The guest has one
processor, and its clocks count instructions, a nanosecond each.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pysigsnoop import SignalTracer

from . import page, reference, report
from .senders import NAME, Sender, build
from .tracers import KINDS, SENDS

#: What the guest's one line of results begins with.
MARK = "instructions:"
_CALLS, _BURST = 2000, 250
#: How calls are watched, with the options of SignalTracer.
WAYS: dict[str, dict[str, object]] = {
    "`fentry`": {"attach": "fentry"},
    "`fentry`, outcomes": {"attach": "fentry", "outcomes": True},
    "`fentry`, filtered out by pid": {"attach": "fentry", "sender_pid": [1]},
    "`tracepoint`": {"attach": "tracepoint"},
    "`raw`": {"attach": "raw"},
    "`none`": {"attach": "none"},
}
#: And programs with as little in them as each needs, as benchmarks.tracers calls them.
PLAIN = ("one_end", "both_ends", "both_record")


def _calls(
    folder: Path, tracer: SignalTracer | None = None, told: frozenset[str] = frozenset()
) -> dict[str, float]:
    """By kind, instructions of the sender's thread for each call.

    Nobody reads meanwhile, so nobody is woken: what is counted is the record. `told` is what the
    tracer is to tell.
    """
    found = {}
    for kind in KINDS:
        with Sender(folder / NAME, kind, "-n", _CALLS, "-b", _BURST, "-c", 0) as sender:
            found[kind] = sender.go().cpu_ns
            if tracer and kind in SENDS:
                _check(tracer, sender.pid, _CALLS if kind in told else 0)
    return found


def _check(tracer: SignalTracer, pid: int, wanted: int) -> None:
    """Raises AssertionError where not so many sends were told, or any was lost."""
    told = 0
    while batch := tracer.read(0):
        told += sum(
            e.type == "send" and e.sender is not None and e.sender.pid == pid for e in batch
        )
    stats = tracer.stats
    assert (told, stats.lost_total) == (wanted, 0), f"{told} of {wanted} told: {stats}"


def _to_be_told(options: dict[str, object]) -> frozenset[str]:
    if "sender_pid" in options:
        return frozenset()
    return SENDS - {"check"} if options["attach"] == "none" else SENDS


@contextmanager
def _plain(built: Path, chosen: str) -> Iterator[None]:
    programs = reference.Programs(built, chosen)
    programs.attach()
    try:
        yield
    finally:
        programs.detach()


def here() -> dict[str, dict[str, float]]:
    """What each way adds, and under "alone" what the calls take untraced."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        built = reference.build(folder)
        found = {"alone": _calls(folder)}
        for way, options in WAYS.items():
            with SignalTracer(**options) as tracer:  # type: ignore[arg-type]
                found[way] = _calls(folder, tracer, _to_be_told(options))
                tracer.stop()
        for chosen in PLAIN:
            with _plain(built, chosen):
                found[chosen] = _calls(folder)
        again = _calls(folder)
    worst = max(abs(again[kind] - found["alone"][kind]) for kind in KINDS)
    if worst > statistics.mean(found["alone"].values()) / 50:
        raise RuntimeError(f"not repeatable: {found['alone']}, then {again}")
    return found


def main(arguments: list[str]) -> int:
    if arguments == ["--here"]:
        print(MARK, json.dumps(here()), flush=True)
        return 0
    # Newer ones skip runs of programs now and then (7.3), which leaves a call untold.
    kernel = (arguments or ["6.12"])[0]
    command = [
        *(sys.executable, "-m", "tests.guests", "--kernels", kernel, "--cpus", "1"),
        *("--count-instructions", "--env", "PYTHONPATH=src", "--"),
        *(sys.executable, "-m", "benchmarks.instructions", "--here"),
    ]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    for line in done.stdout.splitlines():
        series, mark, found = line.partition(f"| {MARK} ")
        if mark:
            table = report.instructions(series.strip(), json.loads(found))
            print(table)
            page.write({"instructions": table})
            return 0
    print(done.stdout, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
