"""How the programs are attached: by trying, the best first, with the reason kept where refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .bpf_object import BpfObject
from .diagnosis import missing_capabilities
from .errors import FilterInvalid, LimitReached, NotPermitted, ObjectInvalid, PysigsnoopError
from .families import CALL_FAMILIES, FUNCTIONS, NO_CALLS, SIGNAL_FAMILIES
from .named_tuple import NamedTuple

_CALLS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")
# The one program of theirs.
_TRACEPOINTS = "exit_six"
#: What says of a SIGKILL that it was the OOM killer's.
OOM = "oom_victim"
#: What became of sends, where it is asked for.
DELIVERY, DEATH = "deliver", "death"
#: Programs at the return of functions jump, through this map, to one that is attached to nothing.
JUMPS = "exits"
_JUMP_TO = "any_function"


class Programs(NamedTuple):
    """The programs of an attachment, by what they watch."""

    generate: str
    calls: tuple[str, ...]


class Attachment(NamedTuple):
    """How a tracer is attached, and why not otherwise."""

    #: Signal events: `tp_btf` or `raw_tp`.
    signals: str
    #: Calls: `fentry` (functions; slows nobody, sees 32-bit callers), `tracepoint` (64-bit callers
    #: only), `raw` (every syscall's exit; sees 32-bit callers, and is the dearest) or `none`.
    syscalls: str
    #: What was tried and refused before, with the reason.
    refused: dict[str, str]
    #: The kernel programs behind it.
    programs: Programs


def _call_programs(family: str, bpf: BpfObject) -> list[str]:
    if family == FUNCTIONS:
        # 32-bit callers need not be built in.
        programs = bpf.function_exits()
        if programs:
            bpf.try_function_exits(programs)
        return programs
    if family == NO_CALLS:
        return []
    return [_TRACEPOINTS if family == "tracepoint" else "exit_any"]


def attach(
    wanted: str,
    prepare: Callable[[BpfObject, list[str], str], None],
    more: Sequence[str] = (),
) -> tuple[BpfObject, Attachment]:
    """Open, `prepare` (choose, set up and load) and attach the first families that work.

    `wanted` is `auto`, one of CALL_FAMILIES or NO_CALLS; before it can stand how signal
    events are watched, as in `raw_tp+auto`. `prepare` gets the object, the programs to load
    and the family. `more` are programs beside those of sends. Raises the last refusal
    where all are refused, and ObjectInvalid and LimitReached at once.
    """
    only, plus, calls = wanted.rpartition("+")
    if calls not in ("auto", *CALL_FAMILIES, NO_CALLS) or (plus and only not in SIGNAL_FAMILIES):
        raise FilterInvalid(
            f"no way to attach is called {wanted!r}",
            hint=f"one of auto, {', '.join(CALL_FAMILIES)}, {NO_CALLS}",
        )
    refused: dict[str, str] = {}
    bpf = BpfObject()
    try:
        for signals in (only,) if plus else SIGNAL_FAMILIES:
            for family in CALL_FAMILIES if calls == "auto" else (calls,):
                if bpf.chosen:  # an object is loaded once, whatever comes of it
                    bpf.close()
                    bpf = BpfObject()
                try:
                    programs = _try(bpf, family, SIGNAL_FAMILIES[signals], prepare, more)
                except (ObjectInvalid, LimitReached):
                    # No other family of a damaged object is to be trusted; and one that needs
                    # less would show less for a reason that passes.
                    raise
                except PysigsnoopError as error:
                    refused[f"{signals}+{family}"] = error.message
                    last = error
                    if isinstance(error, NotPermitted) and missing_capabilities():
                        raise
                else:
                    return bpf, Attachment(signals, family, refused, programs)
        raise last
    except BaseException:
        bpf.close()
        raise


def _try(
    bpf: BpfObject,
    family: str,
    generate: str,
    prepare: Callable[[BpfObject, list[str], str], None],
    more: Sequence[str],
) -> Programs:
    calls = _call_programs(family, bpf)
    jump_to = [_JUMP_TO] if family == FUNCTIONS else []
    prepare(bpf, [*calls, *jump_to, generate, OOM, *more], family)
    for program in jump_to:
        bpf.set_jump(JUMPS, program)
    for program in (*more, *calls, OOM, generate):
        if program == _TRACEPOINTS:
            for call in _CALLS:
                bpf.attach(program, ("syscalls", f"sys_exit_{call}"))
        else:
            bpf.attach(program)
    return Programs(generate, tuple(calls))
