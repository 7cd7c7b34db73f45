"""Filters: what is let through, and what is refused since nothing could meet it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from pysigsnoop import FilterInvalid, cgroups
from pysigsnoop._records import (
    FILTER,
    FIRST_KERNEL_ORIGIN,
    ORIGIN,
    PID_WORDS,
    SETTINGS_FIELDS,
)
from pysigsnoop.filters import KERNEL_ORIGINS, ORIGINS, PID_MAX, Filters, followed_pids
from pysigsnoop.signals import signal_of

CALLS = {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"}
ENDS = [f"{end}_{what}" for end in ("sender", "target") for what in ("pid", "uid", "comm")]


def settings(**filters: Any) -> dict[str, int]:
    return Filters(**filters).settings(compat_exits=True, calls=True)


def signals(**filters: Any) -> set[int] | None:
    """The numbers let through, as the kernel program reads them; None where it does not look."""
    found = settings(**filters)
    mask = found["signals.1"] << 64 | found["signals.0"]
    return {n for n in range(128) if mask >> n & 1} if found["filter_signals"] else None


def origins(**filters: Any) -> set[str]:
    mask = Filters(**filters).origins
    return {name for name, number in ORIGIN.items() if mask >> number & 1}


def keys(**filters: Any) -> set[tuple[str, bytes]]:
    """Each value of the kernel program's set, with the filter that it is for."""
    names = {number: name for name, number in FILTER.items()}
    packed = Filters(**filters).keys()
    return {(names[struct.unpack("=I", key[:4])[0]], key[4:]) for key in packed}


def pids(**filters: Any) -> dict[str, set[int]]:
    """The pids that have a bit, of each end."""
    found: dict[str, set[int]] = {"sender": set(), "target": set()}
    for at, bits in Filters(**filters).pid_words().items():
        end, word = ("target", at - PID_WORDS) if at >= PID_WORDS else ("sender", at)
        found[end] |= {word * 64 + bit for bit in range(64) if bits >> bit & 1}
    return found


def number(value: int) -> bytes:
    return struct.pack("=QQ", value, 0)


def test_no_filter_lets_everything_through_but_the_kernels_harmless() -> None:
    found = settings()
    assert list(found) == list(SETTINGS_FIELDS[1:])
    assert found["kernel_if_fatal"] == 1
    assert {found[name] for name in ("filters", "filter_signals", "failed_only", "fatal_only")} == {
        0
    }
    assert origins() == {*ORIGINS} == {*ORIGIN} - {"none"}
    assert (keys(), Filters().pid_words()) == (set(), {})


@pytest.mark.parametrize("given", ["KILL", 9, ["KILL"], {"SIGKILL", 9}, (9,), signal_of(9)])
def test_one_signal_and_many_are_the_same_set(given: Any) -> None:
    assert signals(signals=given) == {9}


def test_signal_0_and_the_last_real_time_signal_have_their_bits() -> None:
    assert signals(signals=[0, "RTMAX"]) == {0, 64}
    assert settings(signals="RTMAX")["signals.1"] == 1


def test_excluded_signals_leave_all_others() -> None:
    assert signals() is None
    assert signals(exclude_signals="CHLD") == {*range(65)} - {17}
    assert signals(exclude_signals=[0, 64, 9]) == {*range(65)} - {0, 64, 9}
    assert signals(signals=["KILL", "TERM"], exclude_signals=15) == {9}


@pytest.mark.parametrize("given", [7, [7], iter([7, 7]), {7}])
def test_one_pid_and_many_are_the_same_set(given: Any) -> None:
    assert pids(sender_pid=given) == {"sender": {7}, "target": set()}


@pytest.mark.parametrize("target", [0, -1, -2219, 2219, -(2**31), 2**31 - 1])
def test_a_target_is_any_int_that_a_caller_can_pass(target: int) -> None:
    # As the 32 bits that the kernel program compares.
    assert keys(target_pid=target) == {("target_pid", number(target & 0xFFFFFFFF))}
    # Those that a process can have are found by a bit too.
    assert pids(target_pid=target) == {"sender": set(), "target": {target} & {2219}}


def test_the_first_and_the_last_pid_have_bits_of_their_own_at_either_end() -> None:
    ends = {1, 63, 64, PID_MAX}
    assert pids(sender_pid=ends, target_pid=ends) == {"sender": ends, "target": ends}
    words = Filters(sender_pid=ends, target_pid=ends).pid_words()
    assert max(words) == 2 * PID_WORDS - 1
    assert all(0 < bits < 1 << 64 for bits in words.values())


