"""How an account says things: who somebody is, by what a signal came, when. Events in, text out.

What other processes choose (names, arguments) is never put in raw.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from .text import printable, quoted
from .users import name_of_user, uids_are_ours

if TYPE_CHECKING:
    from .event import Event, Process
    from .oom import Oom
    from .signals import Signal

# A command line is told up to here.
_LONG = 100

_FAULTS = {
    "SEGV_MAPERR": "nothing is mapped there",
    "SEGV_ACCERR": "what is mapped there may not be used so",
    "SEGV_PKUERR": "a protection key forbids it",
    "BUS_ADRALN": "it is not aligned",
    "BUS_ADRERR": "there is no memory behind it, as past the end of a mapped file",
    "BUS_MCEERR_AR": "the memory there is broken",
    "FPE_INTDIV": "a division by zero",
    "FPE_INTOVF": "an integer overflow",
    "ILL_ILLOPN": "an invalid instruction",
    "ILL_ILLOPC": "an invalid instruction",
    "ILL_PRVOPC": "a privileged instruction",
    "SYS_SECCOMP": "a system call that seccomp forbids",
    "TRAP_BRKPT": "a breakpoint",
    "TRAP_TRACE": "a single step",
}
_TERMINAL = {
    "SIGINT": "its terminal, at the interrupt key (Ctrl-C)",
    "SIGQUIT": "its terminal, at the quit key (Ctrl-\\)",
    "SIGTSTP": "its terminal, at the suspend key (Ctrl-Z)",
    "SIGHUP": "its terminal, which hung up or whose session ended",
}
_TIMERS = {
    "SIGALRM": "an alarm that it had set (alarm, setitimer)",
    "SIGVTALRM": "a timer that it had set (setitimer)",
    "SIGPROF": "a timer that it had set (setitimer)",
    "SIGXCPU": "its limit of CPU time (ulimit -t)",
    "SIGKILL": "its hard limit of CPU time (ulimit -Ht)",
}


def signal_name(signal: Signal) -> str:
    """`SIGKILL`, or `signal 99`."""
    return signal.name if signal.name and not signal.name.isdecimal() else f"signal {int(signal)}"


def span(ns: int) -> str:
    """A span of time in three digits or so."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000)):
        if ns >= size:
            return f"{_digits(ns / size)} {unit}"
    return f"{_digits(ns / 1000)} us"


def _digits(number: float) -> str:
    return f"{number:.0f}" if number >= 99.95 else f"{number:.3g}"


def when(time_ns: int) -> str:
    """`at 12:34:56.789`, local time; with the date where it was not today."""
    seconds, ns = divmod(time_ns, 1_000_000_000)
    then = time.localtime(seconds)
    clock = f"at {time.strftime('%H:%M:%S', then)}.{ns // 1_000_000:03d}"
    today = time.localtime()[:3] == then[:3]
    return clock if today else f"on {time.strftime('%Y-%m-%d', then)} {clock}"


def command_line(arguments: tuple[bytes, ...], *, more: bool = False) -> str:
    """As it could be typed, and not too long."""
    text = quoted(arguments)
    if len(text) > _LONG:
        return f"{text[: _LONG - 4]} ..."
    return f"{text} ..." if more else text


def name_of(process: Process) -> str:
    """Its command line where that is known, otherwise its program's or its own name."""
    arguments = process.cmdline_bytes
    if arguments:
        return command_line(arguments, more=bool(process.cmdline_truncated))
    comm = printable(process.comm_bytes)
    exe = process.exe_bytes
    # A name is cut to 15 bytes, and threads have their own.
    if exe and not os.path.basename(exe).startswith(process.comm_bytes):
        return f"{comm} ({printable(exe)})"
    return comm


def pid_of(process: Process) -> str:
    """`pid 12`; `host pid 12` of one that our pid namespace does not hold."""
    return f"host pid {process.host_pid}" if process.pid is None else f"pid {process.pid}"


def same(one: Process, other: Process) -> bool:
    """Whether both are the same process, whichever thread of it."""
    return (one.host_pid, one.start_ns) == (other.host_pid, other.start_ns)


def who(process: Process) -> str:
    """What it runs, as whom, below whom, and where."""
    parts = [name_of(process), f"run by {user(process.uid)}{_login(process)}", pid_of(process)]
    parents = process.parents
    names = [each.comm_bytes for each in parents] if parents else [process.parent_comm_bytes]
    chain = " ← ".join(printable(name) for name in names if name)
    parts += [f"below {chain}"] if chain else []
    return ", ".join(parts) + _place(process)


def _login(process: Process) -> str:
    login = process.loginuid
    return "" if login in (None, process.uid) else f", logged in as {user(login)}"


def _place(process: Process) -> str:
    container, unit, pod = process.place
    found = [
        f"{kind} {printable(name.encode())}"
        for kind, name in (("container", container), ("pod", pod))
        if name is not None
    ]
    if not found and unit is not None:
        found = [printable(unit.encode())]
    return f", in {' of '.join(found)}" if found else ""


