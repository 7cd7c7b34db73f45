"""Halves joined into calls: every call told is one that was made, whoever else reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop.trace_assembly import Assembly, Call, Half, Joiner, Taken
from pysigsnoop.trace_lines import LostEvents, Record, split_records

FIRST, SECOND = b"PID 1 (a) sent signal 9 ", b"to PID 2, ret = 0"


def halves(tid: int, cpu: int = 0, time: int = 100) -> list[Record]:
    first, second = f"PID {tid} (a) sent signal 9 ", f"to PID {time}, ret = 0"
    return [Record(tid, cpu, time, text.encode()) for text in (first, second)]


class Readers:
    """The kernel's count of records read, by whomever."""

    def __init__(self) -> None:
        self.count: Counter[int] = Counter()

    def assembly(self, since: int = 0) -> Assembly:
        return Assembly({0: since, 1: since}, Counter(self.count), lambda: self.count)

    def read(self, records: list[Record | LostEvents]) -> None:
        self.count.update(each.cpu for each in records if isinstance(each, Record))


def run(
    reads: list[list[Record | LostEvents]], since: int = 0, stolen: tuple[int, ...] = ()
) -> list[Call | Half | LostEvents | Taken]:
    """What an assembly makes of these reads, of which `stolen` went to another reader."""
    readers = Readers()
    assembly = readers.assembly(since)
    found: list[Call | Half | LostEvents | Taken] = []
    for number, records in enumerate(reads):
        readers.read(records)
        if number not in stolen:
            found += assembly.join(records)
    return found + list(assembly.finish())


def test_two_halves_of_a_thread_are_a_call() -> None:
    assert run([[*halves(7)]]) == [Call(7, b"a", 9, 100, 0)]


def test_threads_that_interleave_keep_their_own_halves() -> None:
    a, b = halves(7, cpu=0, time=100), halves(8, cpu=1, time=200)
    found = run([[a[0], b[0], a[1], b[1]]])
    assert found == [Call(7, b"a", 9, 100, 0), Call(8, b"a", 9, 200, 0)]


def test_halves_in_two_reads_are_joined_where_nobody_else_reads() -> None:
    first, second = halves(7)
    assert run([[first], [second]]) == [Call(7, b"a", 9, 100, 0)]


def test_halves_in_two_reads_stay_halves_where_another_read_between() -> None:
    (first, taken), (taken_too, second) = halves(7, time=100), halves(7, time=200)
    found = run([[first], [taken, taken_too], [second]], stolen=(1,))
    assert found == [Half(first.message), Half(second.message), Taken(2)]


def test_another_reader_of_another_cpu_does_not_matter() -> None:
    first, second = halves(7)
    found = run([[first], [*halves(8, cpu=1)], [second]], stolen=(1,))
    assert found == [Call(7, b"a", 9, 100, 0), Taken(2)]


def test_halves_on_two_cpus_are_not_one_call() -> None:
    first, second = halves(7)[0], halves(7, cpu=1)[1]
    assert run([[first, second]]) == [Half(first.message), Half(second.message)]


def test_a_loss_between_halves_parts_them_and_is_told() -> None:
    first, second = halves(7)
    lost = LostEvents(0, 3)
    found = run([[first, lost, second]])
    assert found == [Half(first.message), lost, Half(second.message)]


def test_a_loss_on_another_cpu_parts_nothing() -> None:
    first, second = halves(7)
    lost = LostEvents(1, 3)
    assert run([[first, lost, second]]) == [lost, Call(7, b"a", 9, 100, 0)]


def test_a_half_at_the_end_is_told() -> None:
    first, _ = halves(7)
    assert run([[first]]) == [Half(first.message)]


def test_what_is_older_than_the_start_is_not_told_and_neither_is_its_loss() -> None:
    lost = LostEvents(0, 5)
    old, new = halves(7, time=100), halves(7, time=101)
    assert run([[lost, *old, lost, *new]], since=100) == [lost, Call(7, b"a", 9, 101, 0)]


def test_after_the_first_new_record_a_changed_clock_hides_nothing() -> None:
    found = run([[*halves(7, time=101)], [*halves(7, time=3)]], since=100)
    assert found == [Call(7, b"a", 9, 101, 0), Call(7, b"a", 9, 3, 0)]


