"""From a picture, mesh, voxel file or point cloud to the shape that the model knows best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs import cloud_solid, images, untrusted_reader, voxel_files, voxelise
from shapelab.core.inputs.cutout import NO_OBJECT
from shapelab.core.inputs.depth.depth_object import UNSAID, Shot, object_in
from shapelab.core.inputs.depth.depth_picture import KINDS, DepthPicture
from shapelab.core.inputs.images import NoObject, PreparedImage
from shapelab.core.inputs.picture_hints import PictureHints
from shapelab.core.inputs.point_files import PointCloud
from shapelab.core.inputs.scan import (
    Content,
    Scan,
    Stance,
    scan_of,
    tipped,
    turned_by,
    upright,
)
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.latent import Array

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.model.silhouette_fit import Fit, Hypothesis

Grid = NDArray[np.bool_]

_LEVEL = 0.5
_MARGIN = 0.02  # IoU by which a less likely up axis must win: near ties say nothing
POOR = 0.45  # IoU below which the model plainly does not know the shape
_YAWS = 4
MOST_VIEWS = 8  # pictures of one object
_NOTHING = 0.5  # how likely a picture shows no object when it is refused
NO_HINTS = PictureHints()
GUESSED = Stance()

# Which axis points up, the likeliest first, where a file does not say.
_UP: dict[str, str] = {".obj": "yz", ".glb": "yz", ".gltf": "yz", ".npy": "zyx", ".npz": "zyx"}
_UP |= {".mat": "xzy"}
_UP_ELSE = "zy"


@dataclass(frozen=True)
class ClassGuess:
    """A class that a picture may show."""

    name: str
    share: float | None  # how likely it is, 0 to 1; None where the model has not learnt that


@dataclass(frozen=True)
class Reconstruction:
    """What the model makes of an input."""

    latent: Array  # (latent,) float32
    occupancy: Array  # (R, R, R) float32, the probability of each cell
    source_kind: untrusted_reader.Kind
    prepared: PreparedImage | None  # of a picture, the first of several
    voxels: Grid | None  # (R, R, R), of all but pictures, in the pose that was encoded
    class_name: str  # the model's class that the latent is nearest to
    note: str  # one sentence on how it was read, for the window
    fit: Fit | None = None  # of pictures: the latent is that of one of its hypotheses
    chosen: int = 0  # which one
    guesses: tuple[ClassGuess, ...] = ()  # of pictures: all classes, the likeliest first
    told_class: str | None = None  # what a person said that a picture shows
    others: tuple[PreparedImage, ...] = ()  # of several pictures: those after the first
    scan: Scan | None = None  # of all but pictures: what the file holds, in that pose
    unknown: Grid | None = None  # (R, R, R) of a completed scan: what nobody saw

    @property
    def hypothesis(self) -> Hypothesis | None:
        """The one of the fit that the latent is of."""
        return None if self.fit is None else self.fit.hypotheses[self.chosen]


@dataclass(frozen=True)
class _Pose:
    up: str
    yaw: int  # quarter turns
    grid: Grid


def reconstruct(
    model: ShapeModel,
    source: str | Path | untrusted_reader.ReadFile,
    cancel: untrusted_reader.CancelFlag | None = None,
    hints: PictureHints = NO_HINTS,
    stance: Stance = GUESSED,
    shot: Shot = UNSAID,
) -> Reconstruction:
    """Encodes a picture, mesh, voxel file or point cloud and decodes it again.

    Files do not say how their object stands: all but pictures are tried with several axes up
    and all four quarter turns, and the pose counts whose decoded shape agrees best with it.

    Args:
        model: a loaded model.
        source: a file, or what ``read_untrusted`` made of one.
        cancel: such as a ``threading.Event``; looked at while the file is read and while the shape
            is fitted.
        hints: what a picture shows, and where.
        stance: how the object of anything else stands.
        shot: how a depth picture was taken; what is found in one is not completed yet.

    Raises:
        InputError: the file cannot be read or holds no usable object, or the hints do not fit it;
            ``NoObject`` where a picture shows none.
        Cancelled: ``cancel`` was set.
    """
    if hints.class_name is not None:
        model.density.index(hints.class_name)  # one error at once
    try:
        file = _read(source, cancel, hints)
    except NoObject as error:
        if shot.lens is None:
            raise
        raise InputError(f"It is no depth picture; one has {KINDS}.") from error
    content = file.content
    if shot.lens is not None and not isinstance(content, DepthPicture):
        raise InputError(f"{file.name} is no depth picture; one has {KINDS}.")
    if isinstance(content, PreparedImage):
        if stance != GUESSED:
            raise InputError(f"{file.name} is a picture; how it stands is said of other files.")
        return _from_pictures(model, [(content, file.name)], cancel, hints.class_name)
    if isinstance(content, DepthPicture):
        return _from_depth(model, file, content, stance, shot, hints, cancel)
    if hints != NO_HINTS:
        raise InputError(
            f"{file.name} is no picture; mask, box, strokes and class are said of pictures."
        )
    resolution = model.spec.resolution
    ups = stance.up or file.up or _UP.get(file.suffix, _UP_ELSE)
    found, pose = _from_solid(
        model, file.kind, list(_poses(content, ups, resolution, stance.turns)), cancel
    )
    return replace(found, scan=scan_of(content, pose.up, pose.yaw, file.unit))


def reconstruct_views(
    model: ShapeModel,
    sources: Sequence[str | Path | untrusted_reader.ReadFile],
    cancel: untrusted_reader.CancelFlag | None = None,
    class_name: str | None = None,
) -> Reconstruction:
    """One shape from several pictures of one object, each seen from a place of its own.

    Args:
        model: a loaded model.
        sources: two to ``MOST_VIEWS`` pictures, as ``reconstruct`` takes them.
        cancel: as ``reconstruct`` takes it.
        class_name: what they show, where a person says it.

    Raises:
        InputError: there are too few or too many, or one of them is no picture of an object.
        Cancelled: ``cancel`` was set.
    """
    if not 2 <= len(sources) <= MOST_VIEWS:
        raise InputError(
            f"One object is made from 2 to {MOST_VIEWS} pictures together, not from {len(sources)}."
        )
    if class_name is not None:
        model.density.index(class_name)
    pictures = []
    for source in sources:
        file = _read(source, cancel)
        if not isinstance(file.content, PreparedImage):
            raise InputError(f"{file.name} is no picture; only pictures are fitted together.")
        pictures.append((file.content, file.name))
    return _from_pictures(model, pictures, cancel, class_name)


def remade(
    model: ShapeModel,
    result: Reconstruction,
    name: str,
    cancel: untrusted_reader.CancelFlag | None = None,
) -> Reconstruction:
    """What another model makes of the pictures or the solid that a shape came from.

    Args:
        model: the other model.
        result: of any model.
        name: of the file that it came from.
        cancel: as ``reconstruct`` takes it.

    Raises:
        InputError: the model sees no pictures, or no object in these.
        Cancelled: ``cancel`` was set.
    """
    if result.prepared is not None:
        told = result.told_class if result.told_class in model.classes else None
        pictures = [(picture, name) for picture in (result.prepared, *result.others)]
        return _from_pictures(model, pictures, cancel, told)
    assert result.voxels is not None
    scan = result.scan
    content: Content = VoxelGrid(result.voxels.astype(np.float32), 1.0)
    if scan is not None:
        points, faces = scan.vertices, scan.faces
        content = PointCloud(points) if faces is None else TriMesh(points, faces)
    poses = list(_poses(content, "z", model.spec.resolution, turns=0))
    found, _ = _from_solid(model, result.source_kind, poses, cancel)
    note = result.note if result.unknown is None else found.note  # it is completed anew, or not
    return replace(found, scan=scan, note=note)


def _read(
    source: str | Path | untrusted_reader.ReadFile,
    cancel: untrusted_reader.CancelFlag | None,
    hints: PictureHints = NO_HINTS,
) -> untrusted_reader.ReadFile:
    """The file, a picture in it cut out as the hints say."""
    if isinstance(source, untrusted_reader.ReadFile):
        file = source
    else:
        try:
            file = untrusted_reader.read_untrusted(source, cancel)
        except NoObject as error:
            if error.picture is None or not hints.cuts:
                raise
            path = Path(source)
            file = untrusted_reader.ReadFile("picture", error.picture, path.name, path.suffix)
    if hints.cuts and isinstance(file.content, PreparedImage):
        return replace(file, content=hints.applied(file.content, cancel))
    return file


def _from_pictures(
    model: ShapeModel,
    pictures: list[tuple[PreparedImage, str]],
    cancel: untrusted_reader.CancelFlag | None,
    told_class: str | None = None,
) -> Reconstruction:
    """The shape of one object in all pictures, each with its name."""
    model.require_pictures()
    for picture, name in pictures:
        if picture.method == "nothing":
            raise NoObject(NO_OBJECT.format(name), picture)
    masks = np.stack([picture.rgba[..., 3].astype(np.float32) / 255 for picture, _ in pictures])
    seen = np.stack(
        [images.to_input(picture.rgba, model.spec, picture.scene) for picture, _ in pictures]
    )
    classes = model.picture_classes(seen) if model.spec.has_backbone else None
    if classes is not None:
        for (picture, name), guess in zip(pictures, classes, strict=True):
            by_hand = picture.method == "corrected" or told_class is not None
            if guess[-1] > _NOTHING and not by_hand:
                raise NoObject(NO_OBJECT.format(name), picture)
    fit = model.fit_silhouettes(seen, masks, _checking(cancel), len(pictures), told_class)[0]
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
            "corrected": "It was cut out by hand.",
        }[first.method]
    class_name = told_class or model.density.nearest_class(latent)
    return Reconstruction(
        latent,
        model.decode(latent),
        "picture",
        first,
        None,
        class_name,
        note,
        fit,
        guesses=_guesses(model, classes, latent),
        told_class=told_class,
        others=tuple(picture for picture, _ in pictures[1:]),
    )


def _from_depth(
    model: ShapeModel,
    file: untrusted_reader.ReadFile,
    picture: DepthPicture,
    stance: Stance,
    shot: Shot,
    hints: PictureHints,
    cancel: untrusted_reader.CancelFlag | None,
) -> Reconstruction:
    """The shape of the object in a depth picture, as if it had been seen from all sides."""
    if stance.up:
        raise InputError(f"{file.name} is a depth picture, which has its up axis from its camera.")
    try:
        found = object_in(picture, hints.told(picture, shot, cancel))
    except Cancelled:
        raise
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from error
    cloud = PointCloud(found.points)
    turns = 0 if shot.angles is not None and stance.turns is None else stance.turns
    poses = list(_poses(cloud, "z", model.spec.resolution, turns))
    made, pose = _from_solid(model, file.kind, poses, cancel)
    scan = scan_of(cloud, "z", pose.yaw, file.unit, found)
    return replace(made, scan=scan, note=found.words)


def _guesses(model: ShapeModel, shares: Array | None, latent: Array) -> tuple[ClassGuess, ...]:
    """All classes by how likely pictures (n, classes + 1) show them, else by their shape."""
    if shares is None:
        order = np.argsort(-model.density.log_likelihoods(latent))
        return tuple(ClassGuess(model.classes[k], None) for k in order)
    objects = shares[:, :-1].mean(0)
    objects = objects / max(float(objects.sum()), 1e-9)
    return tuple(ClassGuess(model.classes[k], float(objects[k])) for k in np.argsort(-objects))


def with_hypothesis(model: ShapeModel, result: Reconstruction, chosen: int) -> Reconstruction:
    """A reconstruction of pictures that goes on with another hypothesis of its fit."""
    assert result.fit is not None
    latent = result.fit.hypotheses[chosen].latent
    class_name = result.told_class or model.density.nearest_class(latent)
    return replace(
        result,
        latent=latent,
        occupancy=model.decode(latent),
        class_name=class_name,
        chosen=chosen,
    )


def tipped_over(model: ShapeModel, result: Reconstruction) -> Reconstruction:
    """A mesh, voxel file or point cloud tipped forward by a quarter: its back is up then."""
    scan = None if result.scan is None else tipped(result.scan)
    assert result.voxels is not None
    return _posed(model, result, scan, _grid_upright(result.voxels, "y"))


def turned_around(model: ShapeModel, result: Reconstruction, quarter_turns: int) -> Reconstruction:
    """A mesh, voxel file or point cloud turned, counter-clockwise from above."""
    scan = None if result.scan is None else turned_by(result.scan, quarter_turns)
    assert result.voxels is not None
    return _posed(model, result, scan, np.rot90(result.voxels, quarter_turns, (0, 1)))


def _posed(
    model: ShapeModel, result: Reconstruction, scan: Scan | None, voxels: Grid
) -> Reconstruction:
    grid = np.ascontiguousarray(voxels)
    latent = model.fit_voxels(grid)
    return replace(
        result,
        latent=latent,
        occupancy=model.decode(latent),
        voxels=grid,
        class_name=model.density.nearest_class(latent),
        note="It was stood up and turned by hand.",
        scan=scan,
        unknown=None,
    )


def _checking(cancel: untrusted_reader.CancelFlag | None) -> Callable[[], None]:
    def check() -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled("The reconstruction was cancelled.")

    return check


def _from_solid(
    model: ShapeModel,
    kind: untrusted_reader.Kind,
    poses: list[_Pose],
    cancel: untrusted_reader.CancelFlag | None,
) -> tuple[Reconstruction, _Pose]:
    """The pose that the model reproduces best, the likelier up axis first."""
    grids = np.stack([pose.grid for pose in poses])
    latents = model.encode_voxels(grids)
    decoded = model.decode(latents)
    scores = np.array([iou(d >= _LEVEL, g) for d, g in zip(decoded, grids, strict=True)])
    best = 0
    yaws = len(poses) // len({pose.up for pose in poses})
    for start in range(0, len(poses), yaws):
        rival = start + int(scores[start : start + yaws].argmax())
        if start == 0 or scores[rival] > scores[best] + _MARGIN:
            best = rival
    pose = poses[best]
    note = f"Read with its {pose.up} axis up, turned by {90 * pose.yaw}°."
    latent, occupancy = latents[best], decoded[best]
    if model.is_procedural:  # there, encoding only says where a search begins
        latent = model.fit_voxels(pose.grid, _checking(cancel))
        occupancy = model.decode(latent)
    class_name = model.density.nearest_class(latent)
    return Reconstruction(latent, occupancy, kind, None, pose.grid, class_name, note), pose


def _poses(
    content: Content, ups: str, resolution: int, turns: int | None = None
) -> Iterator[_Pose]:
    """All candidate poses as solid grids, grouped by up axis; of so many turns, if that is said."""
    held = cloud_solid.spread(content.points) if isinstance(content, PointCloud) else content
    for up in ups:
        if isinstance(held, TriMesh):
            turned = TriMesh(upright(held.vertices, up), held.faces)
            standing = voxelise.solid(turned, resolution)
        elif isinstance(held, VoxelGrid):
            standing = _grid_upright(voxel_files.fit(held, resolution), up)
        else:
            standing = cloud_solid.solid(replace(held, kept=upright(held.kept, up)), resolution)
        for yaw in range(_YAWS) if turns is None else (turns,):
            yield _Pose(up, yaw, np.ascontiguousarray(np.rot90(standing, yaw, (0, 1))))


def _grid_upright(grid: Grid, up: str) -> Grid:
    """A grid with its axis ``up`` along z: the rotations of ``scan.upright``."""
    if up == "z":
        return grid
    if up == "y":
        return grid.transpose(0, 2, 1)[:, ::-1, :]
    return grid.transpose(2, 1, 0)[::-1, :, :]


def iou(a: Grid, b: Grid) -> float:
    """The share of the cells of either that are cells of both; 1 where there are none."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
