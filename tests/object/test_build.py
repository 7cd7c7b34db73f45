"""build.py: what it builds, what it says, and what it refuses."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from pysigsnoop import _records

ROOT = Path(__file__).parents[2]
EXTENSION = ROOT / "src/pysigsnoop/_native.abi3.so"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the build reads."""
    for folder in ("bpf", "src/native"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "src/pysigsnoop").mkdir()
    shutil.copy(ROOT / "build.py", tmp_path)
    return tmp_path


def build(tree: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "build.py"],
        cwd=tree,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_says_what_it_built_from_what(tree: Path) -> None:
    done = build(tree)
    assert (done.returncode, done.stderr) == (0, "")
    said = [
        re.fullmatch(r"built src/pysigsnoop/(\S+) \((\d+) bytes, (.+)\)", line)
        for line in done.stdout.splitlines()
    ]
    found = {match[1]: (int(match[2]), match[3]) for match in said if match}
    assert len(found) == len(said)
    assert set(found) == {"_records.py", "sigsnoop.bpf.o", "_native.abi3.so"}
    for name, (size, _) in found.items():
        assert (tree / "src/pysigsnoop" / name).stat().st_size == size
    assert "clang" in found["sigsnoop.bpf.o"][1]
    assert "libbpf" in found["_native.abi3.so"][1]


def path_without(tmp_path: Path, *names: str) -> str:
    """A PATH with everything that the real one has, but these."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for tool in Path(place).glob("*"):
            link = folder / tool.name
            if tool.name not in names and not link.is_symlink():
                link.symlink_to(tool)
    return str(folder)


@pytest.mark.parametrize(
    ("tools", "package"),
    [
        (("clang",), "clang"),
        (("llvm-strip",), "llvm"),
        (("cc", "gcc", "clang"), "clang"),
    ],
)
def test_without_a_tool_it_names_the_package_to_install(
    tools: tuple[str, ...], package: str, tree: Path, tmp_path: Path
) -> None:
    done = build(tree, PATH=path_without(tmp_path, *tools))
    assert done.returncode == 1
    assert f"sudo apt-get install {package}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tree / "src/pysigsnoop/sigsnoop.bpf.o").exists()


def test_a_prebuilt_object_is_taken_as_it_is_without_clang(tree: Path, tmp_path: Path) -> None:
    prebuilt = tmp_path / "prebuilt.o"
    prebuilt.write_bytes(b"any bytes")
    path = path_without(tmp_path, "clang", "llvm-strip")
    done = build(tree, PATH=path, PYSIGSNOOP_BPF_OBJECT=str(prebuilt))
    assert done.returncode == 0, done.stderr
    assert (tree / "src/pysigsnoop/sigsnoop.bpf.o").read_bytes() == b"any bytes"
    assert str(prebuilt) in done.stdout


def test_a_prebuilt_object_that_is_not_there_is_an_error(tree: Path) -> None:
    done = build(tree, PYSIGSNOOP_BPF_OBJECT="/nonexistent/object")
    assert done.returncode == 1
    assert "PYSIGSNOOP_BPF_OBJECT=/nonexistent/object: no such file" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("unsigned int uid;", "unsigned char uid;", "before parent_pid in struct sigsnoop_process"),
        ("int ret;\n", "int ret;\n\tunsigned char odd;\n", "before target_arg"),
        ("unsigned int tracer_level;", "", "before tracer_ns"),
        ("sender;\n", "sender;\n\tint more;\n", "before target in struct sigsnoop_send"),
        ("target;\n", "target;\n\tint more;\n", "at the end of struct sigsnoop_send"),
    ],
)
def test_a_layout_with_padding_is_refused(old: str, new: str, where: str, tree: Path) -> None:
    header = tree / "bpf/sigsnoop.h"
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new, 1))
    done = build(tree)
    assert done.returncode == 1
    assert f"padding {where}" in done.stderr


def test_pythons_sizes_and_offsets_are_the_compilers(tmp_path: Path) -> None:
    lines, expected = [], []
    for name in ("process", "send", "counters", "settings", "live"):
        fields = getattr(_records, f"{name.upper()}_FIELDS")
        codes = re.findall(r"\d*[a-zA-Z]", getattr(_records, f"{name.upper()}_FORMAT")[1:])
        lines.append(f"sizeof(struct sigsnoop_{name}),")
        expected.append(struct.calcsize("=" + "".join(codes)))
        for at, field in enumerate(fields):
            member = re.sub(r"\.(\d+)", r"[\1]", field)
            lines.append(f"offsetof(struct sigsnoop_{name}, {member}),")
            expected.append(struct.calcsize("=" + "".join(codes[:at])))
    source = tmp_path / "sizes.c"
    source.write_text(
        '#include <stdio.h>\n#include <stddef.h>\n#include "sigsnoop.h"\n'
        f"static size_t all[] = {{ {' '.join(lines)} }};\n"
        "int main(void) { for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)"
        ' printf("%zu\\n", all[i]); }\n'
    )
    program = tmp_path / "sizes"
    subprocess.run(["cc", f"-I{ROOT / 'bpf'}", str(source), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == expected


def test_the_extension_needs_libbpf_and_libc_and_nothing_else() -> None:
    done = subprocess.run(["readelf", "-d", EXTENSION], capture_output=True, text=True, check=True)
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", done.stdout))
    # Thread-local variables are the loader's business, which is a part of libc.
    assert {name for name in needed if not name.startswith("ld-linux")} == {
        *("libbpf.so.1", "libc.so.6"),
    }
    assert not re.search(r"\((RPATH|RUNPATH)\)", done.stdout)


def test_the_extension_uses_the_stable_abi_only() -> None:
    assert EXTENSION.name.endswith(".abi3.so")
    done = subprocess.run(
        ["readelf", "--dyn-syms", "-W", EXTENSION], capture_output=True, text=True, check=True
    )
    used = set(re.findall(r"UND (_?Py\w+)", done.stdout))
    assert used
    assert {name for name in used if name.startswith("_Py")} <= {
        *("_Py_Dealloc", "_Py_NoneStruct"),  # the only two that the limited API's macros name
    }
