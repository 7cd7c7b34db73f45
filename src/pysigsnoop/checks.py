"""What a check finds, and all of them in order: what is installed, what the kernel allows, whether
it traces. Each stands by itself, so that one that fails takes no other with it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import NamedTuple

from .errors import PysigsnoopError

#: All is well; good to know, or worse than it could be; tracing cannot work.
OK, WARN, FAIL = "ok", "warn", "FAIL"


class Check(NamedTuple):
    """One line of the account."""

    name: str
    #: OK, WARN or FAIL.
    status: str
    found: str
    #: What to type; empty where there is nothing to do.
    hint: str = ""


def of_error(name: str, error: PysigsnoopError, status: str = FAIL) -> Check:
    """What an error of this package says, which `diagnosis` has worked out."""
    return Check(name, status, error.message, error.hint)


def isolated(name: str, check: Callable[[], Check]) -> Check:
    """The check's answer; where it raises instead, what it raised."""
    try:
        return check()
    except PysigsnoopError as error:
        return of_error(name, error)
    except Exception as error:
        return Check(name, WARN, f"cannot be told: {type(error).__name__}: {error}")


def _run(
    checks: Mapping[str, Callable[[], Check]], begin: Callable[[str], object]
) -> Iterator[Check]:
    for name, check in checks.items():
        begin(name)
        yield isolated(name, check)


def examine(begin: Callable[[str], object] = lambda _: None) -> Generator[Check, None, None]:
    """All checks, each as soon as it is known; `begin` is told the name of the one that runs.

    The last is the live trial: tracing works where it is OK. Needs no rights, and none of what
    it looks for. Takes a few seconds at most, and leaves nothing behind.
    """
    from . import check_install, check_kernel, check_rights
    from .check_tracing import Trials

    failed = ""
    for checks in (check_install.CHECKS, check_rights.CHECKS, check_kernel.CHECKS):
        for found in _run(checks, begin):
            if found.status == FAIL:
                failed = failed or found.name
            yield found
    with Trials(failed) as trials:
        yield from _run(trials.checks(), begin)


def why_not(attach: str = "auto") -> str | None:
    """Why tracing does not work here, with what to type; None where a live trial shows that it
    does. `attach` is SignalTracer's."""
    from .check_tracing import TRIAL, Trials

    with Trials() as trials:
        trial = isolated(TRIAL, lambda: trials.trial(attach))
    if trial.status == OK:
        return None
    first = next((each for each in examine() if each.status == FAIL), trial)
    return f"{first.found}\n  hint: {first.hint}" if first.hint else first.found
