"""bpf/vmlinux.h against kernels' BTF: each type and field is there, of its kind.

Against the running kernel's, and for arm64 against those of kernels that were fetched for guests.
"""

from __future__ import annotations

import functools
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from .architectures import ARCH, kernel_types, kernels, object_types
from .btf import Btf
from .relocations import Use, uses
from .test_object import ROOT

HEADER = ROOT / "bpf/vmlinux.h"
# What a supported kernel may lack: the file where it is used, with the check that guards it.
ANCESTORS = ("filter.bpf.h", "bpf_core_field_exists(struct cgroup, ancestors)")
RSS_STAT = ("oom.bpf.h", "bpf_core_field_exists(mm->rss_stat[0].count)")
GUARDED: dict[tuple[str, str], tuple[str, str]] = {
    # 6.1 has the one, older kernels the other.
    ("cgroup", "ancestors"): ANCESTORS,
    ("cgroup___ids", "ancestor_ids"): ANCESTORS,
    # 5.15
    ("bpf_func_id___probe", "BPF_FUNC_task_pt_regs"): (
        "registers.bpf.h",
        "bpf_core_enum_value_exists(enum bpf_func_id___probe, BPF_FUNC_task_pt_regs)",
    ),
    # arm64, with CONFIG_VMAP_STACK.
    ("task_struct", "stack_vm_area"): (
        "registers.bpf.h",
        "bpf_core_field_exists(task->stack_vm_area)",
    ),
    # With CONFIG_AUDIT.
    ("task_struct", "loginuid"): ("details.bpf.h", "bpf_core_field_exists(task->loginuid)"),
    ("task_struct", "sessionid"): ("details.bpf.h", "bpf_core_field_exists(task->sessionid)"),
    # Kernels for many CPUs.
    ("task_struct", "on_cpu"): ("follow.bpf.h", "bpf_core_field_exists(task->on_cpu)"),
    # With CONFIG_TASKS_RCU; and 6.9.
    ("task_struct", "rcu_tasks_nvcsw"): (
        "process.bpf.h",
        "bpf_core_field_exists(task->rcu_tasks_nvcsw)",
    ),
    ("task_struct", "rcu_tasks_exit_list"): (
        "process.bpf.h",
        "bpf_core_field_exists(task->rcu_tasks_exit_list)",
    ),
    # 6.0
    ("signal_struct", "quick_threads"): (
        "death.bpf.h",
        "bpf_core_field_exists(signal->quick_threads)",
    ),
    # 6.13
    ("k_itimer", "it_sig_periodic"): (
        "detour.bpf.h",
        "bpf_core_field_exists(timer->it_sig_periodic)",
    ),
    ("k_itimer", "sigq"): ("detour.bpf.h", "bpf_core_field_exists(timer->it_sig_periodic)"),
    # 6.16
    ("trace_event_raw_sched_process_exit", "group_dead"): (
        "death.bpf.h",
        "bpf_core_field_exists(struct trace_event_raw_sched_process_exit, group_dead)",
    ),
    ("trace_event_raw_mark_victim", "total_vm"): (
        "oom.bpf.h",
        "bpf_core_field_exists(struct trace_event_raw_mark_victim, total_vm)",
    ),
    # 6.2 has the one, older kernels the other.
    ("mm_struct", "rss_stat"): RSS_STAT,
    ("mm_struct___atomic", "rss_stat"): RSS_STAT,
}
# Where a guarded field is of another kind in kernels that lack it as it is used; of those the one
# kind is of a type that the others have not.
OTHERWISE = {
    ("mm_struct", "rss_stat"): "STRUCT",
    ("mm_struct___atomic", "rss_stat"): "ARRAY",
    ("k_itimer", "sigq"): "PTR",
}
OLDER = "mm_rss_stat"
# Wider in older kernels, all of which have the lowest byte first.
ONCE_WIDER = {("task_struct", "on_cpu"): ("unsigned char", "int")}
# Room on the stack for what the kernel's own functions keep there, which nothing else reads.
KEPT = {"bpf_iter_num"}
ARCHES = {arch for arch, _ in kernels().values()}


