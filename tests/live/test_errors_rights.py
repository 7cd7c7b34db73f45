"""Where the rights or the kernel's parts are missing, the error names them and what to type."""

from __future__ import annotations

import pytest

from pysigsnoop.exit_status import ExitStatus

from .commands import Ended, run

# Reads all files, so that the tests need not lie where everybody can read them.
NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


def with_only(*capabilities: str) -> tuple[str, ...]:
    """Root with these capabilities and no others."""
    kept = ",".join(f"+{name}" for name in capabilities)
    return ("setpriv", f"--bounding-set=-all,{kept}" if kept else "--bounding-set=-all")


def with_mounts(script: str, *then: str) -> tuple[str, ...]:
    """In a mount namespace of its own, which ends with the command."""
    return ("unshare", "--mount", "sh", "-c", f'set -e; {script}; exec "$@"', "sh", *then)


HIDE_TRACEFS = "mount -t tmpfs none /sys/kernel/tracing; mount -t tmpfs none /sys/kernel/debug"
LOCK_TRACEFS = "; ".join(
    f"mount -t tmpfs -o mode=000,uid=65534 none /sys/kernel/{place}"
    for place in ("tracing", "debug")
)
HIDE_BTF = "mount -t tmpfs none /sys/kernel/btf"


def check(ended: Ended, *parts: str) -> None:
    """One message with these parts, a hint, where to learn more, no traceback."""
    assert ended.status == ExitStatus.FAILED, ended
    message, hint, more = ended.err.splitlines()
    assert more.split() == ["pysigsnoop", "doctor", "(what", "this", "machine", "allows)"]
    assert message.startswith("pysigsnoop: ")
    assert hint.startswith("  hint: ")
    for part in parts:
        assert part in ended.err
    assert ended.lines == []


@pytest.mark.parametrize(
    ("prefix", "parts"),
    [
        (NOBODY, ("CAP_BPF and CAP_PERFMON missing (uid 65534)", "sudo pysigsnoop")),
        (with_only(), ("CAP_BPF and CAP_PERFMON missing (uid 0)", "sudo pysigsnoop")),
        (with_only("bpf"), (": CAP_PERFMON missing", "sudo pysigsnoop")),
        (with_only("perfmon"), (": CAP_BPF missing", "sudo pysigsnoop")),
        (with_mounts(HIDE_BTF), ("no BTF", "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF=y")),
    ],
    ids=["nobody", "none", "bpf-only", "perfmon-only", "no-btf"],
)
def test_what_is_missing_is_named_with_what_to_type(
    prefix: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    check(run("--duration", "60", prefix=prefix), *parts)


@pytest.mark.parametrize(
    ("prefix", "parts"),
    [
        (
            with_mounts(LOCK_TRACEFS, *with_only("bpf", "perfmon")),
            ("/tracing is not readable", "sudo pysigsnoop"),
        ),
        (with_mounts(HIDE_TRACEFS), ("tracefs is not mounted", "sudo mount -t tracefs")),
    ],
    ids=["unreadable", "no-tracefs"],
)
def test_syscall_tracepoints_that_were_asked_for_say_that_they_need_tracefs(
    prefix: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    check(run("--attach", "tracepoint", "--duration", "60", prefix=prefix), *parts)


@pytest.mark.once
@pytest.mark.parametrize(
    "prefix",
    [with_mounts(LOCK_TRACEFS, *with_only("bpf", "perfmon")), with_mounts(HIDE_TRACEFS)],
    ids=["unreadable", "no-tracefs"],
)
def test_without_tracefs_another_way_to_attach_is_found(prefix: tuple[str, ...]) -> None:
    ended = run("--attach", "auto", "--duration", "0.1", "-p", "1", "-s", "0", prefix=prefix)
    assert (ended.status, ended.summary) == (ExitStatus.DONE, "0 received, 0 lost\n")


def test_bpf_and_perfmon_are_enough_where_tracefs_can_be_read() -> None:
    arguments = ("--attach", "auto", "--duration", "0.1", "-p", "1")
    ended = run(*arguments, prefix=with_only("bpf", "perfmon"))
    assert (ended.status, ended.summary) == (ExitStatus.DONE, "0 received, 0 lost\n")


@pytest.mark.once
def test_wrong_usage_comes_before_missing_rights() -> None:
    assert run("--count", "none", prefix=with_only()).status == ExitStatus.USAGE


@pytest.mark.once
@pytest.mark.parametrize(
    "arguments",
    [
        ("-s", "KILLL"),
        ("-s", "65"),
        ("-s", ""),
        ("-p", "0"),
        ("-p", "-5"),
        ("-p", "4194305"),
        ("-p", "bash"),
        ("-T", "99999999999"),
        ("-T", "2219x"),
        ("--duration", "-1"),
        ("--duration", "nan"),
        ("--count", "0"),
        ("--buffer", "0"),
        ("--buffer", "2G"),
        ("--buffer", "many"),
    ],
)
def test_options_that_mean_nothing_are_refused_with_a_hint(arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert ended.status == ExitStatus.USAGE
    assert "hint: " in ended.err
    assert "Traceback" not in ended.err
    assert ended.lines == []


@pytest.mark.once
def test_the_original_takes_no_filters() -> None:
    for arguments in (("-p", "1"), ("-x",), ("-j",), ("-T", "0"), ("-s", "9"), ("--buffer", "64K")):
        ended = run("--trace-pipe", *arguments)
        assert ended.status == ExitStatus.USAGE
        assert "--trace-pipe" in ended.err
