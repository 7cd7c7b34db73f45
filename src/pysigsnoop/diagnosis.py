"""Why it did not work, and what to type: worked out only once it has failed."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence

from .errors import (
    LibraryMissing,
    LimitReached,
    NotPermitted,
    NotSupported,
    ObjectInvalid,
    PysigsnoopError,
    TracingUnavailable,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

# Bits of CapEff in /proc/self/status; include/uapi/linux/capability.h.
_CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38, "CAP_BPF": 39}
BTF = "/sys/kernel/btf/vmlinux"
# Where distributions mount tracefs; the second is the older place, inside debugfs.
TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
LOCKDOWN = "/sys/kernel/security/lockdown"
# The kernel gives the initial namespaces numbers of their own (include/linux/proc_ns.h).
_INITIAL_NAMESPACES = {"user": 0xEFFFFFFD, "pid": 0xEFFFFFFC}
_REBUILD = "python build.py     (in a clone), or: pip install --force-reinstall pysigsnoop"
AS_ROOT = "sudo pysigsnoop     (in a container: --privileged, or --cap-add BPF,PERFMON)"
MOUNT_TRACEFS = "sudo mount -t tracefs tracefs /sys/kernel/tracing"


def status_of(field: str) -> str:
    """A line of /proc/self/status, without its name."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name == field:
                return value.strip()
    return ""


def in_initial_namespace(kind: str) -> bool:
    """Whether this process is in the machine's own namespace of a kind, `user` or `pid`."""
    return os.stat(f"/proc/self/ns/{kind}").st_ino == _INITIAL_NAMESPACES[kind]


def lockdown() -> str | None:
    """The mode of the kernel's lockdown: `none`, `integrity`, `confidentiality`; None where the
    kernel does not show it."""
    try:
        with open(LOCKDOWN, encoding="utf-8") as file:
            modes = file.read().split()
    except OSError:
        return None
    return next((mode.strip("[]") for mode in modes if mode.startswith("[")), None)


def missing_capabilities() -> list[str]:
    """Of CAP_BPF and CAP_PERFMON those that this process lacks; CAP_SYS_ADMIN stands for both."""
    effective = int(status_of("CapEff") or "0", 16)
    held = {name for name, bit in _CAPABILITIES.items() if effective >> bit & 1}
    return (
        [] if "CAP_SYS_ADMIN" in held else sorted(_CAPABILITIES.keys() - held - {"CAP_SYS_ADMIN"})
    )


def not_permitted(doing: str) -> NotPermitted:
    """What EPERM means here: a capability, a namespace, a seccomp filter, or the kernel's own
    policy."""
    found = lacking_rights(doing)
    if found:
        return found
    if status_of("Seccomp") == "2":
        return refused_by_seccomp(doing)
    return refused_by_lockdown(doing) or NotPermitted(
        f"{doing} is refused although the capabilities are there",
        hint="cat /sys/kernel/security/lockdown     ([confidentiality] forbids tracing)"
        if lockdown() is None
        else "sudo dmesg     (a security module may say what it refused)",
    )


def lacking_rights(doing: str) -> NotPermitted | None:
    """The capabilities that this process lacks, or holds in a user namespace only."""
    missing = missing_capabilities()
    if missing:
        return NotPermitted(
            f"{doing} is not permitted: {' and '.join(missing)} missing (uid {os.geteuid()})",
            hint=AS_ROOT,
        )
    if not in_initial_namespace("user"):
        return NotPermitted(
            f"{doing} is not permitted: the capabilities hold in this user namespace only",
            hint="sudo pysigsnoop     (outside; in a rootless container nobody can trace)",
        )
    return None


def refused_by_seccomp(doing: str) -> NotPermitted:
    """The process may, but its system calls are filtered."""
    return NotPermitted(
        f"{doing} is refused by this process's seccomp filter",
        hint="in a container: --privileged, or --security-opt seccomp=unconfined",
    )


def refused_by_lockdown(doing: str) -> NotPermitted | None:
    """The kernel was booted so that nobody may read its memory."""
    if lockdown() != "confidentiality":
        return None
    return NotPermitted(
        f"{doing} is refused: the kernel is locked down in confidentiality mode",
        hint="boot with lockdown=integrity, or none     (cat /proc/cmdline has what is now)",
    )


def no_btf() -> NotSupported:
    """Without it nothing can be fitted to the running kernel."""
    return NotSupported(
        f"this kernel has no BTF ({BTF} is missing)",
        hint="boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, as the distributions' are",
    )


def library_missing(error: ImportError) -> LibraryMissing:
    """Why the extension was not imported: for want of libbpf, or of the extension itself."""
    if "libbpf" in str(error) or "undefined symbol" in str(error):
        return libbpf_missing(str(error))
    return LibraryMissing(f"the package is not built: {error}", hint=_REBUILD)


def libbpf_missing(reason: str) -> LibraryMissing:
    """No libbpf, or one that is too old."""
    return LibraryMissing(
        f"libbpf 1.0 or newer is needed, as libbpf.so.1: {reason}",
        hint="sudo apt-get install libbpf1     (Fedora: dnf install libbpf)",
    )


def _rebuild() -> str:
    """What to type where an object is not what it should be. Building makes only the package's."""
    if os.environ.get("PYSIGSNOOP_BPF_OBJECT"):
        return "unset PYSIGSNOOP_BPF_OBJECT     (the package has its own)"
    return _REBUILD


def no_object(path: str) -> ObjectInvalid:
    """There is no file of that name."""
    return ObjectInvalid(f"no BPF object at {path}", hint=_rebuild())


def distrusted_object(path: str, reason: str) -> ObjectInvalid:
    """One that somebody else could have written."""
    return ObjectInvalid(
        f"{path} is not loaded: {reason}",
        hint=f"chmod go-w {path} (is it yours?), or unset PYSIGSNOOP_BPF_OBJECT",
    )


def limit_reached(doing: str, number: int) -> LimitReached | None:
    """What is used up, where that is the error; nothing else helps then, and no other way to do
    it, which might need less and show less."""
    if number in (errno.EMFILE, errno.ENFILE):
        of_all = number == errno.ENFILE
        return LimitReached(
            f"{doing} failed: {os.strerror(number).lower()}",
            hint="cat /proc/sys/fs/file-nr" if of_all else "ulimit -n 256",
        )
    if number == errno.ENOMEM:
        return LimitReached(
            f"{doing} failed: the kernel has no memory for it",
            hint="pysigsnoop --buffer 256K     (is a cgroup's memory limited?)",
        )
    return None


def call_failed(doing: str, number: int) -> PysigsnoopError:
    """An error of the bpf() system call that has no story of its own."""
    if number in (errno.EPERM, errno.EACCES):
        return not_permitted(doing)
    if limit := limit_reached(doing, number):
        return limit
    return NotSupported(
        f"{doing} failed: {os.strerror(number)}", hint="the error's log attribute has details"
    )


def cpus_unknown(number: int) -> PysigsnoopError:
    """sysfs does not say how many there are: in a changed root, as a rule, that lacks it."""
    if number == errno.ENOENT:
        return NotSupported(
            "sysfs is not mounted (/sys/devices/system/cpu is missing)",
            hint="sudo mount -t sysfs sysfs /sys     (in a chroot: inside of it)",
        )
    return call_failed("counting CPUs", number)


def load_failed(number: int, path: str, programs: Sequence[str]) -> PysigsnoopError:
    """Why the kernel or libbpf refused to load the object."""
    if not os.path.exists(BTF):
        return no_btf()
    if limit := limit_reached("loading BPF programs", number):
        return limit
    # EPERM never comes of what is in the object; reading that would slow down a good start, which
    # goes on to other programs where some are refused.
    if number == errno.EPERM or (
        number == errno.EACCES and (missing_capabilities() or not damage(path, ()))
    ):
        return not_permitted("loading BPF programs")
    found = damage(path, programs)
    if found:
        return ObjectInvalid(f"{path}: {found[0]}", hint=_rebuild())
    return NotSupported(
        f"the kernel refused the programs: {os.strerror(number)}",
        hint="uname -r: 5.10 is the oldest supported; the error's log has the verifier's words",
    )


def exits_refused(number: int, path: str, programs: Sequence[str]) -> PysigsnoopError:
    """Why the kernel takes no programs at the return of functions, not even an empty one; others
    it may take."""
    rights = number in (errno.EPERM, errno.EACCES) and (
        lacking_rights("") or status_of("Seccomp") == "2" or refused_by_lockdown("")
    )
    if rights or not os.path.exists(BTF) or limit_reached("", number):
        return load_failed(number, path, programs)
    return NotSupported(
        f"this kernel refuses programs on function exits: {os.strerror(number)}",
        hint="--attach auto     (takes another way to watch calls)",
    )


def exits_may_hang() -> NotSupported:
    """Why a tracer in a pid namespace watches no function exits: see bpf/process.bpf.h."""
    return NotSupported(
        "the end of this pid namespace could hang the kernel (before Linux 6.9)",
        hint="--attach tracepoint, or in the machine's own pid namespace (docker: --pid=host)",
    )


def attach_failed(program: str, number: int) -> PysigsnoopError:
    """Why a loaded program could not be attached."""
    if number in (errno.EPERM, errno.EACCES) and missing_capabilities():
        return not_permitted(f"attaching {program}")
    if limit := limit_reached(f"attaching {program}", number):
        return limit
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
    from pathlib import Path

    for place in map(Path, TRACEFS):
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


def bad_object(path: str, programs: Sequence[str], reason: str) -> ObjectInvalid:
    """An object that cannot be ours: the first thing wrong with it, or `reason`."""
    found = damage(path, programs)
    return ObjectInvalid(f"{path}: {found[0] if found else reason}", hint=_rebuild())


def damage(path: str, programs: Sequence[str]) -> list[str]:
    """What is wrong with an object file, section by section; empty where nothing is seen."""
    try:
        from elftools.common.exceptions import ELFError  # 32 ms to import, and only here
        from elftools.elf.elffile import ELFFile
        from elftools.elf.sections import SymbolTableSection
    except ImportError:  # whoever has few rights may not read where it lies
        return []
    try:
        with open(path, "rb") as file:
            elf = ELFFile(file)
            if elf["e_machine"] != "EM_BPF":
                return [f"it is for {elf['e_machine']}, not for BPF"]
            found = []
            for name, use in (
                ("license", "the licence"),
                (".maps", "the maps"),
                (".BTF", "the type information (was it stripped?)"),
                (".BTF.ext", "the CO-RE relocations (was it stripped?)"),
                (".rodata.settings", "the settings"),
            ):
                section = elf.get_section_by_name(name)
                if section is None or not section["sh_size"]:
                    found.append(f"section {name} is missing: {use}")
                elif section["sh_offset"] + section["sh_size"] > os.stat(path).st_size:
                    found.append(f"section {name} is cut off: {use}")
            table = elf.get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                found.append("section .symtab is missing: the programs' names")
            else:
                known = {symbol.name for symbol in table.iter_symbols()}
                found += [f"program {name} is missing" for name in programs if name not in known]
            return found
    except (ELFError, OSError, ValueError, UnicodeDecodeError) as error:
        return [f"it is not a whole ELF file ({error or type(error).__name__})"]