def test_every_end_has_a_filter_of_its_own_and_all_are_in_one_set() -> None:
    given: dict[str, Any] = {"pid": [1, 2], "uid": 1000, "comm": ["a", "b"]}
    filters = {name: given[name.split("_")[1]] for name in ENDS}
    found = keys(**filters)
    # But for the pids of senders, which have bits.
    assert len(found) == 8
    assert {name for name, _ in found} == {*ENDS} - {"sender_pid"}
    assert pids(**filters) == {"sender": {1, 2}, "target": {1, 2}}
    assert ("target_comm", b"b".ljust(16, b"\0")) in found
    assert settings(**filters)["filters"] == sum(1 << FILTER[name] for name in ENDS)


def test_ten_thousand_pids_are_ten_thousand_bits_and_of_targets_keys_too() -> None:
    many = range(1, 10_001)
    assert pids(sender_pid=many) == {"sender": {*many}, "target": set()}
    assert len(keys(target_pid=many)) == 10_000


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ("bash", b"bash"),
        (b"\xff\x01", b"\xff\x01"),
        ("\udcff", b"\xff"),
        ("zażółć", "zażółć".encode()),
        # The kernel keeps 15 bytes of a name, wherever that cuts it.
        ("exactly-15-long", b"exactly-15-long"),
        ("a-name-of-more-than-15", b"a-name-of-more-"),
        ("fourteen-long-ż", b"fourteen-long-\xc5"),
    ],
)
def test_a_name_is_cut_as_the_kernel_cuts_it(given: str | bytes, held: bytes) -> None:
    assert keys(sender_comm=given) == {("sender_comm", held.ljust(16, b"\0"))}


@pytest.mark.parametrize(
    ("scope", "through", "if_fatal"),
    [
        ("default", {*ORIGINS}, 1),
        ("all", {*ORIGINS}, 0),
        ("kernel", {*ORIGINS} - CALLS, 0),
    ],
)
def test_scope_says_which_of_the_kernels_own_pass(
    scope: str, through: set[str], if_fatal: int
) -> None:
    assert origins(scope=scope) == through
    assert settings(scope=scope)["kernel_if_fatal"] == if_fatal


def test_the_six_calls_come_before_the_kernels_own() -> None:
    assert {name for name, at in ORIGIN.items() if 0 < at < FIRST_KERNEL_ORIGIN} == CALLS
    assert {*KERNEL_ORIGINS} == {*ORIGINS} - CALLS


@pytest.mark.parametrize("filters", [{"signals": "CHLD"}, {"origins": "child"}])
def test_who_names_signals_or_origins_gets_them_fatal_or_not(filters: dict[str, Any]) -> None:
    assert settings(**filters)["kernel_if_fatal"] == 0


def test_leaving_signals_out_does_not_ask_for_the_harmless_ones() -> None:
    assert settings(exclude_signals="HUP")["kernel_if_fatal"] == 1


def test_origins_are_let_through_by_name() -> None:
    assert origins(origins="kill") == {"kill"}
    assert origins(origins=["fault", "cgroup.kill", "parent-death"]) == {
        *("fault", "cgroup.kill", "parent-death")
    }
    assert origins(origins=["kill", "timer"], scope="kernel") == {"timer"}


@pytest.mark.parametrize("name", ["oom", "kernel"])
def test_the_kernel_program_lets_oom_and_kernel_pass_together(name: str) -> None:
    # Which of them it was shows only in a later record; the reader sorts out the other.
    assert origins(origins=name) == {name}
    both = 1 << ORIGIN["oom"] | 1 << ORIGIN["kernel"]
    assert settings(origins=name)["origins"] == both
    assert settings(origins="kill")["origins"] == 1 << ORIGIN["kill"]


@pytest.mark.parametrize("flag", ["failed_only", "fatal_only"])
def test_flags_are_told_to_the_kernel_program(flag: str) -> None:
    assert settings(**{flag: True})[flag] == 1
    assert settings(**{flag: False})[flag] == 0


@pytest.mark.parametrize("compat", [True, False])
def test_how_calls_are_watched_is_told_to_the_kernel_program(compat: bool) -> None:
    found = Filters().settings(compat_exits=compat, calls=not compat)
    assert (found["compat_exits"], found["calls"]) == (int(compat), int(not compat))


