"""One process that makes every kind of call, watched in each way once."""

from __future__ import annotations

import ctypes
import functools
import json
import mmap
import os
import platform
import signal
from typing import NamedTuple

from pysigsnoop import Event, PysigsnoopError, SignalTracer
from pysigsnoop.attachment import Attachment

from . import Lacking
from .trying import NOBODY, Steps, forked, read_out

# Flags: of pidfd_open, and of pidfd_send_signal (include/uapi/linux/pidfd.h).
_THREAD, GROUP = os.O_EXCL, 4
_X32_KILL, _KILL_32, _PIDFD_SEND_SIGNAL, _PIDFD_OPEN = 1 << 30 | 62, 37, 424, 434
# push rbx; mov eax, edi; mov ebx, esi; mov ecx, edx; int 0x80; pop rbx; ret
_INT_80 = bytes.fromhex("53 89f8 89f3 89d1 cd80 5b c3")
#: What each kind of call sends, of what does nothing by default.
NATIVE, X32, COMPAT = signal.SIGCONT, signal.SIGWINCH, signal.SIGURG


class Watched(NamedTuple):
    """What was told of it, and what it knows itself: the answers of its calls, by their names, 0
    or less the error; none of a call in which it ended."""

    attachment: Attachment
    events: list[Event]
    pid: int
    answers: dict[str, int]


@functools.cache
def watched(way: str) -> Watched:
    """Attach so, and let it act. Lacking: the way is refused."""
    try:
        with (
            forked(_act) as child,
            SignalTracer(
                sender_pid=child.pid, attach=way, signals=[0, NATIVE, X32, COMPAT]
            ) as tracer,
        ):
            child.go()
            child.end()
            answers = dict(json.loads(line) for line in child.said().splitlines())
            return Watched(tracer.attachment, read_out(tracer), child.pid, answers)
    except PysigsnoopError as error:
        raise Lacking(error.message) from error


def on_x86() -> bool:
    return platform.machine() == "x86_64"


def _act(steps: Steps) -> None:
    def answered(name: str, answer: int) -> None:
        steps.say(json.dumps([name, answer]) + "\n")

    steps.wait()
    me = os.getpid()
    os.kill(me, NATIVE)
    os.kill(me, 0)
    os.setpgid(0, 0)
    for name, open_flags, send_flags in (
        ("pidfd_send_signal", 0, 0),
        ("pidfd_thread", _THREAD, 0),
        ("pidfd_group", 0, GROUP),
    ):
        pidfd = _syscall(_PIDFD_OPEN, me, open_flags)
        answered(f"{name} open", pidfd)
        if pidfd >= 0:
            answered(name, _syscall(_PIDFD_SEND_SIGNAL, pidfd, NATIVE, 0, send_flags))
    if on_x86():
        answered("x32", _syscall(_X32_KILL, me, X32))
        # A kernel without 32-bit calls ends it here.
        answered("compat", _call_32(_KILL_32, me, COMPAT))
        answered("compat nobody", _call_32(_KILL_32, NOBODY, COMPAT))


def _syscall(number: int, *arguments: int) -> int:
    """The answer, or less the error."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)))
    return -ctypes.get_errno() if result == -1 else result


def _call_32(number: int, first: int, second: int) -> int:
    """A system call with two arguments, as 32-bit programs make it."""
    code = mmap.mmap(-1, len(_INT_80), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(_INT_80)
    begin = ctypes.addressof(ctypes.c_char.from_buffer(code))
    function = ctypes.CFUNCTYPE(*(ctypes.c_int,) * 4)(begin)
    return int(function(number, first, second))
