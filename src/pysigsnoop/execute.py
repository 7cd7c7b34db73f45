"""How a process becomes a command as if it had been called without us: found as execvp(3) finds it,
with the environment that we were given."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

_COERCED = "LC_CTYPE"
_SHELL = "/bin/sh"


def given(ours: Mapping[str, str]) -> dict[str, str]:
    """The environment as we were given it: where no locale is set, Python sets one (PEP 538)."""
    given = {name: value for name, value in ours.items() if name != _COERCED}
    try:
        began_with = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return dict(ours)
    for each in began_with:
        name, _, value = each.partition(b"=")
        if os.fsdecode(name) == _COERCED:
            given[_COERCED] = os.fsdecode(value)
    return given


def execute(command: list[str], environment: Mapping[str, str]) -> NoReturn:
    """Execute it as execvp(3) does, which also runs a script that names no interpreter.

    Raises OSError where it cannot be.
    """
    name, *arguments = command
    folders = [""] if "/" in name else os.get_exec_path(environment)
    refused = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for folder in folders if name else []:
        path = f"{folder}/{name}" if folder else name
        try:
            os.execve(path, command, environment)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            refused = error
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            os.execve(_SHELL, [_SHELL, path, *arguments], environment)
    raise refused
