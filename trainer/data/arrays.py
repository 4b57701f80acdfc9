"""Reads labelled voxel arrays: .npz files with ``voxels``, ``labels`` and ``classes``."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shapelab.errors import DataError

MIN_FILLED = 60  # cells; ModelNet10's grids below this are broken conversions


@dataclass(frozen=True)
class LabelledGrids:
    """Shapes that passed the checks, and why the others did not."""

    grids: NDArray[np.bool_]  # (n, R, R, R), axes x right, y back, z up
    labels: NDArray[np.int64]  # (n,) index into classes
    classes: tuple[str, ...]
    sources: tuple[str, ...]  # where each shape came from
    digests: tuple[str, ...]  # sha256 of each packed grid
    rejected: tuple[tuple[str, str], ...]  # (source, reason)


def find_array(source: Path) -> Path:
    """The .npz file itself, or the largest one of a folder that has voxels, labels and classes."""
    if source.is_file():
        return source
    candidates = sorted(source.glob("**/*.npz"), key=lambda p: -p.stat().st_size)
    for candidate in candidates:
        if zipfile.is_zipfile(candidate):
            with np.load(candidate, allow_pickle=False) as archive:
                if {"voxels", "labels", "classes"} <= set(archive.files):
                    return candidate
    raise DataError(f"{source} holds no .npz with voxels, labels and classes to train on.")


def read(source: Path, resolution: int = 32) -> LabelledGrids:
    """Reads, pads to ``resolution``, and drops empty grids and exact duplicates.

    Args:
        source: an .npz file or a folder with one.
        resolution: side of the grids to make; smaller ones are enlarged by a whole factor where one
            fits, and padded equally on both sides.

    Raises:
        DataError: there is nothing to read, or the arrays do not belong together.
    """
    path = find_array(source)
    try:
        with np.load(path, allow_pickle=False) as archive:
            voxels, labels = archive["voxels"], archive["labels"].astype(np.int64)
            classes = tuple(str(name) for name in archive["classes"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} cannot be read as labelled voxels: {error}.") from error
    if voxels.ndim != 4 or len(voxels) != len(labels) or labels.max(initial=0) >= len(classes):
        raise DataError(f"{path.name}: voxels, labels and classes do not belong together.")
    finer = max(1, resolution // max(1, voxels.shape[1]))  # each cell becomes finer^3 equal ones
    margin = resolution - finer * voxels.shape[1]
    if len(set(voxels.shape[1:])) != 1 or margin < 0 or margin % 2:
        raise DataError(
            f"{path.name}: grids of {voxels.shape[1:]} cannot be padded to {resolution}^3."
        )
    pad = margin // 2
    kept: list[NDArray[np.bool_]] = []
    kept_labels: list[int] = []
    sources: list[str] = []
    digests: dict[str, str] = {}
    rejected: list[tuple[str, str]] = []
    for index, (grid, label) in enumerate(zip(voxels, labels, strict=True)):
        name = f"{path.name}#{index}"
        solid = np.pad(np.kron(grid > 0.5, np.ones((finer,) * 3, bool)), pad)
        filled = int(solid.sum())
        digest = hashlib.sha256(np.packbits(solid).tobytes()).hexdigest()
        if filled < MIN_FILLED:
            rejected.append((name, f"only {filled} filled cells"))
        elif digest in digests:
            rejected.append((name, f"same grid as {digests[digest]}"))
        else:
            digests[digest] = name
            kept.append(solid)
            kept_labels.append(int(label))
            sources.append(name)
    if not kept:
        raise DataError(f"{path.name} holds no usable shape; every grid was rejected.")
    return LabelledGrids(
        np.stack(kept),
        np.asarray(kept_labels, np.int64),
        classes,
        tuple(sources),
        tuple(digests),
        tuple(rejected),
    )
