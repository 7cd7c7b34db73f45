"""The kernel's types, cut down: what is left of each is what the whole says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pysigsnoop.diagnosis import BTF
from pysigsnoop.kernel_types import kernel_types

from .btf import Btf
from .test_object import OBJECT

NAMES = ("task_struct", "pt_regs", "do_exit", "BPF_FUNC_map_lookup_elem", "no_such_thing")


@pytest.fixture(scope="module")
def whole() -> Btf:
    return Btf(Path(BTF))


def test_what_is_left_is_laid_out_as_in_the_kernel(whole: Btf, tmp_path: Path) -> None:
    found = kernel_types(str(OBJECT), NAMES)
    assert found.cut
    path = tmp_path / "cut"
    path.write_bytes(found.cut)
    cut = Btf(path)
    assert len(cut.types) * 20 < len(whole.types)
    kept = {
        (t["kind"], t["name"]): t
        for t in cut.types.values()
        if "members" in t and t["name"] != "(anon)"
    }
    assert {("STRUCT", "task_struct"), ("STRUCT", "pid"), ("STRUCT", "signal_struct")} <= set(kept)
    same = {(t["kind"], t["name"]): t for t in whole.types.values() if "members" in t}
    for key, of_cut in kept.items():
        assert layout(cut, of_cut) == layout(whole, same[key]), key


def layout(btf: Btf, composite: dict[str, Any]) -> Any:
    """Size, and each member's name, place and kind, those inside of it included."""
    members = [
        (m["name"], m["bits_offset"], inside(btf, btf.plain(m["type_id"])))
        for m in composite["members"]
    ]
    return composite["size"], members


def inside(btf: Btf, kind: dict[str, Any]) -> Any:
    if kind["kind"] == "ARRAY":
        return "ARRAY", kind["nr_elems"], inside(btf, btf.plain(kind["type_id"]))
    if kind["kind"] in ("STRUCT", "UNION"):
        return kind["kind"], kind["name"], layout(btf, kind)
    return kind["kind"], kind.get("size")


def test_names_come_with_the_kernels_own_ids(whole: Btf) -> None:
    ids = kernel_types(str(OBJECT), NAMES).ids
    assert whole.types[ids["task_struct"]]["name"] == "task_struct"
    assert whole.types[ids["pt_regs"]]["kind"] == "STRUCT"
    function = whole.types[ids["do_exit"]]
    assert (function["kind"], function["name"]) == ("FUNC", "do_exit")
    enumeration = whole.types[ids["BPF_FUNC_map_lookup_elem"]]
    assert "BPF_FUNC_map_lookup_elem" in [value["name"] for value in enumeration["values"]]
    assert "no_such_thing" not in ids
