"""What can go wrong, each error with what to type next.

Every error of the package is a `PysigsnoopError`, which is never raised itself. Those that come
of the machine, and not of what was asked for, point to `pysigsnoop doctor`.
"""

from __future__ import annotations

_DOCTOR = "pysigsnoop doctor     (what this machine allows)"
_UNDER = "\n        "  # further hints stand under the first


class PysigsnoopError(Exception):
    """The base of all errors here.

    `hint` says what to type, `log` holds what libbpf and the verifier said (often
    empty). `str()` gives message and hint, of which the last line is `pysigsnoop doctor`
    where that can tell more; the log is only an attribute, since it can run to
    thousands of lines.
    """

    #: Whether it comes of the machine, so that `pysigsnoop doctor` tells more.
    of_the_machine = False

    def __init__(self, message: str, *, hint: str = "", log: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.log = log

    def __str__(self) -> str:
        hints = [self.hint] * bool(self.hint) + [_DOCTOR] * self.of_the_machine
        return f"{self.message}\n  hint: {_UNDER.join(hints)}" if hints else self.message


class NotPermitted(PysigsnoopError):
    """The process lacks a right: not root, a capability dropped, a container's seccomp profile."""

    of_the_machine = True


class NotSupported(PysigsnoopError):
    """This kernel, or the way it was booted, cannot do what was asked."""

    of_the_machine = True


class LimitReached(NotSupported):
    """The process or the machine has no file descriptor, or no memory, left for it."""


class LibraryMissing(PysigsnoopError):
    """libbpf.so.1 or the compiled extension cannot be loaded."""

    of_the_machine = True


class ObjectInvalid(PysigsnoopError):
    """The BPF object is missing, broken, foreign, or built from another version."""

    of_the_machine = True


class TracingUnavailable(PysigsnoopError):
    """tracefs is not mounted, not readable, or set in a way that hides what is printed."""

    of_the_machine = True


class FilterInvalid(PysigsnoopError, ValueError):
    """A filter or option that means nothing, or that no signal could meet."""


class TracerClosed(PysigsnoopError):
    """The tracer is not open: never opened, or closed."""


class ReaderBusy(PysigsnoopError):
    """A second reader: a tracer has one at a time."""


class OutputFailed(PysigsnoopError):
    """The command line cannot write its lines: the disk is full, or the file is refused."""


class CommandFailed(PysigsnoopError):
    """The command line cannot run the command that it was given."""
