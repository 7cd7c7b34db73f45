"""Where every signal and every call went: to the reader, to a filter, or lost, and why."""

from __future__ import annotations

from collections.abc import Sequence

from ._records import COUNTER
from .named_tuple import NamedTuple


class Lost(NamedTuple):
    """What the reader never saw, each counted once, by where it was lost."""

    #: Events that found no room in the ring: the reader was too slow, or the ring too small.
    ring_full: int = 0
    #: Answers of group sends that found no room in the table of calls; their recipients came.
    table_full: int = 0
    #: Answers of group sends that found no room in the ring; their recipients came.
    answers: int = 0
    #: Runs of a program that the kernel skipped, and that would have made an event.
    skipped: int = 0
    #: Events handed over, and still unread at close; or never whole, and what lies behind those.
    unread: int = 0
    #: Details that found no room in the ring, one for each end; their events came.
    details: int = 0
    #: Stacks that found no room in the ring; their events came, without.
    stacks: int = 0
    #: What the OOM killer said of its victims that found no room in the ring, or that the kernel
    #: skipped the program of; the events of their deaths came, as the origin `kernel`.
    oom_victims: int = 0
    #: Processes, not events: those that should have been followed and could not be, since
    #: `max_followed` was reached or the kernel skipped the program. What they sent may be missing.
    unfollowed: int = 0


class Tally(NamedTuple):
    """How many of one kind were received, filtered and lost (unread among them)."""

    received: int = 0
    filtered: int = 0
    lost: int = 0


class Stats(NamedTuple):
    """Exact counts since the trace began; final once closed.

    Until the tracer has stopped and is read to its end, what is under way and not yet read is
    in none of them.
    """

    #: Events handed to the caller.
    received: int = 0
    #: Events refused by a filter.
    filtered: int = 0
    #: Events and answers lost, by reason.
    lost: Lost = Lost()
    #: Group sends in progress when the trace began or ended: not told in full, and not lost.
    in_flight: int = 0
    #: Calls: of the six system calls, each once, however many it reached.
    calls: Tally = Tally()
    #: Signals that were generated, each once for each recipient, the kernel's own included.
    signals: Tally = Tally()
    #: Deliveries, where asked for; those of SIGKILL, which say nothing, are none.
    deliveries: Tally = Tally()
    #: Ends of processes, where asked for. The ends of single threads that the kernel skipped are
    #: among the lost: nothing tells them from the last.
    deaths: Tally = Tally()
    #: Sends forgotten before their end, for want of room in their table; most are over, taken
    #: where nothing shows it. An end whose send was forgotten says `unknown`.
    evicted: int = 0

    @property
    def lost_total(self) -> int:
        return sum(self.lost)


class Counts(NamedTuple):
    """Events, and the calls and signals that they stand for; what the reader sorted out, and
    companions that it gave up; and records that only add to events."""

    events: int = 0
    calls: int = 0
    signals: int = 0
    filtered: int = 0
    deliveries: int = 0
    deaths: int = 0
    missing: int = 0
    answers: int = 0
    victims: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Counts) -> Counts:
        return Counts(*(a - b for a, b in zip(self, other, strict=True)))