BAD_USERS: list[Any] = [-1, 2**32 - 1, "0", True, []]
BAD_NAMES: list[Any] = ["", "a\0b", b"", []]
IMPOSSIBLE: list[dict[str, Any]] = [
    *({"signals": []}, {"signals": "NOSUCH"}, {"signals": [9, 65]}, {"signals": ""}),
    *({"exclude_signals": []}, {"exclude_signals": "NOSUCH"}),
    *({"exclude_signals": range(65)}, {"signals": 9, "exclude_signals": ["KILL", 15]}),
    *({"sender_pid": []}, {"sender_pid": 0}, {"sender_pid": -1}, {"sender_pid": 2**22 + 1}),
    *({"sender_pid": "7"}, {"sender_pid": True}, {"sender_pid": 7.0}, {"sender_pid": [1, 0]}),
    *({"target_pid": set()}, {"target_pid": 2**31}, {"target_pid": -(2**31) - 1}),
    *({f"{end}_uid": bad} for end in ("sender", "target") for bad in BAD_USERS),
    *({f"{end}_comm": bad} for end in ("sender", "target") for bad in BAD_NAMES),
    *({"origins": bad} for bad in ("", "none", "KILL", "signal", ["kill", "nosuch"], [])),
    *({"scope": "everything"}, {"scope": ""}, {"scope": "kernel", "origins": ["kill"]}),
    # Only calls fail; what ends its target has not failed.
    *({"failed_only": True, "fatal_only": True}, {"failed_only": True, "scope": "kernel"}),
    *({"failed_only": True, "origins": ["oom", "fault"]},),
]  # fmt: skip


@pytest.mark.parametrize("impossible", IMPOSSIBLE)
def test_what_no_signal_could_meet_is_refused_with_a_hint(impossible: dict[str, Any]) -> None:
    with pytest.raises(FilterInvalid) as caught:
        Filters(**impossible)
    assert caught.value.hint
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"signals": 9, "exclude_signals": 9}, {"signals (-s)", "exclude_signals (-S)"}),
        ({"failed_only": True, "fatal_only": True}, {"failed_only (-x)", "fatal_only (--fatal)"}),
        (
            {"failed_only": True, "scope": "kernel"},
            {"failed_only (-x)", "scope='kernel' (--kernel)"},
        ),
        ({"failed_only": True, "origins": "oom"}, {"failed_only (-x)", "origins (--origin)"}),
        (
            {"scope": "kernel", "origins": "kill"},
            {"scope='kernel' (--kernel)", "origins (--origin)"},
        ),
    ],
)
def test_what_excludes_each_other_is_named_as_parameters_and_as_options(
    given: dict[str, Any], names: set[str]
) -> None:
    with pytest.raises(FilterInvalid) as caught:
        Filters(**given)
    assert {*caught.value.hint.removeprefix("leave out ").split(" or ")} == names


# cgroups: the folders of a mount, which here is a folder of our own


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is taken for the mount of cgroup v2."""
    root = tmp_path / "cgroup"
    (root / "system.slice" / "cron.service").mkdir(parents=True)
    (root / "cgroup.procs").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr(cgroups, "_mounts", lambda: [root])
    return root


@pytest.mark.parametrize("end", ["sender", "target"])
@pytest.mark.parametrize("path", ["/system.slice/cron.service", "system.slice/cron.service", None])
def test_a_cgroup_is_told_by_its_path_below_the_mount_or_whole(
    end: str, path: str | None, mount: Path
) -> None:
    folder = mount / "system.slice" / "cron.service"
    name = f"{end}_cgroup"
    expected = {(name, number(folder.stat().st_ino))}
    assert keys(**{name: path or str(folder)}) == expected


def test_the_root_cgroup_is_a_cgroup(mount: Path) -> None:
    assert keys(sender_cgroup="/") == {("sender_cgroup", number(mount.stat().st_ino))}


@pytest.mark.parametrize("path", ["/nosuch", "/cgroup.procs", "../elsewhere", "/../elsewhere"])
def test_what_is_no_cgroup_is_refused_with_a_hint(path: str, mount: Path) -> None:
    with pytest.raises(FilterInvalid, match="is no cgroup below") as caught:
        Filters(sender_cgroup=path)
    assert str(mount) in caught.value.hint


def test_without_cgroup_v2_its_filter_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_mounts", list)
    with pytest.raises(FilterInvalid, match="cgroup v2 is not mounted") as caught:
        Filters(target_cgroup="/")
    assert "mount -t cgroup2" in caught.value.hint


def test_to_follow_nobody_yet_is_not_to_follow() -> None:
    assert (settings()["follow"], settings(follow=True)["follow"]) == (0, 1)
    assert [followed_pids(given) for given in (None, [], (), 7, [7], {7}, iter([7, 8]))] == [
        [],
        [],
        [],
        [7],
        [7],
        [7],
        [7, 8],
    ]


@pytest.mark.parametrize("wrong", [0, -1, [0], True, "7", [7, "8"], 1 << 22 | 1])
def test_who_cannot_be_is_not_followed(wrong: Any) -> None:
    with pytest.raises(FilterInvalid, match="is no pid that a process can have"):
        followed_pids(wrong)
