"""Small root file systems for base images, made by debootstrap and cached; no registry needed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

#: What a run-time image needs of the distribution, and venv to install the wheel.
PACKAGES = ("python3", "python3-venv", "libbpf1")
#: Debian's stable release with the oldest libbpf supported, and the next with a newer CPython.
SUITES = {"bookworm": "3.11", "forky": "3.14"}

_SCRIPTS = Path("/usr/share/debootstrap/scripts")


def cache() -> Path:
    """The folder that outlives the tests; whatever is missing there is made again."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "pysigsnoop" / "rootfs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tarball(suite: str) -> Path:
    """The root file system of a suite as a tar file; about a minute where it is not cached."""
    folder = cache()
    made = folder / f"{suite}-{'-'.join(PACKAGES)}.tar"
    with (folder / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be making it
        if not made.is_file():
            with tempfile.TemporaryDirectory(dir=folder) as work:
                _make(suite, Path(work) / "root", Path(work) / "root.tar")
                (Path(work) / "root.tar").rename(made)
    return made


def _make(suite: str, root: Path, target: Path) -> None:
    command: list[str | Path] = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
    ]
    command += [suite, root]
    mirror = _mirror()
    if mirror:
        command.append(mirror)
        if not (_SCRIPTS / suite).exists():  # a release that is newer than this debootstrap
            command.append(_SCRIPTS / "sid")
    # Whatever debootstrap mounts ends with this command, even where it fails.
    _run("unshare", "--mount", "--propagation=private", *command)
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists"):
        shutil.rmtree(root / waste)
        (root / waste / "partial").mkdir(parents=True)
    _run("tar", "--numeric-owner", "--one-file-system", "-C", root, "-cf", target, ".")


def _mirror() -> str | None:
    """Where this machine gets Debian's packages; None where it is no Debian."""
    wanted = ("apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)")
    for line in _run(*wanted, "Identifier: Packages").splitlines():
        address, *kind = line.split(maxsplit=2)
        if kind == ["Debian", "Debian"]:
            return address
    return None


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout
