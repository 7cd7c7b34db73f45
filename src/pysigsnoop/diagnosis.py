"""Why it did not work, and what to type: worked out only once it has failed."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from .errors import (
    NotPermitted,
    NotSupported,
    ObjectInvalid,
    PysigsnoopError,
    TracingUnavailable,
)

# Bits of CapEff in /proc/self/status; include/uapi/linux/capability.h.
_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}
BTF = Path("/sys/kernel/btf/vmlinux")
# Where distributions mount tracefs; the second is the older place, inside debugfs.
TRACEFS = (Path("/sys/kernel/tracing"), Path("/sys/kernel/debug/tracing"))
_REBUILD = "python build.py     (in a clone), or: pip install --force-reinstall pysigsnoop"
AS_ROOT = "sudo pysigsnoop     (in a container: --privileged, or --cap-add BPF,PERFMON)"
MOUNT_TRACEFS = "sudo mount -t tracefs tracefs /sys/kernel/tracing"


def _status(field: str) -> str:
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value.strip()
    return ""


def missing_capabilities() -> list[str]:
    """Of CAP_BPF and CAP_PERFMON those that this process lacks; CAP_SYS_ADMIN stands for both."""
    effective = int(_status("CapEff") or "0", 16)
    held = {name for name, bit in _CAPABILITIES.items() if effective >> bit & 1}
    return (
        [] if "CAP_SYS_ADMIN" in held else sorted(_CAPABILITIES.keys() - held - {"CAP_SYS_ADMIN"})
    )


def not_permitted(doing: str) -> PysigsnoopError:
    """What EPERM means here: a capability, a seccomp filter, or the kernel's own policy."""
    missing = missing_capabilities()
    if missing:
        return NotPermitted(
            f"{doing} is not permitted: {' and '.join(missing)} missing (uid {os.geteuid()})",
            hint=AS_ROOT,
        )
    if _status("Seccomp") == "2":
        return NotPermitted(
            f"{doing} is refused by this process's seccomp filter",
            hint="in a container: --privileged, or --security-opt seccomp=unconfined",
        )
    return NotPermitted(
        f"{doing} is refused although the capabilities are there",
        hint="cat /sys/kernel/security/lockdown; [confidentiality] forbids tracing",
    )


def call_failed(doing: str, number: int) -> PysigsnoopError:
    """An error of the bpf() system call that has no story of its own."""
    if number in (errno.EPERM, errno.EACCES):
        return not_permitted(doing)
    return NotSupported(
        f"{doing} failed: {os.strerror(number)}", hint="the error's log attribute has details"
    )


def no_btf() -> PysigsnoopError:
    """Without it nothing can be fitted to the running kernel."""
    return NotSupported(
        f"this kernel has no BTF ({BTF} is missing)",
        hint="boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, as the distributions' are",
    )


def load_failed(number: int, path: Path, programs: Sequence[str]) -> PysigsnoopError:
    """Why the kernel or libbpf refused to load the object."""
    if not BTF.exists():
        return no_btf()
    # EPERM never comes of what is in the object; reading that would slow down a good start, which
    # goes on to other programs where some are refused.
    if number == errno.EPERM or (
        number == errno.EACCES and (missing_capabilities() or not _damage(path, ()))
    ):
        return not_permitted("loading BPF programs")
    damage = _damage(path, programs)
    if damage:
        return ObjectInvalid(f"{path}: {damage[0]}", hint=_REBUILD)
    if number == errno.ENOMEM:
        return NotSupported(
            "the kernel has no memory for the maps", hint="pysigsnoop --buffer 256K"
        )
    return NotSupported(
        f"the kernel refused the programs: {os.strerror(number)}",
        hint="uname -r: 5.10 is the oldest supported; the error's log has the verifier's words",
    )


def attach_failed(program: str, number: int) -> PysigsnoopError:
    """Why a loaded program could not be attached."""
    if number in (errno.EPERM, errno.EACCES) and missing_capabilities():
        return not_permitted(f"attaching {program}")
    tracefs = find_tracefs()
    try:
        (tracefs / "events/syscalls/sys_enter_kill/id").read_text()
    except PermissionError:
        return TracingUnavailable(
            f"{tracefs} is not readable for uid {os.geteuid()}",
            hint="sudo pysigsnoop     (syscall tracepoints are looked up there)",
        )
    except FileNotFoundError:
        return NotSupported(
            "this kernel has no syscall tracepoints",
            hint="boot a kernel built with CONFIG_FTRACE_SYSCALLS=y",
        )
    return call_failed(f"attaching {program}", number)


def find_tracefs() -> Path:
    """Where tracefs is mounted; raises TracingUnavailable where it is not, or not readable."""
    for place in TRACEFS:
        try:
            (place / "events").stat()
        except FileNotFoundError:
            continue
        except PermissionError as error:
            raise TracingUnavailable(
                f"{place} is not readable for uid {os.geteuid()}", hint="sudo pysigsnoop"
            ) from error
        return place
    raise TracingUnavailable("tracefs is not mounted", hint=MOUNT_TRACEFS)


def bad_object(path: Path, programs: Sequence[str], reason: str) -> ObjectInvalid:
    """An object that cannot be ours: the first thing wrong with it, or `reason`."""
    damage = _damage(path, programs)
    return ObjectInvalid(f"{path}: {damage[0] if damage else reason}", hint=_REBUILD)


def _damage(path: Path, programs: Sequence[str]) -> list[str]:
    """What is wrong with an object file, section by section; empty where nothing is seen."""
    from elftools.common.exceptions import ELFError  # 32 ms to import, and only here
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    try:
        with path.open("rb") as file:
            elf = ELFFile(file)
            if elf["e_machine"] != "EM_BPF":
                return [f"it is for {elf['e_machine']}, not for BPF"]
            damage = []
            for name, use in (
                ("license", "the licence"),
                (".maps", "the maps"),
                (".BTF", "the type information (was it stripped?)"),
                (".BTF.ext", "the CO-RE relocations (was it stripped?)"),
                (".rodata.settings", "the settings"),
            ):
                section = elf.get_section_by_name(name)
                if section is None or not section["sh_size"]:
                    damage.append(f"section {name} is missing: {use}")
                elif section["sh_offset"] + section["sh_size"] > path.stat().st_size:
                    damage.append(f"section {name} is cut off: {use}")
            table = elf.get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                damage.append("section .symtab is missing: the programs' names")
            else:
                known = {symbol.name for symbol in table.iter_symbols()}
                damage += [f"program {name} is missing" for name in programs if name not in known]
            return damage
    except (ELFError, OSError, ValueError, UnicodeDecodeError) as error:
        return [f"it is not a whole ELF file ({error or type(error).__name__})"]
