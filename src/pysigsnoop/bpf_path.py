"""Where the BPF object lies; to know it needs neither the object nor the extension."""

from __future__ import annotations

import os
import stat

_VARIABLE = "PYSIGSNOOP_BPF_OBJECT"


def object_path() -> str:
    """The object to load: PYSIGSNOOP_BPF_OBJECT, else the one built with the package."""
    return os.environ.get(_VARIABLE) or f"{os.path.dirname(__file__)}/sigsnoop.bpf.o"


def distrust() -> str | None:
    """Why an object that the variable names is not to be loaded: others can write it.

    It runs in the kernel, so whoever can write it could have done what the tracer may. The
    package's own is as safe as the code beside it.
    """
    if not os.environ.get(_VARIABLE):
        return None
    status = os.stat(object_path())
    caller = os.environ.get("SUDO_UID", "")
    if str(status.st_uid) not in {"0", str(os.geteuid()), caller}:
        return f"it belongs to user {status.st_uid}, and is named by {_VARIABLE}"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"others can write it, and it is named by {_VARIABLE}"
    return None
