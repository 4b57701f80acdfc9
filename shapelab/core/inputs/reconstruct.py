"""From a picture, mesh or voxel file to the shape that the model knows best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs import images, untrusted_reader, voxel_files, voxelise
from shapelab.core.inputs.cutout import NO_OBJECT
from shapelab.core.inputs.images import PreparedImage
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.latent import Array

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.model.silhouette_fit import Fit

Grid = NDArray[np.bool_]

_LEVEL = 0.5
_MARGIN = 0.02  # IoU by which a less likely up axis must win: near ties say nothing
POOR = 0.45  # IoU below which the model plainly does not know the shape
_YAWS = 4
MOST_VIEWS = 8  # pictures of one object
_NOTHING = 0.5  # how likely a picture shows no object when it is refused

# Which axis points up, the likeliest first, where a file does not say.
_UP: dict[str, str] = {".obj": "yz", ".glb": "yz", ".gltf": "yz", ".npy": "zyx", ".npz": "zyx"}
_UP |= {".mat": "xzy"}
_UP_ELSE = "zy"


@dataclass(frozen=True)
class Reconstruction:
    """What the model makes of an input."""

    latent: Array  # (latent,) float32
    occupancy: Array  # (R, R, R) float32, the probability of each cell
    source_kind: untrusted_reader.Kind
    prepared: PreparedImage | None  # of a picture, the first of several
    voxels: Grid | None  # (R, R, R), of a mesh or voxel file, in the pose that was encoded
    class_name: str  # the model's class that the latent is nearest to
    note: str  # one sentence on how it was read, for the window
    fit: Fit | None = None  # of pictures: the latent is that of its best hypothesis


@dataclass(frozen=True)
class _Pose:
    up: str
    yaw: int  # quarter turns
    grid: Grid


def reconstruct(
    model: ShapeModel,
    source: str | Path | untrusted_reader.ReadFile,
    cancel: untrusted_reader.CancelFlag | None = None,
) -> Reconstruction:
    """Encodes a picture, mesh or voxel file and decodes it again.

    Files do not say how their object stands: meshes and voxels are tried with several axes up
    and all four quarter turns, and the pose counts whose decoded shape agrees best with it.

    Args:
        model: a loaded model.
        source: a file, or what ``read_untrusted`` made of one.
        cancel: such as a ``threading.Event``; looked at while the file is read and while the shape
            is fitted.

    Raises:
        InputError: the file cannot be read or holds no usable object, or a picture shows none.
        Cancelled: ``cancel`` was set.
    """
    file = _read(source, cancel)
    content = file.content
    if isinstance(content, PreparedImage):
        return _from_pictures(model, [(content, file.name)], cancel)
    resolution = model.spec.resolution
    ups = file.up or _UP.get(file.suffix, _UP_ELSE)
    return _from_solid(model, file.kind, list(_poses(content, ups, resolution)))


def reconstruct_views(
    model: ShapeModel,
    sources: Sequence[str | Path | untrusted_reader.ReadFile],
    cancel: untrusted_reader.CancelFlag | None = None,
) -> Reconstruction:
    """One shape from several pictures of one object, each seen from a place of its own.

    Args:
        model: a loaded model.
        sources: two to ``MOST_VIEWS`` pictures, as ``reconstruct`` takes them.
        cancel: as ``reconstruct`` takes it.

    Raises:
        InputError: there are too few or too many, or one of them is no picture of an object.
        Cancelled: ``cancel`` was set.
    """
    if not 2 <= len(sources) <= MOST_VIEWS:
        raise InputError(
            f"One object is made from 2 to {MOST_VIEWS} pictures together, not from {len(sources)}."
        )
    pictures = []
    for source in sources:
        file = _read(source, cancel)
        if not isinstance(file.content, PreparedImage):
            raise InputError(f"{file.name} is no picture; only pictures are fitted together.")
        pictures.append((file.content, file.name))
    return _from_pictures(model, pictures, cancel)


def _read(
    source: str | Path | untrusted_reader.ReadFile, cancel: untrusted_reader.CancelFlag | None
) -> untrusted_reader.ReadFile:
    if isinstance(source, untrusted_reader.ReadFile):
        return source
    return untrusted_reader.read_untrusted(source, cancel)


def _from_pictures(
    model: ShapeModel,
    pictures: list[tuple[PreparedImage, str]],
    cancel: untrusted_reader.CancelFlag | None,
) -> Reconstruction:
    """The shape of one object in all pictures, each with its name."""
    model.require_pictures()

    def check() -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled("The reconstruction was cancelled.")

    masks = np.stack([picture.rgba[..., 3].astype(np.float32) / 255 for picture, _ in pictures])
    seen = np.stack(
        [images.to_input(picture.rgba, model.spec, picture.scene) for picture, _ in pictures]
    )
    classes = model.picture_classes(seen) if model.spec.has_backbone else None
    if classes is not None:
        for (_, name), guess in zip(pictures, classes, strict=True):
            if guess[-1] > _NOTHING:
                raise InputError(NO_OBJECT.format(name))
    fit = model.fit_silhouettes(seen, masks, check, len(pictures))[0]
    latent = fit.best.latent
    first = pictures[0][0]
    if len(pictures) > 1:
        note = (
            f"{len(pictures)} pictures were fitted together; their silhouettes agree with the "
            f"shape to {fit.best.overlap:.0%} (IoU)."
        )
    else:
        note = {
            "alpha": "The picture's own transparency was used as its silhouette.",
            "plain background": "The plain background was removed.",
            "grabcut": "The background was guessed; a picture on plain white gives a better shape.",
        }[first.method]
    class_name = model.density.nearest_class(latent)
    occupancy = model.decode(latent)
    return Reconstruction(latent, occupancy, "picture", first, None, class_name, note, fit)


def _from_solid(
    model: ShapeModel, kind: untrusted_reader.Kind, poses: list[_Pose]
) -> Reconstruction:
    """The pose that the model reproduces best, the likelier up axis first."""
    grids = np.stack([pose.grid for pose in poses])
    latents = model.encode_voxels(grids)
    decoded = model.decode(latents)
    scores = np.array([iou(d >= _LEVEL, g) for d, g in zip(decoded, grids, strict=True)])
    best = 0
    for start in range(0, len(poses), _YAWS):
        rival = start + int(scores[start : start + _YAWS].argmax())
        if start == 0 or scores[rival] > scores[best] + _MARGIN:
            best = rival
    pose = poses[best]
    note = f"Read with its {pose.up} axis up, turned by {90 * pose.yaw}°."
    latent = latents[best]
    class_name = model.density.nearest_class(latent)
    return Reconstruction(latent, decoded[best], kind, None, pose.grid, class_name, note)


def _poses(content: TriMesh | VoxelGrid, ups: str, resolution: int) -> Iterator[_Pose]:
    """All candidate poses as solid grids, grouped by up axis."""
    for up in ups:
        if isinstance(content, TriMesh):
            standing = voxelise.solid(_mesh_upright(content, up), resolution)
        else:
            standing = _grid_upright(voxel_files.fit(content, resolution), up)
        for yaw in range(_YAWS):
            yield _Pose(up, yaw, np.ascontiguousarray(np.rot90(standing, yaw, (0, 1))))


def _mesh_upright(mesh: TriMesh, up: str) -> TriMesh:
    """The mesh with its axis ``up`` along z, by a rotation (so nothing is flipped)."""
    if up == "z":
        return mesh
    x, y, z = mesh.vertices.T
    turned = (x, -z, y) if up == "y" else (-z, y, x)
    return TriMesh(np.stack(turned, 1), mesh.faces)


def _grid_upright(grid: Grid, up: str) -> Grid:
    """The same for cells: the same rotations of the array."""
    if up == "z":
        return grid
    if up == "y":
        return grid.transpose(0, 2, 1)[:, ::-1, :]
    return grid.transpose(2, 1, 0)[::-1, :, :]


def iou(a: Grid, b: Grid) -> float:
    """The share of the cells of either that are cells of both; 1 where there are none."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
