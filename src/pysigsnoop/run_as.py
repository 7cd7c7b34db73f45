"""As whom a command runs: whoever called sudo, or a user that was named."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from typing import NamedTuple

from .errors import CommandFailed
from .text import printable

# What sudo says of its own call: no longer true of a command that runs as the caller.
_OF_SUDO = ("SUDO_COMMAND", "SUDO_GID", "SUDO_UID", "SUDO_USER")


class RunAs(NamedTuple):
    """A user with all that a login would give them."""

    name: str
    uid: int
    gid: int
    groups: list[int]
    home: str
    shell: str

    def become(self) -> None:
        """Give up all rights but the user's, for good. Raises OSError where that is refused."""
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)

    def environment(self, ours: Mapping[str, str]) -> dict[str, str]:
        """Ours, with what is the user's in it, as `sudo -u` sets it."""
        kept = {name: value for name, value in ours.items() if name not in _OF_SUDO}
        login = {"USER": self.name, "LOGNAME": self.name, "HOME": self.home, "SHELL": self.shell}
        return kept | login


def chosen(name: str | None, environment: Mapping[str, str]) -> RunAs | None:
    """The user of that name or number; without one, whoever called sudo; None for who we are.

    Raises CommandFailed where there is no such user, or no right to become one.
    """
    found = _caller(environment) if name is None else _named(name)
    if found is None or found.uid == os.geteuid() == os.getuid():
        return None
    if os.geteuid():
        raise CommandFailed(
            f"running as {_safe(found.name)} is not permitted (uid {os.geteuid()})",
            hint="sudo pysigsnoop --as USER -- COMMAND",
        )
    return found


def _caller(environment: Mapping[str, str]) -> RunAs | None:
    """As sudo tells it, to root alone: to anybody else it is a variable like others."""
    uid, gid = environment.get("SUDO_UID", ""), environment.get("SUDO_GID", "")
    if os.geteuid() or not (uid.isdecimal() and gid.isdecimal()):
        return None
    # Several names can share a number.
    for of in (_by_name(environment.get("SUDO_USER", "")), _by_number(int(uid))):
        if of is not None and of.pw_uid == int(uid):
            return _with_groups(of, int(gid))
    return RunAs(uid, int(uid), int(gid), [int(gid)], "/", "/bin/sh")


def _named(name: str) -> RunAs:
    found = _by_number(int(name)) if name.isdecimal() else _by_name(name)
    if found is None:
        raise CommandFailed(f"no user: {_safe(name)}", hint="getent passwd lists them")
    return _with_groups(found, found.pw_gid)


def _with_groups(of: pwd.struct_passwd, gid: int) -> RunAs:
    groups = os.getgrouplist(of.pw_name, gid)
    shell = of.pw_shell or "/bin/sh"
    return RunAs(of.pw_name, of.pw_uid, gid, groups, of.pw_dir or "/", shell)


def _by_name(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except (KeyError, ValueError):
        return None


def _by_number(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except (KeyError, OverflowError):
        return None


def _safe(text: str) -> str:
    return printable(os.fsencode(text))
