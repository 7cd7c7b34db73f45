"""Ctrl-C as an exception, where there is no trace to stop."""

from __future__ import annotations


class Interrupted(KeyboardInterrupt):
    """Caught as KeyboardInterrupt is.

    Where KeyboardInterrupt itself passes through an exec(), and each namedtuple is made by one,
    Python notes that nobody caught it, and under `-m` dies of SIGINT in the end, whoever did.
    """
