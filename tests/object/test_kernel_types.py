"""bpf/vmlinux.h against the running kernel's BTF: each type and field is there, of its kind."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.object.test_object import ROOT, Btf

KERNEL = Path("/sys/kernel/btf/vmlinux")
HEADER = ROOT / "bpf/vmlinux.h"
# Fields that a supported kernel may lack, each with the check that guards its use.
GUARDED: dict[tuple[str, str], str] = {}


def declared() -> list[tuple[str, str]]:
    """Each struct and enum that the header defines."""
    found = re.findall(r"^(struct|enum) (\w+) \{", HEADER.read_text(), re.MULTILINE)
    assert found
    return [(kind.upper(), name) for kind, name in found]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Btf:
    """The header's own BTF: every type of it, used or not."""
    folder = tmp_path_factory.mktemp("types")
    uses = "\n".join(f"{kind.lower()} {name} {kind.lower()}_{name};" for kind, name in declared())
    (folder / "all.c").write_text(f'#include "{HEADER}"\n{uses}\n')
    subprocess.run(
        ["clang", "-g", "-O2", "-target", "bpf", "-c", "all.c", "-o", "all.o"],
        cwd=folder,
        check=True,
    )
    return Btf(folder / "all.o")


@pytest.fixture(scope="module")
def kernel() -> Btf:
    if not KERNEL.exists():
        pytest.skip("the running kernel has no BTF")
    return Btf(KERNEL)


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
    if a["kind"] == "INT" and (a["size"], _signed(a)) != (b["size"], _signed(b)):
        return f"{a['name']}, the kernel has {b['name']}"
    if a["kind"] == "PTR":
        return _pointer_mismatch(ours.plain(a["type_id"]), kernel.plain(b["type_id"]))
    differ = a["kind"] in ("STRUCT", "UNION") and a["name"] != b["name"]
    return f"struct {a['name']}, the kernel has {b['name']}" if differ else ""


def _pointer_mismatch(a: dict[str, Any], b: dict[str, Any]) -> str:
    kinds = {"FWD": "STRUCT"}
    a_is = kinds.get(a["kind"], a["kind"]), a["name"]
    b_is = kinds.get(b["kind"], b["kind"]), b["name"]
    return "" if a_is == b_is else f"a pointer to {a_is}, the kernel has one to {b_is}"


def _signed(integer: dict[str, Any]) -> bool:
    return "SIGNED" in str(integer["encoding"])


@pytest.mark.parametrize(("kind", "name"), declared())
def test_the_running_kernel_has_each_type_with_these_members(
    kind: str, name: str, ours: Btf, kernel: Btf
) -> None:
    mine, theirs = ours.named(kind, name), kernel.named(kind, name)
    if kind == "ENUM":
        values = {each["name"]: each["val"] for each in theirs["values"]}
        for each in mine["values"]:
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
        assert not (said := mismatch(ours, type_id, kernel, known[field])), (
            f"{name}.{field}: {said}"
        )


def test_every_exception_is_guarded_in_the_programs() -> None:
    text = "".join(path.read_text() for path in (ROOT / "bpf").glob("*.bpf.*"))
    for (struct, field), check in GUARDED.items():
        assert check in text, f"{struct}.{field} is used without {check}"


def test_flags_that_have_no_name_in_btf_are_the_systems_own() -> None:
    system = Path("/usr/include/linux/bpf.h").read_text()
    for name, value in {"BPF_ANY": "0", "BPF_NOEXIST": "1"}.items():
        assert re.search(rf"\b{name}\s*=\s*{value}\b", system)
        assert re.search(rf"^#define {name} {value}$", HEADER.read_text(), re.MULTILINE)
    assert re.search(r"\bBPF_F_MMAPABLE\s*=\s*\(1U << 10\)", system)
    assert "#define BPF_F_MMAPABLE (1U << 10)" in HEADER.read_text()
