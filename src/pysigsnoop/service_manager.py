"""What systemd wants to hear of a service of Type=notify: sd_notify(3), without its library."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping

# A manager that does not read holds up the trace no longer than this, each time.
_PATIENCE_S = 1.0


class ServiceManager:
    """Connected before rights are given up; what cannot be told to it is left untold."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment["NOTIFY_SOCKET"]
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(_PATIENCE_S)
        with contextlib.suppress(OSError):
            self._socket.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit = environment.get("WATCHDOG_USEC", "") if mine else ""
        # Twice within the limit, as sd_watchdog_enabled(3) has it.
        self._interval = int(limit) / 2e6 if limit.isdecimal() else 0.0
        self._next = 0.0

    def tell(self, state: str) -> None:
        """`READY=1` and the like."""
        with contextlib.suppress(OSError):
            self._socket.send(state.encode())

    def beat(self) -> float | None:
        """Tell that all goes on, where it is time to; in how many seconds it will be again."""
        if not self._interval:
            return None
        now = time.monotonic()
        if now >= self._next:
            self.tell("WATCHDOG=1")
            self._next = now + self._interval
        return self._next - now

    def close(self) -> None:
        """The manager learns the rest from the end of the process."""
        self._socket.close()
