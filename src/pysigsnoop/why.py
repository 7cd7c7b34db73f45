"""`pysigsnoop why PID|NAME`: wait for a process that runs already, and tell what ended it."""

from __future__ import annotations

import contextlib
import os
import select
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from . import wording
from .account import Account, Main
from .alive import started
from .cli import Console, trace
from .errors import FilterInvalid, NotSupported, PysigsnoopError
from .privileges import User, caller
from .telling import Telling, say
from .text import printable

if TYPE_CHECKING:
    from .tracer import SignalTracer

# So many of those that a name fits are listed.
_LISTED = 20
# The kernel keeps so many bytes of a name; and no pid has so many digits.
_COMM = 15
_DIGITS = 9
_PS = "ps -e lists the pids of running processes"

_AHEAD = "pysigsnoop -- COMMAND     (runs it, and traces it from its first instruction)"


class _Waited:
    """A process whose end is waited for. Raises FilterInvalid where there is none."""

    def __init__(self, chosen: Namespace, pid: int) -> None:
        try:
            # Held, so that its number stays its own.
            self._pidfd = os.pidfd_open(pid)
            start = started(Path(f"/proc/{pid}/stat").read_bytes())
            self.main = Main(pid, start, _name(pid))
        except OSError as error:
            # Which error a thread's number gives depends on the kernel.
            if (process := _process_of(pid)) not in (None, pid):
                raise FilterInvalid(
                    f"{pid} is a thread of process {process}", hint=f"pysigsnoop why {process}"
                ) from None
            if isinstance(error, (ProcessLookupError, FileNotFoundError)):
                raise FilterInvalid(f"no process {pid}", hint=_PS) from None
            raise NotSupported(
                f"cannot wait for process {pid}: {error.strerror}", hint=_PS
            ) from error
        self.follow = [pid]
        self.user: User | None = caller()
        self.keep: tuple[str, ...] = ()
        self.account = Account(self.main)
        self.telling = Telling(chosen, self.account)
        self._end, self._ending = os.pipe()

    def lines(self) -> list[str]:
        """The account, of an end or of a wait that was given up."""
        told = self.account.lines()
        if self.account.ended:
            return told
        if self.gone():
            return [f"{self.main.told} ended; how was not seen", *told]
        return [f"{self.main.told} runs on", *self.account.so_far(), *told]

    def gone(self) -> bool:
        """Whether it has ended; its parent need not know."""
        return bool(select.select([self._pidfd], [], [], 0)[0])

    @contextlib.contextmanager
    def tracing(self, tracer: SignalTracer, console: Console) -> Iterator[None]:
        """Until it has ended, or the user has enough."""
        self._thread = Thread(target=self._watch, args=(tracer,), daemon=True)
        with console.ending(tracer.stop):
            try:
                yield
            finally:
                os.close(self._ending)
                if self._thread.ident is not None:
                    self._thread.join()
                os.close(self._end)

    def begin(self, tracer: SignalTracer, console: Console) -> None:  # noqa: ARG002
        """From here on nothing of it is missed."""
        told = f"waiting for the end of {self.main.told}; Ctrl-C ends the wait"
        console.say(f"pysigsnoop: {told}")
        self._thread.start()

    def _watch(self, tracer: SignalTracer) -> None:
        ready, _, _ = select.select([self._pidfd, self._end], [], [])
        if self._pidfd in ready:
            with contextlib.suppress(PysigsnoopError):
                self.telling.stop(tracer)


def main(chosen: Namespace, console: Console) -> int:
    """The account on stdout; where lines are shown there, on stderr."""
    pid = _find(chosen.process)
    waited = _Waited(chosen, pid)
    if waited.gone():
        raise FilterInvalid(
            f"process {pid} has ended already, and its parent has not asked how",
            hint=f"ps -o ppid= -p {pid}     (its parent)",
        )
    try:
        status, stats = trace(chosen, console, waited)
    except FilterInvalid:
        if waited.gone():
            raise FilterInvalid(
                f"{waited.main.told} ended before the trace had begun", hint=_AHEAD
            ) from None
        raise
    told = waited.telling.lines(waited.lines(), stats)
    if waited.telling.shows:
        say(told, console.say, to=console.err, before="pysigsnoop: ")
    else:
        say(told, lambda line: console.lines([line]), to=console.out)
    return status


def _find(wanted: str) -> int:
    """The pid of the process of that number or name. Raises FilterInvalid where it is not one."""
    if wanted.isdecimal():
        # Not one digit more than a pid can have.
        pid = int(wanted[:_DIGITS])
        if not pid:
            raise FilterInvalid(f"{pid} is no pid that a process can have", hint=_PS)
        return pid
    # Kernel threads have a program of no name.
    if not wanted:
        raise FilterInvalid("'' is no name of a process", hint="ps -eo comm lists them")
    name = os.fsencode(wanted)
    called = [pid for pid in _processes() if pid != os.getpid() and _is_called(pid, name)]
    found: dict[int, str] = {}
    for pid in called:
        with contextlib.suppress(OSError):  # it has ended by now
            found[pid] = _name(pid)
    if not found:
        raise FilterInvalid(
            f"no process is called {printable(name)}",
            hint="ps -e lists the processes that run",
        )
    if len(found) > 1:
        first = [*found.items()][:_LISTED]
        listed = "".join(f"\n  {pid:>7} {told}" for pid, told in first)
        more = f"\n          and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise FilterInvalid(
            f"{len(found)} processes are called {printable(name)}:{listed}{more}",
            hint=f"pysigsnoop why {first[0][0]}",
        )
    return next(iter(found))


def _process_of(thread: int) -> int | None:
    """The process that a thread is of; None where there is no such thread."""
    try:
        status = Path(f"/proc/{thread}/status").read_text("utf-8", "replace")
        return int(status.partition("\nTgid:")[2].split()[0])
    except (OSError, IndexError, ValueError):
        return None


def _processes() -> list[int]:
    return sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _is_called(pid: int, name: bytes) -> bool:
    """Whether its own name is that one, or its program's; not of one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    comm, _, rest = stat.partition(b"(")[2].rpartition(b")")
    if rest.split()[0] in (b"Z", b"X"):
        return False
    return name[:_COMM] == comm or name == os.path.basename(_exe(pid))  # noqa: PTH119  # bytes


def _exe(pid: int) -> bytes:
    try:
        return os.readlink(f"/proc/{pid}/exe".encode()).removesuffix(b" (deleted)")  # noqa: PTH115
    except OSError:
        return b""


def _name(pid: int) -> str:
    """Its command line, or its own name where it has none."""
    raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    if raw:
        return wording.command_line(tuple(raw.removesuffix(b"\0").split(b"\0")))
    return printable(Path(f"/proc/{pid}/comm").read_bytes().removesuffix(b"\n"))
