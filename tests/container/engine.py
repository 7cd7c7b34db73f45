"""podman with storage of its own: what it makes goes with it, and the machine's is not touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

# cgroupfs and runc work under mixed cgroups too. No network: podman's default one would set up a
# bridge and firewall rules on the machine. Limits that need no right to raise them. File locks,
# so that nothing is left in /dev/shm.
_CONFIGURATION = """\
[containers]
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "none"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
lock_type = "file"
"""

# Long enough for a build that installs packages from a slow mirror; a hang still ends.
LIMIT = 900


class Engine:
    """podman, its images and containers, all in one folder; `close` leaves nothing of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found = _parent_groups()
        folder.mkdir()
        (folder / "containers.conf").write_text(_CONFIGURATION)
        self.environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
        self._podman = (
            *("podman", "--root", str(folder / "storage"), "--runroot", str(folder / "run")),
            *("--tmpdir", str(folder / "tmp"), "--storage-driver", "overlay"),
        )

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line that runs podman; for those that talk with the process."""
        return [*self._podman, *map(str, arguments)]

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run podman to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def check(self, *arguments: str | Path) -> str:
        """Run podman, which must succeed; returns what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"podman {arguments}: {done.stdout[-3000:]}{done.stderr}"
        return done.stdout

    def close(self) -> None:
        """End what runs and remove all of it."""
        try:
            self.check("rm", "--all", "--force", "--time", "0")
            self.check("rmi", "--all", "--force")
        finally:
            for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
                mounted = line.split()[1]
                if mounted.startswith(f"{self._folder}/"):
                    subprocess.run(["umount", mounted], check=True)
            shutil.rmtree(self._folder)
            # podman leaves the groups above its containers' own; another engine's are in use.
            for group in _parent_groups() - self._found:
                with suppress(OSError):
                    for below in filter(Path.is_dir, group.iterdir()):
                        below.rmdir()
                    group.rmdir()


def _parent_groups() -> set[Path]:
    """podman's, in each hierarchy."""
    root = Path("/sys/fs/cgroup")
    return {*root.glob("libpod_parent"), *root.glob("*/libpod_parent")}
