"""One send, as a tracer hands it out: a record as it came, read on demand."""

from __future__ import annotations

import errno
import struct

from ._records import (
    DISPOSITION,
    FIRST_KERNEL_ORIGIN,
    KNOWN,
    ORIGIN,
    OUTCOME,
    PROCESS_FIELDS,
    PROCESS_FORMAT,
    RECORD_TYPE,
    RESULT,
)
from .clock import Timed
from .details import Ancestor, Details, Sides
from .details import text as _comm
from .layout import SEND_LAYOUT, fields, picker
from .oom import Oom
from .siginfo import code_name
from .signals import Signal, signal_of

#: What a record of a send begins with.
SEND: int = RECORD_TYPE["send"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import EllipsisType
    from typing import Any, Literal

    from .places import Place
    from .stack import Frame, Stack

_OF = fields(PROCESS_FIELDS, PROCESS_FORMAT)
_PROCESS = struct.Struct(PROCESS_FORMAT)
_, _KNOWN, _read_known = SEND_LAYOUT["known"]
_, _SIGNO, _read_signo = SEND_LAYOUT["signo"]
_SENDER, _TARGET = SEND_LAYOUT["sender.pid"].offset, SEND_LAYOUT["target.pid"].offset
_SENDER_KNOWN, _TARGET_KNOWN = KNOWN["sender"], KNOWN["target"]
_ENDS = ("pid", "host_pid", "uid", "start_ns", "comm")
_ALIKE = picker(
    SEND_LAYOUT,
    *("origin", "signo", "ret", "target_arg", "known", "result", "fatal"),
    *(f"{end}.{name}" for end in ("sender", "target") for name in _ENDS),
)
_ORIGIN_NAMES = {number: name for name, number in ORIGIN.items()}
_RESULT_NAMES = {number: name for name, number in RESULT.items()}
_OUTCOME_NAMES = {number: name for name, number in OUTCOME.items() if number}
_DISPOSITION_NAMES = {number: name for name, number in DISPOSITION.items()}


class Process:
    """One end of a signal, as it was at that moment.

    `pid`, `tid` and `parent_pid` are as the tracer's own pid namespace numbers
    them, like the `ps` beside it, and None where that namespace does not hold
    the process. `host_pid`, `host_tid` and `parent_host_pid` are the initial
    namespace's numbers, `ns_pid` the one in the process's own. `uid` is the real
    user id as the initial user namespace numbers it. `start_ns` is when the
    process started, in ns on the boot clock; with the pid it tells a process
    from a later one of the same number. `cgroup_id` is that of cgroup v2.

    `comm` and `parent_comm` are text, with bytes that are no UTF-8 as `\\xff`;
    `comm_bytes` and `parent_comm_bytes` are what the kernel holds, at most 15
    bytes. None of them is safe to print: see `pysigsnoop.printable`.

    `container`, `unit` and `pod` are what its cgroup says, as `place` all three;
    looked up when read, so of a cgroup that is gone by then they are None unless
    they were read before. docs/events.md has the rules. They are no safer to print.
    `cmdline` and what follows it is known with `SignalTracer(details=True)`, and
    None without; docs/events.md says where else.
    """

    __slots__ = ("_at", "_details", "_record")

    def __init__(self, record: bytes, at: int, details: Details | None = None) -> None:
        self._record = record
        self._at = at
        self._details = details

    def _get(self, name: str) -> Any:
        _, at, read = _OF[name]
        return read(self._record, self._at + at)[0]

    @property
    def pid(self) -> int | None:
        return self._get("pid") or None

    @property
    def tid(self) -> int | None:
        return self._get("tid") or None

    @property
    def host_pid(self) -> int:
        return int(self._get("host_pid"))

    @property
    def host_tid(self) -> int:
        return int(self._get("host_tid"))

    @property
    def ns_pid(self) -> int:
        return int(self._get("ns_pid"))

    @property
    def uid(self) -> int:
        return int(self._get("uid"))

    @property
    def parent_pid(self) -> int | None:
        return self._get("parent_pid") or None

    @property
    def parent_host_pid(self) -> int:
        return int(self._get("parent_host_pid"))

    @property
    def parent_comm(self) -> str:
        return _comm(self._get("parent_comm"))

    @property
    def parent_comm_bytes(self) -> bytes:
        raw: bytes = self._get("parent_comm")
        return raw.partition(b"\0")[0]

    @property
    def start_ns(self) -> int:
        return int(self._get("start_ns"))

    @property
    def cgroup_id(self) -> int:
        return int(self._get("cgroup_id"))

    @property
    def place(self) -> Place:
        from .whereabouts import place_of  # late: few ask

        return place_of(self.cgroup_id, self.pid, self.start_ns)

    @property
    def container(self) -> str | None:
        return self.place.container

    @property
    def unit(self) -> str | None:
        return self.place.unit

    @property
    def pod(self) -> str | None:
        return self.place.pod

    @property
    def comm_bytes(self) -> bytes:
        raw: bytes = self._get("comm")
        return raw.partition(b"\0")[0]

    @property
    def comm(self) -> str:
        return _comm(self._get("comm"))

    @property
    def cmdline(self) -> list[str] | None:
        """Its command line, one string an argument, as its memory held it; text as in `comm`."""
        arguments = self.cmdline_bytes
        return None if arguments is None else [_text(argument) for argument in arguments]

    @property
    def cmdline_bytes(self) -> tuple[bytes, ...] | None:
        """The same as bytes."""
        return self._details.cmdline if self._details else None

    @property
    def cmdline_truncated(self) -> bool | None:
        """Whether there is more of it than the 512 bytes that are kept."""
        return self._details.cmdline_truncated if self._details else None

    @property
    def exe(self) -> str | None:
        """The path of the program that it runs, as its own /proc/self/exe shows it."""
        path = self.exe_bytes
        return None if path is None else _text(path)

    @property
    def exe_bytes(self) -> bytes | None:
        """The same as bytes."""
        return self._details.exe if self._details else None

    @property
    def parents(self) -> tuple[Ancestor, ...] | None:
        """Its parent, the parent's parent and so on, 8 at most."""
        return self._details.parents if self._details else None

    @property
    def loginuid(self) -> int | None:
        """The user who once logged in, as the initial user namespace numbers it."""
        return self._details.loginuid if self._details else None

    @property
    def sessionid(self) -> int | None:
        """The number of that login, as the kernel's audit gave it."""
        return self._details.sessionid if self._details else None

    def as_dict(self) -> dict[str, Any]:
        """The keys of the JSON form; those of the details only where they were asked for."""
        return self._as_dict() | (self._details_as_dict() if self._details else {})

    def _details_as_dict(self) -> dict[str, Any]:
        parents = self.parents
        return {
            "cmdline": self.cmdline,
            "cmdline_truncated": self.cmdline_truncated,
            "exe": self.exe,
            "parents": None if parents is None else [each.as_dict() for each in parents],
            "loginuid": self.loginuid,
            "sessionid": self.sessionid,
        }

    def _as_dict(self) -> dict[str, Any]:
        # All at once: half the time of one by one.
        pid, tid, host_pid, host_tid, ns_pid, uid, *rest = _PROCESS.unpack_from(
            self._record, self._at
        )
        parent_pid, parent_host_pid, start_ns, cgroup_id, comm, parent_comm = rest
        container, unit, pod = self.place
        return {
            "pid": pid or None,
            "tid": tid or None,
            "host_pid": host_pid,
            "host_tid": host_tid,
            "ns_pid": ns_pid,
            "comm": _comm(comm),
            "uid": uid,
            "parent": {
                "pid": parent_pid or None,
                "host_pid": parent_host_pid,
                "comm": _comm(parent_comm),
            },
            "start_ns": start_ns,
            "cgroup_id": cgroup_id,
            "container": container,
            "unit": unit,
            "pod": pod,
        }

    def __repr__(self) -> str:
        return f"<Process {self.pid or self.host_pid} {self.comm!r}>"


class Event(Timed):
    """One signal to one recipient, or one call that reached nobody.

    Cheap to make and to drop: it holds its record, and each attribute is worked out
    when it is read. It stays valid after its tracer is closed. None means that there is
    nothing to know, or that the kernel does not show it; docs/events.md has each case.
    """

    __slots__ = ("_details", "_record", "_stack", "_wall_offset")

    def __init__(
        self,
        record: bytes,
        wall_offset: int,
        details: Sides | None = None,
        stack: Stack | EllipsisType | None = ...,
    ) -> None:
        self._record = record
        self._wall_offset = wall_offset
        self._details = details
        self._stack = stack  # ... where nobody asked

    def _get(self, name: str) -> Any:
        _, at, read = SEND_LAYOUT[name]
        return read(self._record, at)[0]

    def _known(self, what: str, name: str) -> int | None:
        if not _read_known(self._record, _KNOWN)[0] & KNOWN[what]:
            return None
        return int(self._get(name))

    #: Tells it from a Delivery and a Death.
    type: Literal["send"] = "send"

    @property
    def id(self) -> int:
        """Unique within the trace, and below 2**53. Says nothing about the order."""
        return int(self._get("id"))

    @property
    def call_id(self) -> int | None:
        """The same for all recipients of one call; of a group send None where calls are not
        watched (`attach="none"`)."""
        return self._get("call_id") or None

    @property
    def boot_ns(self) -> int:
        """When, in ns on the boot clock (CLOCK_BOOTTIME): the signal was generated, or the call
        that generated none returned."""
        return int(self._get("boot_ns"))

    @property
    def origin(self) -> str:
        """The system call that sent it (`kill`), or for the kernel's own the reason (`fault`)."""
        return _ORIGIN_NAMES[self._get("origin")]

    @property
    def signal(self) -> Signal:
        """The signal as an int with a name; as the caller gave it, so it can be invalid."""
        return signal_of(_read_signo(self._record, _SIGNO)[0])

    @property
    def si_code(self) -> str | None:
        """What the siginfo says of the reason, by name; None for a call that made no siginfo."""
        code = self._known("code", "si_code")
        return None if code is None else code_name(self._get("signo"), code, self.origin)

    @property
    def value(self) -> int | None:
        """What the sender passed with sigqueue, or the owner with a POSIX timer or mq_notify; 64
        bits."""
        return self._known("value", "value")

    @property
    def address(self) -> int | None:
        """Of a fault: the address that the processor reported."""
        return self._known("address", "value")

    @property
    def sender(self) -> Process | None:
        """The calling thread; of the kernel's own, whom its siginfo names; None where nobody."""
        if not _read_known(self._record, _KNOWN)[0] & _SENDER_KNOWN:
            return None
        return Process(self._record, _SENDER, self._details and self._details.sender)

    @property
    def oom(self) -> Oom | None:
        """Of an OOM kill: who asked for memory, and what the victim held; None for any other."""
        if self.origin != "oom":
            return None
        known = _read_known(self._record, _KNOWN)[0] & KNOWN["allocator"]
        return Oom(self._record, Process(self._record, _SENDER) if known else None)

    @property
    def target(self) -> Process | None:
        """The process reached, or that a failed or signal-0 call named; None where none was."""
        if not _read_known(self._record, _KNOWN)[0] & _TARGET_KNOWN:
            return None
        return Process(self._record, _TARGET, self._details and self._details.target)

    @property
    def target_arg(self) -> int | None:
        """The target as the caller gave it, in the caller's own view: a pid, 0, -1 or -pgid for
        kill; a thread id for tkill, tgkill, rt_tgsigqueueinfo; a pidfd. None for the kernel's."""
        return self._known("argument", "target_arg")

    @property
    def tgid_arg(self) -> int | None:
        """The process id given to tgkill or rt_tgsigqueueinfo beside the thread id."""
        return self._known("tgid", "tgid_arg")

    @property
    def flags(self) -> int | None:
        """The flags given to pidfd_send_signal."""
        return self._known("flags", "flags")

    @property
    def ret(self) -> int | None:
        """What the call returned: 0, or a negative errno. None for the kernel's own, and for a
        group send whose return was not seen."""
        return self._known("ret", "ret")

    @property
    def error(self) -> str | None:
        """The errno by name (`ESRCH`), None where the call succeeded."""
        ret = self.ret
        return None if ret is None or ret >= 0 else errno.errorcode.get(-ret, str(-ret))

    @property
    def recipients(self) -> int | None:
        """How many processes the call generated the signal for, whether or not they passed the
        filters; None for the kernel's own, and where a group send's return was not seen."""
        return self._known("recipients", "recipients")

    @property
    def completes_call(self) -> bool:
        """Whether a call is told in full by this event: not the kernel's own, nor one of a group,
        whose call is complete when its answer comes."""
        return self._get("origin") < FIRST_KERNEL_ORIGIN and not self._get("many")

    @property
    def result(self) -> str | None:
        """What became of it at once: `queued`, `ignored`, `already_pending`, `overflow` (not
        queued, and the call fails) or `lost_info` (queued without its siginfo)."""
        result = self._known("generated", "result")
        return None if result is None else _RESULT_NAMES.get(result, str(result))

    @property
    def disposition(self) -> str | None:
        """How the target stood to it: `default`, `ignored` or `handler`."""
        disposition = self._known("generated", "disposition")
        return None if disposition is None else _DISPOSITION_NAMES[disposition]

    @property
    def blocked(self) -> bool | None:
        """Whether the thread blocked it, or when sent to a process, every live thread; None where
        more than 256 threads block it and others were not looked at."""
        blocked = self._known("blocked", "blocked")
        return None if blocked is None else bool(blocked)

    @property
    def fatal(self) -> bool | None:
        """Whether its default ends the process, and the default is what stands (not for an init
        that the kernel shields)."""
        fatal = self._known("generated", "fatal")
        return None if fatal is None else bool(fatal)

    @property
    def outcome(self) -> str | None:
        """What became of it, as far as it was known when the event was read: `pending`,
        `delivered`, `stopped`, `continued`, `died`, `discarded` or `unknown`. Never changed
        later: a Delivery or Death with this `id` says more. None where nothing was sent."""
        return _OUTCOME_NAMES.get(self._get("outcome"))

    def alike(self) -> tuple[Any, ...]:
        """Equal for sends of one signal between the same two ends, sent and answered alike, so
        that who counts many can look at one of each kind."""
        return _ALIKE(self._record)

    @property
    def stack(self) -> list[Frame] | None:
        """How the thread that sent came to send, innermost first; for the kernel's own signals
        the kernel's functions, then those of the process that sent or faulted. None where the
        tracer was not asked for stacks, or the stack was lost. Reading it for the first time can
        take a while, since it reads the programs' files."""
        return None if self._stack is None or self._stack is ... else self._stack.frames

    def as_dict(self) -> dict[str, Any]:
        """The keys and values of the JSON form, in its order."""
        sender, target, oom = self.sender, self.target, self.oom
        stack = self.stack
        shown = None if stack is None else [frame.as_dict() for frame in stack]
        asked = {} if self._stack is ... else {"stack": shown}
        return {
            "type": "send",
            "id": self.id,
            "call_id": self.call_id,
            "time": self.time,
            "boot_ns": self.boot_ns,
            "origin": self.origin,
            "signal": self.signal.name,
            "signo": int(self.signal),
            "si_code": self.si_code,
            "sender": None if sender is None else sender.as_dict(),
            "target_arg": self.target_arg,
            "tgid_arg": self.tgid_arg,
            "flags": self.flags,
            "value": _hex(self.value),
            "address": _hex(self.address),
            "target": None if target is None else target.as_dict(),
            "ret": self.ret,
            "error": self.error,
            "recipients": self.recipients,
            "result": self.result,
            "disposition": self.disposition,
            "blocked": self.blocked,
            "fatal": self.fatal,
            "outcome": self.outcome,
            "oom": None if oom is None else oom.as_dict(),
            **asked,
        }

    def __repr__(self) -> str:
        signal = self.signal.name or int(self.signal)
        answer = self.result if self.error is None else self.error
        target = self.target or self.target_arg
        return f"<Event {self.origin} {signal} {self.sender!r} -> {target!r}: {answer}>"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _hex(number: int | None) -> str | None:
    return None if number is None else f"{number:#x}"