@functools.cache
def declared(arch: str = ARCH) -> list[tuple[str, str]]:
    """Each struct, union and enum that the header defines for an architecture."""
    text = re.sub(r"^#include.*", "", HEADER.read_text(), flags=re.MULTILINE)
    done = subprocess.run(
        ["clang", "-E", "-P", "-target", "bpf", f"-D__TARGET_ARCH_{arch}", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    pattern = r"^(?:typedef )?(struct|union|enum) (\w+) \{"
    found = re.findall(pattern, done.stdout, re.MULTILINE)
    assert ("struct", "task_struct") in found
    return [(kind.upper(), name) for kind, name in found]


@functools.cache
def header(arch: str) -> Btf:
    """The header's own BTF: every type of it, used or not."""
    names = [(kind.lower(), name) for kind, name in declared(arch)]
    uses = "\n".join(f"{kind} {name} {kind}_{name};" for kind, name in names)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "all.c").write_text(f'#include "{HEADER}"\n{uses}\n')
        subprocess.run(
            [
                *("clang", "-g", "-O2", "-target", "bpf", f"-D__TARGET_ARCH_{arch}"),
                *("-c", "all.c", "-o", "all.o"),
            ],
            cwd=folder,
            check=True,
        )
        return Btf(Path(folder) / "all.o")


@pytest.fixture(scope="module", params=kernels())
def held(request: pytest.FixtureRequest) -> tuple[Btf, Btf, list[tuple[str, str]]]:
    """The header's types, a kernel's, and the names of the former."""
    arch, path = kernels()[request.param]
    if path is None:
        pytest.skip("no kernel for arm64 is at hand: make test-guests KERNELS=newest/arm64")
    if not path.exists():
        pytest.skip("the running kernel has no BTF")
    return header(arch), kernel_types(path), declared(arch)


def members(btf: Btf, struct: dict[str, Any]) -> dict[str, int]:
    """Field names and type ids, those of unnamed structs and unions within included."""
    found: dict[str, int] = {}
    for member in struct["members"]:
        if member["name"] == "(anon)":
            found |= members(btf, btf.plain(member["type_id"]))
        else:
            found[member["name"]] = member["type_id"]
    return found


def mismatch(ours: Btf, our_id: int, kernel: Btf, kernel_id: int) -> str:
    """How two fields' types differ for CO-RE; empty where they fit."""
    a, b = ours.plain(our_id), kernel.plain(kernel_id)
    if a["kind"] != b["kind"]:
        return f"{a['kind']}, the kernel has {b['kind']}"
    if a["kind"] == "ARRAY":
        if a["nr_elems"] > max(b["nr_elems"], 1):
            return f"{a['nr_elems']} elements, the kernel has {b['nr_elems']}"
        return mismatch(ours, a["type_id"], kernel, b["type_id"])
    if (
        a["kind"] == "INT"
        and not a["name"] == b["name"] == "char"
        and (a["size"], _signed(a)) != (b["size"], _signed(b))
    ):
        return f"{a['name']}, the kernel has {b['name']}"
    if a["kind"] == "PTR":
        return _pointer_mismatch(ours.plain(a["type_id"]), kernel.plain(b["type_id"]))
    return _struct_mismatch(ours, a, kernel, b) if a["kind"] in ("STRUCT", "UNION") else ""


def _struct_mismatch(ours: Btf, a: dict[str, Any], kernel: Btf, b: dict[str, Any]) -> str:
    if a["name"] != b["name"]:
        return f"struct {a['name']}, the kernel has {b['name']}"
    if a["name"] != "(anon)":
        return ""  # looked at by its name
    known = members(kernel, b)
    said = [
        f"{field}: {mismatch(ours, type_id, kernel, known[field])}"
        if field in known
        else f"{field}: not there"
        for field, type_id in members(ours, a).items()
    ]
    return "; ".join(each for each in said if not each.endswith(": "))


def _pointer_mismatch(a: dict[str, Any], b: dict[str, Any]) -> str:
    # A pointer of ours to nothing in particular is a number: nobody follows it.
    if a["kind"] == "VOID":
        return ""
    kinds = {"FWD": "STRUCT"}
    a_is = kinds.get(a["kind"], a["kind"]), a["name"]
    b_is = kinds.get(b["kind"], b["kind"]), b["name"]
    return "" if a_is == b_is else f"a pointer to {a_is}, the kernel has one to {b_is}"


def _signed(integer: dict[str, Any]) -> bool:
    return "SIGNED" in str(integer["encoding"])


#: Those of one architecture, and what the other has beside them.
EVERY = list(dict.fromkeys(each for arch in sorted(ARCHES) for each in declared(arch)))


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_the_kernel_has_each_type_with_these_members(
    kind: str, name: str, held: tuple[Btf, Btf, list[tuple[str, str]]]
) -> None:
    ours, kernel, names_of_ours = held
    if (kind, name) not in names_of_ours:
        assert {ARCH} < ARCHES
        return
    if name == OLDER and OLDER not in {each["name"] for each in kernel.types.values()}:
        rss_stat = members(kernel, kernel.named("STRUCT", "mm_struct"))["rss_stat"]
        assert kernel.plain(rss_stat)["kind"] == OTHERWISE["mm_struct___atomic", "rss_stat"]
        return
    names = {each["name"] for each in kernel.types.values()}
    if name.partition("___")[0] not in names:
        # A type whose every field may be missing can be missing itself.
        assert {(name, field) for field in members(ours, ours.named(kind, name))} <= {*GUARDED}
        return
    # What follows three underscores tells our own types apart, and means nothing to CO-RE.
    mine, theirs = ours.named(kind, name), kernel.named(kind, name.partition("___")[0])
    if kind == "ENUM":
        values = {each["name"]: each["val"] for each in theirs["values"]}
        for each in mine["values"]:
            if (name, each["name"]) in GUARDED and each["name"] not in values:
                continue
            # How many pid types there are grows with the kernel; it only sizes our array.
            if each["name"] == "PIDTYPE_MAX":
                assert each["val"] <= values[each["name"]]
            else:
                assert values[each["name"]] == each["val"], each["name"]
        return
    known = members(kernel, theirs)
    for field, type_id in members(ours, mine).items():
        if (name, field) in GUARDED and field not in known:
            continue
        assert field in known, f"the kernel's struct {name} has no {field}"
        if kernel.plain(known[field])["kind"] == OTHERWISE.get((name, field)):
            continue
        if kernel.plain(known[field])["name"] == ONCE_WIDER.get((name, field), ("", ""))[1]:
            assert ours.plain(type_id)["name"] == ONCE_WIDER[name, field][0]
            continue
        assert not (said := mismatch(ours, type_id, kernel, known[field])), (
            f"{name}.{field}: {said}"
        )


def test_a_cgroups_ancestors_are_found_in_one_of_the_two_ways(
    held: tuple[Btf, Btf, list[tuple[str, str]]],
) -> None:
    kernel = held[1]
    fields = members(kernel, kernel.named("STRUCT", "cgroup"))
    assert ("ancestors" in fields) != ("ancestor_ids" in fields)


@pytest.mark.parametrize("guarded", GUARDED, ids=".".join)
def test_what_a_kernel_may_lack_is_used_behind_a_check(guarded: tuple[str, str]) -> None:
    file, check = GUARDED[guarded]
    name = guarded[1]
    sources = {path.name: path.read_text() for path in (ROOT / "bpf").glob("*.bpf.*")}
    assert check in sources[file]
    # And nowhere else, but in that function: after the check, or in the check itself.
    sources = {
        key: re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL) for key, text in sources.items()
    }
    assert [other for other, text in sources.items() if re.search(rf"\b{name}\b", text)] == [file]
    function = next(part for part in sources[file].split("\n}\n") if check in part)
    assert function.index(check) <= function.index(name)
    assert len(re.findall(rf"\b{name}\b", sources[file])) == len(
        re.findall(rf"\b{name}\b", function)
    )


