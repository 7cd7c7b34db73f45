"""What became of a send: its delivery, and the death of the process that it ended."""

from __future__ import annotations

from ._records import ACTION, NO_SEND, RECORD_TYPE
from .clock import Timed
from .event import Process
from .layout import END_LAYOUT
from .named_tuple import NamedTuple
from .signals import Signal, signal_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

#: What a record of a delivery begins with.
DELIVERY: int = RECORD_TYPE["delivery"]

_TARGET = END_LAYOUT["target.pid"].offset
_NO_SEND = END_LAYOUT["no_send"].offset
_SENT, _PARENT, _UNSEEN = NO_SEND["sent"], NO_SEND["parent"], NO_SEND["unseen"]
_ACTION_NAMES = {number: name for name, number in ACTION.items()}
_NO_SEND_NAMES = {number: name for name, number in NO_SEND.items()}
_CORE_DUMPED = 0x80


class Began(NamedTuple):
    """What tells why a send was not seen: when the trace began, in ns on the boot clock, and
    whether any record of a send may be missing since."""

    boot_ns: int
    gaps: bool


def is_unseen(record: bytes) -> bool:
    """Whether an end can say why it names no send only by when the trace began."""
    return record[_NO_SEND] == _UNSEEN


class _End(Timed):
    """What deliveries and deaths have in common."""

    __slots__ = ("_began", "_record", "_wall_offset")

    def __init__(self, record: bytes, wall_offset: int, began: Began | None) -> None:
        self._record = record
        self._wall_offset = wall_offset
        self._began = began

    def _get(self, name: str) -> Any:
        _, at, read = END_LAYOUT[name]
        return read(self._record, at)[0]

    @property
    def send_id(self) -> int | None:
        """The `id` of the send that caused it; None where `no_send` says why."""
        return (self._get("send_id") or None) if self._get("no_send") == _SENT else None

    @property
    def no_send(self) -> str | None:
        """Why no send is named: `none` (nothing was sent), `before` (sent before the trace began),
        `lost` (its record was), `parent` (it was sent to the process that was just creating this
        one) or `unknown`; None where one is."""
        name = _NO_SEND_NAMES[self._get("no_send")]
        if name == "unseen":
            assert self._began
            if self._began.gaps:
                return "unknown"
            # Whatever reached a process that is younger than the trace was sent during it.
            return "lost" if self.target.start_ns > self._began.boot_ns else "before"
        return None if name == "sent" else name

    @property
    def parent_send_id(self) -> int | None:
        """Where `no_send` is `parent`, the `id` of the send to that process; None where that did
        not pass the filters."""
        return (self._get("send_id") or None) if self._get("no_send") == _PARENT else None

    @property
    def boot_ns(self) -> int:
        """When, in ns on the boot clock (CLOCK_BOOTTIME)."""
        return int(self._get("boot_ns"))

    @property
    def delay_ns(self) -> int | None:
        """From the send to here, or from that to the parent, in ns; None without either."""
        return int(self._get("delay_ns")) if self._get("send_id") else None

    @property
    def action(self) -> str:
        """What it did, in a word."""
        return _ACTION_NAMES[self._get("action")]

    @property
    def target(self) -> Process:
        """The process, as it was at that moment."""
        return Process(self._record, _TARGET)

    def _common(self, kind: str, signal: Signal | None) -> dict[str, Any]:
        return {
            "type": kind,
            "send_id": self.send_id,
            "no_send": self.no_send,
            "parent_send_id": self.parent_send_id,
            "time": self.time,
            "boot_ns": self.boot_ns,
            "signal": None if signal is None else signal.name,
            "signo": None if signal is None else int(signal),
            "delay_ns": self.delay_ns,
            "action": self.action,
        }


class Delivery(_End):
    """A signal as its target took it.

    `action` is `handler` (the handler ran), `default` (by default it ends the
    process: a death follows), `stop` (stopped the process), `ignore` (nothing came
    of it) or `unknown` (one of the last two: its process group is too large to
    tell). `target.tid` is the thread that took it. SIGKILL is never delivered, and
    what ends a process by default without a core seldom is: only its death shows.
    """

    __slots__ = ()

    type: Literal["delivery"] = "delivery"

    @property
    def signal(self) -> Signal:
        """The signal, as an int with a name."""
        return signal_of(self._get("signo"))

    def as_dict(self) -> dict[str, Any]:
        """The keys and values of the JSON form, in its order."""
        return self._common("delivery", self.signal) | {"target": self.target.as_dict()}

    def __repr__(self) -> str:
        signal = self.signal.name or int(self.signal)
        return f"<Delivery of {signal} ({self.send_id}) to {self.target!r}: {self.action}>"


class Death(_End):
    """The end of a process, when its last thread goes and before its parent can know.

    `action` is `killed` or `exited`; `target.tid` is the process's first thread.
    """

    __slots__ = ()

    type: Literal["death"] = "death"

    @property
    def signal(self) -> Signal | None:
        """The signal that it died of; None where it exited."""
        signo = self._get("signo")
        return signal_of(signo) if signo else None

    @property
    def status(self) -> int | None:
        """The exit status; None where it died of a signal."""
        return None if self._get("signo") else int(self._get("status")) >> 8 & 0xFF

    @property
    def core(self) -> bool | None:
        """Whether it left a core dump; None where it exited."""
        return bool(self._get("status") & _CORE_DUMPED) if self._get("signo") else None

    def as_dict(self) -> dict[str, Any]:
        """The keys and values of the JSON form, in its order."""
        return self._common("death", self.signal) | {
            "status": self.status,
            "core": self.core,
            "target": self.target.as_dict(),
        }

    def __repr__(self) -> str:
        how = f"exited {self.status}" if self.signal is None else f"died of {self.signal.name}"
        return f"<Death of {self.target!r}: {how} ({self.send_id})>"
