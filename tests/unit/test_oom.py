"""An OOM kill's circumstances, from the record that holds them in a call's place."""

from __future__ import annotations

import os
from typing import Any

from pysigsnoop import Event, Oom
from pysigsnoop._records import ORIGIN

from . import records
from .records import KILL, known

_PAGE_KB = os.sysconf("SC_PAGESIZE") // 1024
_FIGURES = {"value": 1 << 40, "ret": 5, "target_arg": 6, "tgid_arg": 0, "flags": 96}


def oom(*bits: str, **changed: Any) -> tuple[Event, Oom]:
    """The event of a kill that a thread's choice followed, with all figures in the record."""
    values = {**_FIGURES, "recipients": 1000} | changed
    event = records.event(
        KILL, origin=ORIGIN["oom"], known=known("target", "code", "generated", *bits), **values
    )
    found = event.oom
    assert found is not None
    return event, found


def test_the_figures_are_in_kb_and_stand_for_no_call() -> None:
    event, found = oom("allocator", "memory")
    assert (found.total_vm_kb, found.anon_rss_kb) == ((1 << 40) * _PAGE_KB, 5 * _PAGE_KB)
    assert (found.file_rss_kb, found.shmem_rss_kb) == (6 * _PAGE_KB, 0)
    assert (found.pgtables_kb, found.oom_score_adj) == (96, 1000)
    assert (event.value, event.ret, event.error, event.target_arg) == (None, None, None, None)
    assert (event.tgid_arg, event.flags, event.recipients) == (None, None, None)


def test_who_asked_is_told_apart_from_a_sender() -> None:
    event, found = oom("allocator", "memory")
    assert event.sender is None
    assert found.allocator is not None
    assert (found.allocator.pid, found.allocator.comm) == (12, "bash")
    assert event.as_dict()["oom"]["allocator"] == found.allocator.as_dict()
    assert list(event.as_dict()["oom"]) == [
        *("allocator", "total_vm_kb", "anon_rss_kb", "file_rss_kb", "shmem_rss_kb"),
        *("pgtables_kb", "oom_score_adj"),
    ]


def test_a_score_below_none_and_the_largest_memory_keep_their_values() -> None:
    _, found = oom("memory", recipients=2**32 - 900, ret=-1)
    assert found.oom_score_adj == -900
    assert found.anon_rss_kb == (2**32 - 1) * _PAGE_KB


def test_what_the_kernel_does_not_say_is_none() -> None:
    event, found = oom()
    assert set(found.as_dict().values()) == {None}
    assert event.as_dict()["oom"] == found.as_dict()
    assert records.event(KILL).oom is None