@functools.cache
def read(arch: str) -> set[Use]:
    return uses(*object_types(arch))


def flat(btf: Btf, struct: dict[str, Any]) -> set[str]:
    """Field names, those of unnamed types within included, whether or not the field is named."""
    found: set[str] = set()
    for member in struct["members"]:
        inner = btf.plain(member["type_id"])
        while inner["kind"] == "ARRAY":
            inner = btf.plain(inner["type_id"])
        if inner["kind"] in ("STRUCT", "UNION") and inner["name"] == "(anon)":
            found |= flat(btf, inner)
        if member["name"] != "(anon)":
            found.add(member["name"])
    return found


@pytest.mark.parametrize(
    ("arch", "kind", "name"),
    [(arch, *each) for arch in sorted(ARCHES) for each in declared(arch) if each[0] != "ENUM"],
)
def test_every_field_is_read_by_a_program(arch: str, kind: str, name: str) -> None:
    ours = header(arch)
    fields = flat(ours, ours.named(kind, name))
    of_it = {use.member for use in read(arch) if use.type == name}
    if name in KEPT:
        assert not of_it
    elif of_it == {None}:
        # Only its size is asked for, and C wants something in it.
        assert len(fields) == 1
    else:
        assert fields == of_it - {None}


def test_every_enumerator_is_named_by_a_program() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "bpf").glob("*.bpf.*"))
    enums = re.findall(r"^enum \w+ \{(.*?)^\};", HEADER.read_text(), re.MULTILINE | re.DOTALL)
    names = set(re.findall(r"^\t(\w+)", "".join(enums), re.MULTILINE))
    assert "PIDTYPE_PID" in names
    # It sizes the header's own arrays.
    counted = {"PIDTYPE_MAX"}
    assert counted == {name for name in names if not re.search(rf"\b{name}\b", sources)}


def test_flags_that_have_no_name_in_btf_are_the_systems_own() -> None:
    system = Path("/usr/include/linux/bpf.h").read_text()
    assert re.search(r"\bBPF_ANY\s*=\s*0\b", system)
    assert re.search(r"^#define BPF_ANY 0$", HEADER.read_text(), re.MULTILINE)
    assert re.search(r"\bBPF_F_MMAPABLE\s*=\s*\(1U << 10\)", system)
    assert "#define BPF_F_MMAPABLE (1U << 10)" in HEADER.read_text()
