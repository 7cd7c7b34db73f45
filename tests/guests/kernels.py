"""Which kernels are to be had, and their files on disk."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import GuestError
from .architecture import AMD64, ARCHITECTURES, ARM64, Architecture
from .archive import SUITES, Archive
from .foreign import UNUSED_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

# The cloud flavour has all the drivers a guest needs at a third of the size. Three numbers at
# least: with fewer it is a package that only points at the current kernel.
_PACKAGE = r"linux-(image|binary|modules)-(\d+\.\d+\.\d\S*-cloud-(?:amd64|arm64))"
# Without one whose kernels for arm64 are listed, and no longer there.
_ARM64_SUITES = tuple(suite for suite in SUITES if suite != "bullseye-security")
# Where in the cache they are unpacked.
_UNPACKED = {AMD64: "unpacked", ARM64: "unpacked-arm64"}


@dataclass(frozen=True)
class Kernel:
    """A kernel of Debian's.

    `release` is what `uname -r` says in the guest, `version` Debian's own and exact one,
    `packages` what to fetch for it (none where only the cache still has it).
    """

    release: str
    version: str
    packages: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        """The name it is asked for by, such as "6.12" or "6.12/arm64"."""
        numbers = ".".join(self.release.split(".")[:2])
        return numbers if self.architecture == AMD64 else f"{numbers}/{self.architecture.name}"

    @property
    def architecture(self) -> Architecture:
        """What it runs on."""
        return ARCHITECTURES[self.release.rpartition("-")[2]]


@dataclass(frozen=True)
class Unpacked:
    """A kernel's files: the image, and the folder that holds its modules; what it runs on."""

    image: Path
    modules: Path
    architecture: Architecture


class Store:
    """Kernels of the archive and of the cache.

    The cache is $PYSIGSNOOP_GUEST_CACHE, or pysigsnoop/kernels in the user's cache folder; it
    is safe to remove, and to share between runs: they wait for one another while one fetches.
    """

    def __init__(self) -> None:
        chosen = os.environ.get("PYSIGSNOOP_GUEST_CACHE")
        user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.folder = Path(chosen) if chosen else Path(user) / "pysigsnoop" / "kernels"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._archives = {
            AMD64: Archive(self.folder / "apt"),
            ARM64: Archive(self.folder / "apt-arm64", ARM64.name, _ARM64_SUITES),
        }

    def available(
        self, architecture: Architecture = AMD64, *, force: bool = False
    ) -> dict[str, Kernel]:
        """The newest kernel of each series, oldest series first.

        Blocks on the network when the package lists are a day old, or with `force`. Without
        network it is what earlier runs have left.
        """
        archive = self._archives[architecture]
        with self._locked():
            archive.refresh(force=force)
            found = [*self.cached(architecture), *_in_archive(archive.packages(_PACKAGE))]
        newest: dict[str, Kernel] = {}
        for kernel in sorted(found, key=_age):
            newest[kernel.series] = kernel
        return newest

    def choose(self, asked: str) -> list[Kernel]:
        """The kernels that a list such as "5.10,6.12", "newest" or "all" names, each once.

        With "/arm64" behind it a word is about kernels for that.
        """
        chosen: dict[str, Kernel] = {}
        for asked_word in asked.split(","):
            word, _, other = asked_word.partition("/")
            architecture = ARCHITECTURES.get(other or AMD64.name)
            if architecture is None:
                raise GuestError(f"no kernel {asked_word!r}: only /{ARM64.name} may follow")
            had = self.available(architecture)
            if not had:
                raise GuestError("no kernel is to be had: the archive cannot be reached")
            names = [list(had)[-1] if word == "newest" else asked_word]
            if word == "all":
                names = list(had)
            for name in names:
                if name not in had:
                    raise GuestError(f"no kernel {name!r}: to be had are {', '.join(had)}")
                chosen[name] = had[name]
        return list(chosen.values())

    def cached(self, architecture: Architecture) -> Iterator[Kernel]:
        """Those that earlier runs have left."""
        for folder in (self.folder / _UNPACKED[architecture]).glob("*_*"):
            release, _, version = folder.name.partition("_")
            yield Kernel(release, version)

    def unpacked(self, kernel: Kernel) -> Unpacked:
        """The kernel's files. Blocks while they are fetched, where the cache has none."""
        folder = self._path(kernel)
        inside = f"usr/lib/modules/{kernel.release}"
        with self._locked():
            if not folder.exists():
                self._remove_unused()
                try:
                    self._fetch(kernel, folder)
                except GuestError:
                    # The archive drops a version as soon as the next one is in.
                    self._archives[kernel.architecture].refresh(force=True)
                    self._fetch(kernel, folder)
            os.utime(folder)
        image = _first(folder, f"boot/vmlinuz-{kernel.release}", f"{inside}/vmlinuz")
        modules = _first(folder, f"{inside}/kernel", f"lib/modules/{kernel.release}/kernel")
        if image is None or modules is None:
            raise GuestError(f"{', '.join(kernel.packages)}: no image or no modules inside")
        return Unpacked(image, modules, kernel.architecture)

    def is_unpacked(self, kernel: Kernel) -> bool:
        """Whether the kernel needs no fetching."""
        return self._path(kernel).exists()

    def _path(self, kernel: Kernel) -> Path:
        return self.folder / _UNPACKED[kernel.architecture] / f"{kernel.release}_{kernel.version}"

    def _fetch(self, kernel: Kernel, folder: Path) -> None:
        folder.parent.mkdir(exist_ok=True)
        # Renamed into place only when whole: a run that is stopped leaves nothing half done.
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="fetch-") as name:
            work = Path(name)
            tree = work / "tree"
            archive = self._archives[kernel.architecture]
            for package in archive.download(kernel.packages, work):
                try:
                    subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
                except subprocess.CalledProcessError as failed:
                    raise GuestError(f"could not unpack {package.name}: {failed}") from failed
            shutil.rmtree(tree / "usr" / "share", ignore_errors=True)
            tree.rename(folder)

    def _remove_unused(self) -> None:
        for name in _UNPACKED.values():
            for folder in (self.folder / name).glob("*_*"):
                if time.time() - folder.stat().st_mtime > UNUSED_DAYS * 24 * 3600:
                    shutil.rmtree(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _in_archive(stanzas: list[dict[str, str]]) -> Iterator[Kernel]:
    """The kernels of which the archive has all parts.

    One package holds image and modules, unless it depends on one of each: then it is empty and
    both must be there. (The archive keeps some images long after their modules.)
    """
    fields = {stanza["Package"]: stanza for stanza in stanzas}
    for name, stanza in fields.items():
        match = re.fullmatch(_PACKAGE, name)
        if match is None or match[1] != "image":
            continue
        release = match[2]
        packages: tuple[str, ...] = (name,)
        if "linux-binary-" in stanza.get("Depends", ""):
            packages = (f"linux-binary-{release}", f"linux-modules-{release}")
        if all(package in fields for package in packages):
            yield Kernel(release, stanza["Version"], packages)


def _first(folder: Path, *names: str) -> Path | None:
    return next((folder / name for name in names if (folder / name).exists()), None)


def _age(kernel: Kernel) -> tuple[list[int], bool]:
    # 6.1.0-56, 6.12.117+deb13: by their numbers. Of equals the one that can be fetched.
    release = kernel.release.partition("-cloud-")[0]
    return [int(number) for number in re.findall(r"\d+", release)], bool(kernel.packages)
