"""trace_pipe's text taken apart: records begin where the kernel began them, whatever names hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop.trace_lines import FIRST, LostEvents, Record, split_records, ticks

# What the kernel writes for one printed line (kernel/trace/trace_output.c).
PREFIX = b"%16s-%-7d [%03d] d..31  1291.982530: bpf_trace_printk: "

HOSTILE = [
    *(b"a b", b"a)(b]", b"[000]", b"\n", b"a\nb", b"\n\n\n", b"\nx\n", b"", b" "),
    *(b"\xff\xfe\x80", b"to PID 1, ret =", b"-5 (1) [000] ", b"<...>"),
    *(b") sent signal ", b") sent signal 9", b"PID 1 (x) sent ", b"-1 [000] d..31 "),
    *(b"-1 [0] dddd 1: ", b"-1 [000] dddd 1", b"CPU:0 [LOST 1 E", b"\nCPU:1 [LOST E"),
    *(b"\n-1 [000] .... ", b"-7 [001] ", b"-5 (", b"-------", b"1.000001: ", b"bpf_trace_print"),
]  # fmt: skip
COMMS = st.one_of(
    st.sampled_from(HOSTILE),
    st.binary(max_size=15).map(lambda raw: raw.replace(b"\0", b"")),
    # Made of what records are made of.
    st.lists(
        st.sampled_from([b"-", b"1", b" ", b"[000]", b": ", b"d..1", b"\n", b"(", b")", b"."]),
        max_size=15,
    ).map(lambda parts: b"".join(parts)[:15]),
)


def record(comm: bytes, message: bytes, tid: int = 5978, cpu: int = 1) -> bytes:
    return PREFIX % (comm, tid, cpu) + message + b"\n"


def test_a_record_says_who_printed_where_when_and_what() -> None:
    assert list(split_records(record(b"bash", b"hello"))) == [Record(5978, 1, 1291982530, b"hello")]


@pytest.mark.parametrize(
    "prefix",
    [
        b"            bash-5978    [001] d..31  1291.982530: ",
        b"           <...>-5978    [001] d..31  1291.982530: ",
        b"            bash-5978    (   5978) [001] d..31  1291.982530: ",
        b"            bash-5978    (-------) [001] d..31  1291.982530: ",
        b"            bash-5978    [001] .N.1.  1291982530: ",
        b"            bash-5978    [001] d.Zff  1291982530: ",
        b" 123456789012345-5978    [001] ....  1291.982530: ",
    ],
)
def test_every_form_of_the_prefix_is_read(prefix: bytes) -> None:
    found = list(split_records(prefix + b"bpf_trace_printk: hello\n"))
    assert found == [Record(5978, 1, 1291982530, b"hello")]


@pytest.mark.parametrize(
    "said",
    [
        b"tracing_mark_write: PID 1 (a) sent signal 9 ",
        b"sched_switch: prev_comm=bash prev_pid=1",
        b"<stack trace>\n => do_syscall_64\n => entry_SYSCALL_64",
        b"sys_kill(pid: 1, sig: 9)",
        b"__x64_sys_kill <-do_syscall_64",
        b"bpf_trace_printk_other: to PID 1, ret = 0",
    ],
)
def test_records_of_others_count_and_have_no_call_in_them(said: bytes) -> None:
    prefix = b"            bash-7       [000] d..31  1.000001: "
    found = list(split_records(prefix + said + b"\n" + record(b"x", b"mine")))
    assert [type(each) for each in found] == [Record, Record]
    assert isinstance(found[0], Record)
    assert (found[0].tid, found[0].cpu) == (7, 0)
    assert not FIRST.fullmatch(found[0].message)
    assert found[1] == Record(5978, 1, 1291982530, b"mine")


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        (b"CPU:1 [LOST 42 EVENTS]", LostEvents(1, 42)),
        (b"CPU:127 [LOST EVENTS]", LostEvents(127, None)),
    ],
)
def test_lost_events_are_told_with_and_without_a_count(line: bytes, lost: LostEvents) -> None:
    text = record(b"a", b"before") + line + b"\n" + record(b"a", b"after")
    first, middle, last = split_records(text)
    assert middle == lost
    assert isinstance(first, Record)
    assert isinstance(last, Record)
    assert (first.message, last.message) == (b"before", b"after")


def test_an_empty_read_has_no_records() -> None:
    assert list(split_records(b"")) == []


@pytest.mark.parametrize(
    ("text", "number"), [(b"1291.982530", 1291982530), (b"0.000001", 1), (b"123456", 123456)]
)
def test_times_are_in_the_smallest_step_of_their_clock(text: bytes, number: int) -> None:
    assert ticks(text) == number


@given(st.lists(st.tuples(COMMS, COMMS, st.integers(1, 2**22), st.integers(0, 255)), max_size=6))
def test_no_name_hides_or_forges_a_record(
    calls: list[tuple[bytes, bytes, int, int]],
) -> None:
    # The kernel knows a thread's name twice: as cached for the prefix, and as the program read it.
    text, expected = b"", []
    for shown, held, tid, cpu in calls:
        first, second = b"PID 1 (%s) sent signal 9 " % held, b"to PID 2, ret = 0"
        for message in (first, second):
            text += record(shown, message, tid, cpu)
            expected.append(Record(tid, cpu, 1291982530, message))
    assert list(split_records(text)) == expected


@given(COMMS, st.integers(-(2**31), 2**31 - 1))
def test_a_first_half_holds_the_name_whole(comm: bytes, signo: int) -> None:
    found = FIRST.fullmatch(b"PID 7 (%s) sent signal %d " % (comm, signo))
    assert found
    assert (found["comm"], int(found["signo"])) == (comm, signo)