def user(uid: int) -> str:
    """`root (uid 0)`, or `uid 1234` where that has no name here."""
    name = name_of_user(uid) if uids_are_ours() else None
    return f"uid {uid}" if name is None else f"{printable(os.fsencode(name))} (uid {uid})"


def reason(event: Event) -> str:
    """Who sent a signal, by which call; of the kernel's own, why."""
    sender, target = event.sender, event.target
    if event.origin in _KERNELS:
        return _KERNELS[event.origin](event)
    if sender is None:
        return f"sent by {_call(event)}"
    if target is not None and same(sender, target):
        return f"it sent that to itself, by {_call(event)}"
    return f"{who(sender)}, by {_call(event)}"


def _call(event: Event) -> str:
    """The call as it was made, and how many it reached."""
    name, argument = event.origin, event.target_arg
    words = [] if argument is None or name.startswith("pidfd") else [str(argument)]
    if event.tgid_arg is not None:
        words.insert(0, str(event.tgid_arg))
    call = f"{name}({', '.join([*words, signal_name(event.signal)])})"
    many = event.recipients
    return f"{call}, which reached {many} processes" if many is not None and many > 1 else call


def _fault(event: Event) -> str:
    code = event.si_code or ""
    why = f"{code}: {_FAULTS[code]}" if code in _FAULTS else code
    if event.address is None:
        return f"a fault of its own, for which the processor gives no address ({why})"
    memory = event.signal.name in ("SIGSEGV", "SIGBUS")
    where = f"at address {event.address:#x}" if memory else f"in its code at {event.address:#x}"
    return f"a fault of its own {where} ({why})"


def _terminal(event: Event) -> str:
    if event.sender is not None:
        return f"its terminal was given up by {who(event.sender)}"
    return _TERMINAL.get(event.signal.name or "", "its terminal")


def _timer(event: Event) -> str:
    if event.si_code == "SI_TIMER":
        return "a timer that it had set (timer_create)"
    return _TIMERS.get(event.signal.name or "", "a timer of its own")


def _oom(event: Event) -> str:
    told = "the kernel was out of memory, and its OOM killer chose this process"
    oom = event.oom
    if oom is None:
        return told
    held = _held(oom)
    told += f", which held {held}" if held else ""
    if oom.oom_score_adj is not None:
        told += f", its oom_score_adj being {oom.oom_score_adj}"
    asked = oom.allocator
    if asked is None:
        return told
    if event.target is not None and same(asked, event.target):
        return f"{told}; it had asked for memory itself"
    return f"{told}; memory had been asked for by {printable(asked.comm_bytes)} ({pid_of(asked)})"


def _held(oom: Oom) -> str:
    figures = (
        ("of its own", oom.anon_rss_kb),
        ("of files", oom.file_rss_kb),
        ("shared", oom.shmem_rss_kb),
        ("of page tables", oom.pgtables_kb),
        ("mapped in all", oom.total_vm_kb),
    )
    return ", ".join(f"{_size(kb)} {what}" for what, kb in figures if kb is not None)


def _size(kb: int) -> str:
    for unit, shift in (("GiB", 20), ("MiB", 10)):
        if kb >> shift:
            return f"{kb / (1 << shift):.1f} {unit}"
    return f"{kb} KiB"


def _parent_death(event: Event) -> str:
    asked = "and it had asked for that signal then (PR_SET_PDEATHSIG)"
    if event.sender is None:
        return f"its parent died, {asked}"
    return f"its parent {printable(event.sender.comm_bytes)} ({pid_of(event.sender)}) died, {asked}"


def _by(what: str, event: Event) -> str:
    return what if event.sender is None else f"{who(event.sender)}, by {what}"


def _kernel(event: Event) -> str:
    if event.signal.name == "SIGXFSZ":
        return "it wrote beyond its limit of file size (ulimit -f)"
    if event.sender is not None:
        return f"the kernel, on behalf of {who(event.sender)}"
    return "the kernel itself, as it does where the first process of a pid namespace ended"


def _child(event: Event) -> str:
    child = event.sender
    named = "" if child is None else f" {printable(child.comm_bytes)} ({pid_of(child)})"
    return f"its child{named} ended or stopped, and this is how it wants to be told"


def _io(event: Event) -> str:
    return _by("input or output that it had asked to be told of", event)


_KERNELS = {
    "fault": _fault,
    "timer": _timer,
    "child": _child,
    "terminal": _terminal,
    "pipe": lambda _: "it wrote to a pipe or socket that nobody reads any more",
    "oom": _oom,
    "cgroup.kill": lambda event: _by("writing to cgroup.kill", event),
    "parent-death": _parent_death,
    "io": _io,
    "kernel": _kernel,
}
