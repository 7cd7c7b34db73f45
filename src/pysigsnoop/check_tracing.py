"""Trials: each way to attach is taken, and must tell the signals that a child of ours is sent."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .checks import FAIL, OK, WARN, Check, of_error
from .errors import LibraryMissing, NotSupported, PysigsnoopError
from .families import CALL_FAMILIES, SIGNAL_FAMILIES

if TYPE_CHECKING:
    from .attachment import Attachment
    from .event import Event
    from .tracer import SignalTracer

#: The name of the last check, which decides.
TRIAL = "trial"
# How long a signal may take to be told; it takes a millisecond.
_PATIENCE_S = 2.0
_BUFFER = 64 * 1024
# Lives until its input ends, so that it ends with whoever started it, whatever happens to them.
_WAITING = ("-I", "-S", "-c", "import sys; sys.stdin.read()")


class Trials:
    """The trials, and the child that they signal; all is given back when the block is left.

    `failed` is the name of a check that has shown already that nothing can be attached.
    """

    def __init__(self, failed: str = "") -> None:
        self._failed = failed
        self._child: subprocess.Popen[bytes] | None = None
        self._attached: list[Attachment] = []
        self._refused: list[PysigsnoopError] = []

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._child:
            self._child.kill()
            self._child.communicate()

    def checks(self) -> dict[str, Callable[[], Check]]:
        """By name, in the order in which they must run."""
        calls = {name: (lambda name=name: self._way(name, name)) for name in CALL_FAMILIES}
        signals = {
            "tp_btf": self._typed,
            "raw_tp": lambda: self._way("raw_tp", "raw_tp+auto"),
        }
        assert signals.keys() == SIGNAL_FAMILIES.keys()
        return {**calls, **signals, "kernel": self._kernel, TRIAL: self.trial}

    def _target(self) -> int:
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, *_WAITING],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,  # a changed root may have no /dev/null
                start_new_session=True,  # Ctrl-C is not for it
            )
        return self._child.pid

    def _tracer(self, attach: str, *, outcomes: bool = False) -> SignalTracer:
        from .tracer import SignalTracer  # needs libbpf

        return SignalTracer(
            sender_pid=os.getpid(),
            target_pid=self._target(),
            scope="all",
            outcomes=outcomes,
            attach=attach,
            buffer_size=_BUFFER,
        )

    def _not_tried(self, name: str) -> Check | None:
        if not self._failed:
            return None
        return Check(name, WARN, f"not tried: see {self._failed}")

    def _way(self, name: str, attach: str) -> Check:
        """Attach so; a signal that is generated, and one that is not, must both be told."""
        if skipped := self._not_tried(name):
            return skipped
        try:
            with self._tracer(attach) as tracer:
                for number in (signal.SIGCONT, 0):
                    os.kill(self._target(), number)
                    _told(tracer, number)
                self._attached.append(tracer.attachment)
        except PysigsnoopError as error:
            self._refused.append(error)
            # Another way may do.
            return of_error(name, error, WARN)
        used = tracer.attachment
        other = used.syscalls if name in SIGNAL_FAMILIES else used.signals
        return Check(name, OK, f"attached beside {other}, and told what was sent")

    def _typed(self) -> Check:
        """Tried first by each way to watch calls, so that is known by now."""
        name = "tp_btf"
        if skipped := self._not_tried(name):
            return skipped
        if any(used.signals == name for used in self._attached):
            return Check(name, OK, "attached, and told what was sent")
        for used in self._attached:
            for way, why in used.refused.items():
                if way.startswith(name):
                    return Check(name, WARN, why)
        return of_error(name, self._refused[0], WARN)

    def _kernel(self) -> Check:
        """By what it took, not by its version."""
        name, found = "kernel", f"{platform.release()} {platform.machine()}"
        if skipped := self._not_tried(name):
            return skipped._replace(found=f"{found}; {skipped.found}")
        if self._attached:
            return Check(name, OK, f"{found} takes the programs")
        error = self._refused[0]
        return Check(name, FAIL, f"{found}: {error.message}", error.hint)

    def trial(self, attach: str = "auto") -> Check:
        """As a tracer is opened by default: a SIGKILL to the child is told, and the child's death
        of it."""
        try:
            with self._tracer(attach, outcomes=True) as tracer:
                os.kill(self._target(), signal.SIGKILL)
                event = _told(tracer, signal.SIGKILL)
                deaths = [end for end in tracer.follow(event, _PATIENCE_S) if end.type == "death"]
                if not deaths or deaths[0].signal != signal.SIGKILL:
                    raise _untold("the death of a child")
        except LibraryMissing as error:
            missing = of_error(TRIAL, error)
            return (
                missing._replace(found=f"not tried: see {self._failed}")
                if self._failed
                else missing
            )
        except PysigsnoopError as error:
            return of_error(TRIAL, error)
        used = tracer.attachment
        return Check(
            TRIAL,
            OK,
            f"a SIGKILL and the death of it told, by {used.signals} and {used.syscalls}",
        )


def _told(tracer: SignalTracer, number: int) -> Event:
    """The event of a signal that was sent just now."""
    end = time.monotonic() + _PATIENCE_S
    while (left := end - time.monotonic()) > 0:
        for event in tracer.read(left, 1):
            if event.type == "send" and event.signal == number and event.error is None:
                return event
    raise _untold(f"signal {int(number)} to a child")


def _untold(what: str) -> NotSupported:
    return NotSupported(
        f"attached, but {what} was not told within {_PATIENCE_S:.0f} s",
        hint="pysigsnoop doctor --json     (for whoever looks into it)",
    )
