"""What a service manager is told, by a socket that the test holds."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pysigsnoop.service_manager import ServiceManager


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told_by_its_socket(abstract: bool, tmp_path: Path) -> None:
    name = f"@pysigsnoop-unit-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0{name[1:]}" if abstract else name)
        manager.settimeout(10)
        service = ServiceManager({"NOTIFY_SOCKET": name})
        service.tell("READY=1")
        assert manager.recv(100) == b"READY=1"
        assert service.beat() is None
        service.close()


@pytest.mark.parametrize(
    ("usec", "pid", "within"),
    [
        ("600000000", None, (299.0, 300.0)),
        ("600000000", str(os.getpid()), (299.0, 300.0)),
        ("600000000", "1", None),
        ("0", None, None),
        ("", None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog_hears_twice_in_its_time(
    usec: str, pid: str | None, within: tuple[float, float] | None, tmp_path: Path
) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(0)
        environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": usec}
        service = ServiceManager(environment | ({"WATCHDOG_PID": pid} if pid else {}))
        seconds = [service.beat() for _ in range(3)]
        service.close()
        if within is None:
            assert seconds == [None] * 3
        else:
            assert all(each and within[0] < each <= within[1] for each in seconds)
            # Three looks within one half of its time are one word.
            assert manager.recv(100) == b"WATCHDOG=1"
        with pytest.raises(BlockingIOError):
            manager.recv(100)


def test_a_manager_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    environment = {"NOTIFY_SOCKET": str(tmp_path / "none"), "WATCHDOG_USEC": "2000000"}
    service = ServiceManager(environment)
    service.tell("READY=1")
    assert service.beat()
    service.close()
