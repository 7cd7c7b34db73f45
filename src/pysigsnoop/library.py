"""The compiled extension and the libbpf behind it: loaded here, and errors raised here.

Imported only when tracing starts, so that help and version work without either.
"""

from __future__ import annotations

from . import diagnosis
from .errors import PysigsnoopError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    from . import _records  # noqa: F401  # built too: what is missing is told here
    from ._native import ffi, lib
except ImportError as error:
    raise diagnosis.library_missing(error) from error

__all__ = ["Log", "ffi", "lib", "libbpf_version"]


def libbpf_version() -> str:
    """The version of the libbpf that is loaded, `1.1`."""
    return f"{lib.libbpf_major_version()}.{lib.libbpf_minor_version()}"


class Log:
    """Keeps what libbpf says in this thread while the block runs.

    An error of this package that leaves the block carries it as `log`; nothing
    is printed.
    """

    def __enter__(self) -> Log:
        lib.log_start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        text = lib.log_end()
        if isinstance(error, PysigsnoopError) and not error.log:
            error.log = ffi.string(text).decode(errors="replace")


def error_number(result: Any) -> int:
    """The errno of a failed libbpf call: its negative result, or errno behind a NULL."""
    return -result if isinstance(result, int) else int(ffi.errno)
