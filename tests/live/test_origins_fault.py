"""Faults: the victim is the target, nobody is the sender, and the address is the processor's."""

from __future__ import annotations

import platform
import signal
from contextlib import ExitStack

import pytest

from pysigsnoop import SignalTracer

from .actors import acting, all_events, check_kernel, next_event, sender_of, target_of

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
def test_a_fault_is_told_with_its_code_and_address_and_without_a_sender(how: str) -> None:
    with ExitStack() as stack:
        actors = [stack.enter_context(acting("faults", kind, how)) for kind, *_ in FAULTS]
        tracer = stack.enter_context(
            SignalTracer(target_pid=[actor.pid for actor in actors], scope="all")
        )
        for actor, (kind, number, code) in zip(actors, FAULTS, strict=True):
            actor.go()
            told = actor.line() if how == "handler" else None
            assert actor.end() == (0 if told else -number), kind
            event = next_event(tracer)
            # A fault that is blocked or ignored meets the default: the kernel sees to it.
            check_kernel(event, "fault", code, target=actor.pid, fatal=told is None)
            assert int(event.signal) == number
            assert event.sender is None
            address = None if actor.said == ["none"] else int(actor.said[0], 16)
            assert event.address == address, kind
            if told and address is not None:
                assert int(told[1], 16) == address
            assert event.value is None
            assert event.result == "queued"
            assert event.disposition == ("handler" if told else "default")
            assert event.blocked is False
            target = target_of(event)
            assert (target.tid, target.comm) == (actor.pid, "faults")
        assert all_events(tracer, read=len(FAULTS)) == []


def test_a_fault_is_shown_by_default_where_it_ends_the_process_and_only_there() -> None:
    for how, shown in (("default", ["fault"]), ("handler", [])):
        with acting("faults", "maperr", how) as actor, SignalTracer(target_pid=actor.pid) as tracer:
            actor.go()
            actor.end()
            assert [event.origin for event in all_events(tracer)] == shown


@pytest.mark.parametrize(
    ("kind", "call", "code"),
    [("stack", "kill", "SI_USER"), ("forged-stack", "rt_sigqueueinfo", "SEGV_MAPERR")],
)
def test_the_fault_of_a_handler_without_a_stack_is_not_taken_for_the_call_that_led_to_it(
    kind: str, call: str, code: str
) -> None:
    with (
        acting("faults", kind, "default") as actor,
        SignalTracer(target_pid=actor.pid, scope="all") as tracer,
    ):
        actor.go()
        assert actor.end() == -signal.SIGSEGV
        sent, fault = all_events(tracer)
    assert (sent.origin, sent.si_code, sent.disposition) == (call, code, "handler")
    assert sender_of(sent).pid == actor.pid
    check_kernel(fault, "fault", "SI_KERNEL", target=actor.pid, fatal=True)
    assert (fault.sender, fault.address, fault.disposition) == (None, None, "default")
