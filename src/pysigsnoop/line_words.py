"""The words of the text view: how a signal was sent, what became of it, what its end did."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .ends import Death, Delivery
    from .event import Event


class Words(NamedTuple):
    """What is said, the longest way first, each to be taken where it fits; and its style."""

    ways: tuple[str, ...]
    style: str


# Names that people know, where the call's own is long.
_HOW = {"rt_sigqueueinfo": "sigqueue", "rt_tgsigqueueinfo": "tgsigqueue"}
_HOW |= {"pidfd_send_signal": "pidfd", "parent-death": "parent", "cgroup.kill": "cgroup"}

_BRIEF = {"tgsigqueue": "tgqueue"}

_OUTCOMES = {
    "died": Words(("died",), "death"),
    "delivered": Words(("delivered", "taken"), ""),
    "stopped": Words(("stopped",), "stop"),
    "continued": Words(("continued", "resumed"), ""),
}
_RESULTS = {
    "ignored": Words(("ignored",), "faint"),
    "already_pending": Words(("already pending", "pending"), "faint"),
    "overflow": Words(("overflow",), "failure"),
    "lost_info": Words(("queued, without its siginfo", "no info"), ""),
}
# By whether it is blocked, and whether it is fatal.
_WAITING = {
    (False, False): Words(("queued",), ""),
    (False, True): Words(("fatal",), "fatal"),
    (True, False): Words(("blocked",), ""),
    (True, True): Words(("blocked",), ""),
}
_ACTIONS = {
    "handler": Words(("handled",), ""),
    "default": Words(("dying",), "fatal"),
    "stop": Words(("stopped",), "stop"),
    "ignore": Words(("no effect", "nothing"), "faint"),
    "unknown": Words(("stopped, or no effect", "stopped?"), ""),
}
_NO_SEND = {
    "before": "sent before",
    "lost": "send lost",
    "parent": "to its parent",
    "unknown": "send unknown",
}


def how(event: Event, *, brief: bool) -> str:
    """The call, or the kernel's reason; unless brief, with the argument that meant many."""
    name = _HOW.get(event.origin, event.origin)
    if brief:
        return _BRIEF.get(name, name)
    many = name == "kill" and event.target is not None and (event.target_arg or 0) <= 0
    return f"{name} {event.target_arg}" if many else name


def answer(event: Event) -> Words:
    """The error, or what became of it as far as was known."""
    error = event.error
    if error is not None:
        return Words((*_explained(error, -(event.ret or 0)), f"failed {error}", error), "failure")
    outcome, result = event.outcome, event.result
    if result is None:
        if event.ret == 0 and event.signal:
            # kill(-1) alone: it succeeds also where nobody may be sent it.
            return Words(("refused by all", "refused"), "failure")
        # Signal 0: the call said that it could be sent, and nothing was.
        return Words(("ok" if event.ret == 0 else "-",), "")
    told = _OUTCOMES.get(outcome or "") or _RESULTS.get(result)
    if told is None and outcome == "discarded":
        told = _ACTIONS["ignore"]
    return told or _WAITING[event.blocked or False, event.fatal or False]


def _explained(error: str, number: int) -> tuple[str, ...]:
    """Nothing for a number that is no errno: a record can hold one beyond what strerror takes."""
    if number not in errno.errorcode:
        return ()
    text = os.strerror(number)
    return (f"failed {error} ({text[:1].lower()}{text[1:]})",)


def end(event: Delivery | Death) -> Words:
    """What it did."""
    if event.type == "delivery":
        return _ACTIONS[event.action]
    if event.signal is None:
        return Words((f"exited {event.status}",), "")
    return Words(("died, core dumped", "died, core") if event.core else ("died",), "death")


def cause(event: Delivery | Death) -> str:
    """Why no send is named; empty where nothing needs one."""
    no_send = event.no_send
    if no_send == "none":
        return "" if event.signal is None else "no send"
    return _NO_SEND.get(no_send or "", "")


def as_given(event: Event) -> str:
    """The argument of a call that reached nobody."""
    number = event.target_arg
    if number is None:
        return "-"
    return f"{number}{_meaning(event.origin, number)}"


def _meaning(origin: str, number: int) -> str:
    if origin == "pidfd_send_signal":
        return " (pidfd)"
    if origin != "kill":
        return " (thread)" if origin in ("tkill", "tgkill", "rt_tgsigqueueinfo") else ""
    if number > 0:
        return ""
    return {0: " (own group)", -1: " (all)"}.get(number, " (group)")
