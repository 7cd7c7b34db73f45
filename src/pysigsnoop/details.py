"""Details of the two ends of a send: command line, program, parents, login; read on demand."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable

from ._records import (
    CMDLINE_LEN,
    DETAIL,
    DETAILS_FIELDS,
    DETAILS_FORMAT,
    PARENT_FIELDS,
    RECORD_TYPE,
    SIDE,
)
from .named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HEAD = struct.Struct(DETAILS_FORMAT)
_AT = {name: index for index, name in enumerate(DETAILS_FIELDS)}
_PARENTS = _AT["parents.0.pid"]
_TYPE = struct.Struct("=II")
# What the kernel holds where nobody ever logged in: (unsigned int)-1.
_UNSET = 2**32 - 1


class Ancestor(NamedTuple):
    """A parent, or a parent's parent; numbers and text as in `Process`."""

    pid: int | None
    host_pid: int
    comm: str
    comm_bytes: bytes

    def as_dict(self) -> dict[str, Any]:
        """As it stands in JSON."""
        return {"pid": self.pid, "host_pid": self.host_pid, "comm": self.comm}


class Program(NamedTuple):
    """Tells one program that a process runs from the next that it executes."""

    exec_id: int
    arg_start: int
    arg_end: int


class Details:
    """More of one end, from the kernel's record; all None where that was lost."""

    __slots__ = ("_blob", "_fields", "_found")

    def __init__(self, blob: bytes | None) -> None:
        self._blob = blob
        self._fields: tuple[Any, ...] | None = None
        #: The command line as found later, where the kernel could not read it.
        self._found: bytes | None = None

    def _get(self, name: str) -> Any:
        if self._blob is None:
            return 0
        if self._fields is None:
            self._fields = _HEAD.unpack_from(self._blob)
        return self._fields[_AT[name]]

    def _known(self, what: str) -> bool:
        return bool(self._get("known") & DETAIL[what])

    def _text(self, begin: int, size: int) -> bytes:
        begin += _HEAD.size
        return (self._blob or b"")[begin : begin + size]

    @property
    def elsewhere(self) -> Program | None:
        """The program whose command line the kernel could not read, being that of another."""
        if not self._known("elsewhere"):
            return None
        return Program(*(self._get(name) for name in Program._fields))

    def found(self, raw: bytes) -> None:
        """Take what /proc/PID/cmdline holds, one byte more than is kept where there is more."""
        if raw or self._get("arg_start") >= self._get("arg_end"):
            self._found = raw

    def _cmdline(self) -> tuple[bytes, bool] | None:
        """The arguments with a NUL behind each, and whether there is more."""
        if self._found is not None:
            return self._found[:CMDLINE_LEN], len(self._found) > CMDLINE_LEN
        if not self._known("cmdline"):
            return None
        raw = self._text(0, self._get("cmdline_size"))
        if self._known("title"):
            title, end, _ = raw.partition(b"\0")
            return title, not end
        return raw, self._known("cmdline_cut")

    @property
    def cmdline(self) -> tuple[bytes, ...] | None:
        known = self._cmdline()
        if known is None:
            return None
        raw = known[0]
        # An argument that is empty has its NUL too; the last one's ends the whole.
        return tuple(raw.removesuffix(b"\0").split(b"\0")) if raw else ()

    @property
    def cmdline_truncated(self) -> bool | None:
        known = self._cmdline()
        return None if known is None else known[1]

    @property
    def exe(self) -> bytes | None:
        if not self._known("exe"):
            return None
        raw = self._text(self._get("cmdline_size"), self._get("exe_size"))
        path = b"/".join(reversed(raw.split(b"\0")))
        if self._known("exe_cut"):
            path = path.removeprefix(b"/")
        return path + b" (deleted)" if self._known("exe_deleted") else path

    @property
    def parents(self) -> tuple[Ancestor, ...] | None:
        if self._blob is None:
            return None
        count = self._get("parent_count")
        fields = self._fields or ()
        step = len(PARENT_FIELDS)
        each = (fields[_PARENTS + i * step : _PARENTS + (i + 1) * step] for i in range(count))
        return tuple(
            Ancestor(pid or None, host_pid, text(comm), comm.partition(b"\0")[0])
            for pid, host_pid, comm in each
        )

    @property
    def loginuid(self) -> int | None:
        return self._login("loginuid")

    @property
    def sessionid(self) -> int | None:
        return self._login("sessionid")

    def _login(self, name: str) -> int | None:
        number = int(self._get(name))
        return number if self._known("login") and number != _UNSET else None


class Sides(NamedTuple):
    """The details of both ends of one send."""

    sender: Details
    target: Details


def sides(companions: Iterable[bytes]) -> Sides:
    """Sorted out from the records that came with a send."""
    by_end: dict[int, bytes] = {}
    for blob in companions:
        kind, of = _TYPE.unpack_from(blob)
        if kind == RECORD_TYPE["details"]:
            by_end |= {bit: blob for bit in SIDE.values() if of & bit}
    return Sides(Details(by_end.get(SIDE["sender"])), Details(by_end.get(SIDE["target"])))


def text(raw: bytes) -> str:
    """A fixed field of the kernel's as text; what is no UTF-8 as `\\xff`."""
    return raw.partition(b"\0")[0].decode("utf-8", "backslashreplace")


class CommandLines:
    """Command lines of processes other than the one that ran, from /proc.

    `still_runs(host_pid, start_ns, exec_id, arg_start, arg_end)` asks the kernel whether a
    process is the one that a record told of, and runs the same program. It is asked before and
    after, so what was read in between is that program's.
    """

    def __init__(self, still_runs: Callable[..., bool]) -> None:
        self._still_runs = still_runs
        self._usable = proc_is_ours()

    def complete(self, details: Details, pid: int | None, host_pid: int, start_ns: int) -> None:
        """Add the command line where the kernel left it out and it can be had for certain."""
        program = details.elsewhere
        if program is None or pid is None or not self._usable:
            return
        identity = (host_pid, start_ns, *program)
        if not self._still_runs(*identity):
            return
        try:
            file = os.open(f"/proc/{pid}/cmdline", os.O_RDONLY | os.O_CLOEXEC)
            try:
                raw = os.read(file, CMDLINE_LEN + 1)
            finally:
                os.close(file)
        except OSError:
            return
        if self._still_runs(*identity):
            details.found(raw)


def proc_is_ours(status: str | os.PathLike[str] = "/proc/self/status") -> bool:
    """Whether /proc numbers processes as our own pid namespace does.

    It lists our pid in each namespace from its own down to ours.
    """
    try:
        with open(status, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return False
    return all(len(line.split()) == 2 for line in lines if line.startswith("NSpid:"))
