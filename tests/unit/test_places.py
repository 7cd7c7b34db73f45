"""Paths of cgroups, in the forms in which engines and systemd make them."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pysigsnoop.places import NOWHERE, Place, place_in

A, B, C = ("0123456789abcdef" * 4, "fedcba9876543210" * 4, "00112233445566778899aabbccddeeff" * 2)
UID = "0ad2f5b6-1c3d-4e5f-8a9b-0c1d2e3f4a5b"
UID_ = UID.replace("-", "_")
STATIC = "0123456789abcdef0123456789abcdef"

USER = "/user.slice/user-1000.slice/user@1000.service"
KUBE = "/kubepods.slice/kubepods-{0}.slice/kubepods-{0}-pod" + UID_ + ".slice"
GUARANTEED = f"/kubepods.slice/kubepods-pod{UID_}.slice"

# path, container, unit, pod
FORMS: dict[str, list[tuple[str, str | None, str | None, str | None]]] = {
    "docker": [
        (f"/docker/{A}", A, None, None),
        (f"/my/own/parent/{A}", A, None, None),
        (f"/system.slice/docker-{A}.scope", A, f"docker-{A}.scope", None),
        (f"{USER}/user.slice/docker-{A}.scope", A, f"docker-{A}.scope", None),
        # Docker in Docker, which moves what ran in the outer one to `init`.
        (f"/docker/{A}/docker/{B}", B, None, None),
        (f"/docker/{A}/init", A, None, None),
        (f"/system.slice/docker-{A}.scope/docker/{B}", B, f"docker-{A}.scope", None),
    ],
    "podman": [
        (f"/machine.slice/libpod-{A}.scope", A, f"libpod-{A}.scope", None),
        (f"/machine.slice/libpod-{A}.scope/container", A, f"libpod-{A}.scope", None),
        (f"{USER}/user.slice/libpod-{A}.scope", A, f"libpod-{A}.scope", None),
        (f"{USER}/app.slice/web.service/libpod-payload-{A}", A, "web.service", None),
        (f"{USER}/app.slice/web.service/runtime", None, "web.service", None),
        (
            f"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope",
            *(A, f"libpod-{A}.scope", B),
        ),
        (
            f"{USER}/user.slice/user-libpod_pod_{B}.slice/libpod-{A}.scope/container",
            A,
            f"libpod-{A}.scope",
            B,
        ),
        (f"/libpod_parent/libpod-{A}", A, None, None),
        (f"/libpod_parent/{B}/libpod-{A}", A, None, B),
        (f"/libpod_parent/{B}", None, None, B),
        # The monitor of a container is not in it.
        ("/libpod_parent/conmon", None, None, None),
        (f"/machine.slice/libpod-conmon-{A}.scope", None, f"libpod-conmon-{A}.scope", None),
        (f"{USER}/user.slice/libpod-conmon-{A}.scope", None, f"libpod-conmon-{A}.scope", None),
    ],
    "containerd": [
        (f"/default/{A}", A, None, None),
        (f"/system.slice/nerdctl-{A}.scope", A, f"nerdctl-{A}.scope", None),
        (f"/kubepods/burstable/pod{UID}/{A}", A, None, UID),
        (f"/kubepods/besteffort/pod{UID}/{A}", A, None, UID),
        (f"/kubepods/pod{UID}/{A}", A, None, UID),
        (f"/kubepods/burstable/pod{STATIC}/{A}", A, None, STATIC),
        (f"/kubepods/pod{UID}", None, None, UID),
        (
            f"{KUBE.format('burstable')}/cri-containerd-{A}.scope",
            *(A, f"cri-containerd-{A}.scope", UID),
        ),
        (f"{GUARANTEED}/cri-containerd-{A}.scope", A, f"cri-containerd-{A}.scope", UID),
        # A kubelet with systemd's driver above a containerd without.
        (
            "/system.slice/containerd.service/"
            f"kubepods-burstable-pod{UID_}.slice:cri-containerd:{A}",
            *(A, "containerd.service", UID),
        ),
        (
            f"/system.slice/containerd.service/kubepods-pod{UID_}.slice:cri-containerd:{A}",
            A,
            "containerd.service",
            UID,
        ),
        # Kubernetes in Docker.
        (f"/docker/{B}/kubelet/kubepods/burstable/pod{UID}/{A}", A, None, UID),
        (
            f"/docker/{B}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice"
            f"/kubelet-kubepods-besteffort-pod{UID_}.slice/cri-containerd-{A}.scope",
            *(A, f"cri-containerd-{A}.scope", UID),
        ),
        (f"/kubepods/pod{UID}/{A}/docker/{B}", B, None, UID),
    ],
    "CRI-O": [
        (f"{KUBE.format('besteffort')}/crio-{A}.scope", A, f"crio-{A}.scope", UID),
        (f"{KUBE.format('besteffort')}/crio-{A}.scope/container", A, f"crio-{A}.scope", UID),
        (f"{GUARANTEED}/crio-{A}.scope", A, f"crio-{A}.scope", UID),
        (f"/kubepods/burstable/pod{UID}/crio-{A}", A, None, UID),
        (
            f"{KUBE.format('burstable')}/crio-conmon-{A}.scope",
            *(None, f"crio-conmon-{A}.scope", UID),
        ),
        (f"/kubepods/burstable/pod{UID}/crio-conmon-{A}", None, None, UID),
    ],
    "LXC": [
        ("/lxc.payload.web", "web", None, None),
        ("/lxc.payload.web/system.slice/ssh.service", "web", "ssh.service", None),
        ("/lxc.payload/web", "web", None, None),
        ("/lxc/101/ns", "101", None, None),
        (f"/lxc.payload.web/docker/{A}", A, None, None),
        ("/lxc.monitor.web", None, None, None),
        ("/lxc.monitor/web", None, None, None),
        ("/lxc.payload.", None, None, None),
    ],
    "systemd-nspawn": [
        ("/machine.slice/machine-web.scope/payload", "web", "machine-web.scope", None),
        (
            r"/machine.slice/machine-my\x2dweb.scope/payload/system.slice/cron.service",
            *("my-web", "cron.service", None),
        ),
        (
            "/machine.slice/systemd-nspawn@web.service/payload",
            "web",
            "systemd-nspawn@web.service",
            None,
        ),
        ("/machine.slice/machine-web.scope/supervisor", None, "machine-web.scope", None),
        (
            r"/machine.slice/machine-qemu\x2d1\x2dvm.scope/libvirt/emulator",
            *(None, r"machine-qemu\x2d1\x2dvm.scope", None),
        ),
    ],
    "systemd": [
        ("/", None, None, None),
        ("/init.scope", None, "init.scope", None),
        ("/system.slice/cron.service", None, "cron.service", None),
        ("/system.slice", None, "system.slice", None),
        (r"/system.slice/system-getty.slice/getty@tty1.service", None, "getty@tty1.service", None),
        (
            r"/system.slice/dev-disk-by\x2duuid-1234.swap",
            *(None, r"dev-disk-by\x2duuid-1234.swap", None),
        ),
        (
            r"/system.slice/run-user-1000-my\x2dfs.mount",
            None,
            r"run-user-1000-my\x2dfs.mount",
            None,
        ),
        ("/system.slice/dbus.socket", None, "dbus.socket", None),
        (
            "/system.slice/system-dbus\\x2d:1.2\\x2dorg.example.slice/dbus-:1.2-org.example@0.service",
            *(None, "dbus-:1.2-org.example@0.service", None),
        ),
        # Whatever a service makes below itself.
        ("/system.slice/postgres.service/workers/7", None, "postgres.service", None),
        ("/user.slice/user-1000.slice/session-2.scope", None, "session-2.scope", None),
        (f"{USER}/init.scope", None, "init.scope", None),
        (f"{USER}/app.slice/editor@3.service", None, "editor@3.service", None),
        (f"{USER}/app.slice/app-gnome-term-77.scope", None, "app-gnome-term-77.scope", None),
        # As systemd escapes what would look like a file of the kernel's.
        ("/system.slice/_cpu.service", None, "cpu.service", None),
        ("/system.slice/cron.timer", None, "system.slice", None),
        ("/system.slice/not a unit.service", None, "system.slice", None),
    ],
    "neither": [
        ("/user/own/group", None, None, None),
        (f"/docker/{A[:-1]}", None, None, None),
        (f"/docker/{A}0", None, None, None),
        (f"/docker/{A.upper()}", None, None, None),
        (f"/system.slice/podman-{A}.scope", None, f"podman-{A}.scope", None),
        (f"/pod{UID}", None, None, None),
        ("/../..", None, None, None),
        # Outside the reader's cgroup namespace.
        (f"/../../docker/{A}", A, None, None),
    ],
}


@pytest.mark.parametrize(
    ("path", "container", "unit", "pod"),
    [form for forms in FORMS.values() for form in forms],
)
def test_each_form_is_read(
    path: str, container: str | None, unit: str | None, pod: str | None
) -> None:
    assert place_in(path.encode()) == Place(container, unit, pod)


def test_bytes_that_are_no_utf_8_are_kept_as_escapes() -> None:
    assert place_in(b"/lxc.payload.\xff\x1b[2J").container == "\\xff\x1b[2J"
    assert place_in(b"/machine-a\\x0a\\xff.scope/payload").container == "a\n\\xff"


def test_longer_than_a_path_can_be_is_nowhere() -> None:
    # Where the kernel's own limit, PATH_MAX with its final zero, begins.
    assert place_in((f"/docker/{A}/" + "a" * 4096)[:4096].encode()).container == A
    assert place_in((f"/docker/{A}/" + "a" * 4096)[:4097].encode()) == NOWHERE


_PIECES = st.sampled_from(
    [
        *(A, f"docker-{A}.scope", f"libpod-{B}", f"crio-conmon-{C}.scope", "libpod_parent", "lxc"),
        *("kubepods", f"pod{UID}", f"kubepods-pod{UID_}.slice", f"machine-libpod_pod_{B}.slice"),
        *("system.slice", "a.service", "machine-\\x41.scope", "payload", "..", "", "lxc.payload.x"),
        f"kubepods-pod{UID_}.slice:cri-containerd:{A}",
    ]
).map(str.encode)


@given(st.lists(_PIECES | st.binary(max_size=80), max_size=40).map(b"/".join))
@example(b"")
@example(b"\0")
@example(b"kubepods-pod" * 300)
def test_any_bytes_are_taken_and_nothing_is_longer_than_its_folder(path: bytes) -> None:
    folders = [folder.decode("utf-8", "backslashreplace") for folder in path.split(b"/")]
    found = place_in(path)
    json.dumps(found)
    for part in found:
        assert part is None or 0 < len(part) <= max(map(len, folders))
    if found.unit is not None:
        assert {found.unit, f"_{found.unit}"} & {*folders}
    if found.pod is not None:
        assert any(found.pod in folder.replace("_", "-") for folder in folders)


@given(st.lists(_PIECES, max_size=6).map(b"/".join), st.sampled_from([A, B]))
def test_the_innermost_container_counts(outside: bytes, inside: str) -> None:
    outer = place_in(b"/" + outside + b"/x")
    assert place_in(b"/%b/x/docker-%b.scope" % (outside, inside.encode())) == Place(
        inside, f"docker-{inside}.scope", outer.pod
    )
