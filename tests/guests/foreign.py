"""What a guest has for its files: this machine's root, or one for another kind of processor.

That one is Debian's packages, unpacked and not set up, as none of their programs run here. The
checkout, the virtual environment and what the build makes appear in it at the places that they
have on this machine, the latter two as they are for that processor.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import GuestError
from .architecture import AMD64, Architecture
from .archive import Archive

#: The packages of a C compiler that makes programs for arm64.
COMPILER = "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"

_SUITES = ("bookworm", "bookworm-security")
_PYTHON = "3.11"
# What live tests run.
_PACKAGES = (
    *(
        "?essential",
        "python3",
        "python3-dev",
        "libbpf-dev",
        "gcc",
        "libc6-dev",
        "libc-bin",
        "busybox-static",
    ),
    *("mount", "util-linux", "util-linux-extra", "procps", "passwd", "login", "gawk", "less"),
    *("strace", "vim-tiny", "iproute2", "bpftool", "ncurses-base"),
)
# Of what requirements/develop.txt pins, what live tests import.
_LIBRARIES = (
    *("cffi", "pycparser", "pyelftools", "rich", "markdown-it-py", "mdurl", "pygments"),
    *("pytest", "iniconfig", "packaging", "pluggy", "pyte", "wcwidth"),
)
# Programs that packages make known when they are set up.
_LINKS = {
    **{"cc": "gcc", "awk": "gawk", "pager": "less"},
    **{"vi": "vim.tiny", "which": "which.debianutils"},
}
# Days after which what no run has used is removed from the cache.
UNUSED_DAYS = 30
_BUILT = ("sigsnoop.bpf.o", "_native.abi3.so")


@dataclass(frozen=True)
class Root:
    """A root file system: a folder, and what is to appear in it at other places."""

    folder: Path
    binds: tuple[tuple[Path, Path], ...] = ()

    def with_binds(self) -> list[str]:
        """Words of a command that runs the words behind them where the binds are made."""
        if not self.binds:
            return []
        script = "".join(
            f"mount --bind {shlex.quote(str(what))} {shlex.quote(f'{self.folder}{at}')} && "
            for what, at in self.binds
        )
        # They end with the command, whose mount namespace it is.
        return [
            *("unshare", "--mount", "--propagation", "private"),
            *("sh", "-c", f'{script} exec "$@"', "sh"),
        ]


def root(kind: Architecture, cache: Path, work: Path) -> Root:
    """The files of a guest, whose checkout is the current folder.

    What takes long to make is kept in `cache`, what goes with the checkout is put into `work`.
    Blocks, minutes where there is nothing in the cache. GuestError: it cannot be made.
    """
    if kind == AMD64:
        return Root(Path("/"))
    checkout, environment = Path.cwd(), Path(sys.prefix)
    if environment == Path(sys.base_prefix):
        raise GuestError("no virtual environment: make build, and its python")
    wanted = f"{_SUITES} {_PACKAGES} {_LINKS} {_PYTHON} {_pins()}"
    folder = cache / f"root-{kind.name}"
    made = folder / hashlib.sha256(wanted.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in folder.glob("*/system"):
                if time.time() - old.parent.stat().st_mtime > UNUSED_DAYS * 24 * 3600:
                    shutil.rmtree(old.parent)
            with tempfile.TemporaryDirectory(dir=folder, prefix="make-") as name:
                _unpack(kind, folder / "apt", Path(name) / "system")
                _add_libraries(kind, Path(name) / "libraries")
                Path(name).rename(made)
                Path(name).mkdir()  # for its end
        os.utime(made)
        for place in (checkout, environment):
            Path(f"{made}/system{place}").mkdir(parents=True, exist_ok=True)
    _build(kind, made / "system", work)
    return Root(
        made / "system",
        (
            (checkout, checkout),
            (made / "libraries", environment),
            *((work / name, checkout / "src/pysigsnoop" / name) for name in _BUILT),
        ),
    )


def _unpack(kind: Architecture, state: Path, system: Path) -> None:
    for name in ("bin", "sbin", "lib"):
        (system / "usr" / name).mkdir(parents=True)
        (system / name).symlink_to(f"usr/{name}")
    archive = Archive(state, kind.name, _SUITES)
    archive.refresh(force=True)
    for package in archive.download_system(_PACKAGES):
        # Not dpkg-deb -x, which makes folders of those links.
        script = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --keep-directory-symlink'
        _run("sh", "-c", script, "sh", package, system)
    archive.clean()
    for name, program in _LINKS.items():
        link = system / "usr/bin" / name
        if not link.is_symlink():
            link.symlink_to(program)
    for name in ("passwd", "group"):
        shutil.copy(system / f"usr/share/base-passwd/{name}.master", system / "etc" / name)
    (system / "etc/hosts").write_text("127.0.0.1 localhost\n")
    for name in ("doc", "man", "locale", "info"):
        shutil.rmtree(system / "usr/share" / name, ignore_errors=True)


def _pins() -> str:
    """The part of the pinned libraries that is wanted, as pip reads it."""
    pinned = Path("requirements/develop.txt").read_text().replace("\\\n", " ")
    lines = [re.sub(r"\s+#.*", "", line) for line in pinned.splitlines()]
    return "".join(f"{line}\n" for line in lines if re.split("[=; ]", line)[0] in _LIBRARIES)


def _add_libraries(kind: Architecture, environment: Path) -> None:
    """A virtual environment, made by hand: its Python does not run here."""
    (environment / "bin").mkdir(parents=True)
    for name in ("python", "python3"):
        (environment / "bin" / name).symlink_to("/usr/bin/python3")
    (environment / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {_PYTHON}\n")
    pins = environment / "pins.txt"
    pins.write_text(_pins())
    _run(
        *(sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"),
        *("--only-binary", ":all:", "--platform", f"manylinux2014_{kind.machine}"),
        *("--implementation", "cp", "--python-version", _PYTHON, "-r", pins),
        *("--target", environment / f"lib/python{_PYTHON}/site-packages"),
    )


def _build(kind: Architecture, system: Path, work: Path) -> None:
    """What `make build` makes, for that processor."""
    libraries = work / "lib"
    libraries.mkdir()
    there = system / "usr/lib" / kind.triplet
    # Alone: what else is in its folder names places that are in the guest only.
    (libraries / "libbpf.so").symlink_to((there / "libbpf.so.1").resolve())
    program = (
        "import build, sys, pathlib; work = pathlib.Path(sys.argv[1]);"
        "build.build_object(work / 'sigsnoop.bpf.o', sys.argv[2]);"
        "build.build_extension(work / '_native.abi3.so')"
    )
    _run(
        *(sys.executable, "-B", "-c", program, work, kind.machine),
        CC=f"{kind.triplet}-gcc",
        CFLAGS=shlex.join([f"-I{system}/usr/include/python{_PYTHON}", f"-I{system}/usr/include"]),
        LDFLAGS=shlex.join([f"-L{libraries}"]),
    )


def _run(*command: str | Path, **variables: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        words = " ".join(str(word) for word in command[:3])
        raise GuestError(f"{words} ...:\n{done.stdout.strip()[-3000:]}")
