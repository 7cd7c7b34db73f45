"""Faults: the victim is the target, nobody is the sender, and the address is the processor's."""

from __future__ import annotations

import platform
import signal

import pytest

from pysigsnoop import SignalTracer

from .actors import acting, all_events, check_kernel, sender_of, target_of, the_one

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the faulting instructions are x86-64's"
)

#: Each kind of fault with its signal and code; those of SI_KERNEL come without an address.
FAULTS = [
    ("maperr", signal.SIGSEGV, "SEGV_MAPERR"),
    ("accerr", signal.SIGSEGV, "SEGV_ACCERR"),
    ("bus", signal.SIGBUS, "BUS_ADRERR"),
    ("ill", signal.SIGILL, "ILL_ILLOPN"),
    ("fpe", signal.SIGFPE, "FPE_INTDIV"),
    ("trap", signal.SIGTRAP, "SI_KERNEL"),
    ("step", signal.SIGTRAP, "TRAP_TRACE"),
    ("protection", signal.SIGSEGV, "SI_KERNEL"),
    ("sys", signal.SIGSYS, "SYS_SECCOMP"),
]


@pytest.mark.parametrize("how", ["default", "handler", "blocked", "ignored"])
@pytest.mark.parametrize(("kind", "number", "code"), FAULTS, ids=[kind for kind, *_ in FAULTS])
def test_a_fault_is_told_with_its_code_and_address_and_without_a_sender(
    kind: str, number: signal.Signals, code: str, how: str
) -> None:
    with acting("faults", kind, how) as actor:
        (said,) = actor.said
        address = None if said == "none" else int(said, 16)
        with SignalTracer(target_pid=actor.pid, scope="all") as tracer:
            actor.go()
            told = actor.line() if how == "handler" else None
            assert actor.end() == (0 if told else -number)
            event = the_one(all_events(tracer))
    # A fault that is blocked or ignored meets the default: the kernel sees to it.
    check_kernel(event, "fault", code, target=actor.pid, fatal=told is None)
    assert event.signal == number
    assert event.sender is None
    assert event.address == address
    assert event.value is None
    assert event.result == "queued"
    assert event.disposition == ("handler" if told else "default")
    assert event.blocked is False
    if told and address is not None:
        assert int(told[1], 16) == address
    target = target_of(event)
    assert (target.tid, target.comm) == (actor.pid, "faults")


def test_a_fault_is_shown_by_default_where_it_ends_the_process_and_only_there() -> None:
    for how, shown in (("default", ["fault"]), ("handler", [])):
        with acting("faults", "maperr", how) as actor:
            with SignalTracer(target_pid=actor.pid) as tracer:
                actor.go()
                actor.end()
                assert [event.origin for event in all_events(tracer)] == shown


def test_the_fault_of_a_handler_without_a_stack_is_not_taken_for_the_kill_that_led_to_it() -> None:
    with acting("faults", "stack", "default") as actor:
        with SignalTracer(target_pid=actor.pid, scope="all") as tracer:
            actor.go()
            assert actor.end() == -signal.SIGSEGV
            sent, fault = all_events(tracer)
    assert (sent.origin, sent.si_code, sent.disposition) == ("kill", "SI_USER", "handler")
    assert sender_of(sent).pid == actor.pid
    check_kernel(fault, "fault", "SI_KERNEL", target=actor.pid, fatal=True)
    assert (fault.sender, fault.address, fault.disposition) == (None, None, "default")
