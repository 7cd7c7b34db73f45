"""Measure everything in one go, and write the tables of docs/performance.md: `make bench`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from . import machine, page, senders
from .session import PARTS, Session


def _options() -> argparse.Namespace:
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    top.add_argument("--quick", action="store_true", help="all of it, shortly; writes no page")
    top.add_argument("--pairs", type=int, metavar="N", help="pairs for each figure (default 7)")
    top.add_argument("--seconds", type=float, metavar="S", help="of a flood (default 30)")
    top.add_argument("--only", choices=PARTS, action="append", help="this part; writes no page")
    chosen = top.parse_args()
    chosen.pairs = chosen.pairs or (1 if chosen.quick else 7)
    chosen.seconds = chosen.seconds or (2.0 if chosen.quick else 30.0)
    return chosen


def main() -> int:
    """Print the parts, and write them to the page unless some are missing."""
    chosen = _options()
    if os.geteuid():
        sys.exit("benchmarks: must be root\n  hint: sudo make bench")
    # What is measured is started by this process, and shares its CPUs; senders have their own.
    os.sched_setaffinity(0, machine.split_cpus()[1])
    with tempfile.TemporaryDirectory() as name:
        # Others import what they have imported before, and so do ours.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = f"{name}/pycache"
        senders.build(Path(name))
        session = Session(Path(name), chosen.pairs, chosen.seconds)
        session.measure(chosen.only or PARTS)
    for part, content in session.parts.items():
        print(f"## {part}\n\n{content}\n")
    if not chosen.quick and not chosen.only:
        page.write(session.parts)
    for name, why in session.failed.items():
        print(f"benchmarks: {name}: {why}", file=sys.stderr)
    return bool(session.failed)


if __name__ == "__main__":
    sys.exit(main())
