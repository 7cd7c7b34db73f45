"""The names of what a line can say: the keys of the JSON form, those of an object behind a dot.

Written out, so that a wrong name is told before anything is loaded; a test holds them
against the JSON form itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

_PROCESS = (
    *("pid", "tid", "host_pid", "host_tid", "ns_pid", "comm", "uid"),
    *("parent.pid", "parent.host_pid", "parent.comm"),
    *("start_ns", "cgroup_id", "container", "unit", "pod"),
)
_DETAILS = ("cmdline", "cmdline_truncated", "exe", "parents", "loginuid", "sessionid")


def _of(end: str, names: Iterable[str]) -> list[str]:
    return [f"{end}.{name}" for name in names]


_DETAILED = [*_of("sender", _DETAILS), *_of("target", _DETAILS)]
_OBJECTS = ("sender", "sender.parent", "target", "target.parent", "oom", "oom.allocator")

# In the order of the columns where nobody chose any.
_ALL = (
    *("type", "id", "call_id", "send_id", "no_send", "parent_send_id", "time", "boot_ns"),
    *("origin", "signal", "signo", "si_code"),
    *_of("sender", (*_PROCESS, *_DETAILS)),
    *("target_arg", "tgid_arg", "flags", "value", "address"),
    *_of("target", (*_PROCESS, *_DETAILS)),
    *("ret", "error", "recipients", "result", "disposition", "blocked", "fatal", "outcome"),
    *("delay_ns", "action", "status", "core"),
    *_of("oom.allocator", _PROCESS),
    *_of("oom", ("total_vm_kb", "anon_rss_kb", "file_rss_kb", "shmem_rss_kb", "pgtables_kb")),
    "oom.oom_score_adj",
    *("lost", "ring_full", "table_full", "answers", "skipped"),
    *("details", "stacks", "oom_victims", "unfollowed"),
    "stack",
)
_NAMES = (*_ALL, *_OBJECTS)
# So many letters begin a name that is meant, and not any.
_BEGUN = 3


def every(*, details: bool, stacks: bool) -> list[str]:
    """All that are no object, as far as they are asked for."""
    left_out = {*([] if details else _DETAILED), *([] if stacks else ["stack"])}
    return [name for name in _ALL if name not in left_out]


def need_details(names: Iterable[str]) -> bool:
    """Whether any is known with details only."""
    return not {*_DETAILED}.isdisjoint(names)


def chosen(text: str) -> list[str]:
    """A list of them, as an option's text; raises ArgumentTypeError, which names the nearest."""
    names = text.split(",")
    for name in names:
        if name not in _NAMES:
            raise argparse.ArgumentTypeError(
                f"no field is called {name!r}\n  hint: {', '.join(_nearest(name))}"
            )
    return names


def _nearest(name: str) -> list[str]:
    """The last word alone, first; then what begins so, and what is spelt alike."""
    from .spelling import nearest  # late: few are wrong

    word = name.lower().rpartition(".")[2]
    same = [each for each in _NAMES if each.rpartition(".")[2] == word and word]
    same.sort(key=lambda each: each.count("."))
    begun = [each for each in _NAMES if each.startswith(name.lower()) and len(name) >= _BEGUN]
    alike = nearest(name.lower(), _NAMES, 3)
    last = nearest(word, [each for each in _NAMES if "." not in each])
    found = [*dict.fromkeys([*same[:4], *begun[:3], *alike, *last])][:4]
    return found or ["type", "time", "sender.comm", "target.pid", "signal", "outcome"]


def value_of(line: dict[str, Any], name: str) -> Any:
    """What a line in its JSON form says under a name; None where it has no such key."""
    value: Any = line
    for key in name.split("."):
        if value is None:
            return None
        value = value.get(key)
    return value
