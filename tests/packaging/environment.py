"""A virtual environment of its own for each try, and commands run in it from /."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

# Variables that would let the source tree, or a setting of this project, into an installed copy.
_PRIVATE = ("PYTHON", "PYSIGSNOOP_", "VIRTUAL_ENV")
# Long enough for a slow mirror; a hang still ends.
_LIMIT = 600


def outside(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what belongs to the project or to another Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **(extra or {})}


def run(*command: str | Path, cwd: Path | str = "/", extra: Mapping[str, str] | None = None) -> str:
    """Run a command to its end and return what it printed; what it said is the error."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=outside(extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LIMIT,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Environment:
    """A fresh virtual environment of one interpreter."""

    def __init__(self, folder: Path, interpreter: str) -> None:
        run(interpreter, "-I", "-m", "venv", folder)
        self.folder = folder
        self.python = folder / "bin" / "python"

    def run_python(
        self,
        *arguments: str | Path,
        cwd: Path | str = "/",
        extra: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> str:
        """Run its Python; `prefix` is a command that runs a command."""
        return run(*prefix, self.python, *arguments, cwd=cwd, extra=extra)

    def pip(
        self,
        *arguments: str | Path,
        cwd: Path | str = "/",
        extra: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
    ) -> str:
        """Run its pip."""
        return self.run_python(
            *("-I", "-m", "pip", *arguments), cwd=cwd, extra=extra, prefix=prefix
        )
