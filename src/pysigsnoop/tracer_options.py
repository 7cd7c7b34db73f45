"""Which signals to trace, as options: the same words for every command that traces."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from . import progress
from .families import CALL_FAMILIES, NO_CALLS
from .option_types import count, pids, signals, size, users, words

if TYPE_CHECKING:
    from .cli import Console
    from .tracer import SignalTracer


def add_scope(to: argparse.ArgumentParser) -> argparse._MutuallyExclusiveGroup:
    """`--all` and `--kernel`; the group that they exclude each other in."""
    what = to.add_argument_group("what to show").add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="all of the kernel's signals too")
    what.add_argument("--kernel", action="store_true", help="the kernel's signals only")
    return what


def add_filters(to: argparse.ArgumentParser) -> None:
    """What is met in the kernel."""
    keep = to.add_argument_group(
        "filters",
        "Met in the kernel. All given must be met; each takes a list: -s KILL,TERM.",
    )

    def add(*names: str, metavar: str, kind: Callable[[str], object], text: str) -> None:
        keep.add_argument(*names, metavar=metavar, type=kind, action="extend", help=text)

    add("-p", "--pid", metavar="PID", kind=pids, text="sent by these processes")
    add(
        "-T",
        "--target",
        metavar="PID",
        kind=pids,
        text="sent to these; also 0, -1, -PGID as given",
    )
    add("-u", "--user", metavar="USER", kind=users, text="sent by these users")
    add("--target-user", metavar="USER", kind=users, text="sent to processes of these users")
    add("-c", "--comm", metavar="NAME", kind=words, text="sent by processes of these names")
    add("--target-comm", metavar="NAME", kind=words, text="sent to processes of these names")
    add("--cgroup", metavar="PATH", kind=words, text="sent from these cgroups, or below")
    add("--target-cgroup", metavar="PATH", kind=words, text="sent into these cgroups, or below")
    add("-s", "--signal", metavar="SIG", kind=signals, text="these signals: KILL,TERM,9,RTMIN+1")
    add("-S", "--exclude-signal", metavar="SIG", kind=signals, text="not these signals")
    add("--origin", metavar="WHY", kind=words, text="sent so: kill,tgkill,... fault,timer,oom,...")
    add("--follow", metavar="PID", kind=pids, text="these and all they create, either end")
    keep.add_argument("-x", "--failed", action="store_true", help="calls that failed only")
    keep.add_argument("--fatal", action="store_true", help="what ends its target only")


def add_limits(to: argparse._ActionsContainer) -> None:
    """Room in the kernel, and how calls are watched."""
    to.add_argument(
        "--max-followed", metavar="N", type=count, help="processes at once (default 65536)"
    )
    to.add_argument("--buffer", metavar="SIZE", type=size, help="ring size: 64K, 8M (default 8M)")
    to.add_argument(
        "--keep-privileges", action="store_true", help="stay who you are, with all rights"
    )
    to.add_argument(
        "--attach",
        metavar="HOW",
        default="auto",
        choices=("auto", *CALL_FAMILIES, NO_CALLS),
        help="watch calls by fentry, tracepoint or raw (default auto: the first that works), or "
        "none: only what is generated, no failed calls",
    )


def tracer(chosen: argparse.Namespace, *, follow: Iterable[int] = (), **more: Any) -> SignalTracer:
    """The tracer that the options ask for, not yet open.

    `follow` are processes beside those of the options; `more` is SignalTracer's own, and wins.
    """
    from .following import DEFAULT_MAX
    from .plan import BUFFER
    from .tracer import SignalTracer  # needs libbpf, which --help must not

    settings: dict[str, Any] = {
        "signals": chosen.signal,
        "exclude_signals": chosen.exclude_signal,
        "origins": chosen.origin,
        "scope": "all" if chosen.all else "kernel" if chosen.kernel else "default",
        "sender_pid": chosen.pid,
        "target_pid": chosen.target,
        "sender_uid": chosen.user,
        "target_uid": chosen.target_user,
        "sender_comm": chosen.comm,
        "target_comm": chosen.target_comm,
        "sender_cgroup": chosen.cgroup,
        "target_cgroup": chosen.target_cgroup,
        "failed_only": chosen.failed,
        "fatal_only": chosen.fatal,
        "follow": [*(chosen.follow or ()), *follow] or None,
        "max_followed": chosen.max_followed or DEFAULT_MAX,
        "attach": chosen.attach,
        "buffer_size": BUFFER if chosen.buffer is None else chosen.buffer,
    }
    return SignalTracer(**settings | more)


@contextmanager
def opened(tracer: SignalTracer, console: Console) -> Iterator[SignalTracer]:
    """The tracer, open for the block; on a slow machine the user is told what takes so long."""
    with closing(tracer):
        with progress.told(console.err, "loading the programs into the kernel"):
            tracer.open()
        yield tracer