def account(
    counters: Sequence[int],
    *,
    received: Counts,
    unread: Counts,
    never_read: Counts,
    generate_misses: int,
    exit_misses: int,
    delivery_misses: int = 0,
    death_misses: int = 0,
    oom_misses: int = 0,
    evicted: int = 0,
    unfollowed: int = 0,
    stopped: bool,
) -> Stats:
    """The books, from the kernel's counters and the reader's own.

    `counters` is summed over CPUs, indexed by `enum sigsnoop_counter`; `received` is what the
    caller took, `unread` what nobody took before the close, `never_read` what could not be read.
    `unfollowed` is what user space counts of it.
    """
    n = _by_name(counters)
    unread = unread.plus(never_read)
    skipped_sends = generate_misses + _skipped_exits(n, exit_misses)
    skipped = skipped_sends + delivery_misses + death_misses
    sorted_out = received.filtered + unread.filtered
    return Stats(
        received=received.events,
        filtered=n["signal_filtered"]
        + n["single_filtered"]
        + n["call_filtered"]
        + n["delivery_filtered"]
        + n["death_filtered"]
        + sorted_out,
        lost=Lost(
            ring_full=n["signal_ring_full"]
            + n["single_ring_full"]
            + n["call_ring_full"]
            + n["delivery_ring_full"]
            + n["death_ring_full"],
            table_full=n["group_table_full"],
            answers=n["group_ring_full"] + never_read.answers,
            skipped=skipped,
            unread=unread.events,
            details=n["details_ring_full"] + received.missing + unread.missing,
            stacks=n["stack_ring_full"],
            oom_victims=n["oom_ring_full"] + oom_misses + never_read.victims,
            unfollowed=n["follow_full"] + unfollowed,
        ),
        in_flight=n["group_early"] + (groups_inside(counters) if stopped else 0),
        calls=Tally(
            received.calls,
            n["single_filtered"] + n["call_filtered"] + n["group_filtered"],
            n["single_ring_full"]
            + n["call_ring_full"]
            + n["group_ring_full"]
            + n["group_table_full"]
            + skipped_sends
            + unread.calls,
        ),
        signals=Tally(
            received.signals,
            n["signal_filtered"] + n["single_filtered"] + sorted_out,
            n["signal_ring_full"] + n["single_ring_full"] + generate_misses + unread.signals,
        ),
        deliveries=Tally(
            received.deliveries,
            n["delivery_filtered"],
            n["delivery_ring_full"] + delivery_misses + unread.deliveries,
        ),
        deaths=Tally(
            received.deaths,
            n["death_filtered"],
            n["death_ring_full"] + death_misses + unread.deaths,
        ),
        evicted=evicted,
    )


def left_in_ring(counters: Sequence[int], read: Counts) -> Counts:
    """What the kernel has put into the ring, as it counts, beyond what the reader found there.

    Of a ring that was read to its end: what lies at, or behind, a record that is still being
    written.
    """
    n = _by_name(counters)
    signals = n["signal_submitted"] + n["single_submitted"]
    deliveries, deaths = n["delivery_submitted"], n["death_submitted"]
    submitted = Counts(
        events=signals + n["call_submitted"] + deliveries + deaths,
        calls=n["single_submitted"] + n["call_submitted"] + n["group_submitted"],
        signals=signals,
        deliveries=deliveries,
        deaths=deaths,
        answers=n["group_submitted"],
        victims=n["oom_submitted"],
    )
    # Only signals are sorted out by the reader.
    found = read._replace(
        events=read.events + read.filtered,
        signals=read.signals + read.filtered,
        filtered=0,
        missing=0,
    )
    return Counts(*(max(0, n) for n in submitted.minus(found)))


def links_missing(counters: Sequence[int]) -> int:
    """Sends remembered and not forgotten: held in their table, or evicted from it."""
    n = _by_name(counters)
    return max(0, n["link_added"] - n["link_removed"])


def groups_inside(counters: Sequence[int]) -> int:
    """Group sends whose first recipient was seen, and not yet their return."""
    n = _by_name(counters)
    ended = n["group_stale"] + n["group_submitted"] + n["group_filtered"] + n["group_ring_full"]
    return max(0, n["group_remembered"] - ended)


def _by_name(counters: Sequence[int]) -> dict[str, int]:
    return {name: counters[index] for name, index in COUNTER.items() if index < len(counters)}


def _skipped_exits(n: dict[str, int], misses: int) -> int:
    """How many of the skipped exits lost something.

    A call to one recipient that generated its signal was told then, and its exit adds nothing.
    So of the exits that would add nothing, those beyond the signals told are the loss.
    """
    if not misses:
        return 0
    generated = n["single_submitted"] + n["single_filtered"] + n["single_ring_full"]
    with_exit = generated - n["single_no_exit"]
    return min(misses, max(0, n["single_exits"] + misses - with_exit))
