"""Debian's package archive, asked through an apt state of its own.

The machine's own package lists and settings stay as they are: lists, cache, status and
sources are all in one private folder. Only the mirrors' addresses and the keyring are taken
from the machine.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from . import GuestError

# Where Debian keeps the kernels wanted here, oldest first. A suite that a mirror no longer has
# costs a warning; a new release is one more name.
SUITES = (
    "bullseye",
    "bullseye-security",
    "bookworm",
    "bookworm-security",
    "trixie",
    "trixie-security",
    "trixie-backports",
)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Seconds for which downloaded package lists are good.
LISTS_AGE = 24 * 3600


class Archive:
    """Packages of the suites for one architecture, as the machine's own mirrors serve them.

    Keeps its state in `folder`, which is made. Every method blocks on apt; those that fetch, on
    the network. GuestError: apt could not do what was asked.
    """

    def __init__(
        self, folder: Path, architecture: str = "amd64", suites: tuple[str, ...] = SUITES
    ) -> None:
        self._folder = folder
        self._architecture = architecture
        self._suites = suites
        self._environment = {**os.environ, "LC_ALL": "C"}

    def refresh(self, *, force: bool = False) -> None:
        """Fetch the package lists, unless those at hand are younger than LISTS_AGE.

        A suite that cannot be fetched is a warning on standard error: what the others and the
        older lists hold is still to be had.
        """
        stamp = self._folder / "refreshed"
        if not force and stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_AGE:
            return
        self._write_settings()
        done = self._apt("apt-get", "update", "-q")
        complaints = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
        for line in complaints:
            print(f"guests: apt-get update: {line}", file=sys.stderr)
        if not done.returncode and not complaints:
            stamp.touch()

    def packages(self, pattern: str) -> list[dict[str, str]]:
        """The control fields of each package whose whole name matches the regular expression.

        Only the newest version of each; none if there are no lists.
        """
        names = self._apt("apt-cache", "pkgnames", "linux-").stdout.split()
        chosen = [name for name in names if re.fullmatch(pattern, name)]
        if not chosen:
            return []
        shown = self._apt("apt-cache", "show", "--no-all-versions", *chosen).stdout
        stanzas = []
        for stanza in shown.split("\n\n"):
            fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", stanza, re.MULTILINE))
            if fields:
                stanzas.append(fields)
        return stanzas

    def download(self, names: tuple[str, ...], into: Path) -> list[Path]:
        """Fetch packages as files in `into`, checked against the signed lists."""
        done = self._apt("apt-get", "download", "-q", *names, folder=into)
        if done.returncode:
            raise GuestError(f"could not download {', '.join(names)}:\n{done.stderr.strip()}")
        return sorted(into.glob("*.deb"))

    def download_system(self, names: tuple[str, ...]) -> list[Path]:
        """Fetch packages and all that they need, down to the essential ones, as files."""
        command = ("apt-get", "install", "-q", "-y", "--no-install-recommends", "--download-only")
        done = self._apt(*command, *names)
        if done.returncode:
            raise GuestError(f"could not download {', '.join(names)}:\n{done.stderr.strip()}")
        return sorted((self._folder / "cache" / "archives").glob("*.deb"))

    def clean(self) -> None:
        """Remove what `download_system` has fetched."""
        self._apt("apt-get", "clean")

    def _write_settings(self) -> None:
        for name in ("lists/partial", "cache/archives/partial"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").touch()
        main, security = _mirrors()
        signed = f" signed-by={KEYRING}" if KEYRING.exists() else ""
        (self._folder / "sources.list").write_text(
            "".join(
                f"deb [arch={self._architecture}{signed}] "
                f"{security if '-security' in suite else main} {suite} main\n"
                for suite in self._suites
            )
        )
        settings = {
            "Dir::State": self._folder,
            "Dir::State::lists": self._folder / "lists",
            "Dir::State::status": self._folder / "status",
            "Dir::Cache": self._folder / "cache",
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Etc::sourcelist": self._folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Acquire::Languages": "none",
            "APT::Architecture": self._architecture,
            # Its usual unprivileged user cannot enter a cache below root's home.
            "APT::Sandbox::User": "root",
        }
        (self._folder / "apt.conf").write_text(
            # What the machine does after each update of its own.
            "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
            + "".join(f'{name} "{value}";\n' for name, value in settings.items())
        )

    def _apt(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        # Read after the machine's own settings, which a file in APT_CONFIG would come before.
        program, *arguments = command
        return subprocess.run(
            [program, "-c", str(self._folder / "apt.conf"), *arguments],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def _mirrors() -> tuple[str, str]:
    """Addresses of the Debian mirror and of its security mirror, from the machine's own sources.

    apt itself tells what it would fetch, so any way of writing sources will do.
    """
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    asked = subprocess.run(
        ["apt-get", "update", "--print-uris"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    served = {
        suite: address
        for address, suite in re.findall(r"^'(\S+)/dists/(\S+)/InRelease'", asked.stdout, re.M)
    }
    try:
        return served[codename], served[f"{codename}-security"]
    except KeyError as missing:
        raise GuestError(
            f"apt's sources name no Debian mirror for {missing}: guests need a Debian machine "
            f"with its main and security sources\n{asked.stderr.strip()}"
        ) from None
