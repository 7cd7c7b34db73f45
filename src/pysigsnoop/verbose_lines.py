"""Below a line of the default view, with `-v`: who both ends are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .text import printable, quoted
from .users import name_of_user, uids_are_ours
from .whereabouts import Recent

if TYPE_CHECKING:
    from collections.abc import Callable

    from .ends import Death, Delivery
    from .event import Event, Process

# The users of a machine, as a rule.
_REMEMBERED = 1024


class Verbose:
    """Makes the lines; `user_name` tells what a uid is called here, None for nothing."""

    def __init__(self, user_name: Callable[[int], str | None] | None = None) -> None:
        self._user_name = user_name or (name_of_user if uids_are_ours() else _no_name)
        self._users: Recent[int, str] = Recent(_REMEMBERED)

    def lines(self, event: Event | Delivery | Death) -> list[str]:
        """Of a send, both ends; of what names no send, the process that it came to."""
        if event.type != "send":
            return [] if event.send_id else [self._line("target", event.target)]
        sender, target = event.sender, event.target
        if sender and target and _same(sender, target):
            return [self._line("itself", sender)]
        ends = (("sender", sender), ("target", target))
        return [self._line(name, end) for name, end in ends if end is not None]

    def _line(self, name: str, process: Process) -> str:
        parts = [f"user {self._user(process.uid)}"]
        if process.loginuid is not None and process.loginuid != process.uid:
            parts.append(f"login {self._user(process.loginuid)}")
        parts.append(_parents(process))
        container, unit, pod = process.place
        for word, place in (("container", container), ("pod", pod), ("unit", unit)):
            if place is not None:
                parts.append(f"{word} {printable(place.encode())}")
        return f"    {name}: {', '.join(parts)}{_command(process)}"

    def _user(self, uid: int) -> str:
        known = self._users.get(uid)
        if known is None:
            name = self._user_name(uid)
            known = str(uid) if name is None else f"{printable(os.fsencode(name))} ({uid})"
            self._users.put(uid, known)
        return known


def _same(one: Process, other: Process) -> bool:
    return (one.host_pid, one.start_ns) == (other.host_pid, other.start_ns)


def _parents(process: Process) -> str:
    """From the parent up, as far as is known."""
    known = process.parents
    if known:
        chain = [(each.comm_bytes, each.pid) for each in known]
    else:
        chain = [(process.parent_comm_bytes, process.parent_pid)]
    return "parent " + " < ".join(f"{printable(name)} {pid or '-'}" for name, pid in chain)


def _command(process: Process) -> str:
    """The command line as a shell takes it; `...` where there is more of it."""
    arguments = process.cmdline_bytes
    if arguments is None:
        return ""
    return f", command: {quoted(arguments)}{' ...' * bool(process.cmdline_truncated)}"


def _no_name(uid: int) -> None:
    """In the place of `name_of_user` where a number means another user here."""
