"""What the programs read of kernel types: the CO-RE relocations in the object's .BTF.ext."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from elftools.elf.elffile import ELFFile

from .btf import Btf

# Kinds (include/uapi/linux/bpf.h): 0 to 5 of fields, 10 and 11 of enum values, others of types.
_ENUM_VALUES = (10, 11)
_LAST_OF_FIELDS = 5
_FIELD_EXISTS, _ENUM_VALUE_EXISTS = 2, 10


class Use(NamedTuple):
    """A type as a program uses it, with a field or an enumerator of it where it is about one."""

    type: str
    member: str | None
    #: Asked whether it exists, and not read.
    asked: bool


def uses(data: bytes, btf: Btf) -> set[Use]:
    """Every use of a kernel type in an object."""
    elf = ELFFile(io.BytesIO(data))
    types, ext = (elf.get_section_by_name(name).data() for name in (".BTF", ".BTF.ext"))
    _, _, _, size, _, _, at, length = struct.unpack_from("=HBBIIIII", types)
    strings = types[size + at : size + at + length]
    found: set[Use] = set()
    for type_id, access, kind in _relocations(ext):
        words = strings[access : strings.index(b"\0", access)].decode()
        found |= set(_resolved(btf, type_id, [int(word) for word in words.split(":")], kind))
    return found


def _relocations(ext: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, offset of the access string, kind; the layout is that of kernel's btf_ext_header."""
    size = struct.unpack_from("=I", ext, 4)[0]
    at, length = struct.unpack_from("=II", ext, 24)
    at += size
    end = at + length
    record = struct.unpack_from("=I", ext, at)[0]
    at += 4
    while at < end:
        _, count = struct.unpack_from("=II", ext, at)
        at += 8
        for _ in range(count):
            _, type_id, access, kind = struct.unpack_from("=IIII", ext, at)
            yield type_id, access, kind
            at += record


def _resolved(btf: Btf, type_id: int, indices: list[int], kind: int) -> Iterator[Use]:
    """The first index counts whole objects; each further one is a member or an element."""
    found = btf.plain(type_id)
    if kind in _ENUM_VALUES:
        yield Use(found["name"], found["values"][indices[0]]["name"], kind == _ENUM_VALUE_EXISTS)
        return
    if kind > _LAST_OF_FIELDS:
        yield Use(found["name"], None, False)
        return
    name = found["name"]
    for index in indices[1:]:
        if found["kind"] == "ARRAY":
            found = btf.plain(found["type_id"])
        else:
            member: dict[str, Any] = found["members"][index]
            found = btf.plain(member["type_id"])
            if member["name"] != "(anon)":
                yield Use(name, member["name"], kind == _FIELD_EXISTS)
        # What an unnamed struct holds belongs to the one around it.
        name = name if found["name"] == "(anon)" else found["name"]
