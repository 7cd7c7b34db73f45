"""Walking a stack: what decides how it goes on, and where it ends."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop.elf_image import X86_64
from pysigsnoop.frame_rows import Row
from pysigsnoop.unwind import MOST_FRAMES, Memory, Registers, walk

SP, BP, RA = 7, 6, 16
STACK = 0x7000
RETURN = {RA: (None, -8)}
#: A function that keeps nothing on its stack.
LEAF = Row(SP, 8, False, RETURN, RA, False)
#: One that keeps a frame pointer.
FRAME = Row(BP, 16, False, RETURN | {BP: (None, -16)}, RA, False)
OUTERMOST = Row(SP, 8, False, {RA: None}, RA, False)


def words(*values: int) -> Memory:
    return Memory(STACK, struct.pack(f"={len(values)}Q", *values))


def addresses(
    memory: Memory, rows: dict[int, Row | None], chain: list[int], bp: int = 0
) -> list[int]:
    """A walk from 0x100, where code is what `rows` names, by the look-up address."""

    def find(address: int) -> tuple[int, Row | None] | None:
        return (X86_64, rows[address]) if address in rows else None

    return [step.address for step in walk(Registers(0x100, STACK, bp, 0), memory, chain, find)]


def test_a_leaf_does_not_hide_its_caller() -> None:
    """The kernel, by frame pointers, sees the caller's caller only."""
    memory = words(0x200, STACK + 24, 0, 0x300)
    rows: dict[int, Row | None] = {0x100: LEAF, 0x1FF: None, 0x2FF: None}
    found = addresses(memory, rows, [0x100, 0x300], bp=STACK + 16)
    assert found == [0x100, 0x200, 0x300]


def test_it_ends_where_the_file_says_that_nobody_called() -> None:
    rows: dict[int, Row | None] = {0x100: LEAF, 0x1FF: OUTERMOST, 0x2FF: None}
    assert addresses(words(0x200, 0x300), rows, [0x100, 0x300]) == [0x100, 0x200]


def test_a_caller_that_lies_in_no_known_code_is_told_and_ends_it() -> None:
    rows: dict[int, Row | None] = {0x100: LEAF}
    assert addresses(words(0x200, 0x300), rows, [0x100]) == [0x100, 0x200]


def test_beyond_the_copy_only_a_frame_pointer_leads_on() -> None:
    chain = [0x100, 0x200, 0x300]
    rows: dict[int, Row | None] = {0x100: FRAME, 0x1FF: None, 0x2FF: None}
    far = STACK + 4096
    assert addresses(words(), rows, chain, bp=far) == chain
    # What a function without one left in the register leads anywhere.
    assert addresses(words(), rows | {0x100: LEAF}, chain, bp=far) == [0x100]


def test_what_only_looks_like_a_chain_is_cut_where_it_leaves_the_code() -> None:
    rows: dict[int, Row | None] = {0x100: None, 0x1FF: None}
    assert addresses(words(), rows, [0x100, 0x200, 0x999, 0x200], bp=1) == [0x100, 0x200]


def test_whom_a_signal_interrupted_made_no_call() -> None:
    handler = Row(SP, 8, False, RETURN, RA, True)
    # The interrupted instruction is the first of its function: the one before is another's.
    rows: dict[int, Row | None] = {0x100: handler, 0x200: OUTERMOST}
    assert addresses(words(0x200), rows, [0x100]) == [0x100, 0x200]


_offsets = st.integers(-64, 512)
_places = st.one_of(st.none(), st.tuples(st.sampled_from([None, SP, BP, 3]), _offsets))
_rows = st.builds(
    Row,
    st.sampled_from([SP, BP, 3]),
    _offsets,
    st.booleans(),
    st.dictionaries(st.sampled_from([RA, BP, 3]), _places),
    st.just(RA),
    st.booleans(),
)


@given(
    st.lists(
        st.sampled_from([0, 0x100, 0x101, STACK, STACK + 8, STACK + 64, 2**64 - 1]), max_size=32
    ),
    _rows,
    st.lists(st.sampled_from([0, 0x100, 0x101, 2**64 - 1]), min_size=1, max_size=64),
    st.sampled_from([0, STACK, STACK + 8, 2**64 - 1]),
)
def test_any_stack_ends(stack: list[int], row: Row, chain: list[int], bp: int) -> None:
    found = walk(Registers(chain[0], STACK, bp, 0), words(*stack), chain, lambda _: (X86_64, row))
    assert 1 <= len(found) <= MOST_FRAMES
