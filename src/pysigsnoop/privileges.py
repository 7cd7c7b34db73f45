"""Rights given up for good once the programs are attached: what is open by then is enough.

For the command line alone: the library never changes the rights of who uses it.
"""

from __future__ import annotations

import os
import threading
from argparse import Namespace
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import NamedTuple

#: To find out which code an address of another process lies in: its mappings, the files behind
#: them, though their path or mode keeps others out, and the kernel's own symbols.
FOR_STACKS = ("sys_ptrace", "checkpoint_restore", "dac_read_search", "syslog")
#: To pass signals on to a command of another user.
FOR_SIGNALS = ("kill",)
# Where the user of that name is missing; the kernel's own choice for a user whom it cannot name.
_NOBODY = 65534
# Imported only when they are needed, by which time their files may be out of reach: Python itself
# can lie below root's home, and descriptors run out.
_AHEAD = ("pwd", "select", "shlex", "textwrap", ".ends", ".loss", ".whereabouts")


class User(NamedTuple):
    uid: int
    gid: int


def give_up(chosen: Namespace, user: User | None, keep: Iterable[str] = ()) -> None:
    """Become that user, with no capability but `keep`, for good.

    Without a user, or where this process may not change its own (not root, or without CAP_SETUID
    and CAP_SETGID), only capabilities are given up; nothing is with --keep-privileges. From the
    one thread that there is, with all open that rights are needed for. Raises NotPermitted where
    rights are left that should not be.
    """
    for name in _AHEAD:
        import_module(name, __package__)
    if chosen.keep_privileges:
        return
    from . import capabilities  # needs libbpf, and who only names what is kept does not

    # Each thread has capabilities of its own.
    assert threading.active_count() == 1, threading.enumerate()
    may_change = os.geteuid() == 0 and capabilities.held() & {"setuid", "setgid"}
    capabilities.forbid_more()
    if user and may_change:
        capabilities.become(*user)
    capabilities.keep(keep)


def caller(environment: Mapping[str, str] = os.environ) -> User:
    """Whoever called sudo; nobody where that was root, or nothing is said of it."""
    uid, gid = environment.get("SUDO_UID", ""), environment.get("SUDO_GID", "")
    if uid.isdecimal() and gid.isdecimal() and int(uid) and int(gid):
        return User(int(uid), int(gid))
    return nobody()


def nobody() -> User:
    """The user of that name, who owns nothing."""
    import pwd

    try:
        found = pwd.getpwnam("nobody")
    except KeyError:
        return User(_NOBODY, _NOBODY)
    return User(found.pw_uid or _NOBODY, found.pw_gid or _NOBODY)
