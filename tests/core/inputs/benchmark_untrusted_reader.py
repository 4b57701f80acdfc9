"""Files per second: one guarded child that lives on against one child a file. Run it by hand."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import trimesh

from shapelab.core.inputs import untrusted_reader

FILES, ALONE = 400, 12


def rate(read: Callable[[Path], object], paths: list[Path]) -> float:
    """Files per second."""
    began = time.perf_counter()
    for path in paths:
        read(path)
    return len(paths) / (time.perf_counter() - began)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        mesh, grid = Path(folder) / "a.off", Path(folder) / "b.npy"
        mesh.write_text(trimesh.creation.icosphere(4).export(file_type="off"))
        np.save(grid, np.ones((32, 32, 32), bool))
        for path in (mesh, grid):
            with untrusted_reader.GuardedReader() as reader:
                together = rate(reader.read, [path] * FILES)
            alone = rate(untrusted_reader.read_untrusted, [path] * ALONE)
            ratio = together / alone
            print(f"{path.suffix}: {together:.0f}/s against {alone:.1f}/s, ratio {ratio:.0f}")


if __name__ == "__main__":
    main()