def test_a_buffer_that_was_cleared_meanwhile_parts_halves() -> None:
    readers = Readers()
    readers.count[0] = 50
    assembly = readers.assembly()
    first, second = halves(7)
    readers.count[0] += 1
    assert list(assembly.join([first])) == []
    readers.count[0] = 1  # the kernel begins again
    assert list(assembly.join([second])) == [Half(first.message), Half(second.message)]


def test_text_of_others_makes_no_call() -> None:
    joiner = Joiner()
    for message in (b"", b"PID 1 (a) sent signal 9", b"x" + FIRST, FIRST + b"\n", SECOND + b" "):
        assert list(joiner.add(Record(1, 0, 1, message))) == []


class Printed(NamedTuple):
    tid: int
    cpu: int
    comm: bytes
    signo: int
    target: int
    ret: int

    @property
    def call(self) -> Call:
        return Call(self.tid, self.comm, self.signo, self.target, self.ret)

    def lines(self) -> Iterator[bytes]:
        first = b"PID %d (%s) sent signal %d " % (self.tid, self.comm, self.signo)
        for message in (first, b"to PID %d, ret = %d" % (self.target, self.ret)):
            yield b"%16s-%-7d [%03d] d..31  1.000001: bpf_trace_printk: %s\n" % (
                *(self.comm, self.tid, self.cpu, message),
            )


@st.composite
def traces(draw: st.DrawFn) -> tuple[list[Printed], list[tuple[int, bytes]]]:
    """Calls of threads that move between CPUs, and the records as the buffer holds them."""
    comms = st.sampled_from([b"a", b"a\nb", b") sent signal ", b"\xff", b"-1 [000] .... 1"])
    threads = [draw(st.integers(1, 4)) for _ in range(draw(st.integers(1, 30)))]
    # Each call has its own target, so a call that is joined wrongly cannot look like a real one.
    calls = [
        Printed(tid, draw(st.integers(0, 1)), draw(comms), draw(st.integers(0, 64)), number, -3)
        for number, tid in enumerate(threads)
    ]
    waiting = {tid: [call for call in calls if call.tid == tid] for tid in set(threads)}
    lines = {
        tid: [(c.cpu, line) for c in mine for line in c.lines()] for tid, mine in waiting.items()
    }
    buffer: list[tuple[int, bytes]] = []
    while any(lines.values()):
        tid = draw(st.sampled_from(sorted(tid for tid in lines if lines[tid])))
        buffer.append(lines[tid].pop(0))
        if not draw(st.integers(0, 5)):
            foreign = (
                b"          foreign-9       [%03d] .....  1.000001: tracing_mark_write: to PID 1\n"
            )
            cpu = draw(st.integers(0, 1))
            buffer.append((cpu, foreign % cpu))
    return calls, buffer


@given(traces(), st.data())
def test_every_call_told_was_made_whatever_another_reader_takes(
    trace: tuple[list[Printed], list[tuple[int, bytes]]], data: st.DataObject
) -> None:
    calls, buffer = trace
    readers = Readers()
    assembly = readers.assembly()
    found: list[Call | Half | LostEvents | Taken] = []
    came = stolen = 0
    while buffer:
        size = data.draw(st.integers(1, 6))
        chunk, buffer = buffer[:size], buffer[size:]
        readers.count.update(cpu for cpu, _ in chunk)
        if data.draw(st.booleans()):
            stolen += len(chunk)
            continue
        came += sum(b"foreign" not in line for _, line in chunk)
        # Another reader can also come between our read and our look at the counts.
        size = data.draw(st.integers(0, 2))
        behind, buffer = buffer[:size], buffer[size:]
        stolen += len(behind)
        readers.count.update(cpu for cpu, _ in behind)
        found += assembly.join(list(split_records(b"".join(line for _, line in chunk))))
    found += assembly.finish()
    assert sum(each.lines for each in found if isinstance(each, Taken)) == stolen
    told = Counter(each for each in found if isinstance(each, Call))
    assert told <= Counter(call.call for call in calls)
    # Nothing vanishes: each line that came is in a call or told as a half.
    assert 2 * told.total() + sum(isinstance(each, Half) for each in found) == came
    if not stolen:
        assert told.total() == len(calls)
