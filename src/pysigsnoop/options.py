"""The command line's options: parsed and checked, with errors that say what to type."""

from __future__ import annotations

import argparse
import re

from . import __version__
from .errors import FilterInvalid
from .signals import Signal, parse_signal

_EXAMPLES = """\
examples:
  pysigsnoop                      every kill(2) on this machine, until Ctrl-C
  pysigsnoop -T 2219              who signals process 2219
  pysigsnoop -s KILL,TERM -x      only these signals, only those that failed
  pysigsnoop -j --duration 60     a minute of JSON lines
  pysigsnoop --trace-pipe         the original program, through trace_pipe
"""

_SIZE = re.compile(r"(\d+)([KMG]?)B?", re.IGNORECASE)
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30}


def _signals(text: str) -> list[Signal]:
    try:
        return [parse_signal(word) for word in text.split(",")]
    except FilterInvalid as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _pids(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of pids\n  hint: -p 2219, or -p 2219,2220"
        ) from None


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size\n  hint: --buffer 64K, 8M, 1G")
    return int(match[1]) << _UNITS[match[2].upper()]


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time\n  hint: seconds, as in 10 or 0.5")
    return seconds


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no count\n  hint: 1 or more")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The parser, from which the help comes too. Exits 2 by itself on wrong usage."""
    top = argparse.ArgumentParser(
        prog="pysigsnoop",
        description="Who sent which signal to whom, live, for every kill(2) on this machine.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"pysigsnoop {__version__}")
    out = top.add_argument_group("output")
    out.add_argument("-j", "--json", action="store_true", help="one JSON object a line")
    out.add_argument(
        "--trace-pipe", action="store_true", help="run the original program; takes no filters"
    )
    keep = top.add_argument_group("filters (in the kernel; all given must be met)")
    keep.add_argument(
        "-p", "--pid", metavar="PID", type=_pids, action="extend", help="sent by these processes"
    )
    keep.add_argument(
        "-T",
        "--target",
        metavar="PID",
        type=_pids,
        action="extend",
        help="sent to these: pids as the sender gave them, 0, -1 and -PGID too",
    )
    keep.add_argument(
        "-s",
        "--signal",
        metavar="SIG",
        type=_signals,
        action="extend",
        help="these signals, by name or number: KILL,TERM,9,RTMIN+1",
    )
    keep.add_argument("-x", "--failed", action="store_true", help="failed calls only")
    end = top.add_argument_group("limits")
    end.add_argument("--duration", metavar="S", type=_seconds, help="end after S seconds")
    end.add_argument("--count", metavar="N", type=_count, help="end after N lines")
    end.add_argument("--buffer", metavar="SIZE", type=_size, help="ring size: 64K, 8M (default 8M)")
    return top


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The checked options."""
    top = parser()
    options = top.parse_args(arguments)
    if options.trace_pipe:
        for name in ("json", "pid", "target", "signal", "failed", "buffer"):
            given = getattr(options, name)
            if given is not None and given is not False:
                top.error(f"--trace-pipe runs the original program, which has no --{name}")
    return options
