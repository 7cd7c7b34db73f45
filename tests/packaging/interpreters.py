"""The CPythons of this machine, by version."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

#: What one cp310-abi3 wheel promises to run on.
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")

_ASK = """
import platform, sys
print(sys.executable, "%d.%d" % sys.version_info[:2], platform.python_implementation())
"""


def _candidates(version: str) -> Iterator[str]:
    found = shutil.which(f"python{version}")
    if found:
        yield found
    # Debian's own, where something else stands first in PATH.
    yield f"/usr/bin/python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (str(path) for path in sorted(pyenv.glob(f"versions/{version}.*/bin/python")))


@functools.cache
def find(version: str) -> str | None:
    """The path of a CPython that works and is of that version; None where there is none."""
    for candidate in _candidates(version):
        try:
            asked = subprocess.run(
                [candidate, "-I", "-c", _ASK], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            continue  # not there, or a wrapper with nothing behind it
        executable, *rest = asked.stdout.rsplit(maxsplit=2)
        if rest == [version, "CPython"]:
            return executable
    return None
