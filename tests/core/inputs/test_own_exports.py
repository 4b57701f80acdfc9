"""What ShapeLab exported comes back as it was: its size, its cells and its pose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapelab.core.inputs.reconstruct import reconstruct
from shapelab.core.inputs.untrusted_reader import read_untrusted
from shapelab.core.inputs.voxelise import solid
from shapelab.core.mesh import formats
from shapelab.core.mesh.meshing import finish, surface
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.describe import describe
from trainer.data.source import Item
from trainer.data.sources import meshes

SUFFIXES = list(formats.WRITERS)


@pytest.fixture(scope="module")
def part(model: Any) -> TriMesh:
    return finish(surface(model.decode(model.sample("chair", seed=1, n=1, truncation=0.8)[0])), 80)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_export_is_read_prepared_and_reconstructed_as_it_was(
    suffix: str, part: TriMesh, model: Any, tmp_path: Path
) -> None:
    path = tmp_path / f"chair{suffix}"
    formats.write(path, part)
    cells = solid(part, 32)

    lines = describe(str(path))
    size = " × ".join(
        f"{side:.1f}" for side in (part.extents[[0, 2, 1]] if suffix == ".glb" else part.extents)
    )
    assert f"{size} mm" in lines[0]
    assert "the file counts in" in lines[1]

    file = read_untrusted(path)
    assert file.up == {".glb": "y", ".3mf": ""}.get(suffix, "z")

    prepared = meshes.load(Item("chair", "chair", path, ""))
    assert isinstance(prepared, TriMesh)
    assert differing(solid(prepared, 32), cells) <= 2

    found = reconstruct(model, file)
    assert found.voxels is not None
    assert differing(found.voxels, cells) <= 2
    assert found.class_name == "chair"


def differing(a: np.ndarray, b: np.ndarray) -> int:
    """Cells that differ; GLB rounds to float32 metres, which a cell's border may feel."""
    return int((a != b).sum())
