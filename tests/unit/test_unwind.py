"""Walking a stack: what decides how it goes on, and where it ends."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from pysigsnoop.elf_image import ARM64, X86_64
from pysigsnoop.frame_rows import Row
from pysigsnoop.unwind import MOST_FRAMES, VDSO, Memory, Registers, walk

SP, BP, RA = 7, 6, 16
STACK = 0x7000
RETURN = {RA: (None, -8)}
#: A function that keeps nothing on its stack.
LEAF = Row(SP, 8, False, RETURN, RA, False)
#: One that keeps a frame pointer.
FRAME = Row(BP, 16, False, RETURN | {BP: (None, -16)}, RA, False)
OUTERMOST = Row(SP, 8, False, {RA: None}, RA, False)


# The same on arm64, which keeps the return address in a register until there is a next call.
ARM_SP, ARM_BP, LINK = 31, 29, 30
ARM_LEAF = Row(ARM_SP, 0, False, {}, LINK, False)
ARM_FRAME = Row(ARM_SP, 16, False, {ARM_BP: (None, -16), LINK: (None, -8)}, LINK, False)
ARM_OUTERMOST = Row(ARM_SP, 0, False, {LINK: None}, LINK, False)


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


def arm_addresses(
    registers: Registers, memory: Memory, rows: dict[int, Row | None], chain: list[int]
) -> list[int]:
    """A walk where code is what `rows` names, and at 0x900 the vDSO."""

    def find(address: int) -> tuple[int, Row | None] | None:
        if address in (0x900, 0x8FF):
            return VDSO, None
        return (ARM64, rows[address]) if address in rows else None

    return [step.address for step in walk(registers, memory, chain, find)]


def test_on_arm64_only_who_made_no_call_has_its_caller_in_a_register() -> None:
    rows: dict[int, Row | None] = {0x100: ARM_LEAF, 0x1FF: ARM_FRAME, 0x2FF: ARM_LEAF}
    found = arm_addresses(Registers(0x100, STACK, 0, 0x200), words(0, 0x300), rows, [0x100])
    assert found == [0x100, 0x200, 0x300]


def test_on_arm64_what_signs_a_return_address_is_no_part_of_it() -> None:
    rows: dict[int, Row | None] = {0x100: ARM_FRAME, 0x1FF: ARM_OUTERMOST}
    signed = 0x200 | 0x7A << 48
    assert arm_addresses(Registers(0x100, STACK, 0, 0), words(0, signed), rows, [0x100]) == [
        *(0x100, 0x200),
    ]


def sigframe(ip: int, sp: int, bp: int, lr: int) -> list[int]:
    """struct rt_sigframe up to the program counter: siginfo, 16 words; ucontext."""
    before_context = 22
    x = [0] * 31
    x[29], x[30] = bp, lr
    return [*[0] * 16, *[0] * before_context, 0, *x, sp, ip]


def test_on_arm64_whom_a_signal_interrupted_is_told_by_what_the_kernel_saved() -> None:
    interrupted = STACK + 1024
    # The innermost function is the handler's, and returns to the vDSO.
    stack = [0, 0x900, *sigframe(0x400, interrupted, 0, 0x500)]
    memory = words(*stack, *[0] * (128 - len(stack)), 0, 0x600)
    rows: dict[int, Row | None] = {
        0x100: ARM_FRAME,
        # Interrupted at its first instruction: its caller is in the register, as of any that
        # made no call; that it was called there shows in the next.
        0x400: ARM_LEAF,
        0x4FF: ARM_FRAME,
        0x5FF: ARM_OUTERMOST,
    }
    found = arm_addresses(Registers(0x100, STACK, 0, 0), memory, rows, [0x100])
    assert found == [0x100, 0x900, 0x400, 0x500, 0x600]


def test_on_arm64_the_frame_pointers_of_whom_a_signal_interrupted_lead_beyond_the_copy() -> None:
    record, far = STACK + 2048, STACK + 8192
    # The kernel's record has the link register, which need not be an address that returns.
    chain = [0x100, 0x999, 0x600, 0x700]
    memory = words(record, 0x900, *sigframe(0x400, far, far, 0x500))
    rows: dict[int, Row | None] = {0x100: ARM_FRAME, 0x400: ARM_FRAME, 0x5FF: None, 0x6FF: None}
    found = arm_addresses(Registers(0x100, STACK, record, 0), memory, rows, chain)
    assert found == [0x100, 0x900, 0x400, 0x600, 0x700]
    # One that does not point to where the caller's was saved is not the function's own.
    memory = words(record, 0x900, *sigframe(0x400, far, far + 64, 0x500))
    found = arm_addresses(Registers(0x100, STACK, record, 0), memory, rows, chain)
    assert found == [0x100, 0x900, 0x400]


def test_on_arm64_a_vdso_that_was_not_returned_to_is_no_handlers_end() -> None:
    memory = words(*sigframe(0x400, STACK + 1024, 0, 0x500))
    assert arm_addresses(Registers(0x900, STACK, 0, 0), memory, {}, [0x900]) == [0x900]


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
    registers = Registers(chain[0], STACK, bp, chain[-1])
    found = walk(registers, words(*stack), chain, lambda _: (X86_64, row))
    assert 1 <= len(found) <= MOST_FRAMES
    rows = {0: VDSO, 1: ARM64}
    found = walk(registers, words(*stack), chain, lambda at: (rows[at & 1], row))
    assert 1 <= len(found) <= MOST_FRAMES
