"""One send, as a tracer hands it out: a decoded record, read on demand."""

from __future__ import annotations

import errno
import time
from typing import Any

from ._records import ORIGIN, SEND_FIELDS
from .signals import Signal, signal_of

_AT = {name: index for index, name in enumerate(SEND_FIELDS)}
_ORIGIN, _BOOT_NS, _SIGNO = _AT["origin"], _AT["boot_ns"], _AT["signo"]
_TARGET_ARG, _RET, _SENDER = _AT["target_arg"], _AT["ret"], _AT["sender.pid"]
_ORIGIN_NAMES = {number: name for name, number in ORIGIN.items()}


class Process:
    """One end of a signal, as it was at that moment.

    `pid` and `tid` are as the tracer's own pid namespace numbers them, like the
    `ps` beside it, and None where that namespace does not hold the process.
    `host_pid` and `host_tid` are the initial namespace's numbers. `uid` is the
    real user id as the initial user namespace numbers it. `comm` is text, with
    bytes that are no UTF-8 as `\\xff`; `comm_bytes` is what the kernel holds, at
    most 15 bytes. Neither is safe to print: see `pysigsnoop.printable`.
    """

    __slots__ = ("_at", "_record")

    def __init__(self, record: tuple[Any, ...], at: int) -> None:
        self._record = record
        self._at = at

    @property
    def pid(self) -> int | None:
        return self._record[self._at] or None

    @property
    def tid(self) -> int | None:
        return self._record[self._at + 1] or None

    @property
    def host_pid(self) -> int:
        return int(self._record[self._at + 2])

    @property
    def host_tid(self) -> int:
        return int(self._record[self._at + 3])

    @property
    def uid(self) -> int:
        return int(self._record[self._at + 4])

    @property
    def comm_bytes(self) -> bytes:
        raw: bytes = self._record[self._at + 5]
        return raw.partition(b"\0")[0]

    @property
    def comm(self) -> str:
        return self.comm_bytes.decode("utf-8", "backslashreplace")

    def as_dict(self) -> dict[str, Any]:
        """The keys of the JSON form."""
        return {
            "pid": self.pid,
            "tid": self.tid,
            "host_pid": self.host_pid,
            "host_tid": self.host_tid,
            "comm": self.comm,
            "uid": self.uid,
        }

    def __repr__(self) -> str:
        return f"<Process {self.pid or self.host_pid} {self.comm!r}>"


class Event:
    """One call that sends a signal.

    Cheap to make and to drop; each attribute is worked out when it is read, and
    an event stays valid after its tracer is closed.
    """

    __slots__ = ("_record", "_wall_offset", "id")

    #: Unique within the trace.
    id: int

    def __init__(self, record: tuple[Any, ...], ident: int, wall_offset: int) -> None:
        self._record = record
        self._wall_offset = wall_offset
        self.id = ident

    @property
    def boot_ns(self) -> int:
        """When the call returned, in ns on the boot clock (CLOCK_BOOTTIME)."""
        return int(self._record[_BOOT_NS])

    @property
    def time_ns(self) -> int:
        """The same in ns since 1970, by the wall clock as it stood when the event was read."""
        return self.boot_ns + self._wall_offset

    @property
    def time(self) -> str:
        """The same as RFC 3339 in UTC, to the ns."""
        seconds, ns = divmod(self.time_ns, 1_000_000_000)
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{ns:09d}Z"

    @property
    def origin(self) -> str:
        """How it was sent: `kill`."""
        return _ORIGIN_NAMES[self._record[_ORIGIN]]

    @property
    def signal(self) -> Signal:
        """The signal as an int with a name; as the caller gave it, so it can be invalid."""
        return signal_of(self._record[_SIGNO])

    @property
    def sender(self) -> Process:
        """The calling thread."""
        return Process(self._record, _SENDER)

    @property
    def target_arg(self) -> int:
        """The target as the caller gave it: a pid in the caller's namespace, 0, -1 or -pgid."""
        return int(self._record[_TARGET_ARG])

    @property
    def ret(self) -> int:
        """What the call returned: 0, or a negative errno."""
        return int(self._record[_RET])

    @property
    def error(self) -> str | None:
        """The errno by name (`ESRCH`), None where the call succeeded."""
        ret = self.ret
        return None if ret >= 0 else errno.errorcode.get(-ret, str(-ret))

    def as_dict(self) -> dict[str, Any]:
        """The keys and values of the JSON form, in its order."""
        return {
            "type": "send",
            "id": self.id,
            "time": self.time,
            "boot_ns": self.boot_ns,
            "origin": self.origin,
            "signal": self.signal.name,
            "signo": int(self.signal),
            "sender": self.sender.as_dict(),
            "target_arg": self.target_arg,
            "ret": self.ret,
            "error": self.error,
        }

    def __repr__(self) -> str:
        signal = self.signal.name or int(self.signal)
        return f"<Event {self.origin} {signal} {self.sender!r} -> {self.target_arg}: {self.ret}>"


def wall_offset() -> int:
    """What turns boot-clock ns into ns since 1970, now."""
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
