"""What a tracer is asked for: checked when it is made, told to the programs before they load."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from . import diagnosis
from .attachment import DEATH, DELIVERY, JUMPS
from .bpf_object import BpfObject, Controls
from .decoding import STILL_RUNS
from .errors import FilterInvalid
from .families import FUNCTIONS, NO_CALLS, SIGNAL_FAMILIES
from .filters import PID_MAX, PID_SLOTS, Filters
from .following import DEFAULT_MAX as FOLLOWED
from .following import MAPS, PROGRAMS, RUN
from .links import MAP as LINKS
from .links import Links
from .named_tuple import NamedTuple

#: The ring's size, in bytes.
BUFFER = 8 * 1024 * 1024
#: How many group sends can be in progress.
GROUP_CALLS = 10240
# What the kernel takes for a ring: a power of two of pages, and far below 2 GiB.
_SMALLEST_BUFFER, _LARGEST_BUFFER = 4096, 1 << 30

_LEARN = "learn_tracer"
_LEVEL_OF = "level_of_cgroup"
_MAPS = (
    *("counters", "details_scratch", "ended", "groups", "ids", "link_scratch", "links"),
    *("oom_threads", "refused", "ring", "scratch", "taken", "wanted"),
    "wanted_pids",
)


class Plan(NamedTuple):
    """The arguments of a SignalTracer, filters in one; `follow` are the pids to begin with."""

    filters: Filters
    attach: str
    outcomes: bool
    exits: bool
    details: bool
    stacks: bool
    follow: Iterable[int]
    max_followed: int
    buffer_size: int
    max_group_calls: int
    max_links: int | None

    def check(self) -> None:
        """Raises FilterInvalid for what cannot be, or not together."""
        if not 1 <= self.buffer_size <= _LARGEST_BUFFER:
            raise FilterInvalid(
                f"a ring of {self.buffer_size} bytes cannot be",
                hint="1 byte to 1 GiB, say --buffer 8M",
            )
        if self.max_group_calls < 1:
            raise FilterInvalid(f"max_group_calls is {self.max_group_calls}", hint="1 or more")
        if self.filters.failed_only and self.attach == NO_CALLS:
            raise FilterInvalid(
                "failed calls are not watched",
                hint="attach='auto' (--attach auto), or leave out failed_only (-x)",
            )
        if self.exits and not self.outcomes:
            raise FilterInvalid("exits are told among the outcomes", hint="outcomes=True")
        if self.max_links is not None and self.max_links < 1:
            raise FilterInvalid(f"max_links is {self.max_links}", hint="1 or more")
        if not 1 <= self.max_followed <= PID_MAX:
            raise FilterInvalid(f"max_followed is {self.max_followed}", hint=f"1 to {PID_MAX}")

    @property
    def more_programs(self) -> tuple[str, ...]:
        """Those that are attached beside what sees sends."""
        return (DEATH, DELIVERY) if self.outcomes else ()

    def links(self, cpus: int) -> Links:
        """The table of sends that wait for their end."""
        return Links(self.max_links if self.outcomes else 1, cpus)

    def prepare(
        self, cpus: int, links: Links, bpf: BpfObject, programs: list[str], family: str
    ) -> None:
        """Choose, set up and load, for one way to attach."""
        filters, follow = self.filters, self.filters.follow
        extra = [*[STILL_RUNS] * self.details, *((*PROGRAMS, *RUN) if follow else ())]
        extra += [_LEVEL_OF] * bool(filters.cgroups)
        maps = (*_MAPS, *(MAPS if follow else MAPS[:1]), *[JUMPS] * (family == FUNCTIONS))
        bpf.choose([*programs, _LEARN, *extra], maps)
        settings = filters.settings(
            # Syscall tracepoints leave out 32-bit callers.
            compat_exits=family != "tracepoint",
            calls=family != NO_CALLS,
            outcomes=self.outcomes,
            exits=self.exits,
            details=self.details,
            stacks=self.stacks,
            direct=SIGNAL_FAMILIES["tp_btf"] in programs,
        )
        bpf.set_settings(settings)
        bpf.resize("ring", max(_SMALLEST_BUFFER, 1 << (self.buffer_size - 1).bit_length()))
        bpf.resize("counters", cpus)
        bpf.resize("groups", self.max_group_calls)
        keys, pids = filters.keys(), filters.pid_words()
        bpf.resize("wanted", max(1, len(keys)))
        bpf.resize("wanted_pids", PID_SLOTS if pids else 1)
        bpf.resize(LINKS, links.entries)
        if follow:
            bpf.resize("followed", self.max_followed)
            bpf.resize("creators", max(self.max_followed, FOLLOWED))
        bpf.load()
        if bpf.run_once(_LEARN) and family == FUNCTIONS:
            raise diagnosis.exits_may_hang()
        bpf.add_keys("wanted", keys)
        bpf.add_words("wanted_pids", pids)

    def set_cgroup_levels(self, bpf: BpfObject, controls: Controls) -> None:
        """Tell the loaded programs how deep the wanted cgroups lie."""
        if self.filters.cgroups:
            from .cgroups import levels  # late: few filter by it

            level_of = functools.partial(bpf.run_once, _LEVEL_OF)
            controls.set_cgroup_levels(levels(self.filters.cgroups, level_of))
