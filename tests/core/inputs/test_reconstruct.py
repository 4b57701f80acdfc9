"""Which pose, class and note an input gets, with a model that knows one shape only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from shapelab.core.errors import Cancelled, InputError
from shapelab.core.inputs import untrusted_reader
from shapelab.core.inputs.images import NoObject, PreparedImage
from shapelab.core.inputs.picture_hints import PictureHints
from shapelab.core.inputs.point_files import PointCloud
from shapelab.core.inputs.reconstruct import (
    POOR,
    ClassGuess,
    iou,
    reconstruct,
    reconstruct_views,
    remade,
    tipped_over,
    turned_around,
    with_hypothesis,
)
from shapelab.core.inputs.scan import Scan, Stance
from shapelab.core.inputs.voxel_files import VoxelGrid
from shapelab.core.inputs.voxelise import solid
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.camera import Camera
from shapelab.core.model.shape_model import ShapeModel
from shapelab.core.model.silhouette_fit import Fit, Hypothesis
from shapelab.core.model.spec import ModelSpec
from tests.shapes import cloud_of

Turn = Callable[[np.ndarray], np.ndarray]


def seat() -> TriMesh:
    """A seat with a back and one arm, z up: no turn or flip of it looks the same."""
    parts = [((0, 0, 0), (10, 9, 5)), ((0, 7, 5), (10, 9, 12)), ((0, 0, 5), (2, 7, 8))]
    vertices, faces = [], []
    for low, high in parts:
        base = len(vertices)
        vertices += [[(low, high)[i >> a & 1][a] for a in range(3)] for i in range(8)]
        for a, b, c, d in (
            (0, 2, 3, 1),
            (4, 5, 7, 6),
            (0, 1, 5, 4),
            (2, 6, 7, 3),
            (0, 4, 6, 2),
            (1, 3, 7, 5),
        ):
            faces += [[base + a, base + b, base + c], [base + a, base + c, base + d]]
    return TriMesh(np.array(vertices, np.float32), np.array(faces, np.int32))


class OneShapeModel:
    """Knows the upright seat: gives it back exactly, and a small block for all else."""

    is_procedural = False

    def __init__(self) -> None:
        self.spec = ModelSpec(image_size=64, image_mode="LA", classes=("sofa", "table"))
        self.known = solid(seat())
        self.classes = self.spec.classes
        self.density = SimpleNamespace(
            nearest_class=lambda latent: "sofa" if latent[0] else "table",
            log_likelihoods=lambda latent: np.array([latent[0], 0.5]),
            index=self.index,
        )
        self.told: list[str | None] = []

    def index(self, name: str) -> int:
        if name not in self.classes:
            raise InputError(f"no class '{name}'")
        return self.classes.index(name)

    def require_pictures(self) -> None:
        """It sees them."""

    def encode_voxels(self, grids: np.ndarray) -> np.ndarray:
        same = [float((g & self.known).sum() / (g | self.known).sum() > 0.9) for g in grids]
        return np.array(same, np.float32)[:, None]

    def fit_voxels(self, grid: np.ndarray, check: Callable[[], None] = lambda: None) -> np.ndarray:
        check()
        return self.encode_voxels(grid[None])[0]

    def fit_silhouettes(
        self,
        image: np.ndarray,
        mask: np.ndarray,
        check: Callable[[], None],
        views: int,
        class_name: str | None,
    ) -> list[Fit]:
        self.told.append(class_name)
        assert image.shape == (views, 2, 64, 64)
        assert mask.shape[0] == views
        assert 0 <= mask.min() <= mask.max() <= 1
        check()
        cameras = (Camera(0, 0, 2, 0),) * views
        best = Hypothesis(np.ones(1, np.float32), cameras, 0.876, 1.0)
        return [Fit((best, Hypothesis(np.zeros(1, np.float32), cameras, 0.5, 2.0)), 0.5)]

    def decode(self, latents: np.ndarray) -> np.ndarray:
        block = np.zeros(self.known.shape, np.float32)
        block[14:18, 14:18, 14:18] = 1
        rows = np.atleast_2d(latents)
        decoded = np.stack([self.known.astype(np.float32) if r[0] else block for r in rows])
        return decoded[0] if latents.ndim == 1 else decoded


@pytest.fixture(scope="module")
def model() -> ShapeModel:
    return cast("ShapeModel", OneShapeModel())


def read_file(content: Any, kind: untrusted_reader.Kind, suffix: str) -> untrusted_reader.ReadFile:
    return untrusted_reader.ReadFile(kind, content, "seat" + suffix, suffix)


def lies_on(scan: Scan, solid: np.ndarray, share: float = 0.9) -> bool:
    """Whether all points of a scan lie in solid cells or next to them, and a share at the rim."""
    places = (scan.vertices.astype(np.float64) + 0.5) * len(solid)
    near = [np.clip(np.floor(places + off), 0, len(solid) - 1).astype(int) for off in (-0.6, 0.6)]
    cells = [
        solid[tuple(near[k][:, axis] for axis, k in enumerate(choice))]
        for choice in np.ndindex(2, 2, 2)
    ]
    return bool(np.any(cells, axis=0).all() and (~np.all(cells, axis=0)).mean() > share)


def yaw(points: np.ndarray, quarter: int) -> np.ndarray:
    turn = np.linalg.matrix_power(np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), quarter)
    return points @ turn.T


@pytest.mark.parametrize(("suffix", "up"), [(".xyz", "z"), (".pcd", "y")])
def test_a_cloud_is_stood_up_and_turned(model: ShapeModel, suffix: str, up: str) -> None:
    points = yaw(cloud_of(seat(), 20_000), 1)
    lying = points if up == "z" else np.stack([points[:, 0], points[:, 2], -points[:, 1]], 1)
    result = reconstruct(model, read_file(PointCloud(np.float32(lying)), "points", suffix))
    assert (result.source_kind, result.class_name) == ("points", "sofa")
    assert result.voxels is not None
    assert iou(result.voxels, model.decode(np.ones(1, np.float32)) >= 0.5) > 0.9
    assert f"{up} axis up" in result.note
    assert result.scan is not None
    assert result.scan.faces is None
    assert lies_on(result.scan, result.voxels, 0.7)  # its boxes have faces inside each other


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize(
    ("suffix", "lay"),
    [
        (".stl", lambda p: p),
        (".obj", lambda p: p),
        (".obj", lambda p: np.stack([p[:, 0], p[:, 2], -p[:, 1]], 1)),  # y up
        (".glb", lambda p: np.stack([p[:, 0], p[:, 2], -p[:, 1]], 1)),
        (".stl", lambda p: np.stack([p[:, 0], p[:, 2], -p[:, 1]], 1)),
    ],
)
def test_meshes_are_stood_up_and_turned(
    model: ShapeModel, suffix: str, lay: Turn, quarter: int
) -> None:
    mesh = seat()
    turned = TriMesh(lay(yaw(mesh.vertices, quarter)).astype(np.float32), mesh.faces)
    result = reconstruct(model, read_file(turned, "mesh", suffix))
    assert result.class_name == "sofa"
    assert result.voxels is not None
    known = solid(mesh)
    assert (result.voxels & known).sum() / (result.voxels | known).sum() > 0.95
    assert (result.occupancy == model.decode(result.latent)).all()
    assert "°" in result.note
    assert result.scan is not None  # the file's own triangles, in the same pose
    assert lies_on(result.scan, result.voxels)
    assert sorted(result.scan.size) == pytest.approx(sorted(mesh.extents))


@pytest.mark.parametrize(
    ("suffix", "lay"),
    [
        (".npy", lambda g: g),
        (".binvox", lambda g: np.rot90(g, 3, (0, 1))),
        (".npy", lambda g: g[:, ::-1, :].transpose(0, 2, 1)),  # y up
        (".mat", lambda g: g[::-1].transpose(2, 1, 0)),  # x up
    ],
)
def test_voxels_are_stood_up_and_turned(model: ShapeModel, suffix: str, lay: Turn) -> None:
    stored = np.ascontiguousarray(lay(solid(seat()))).astype(np.float32)
    result = reconstruct(model, read_file(VoxelGrid(stored, 1.0), "voxels", suffix))
    assert result.source_kind == "voxels"
    assert result.voxels is not None
    assert (result.voxels == solid(seat())).all()
    assert result.prepared is None
    assert iou(result.occupancy >= 0.5, result.voxels) == 1
    assert result.scan is not None
    assert lies_on(result.scan, result.voxels)


def test_what_was_guessed_wrongly_is_turned_and_tipped_by_hand(model: ShapeModel) -> None:
    mesh = seat()
    first = reconstruct(model, read_file(mesh, "mesh", ".stl"), stance=Stance("z", 1))
    assert (first.class_name, first.note) == ("table", "Read with its z axis up, turned by 90°.")
    back = turned_around(model, first, -1)
    assert (back.class_name, back.source_kind) == ("sofa", "mesh")
    assert back.voxels is not None
    assert (back.voxels == solid(mesh)).all()
    assert back.scan is not None
    assert lies_on(back.scan, back.voxels)
    assert back.scan.size == pytest.approx(tuple(mesh.extents))
    lying = reconstruct(model, read_file(mesh, "mesh", ".stl"), stance=Stance("y", 0))
    assert lying.class_name == "table"
    result = lying
    for _ in range(3):
        result = tipped_over(model, result)
        assert result.scan is not None
        assert result.voxels is not None
        assert lies_on(result.scan, result.voxels)
    assert result.class_name == "sofa"
    assert result.scan is not None
    assert result.scan.size == pytest.approx(tuple(mesh.extents))
    assert lying.scan is not None
    whole = tipped_over(model, result)
    assert whole.scan is not None
    assert np.allclose(whole.scan.vertices, lying.scan.vertices, atol=1e-6)


def test_another_model_makes_its_own_of_the_same(model: ShapeModel) -> None:
    found = reconstruct(model, read_file(seat(), "mesh", ".stl"))
    again = remade(model, found, "seat.stl")
    assert (again.class_name, again.note, again.scan) == ("sofa", found.note, found.scan)
    assert again.voxels is not None
    assert found.voxels is not None
    assert iou(again.voxels, found.voxels) > 0.9  # of the triangles, as they stand
    plain = remade(model, replace(found, scan=None), "seat.stl")  # as of a project
    assert plain.voxels is not None
    assert (plain.voxels == found.voxels).all()
    rgba = np.full((256, 256, 4), 255, np.uint8)
    picture = read_file(PreparedImage(rgba, rgba, "alpha"), "picture", ".png")
    told = reconstruct(model, picture, hints=PictureHints(class_name="table"))
    once_more = remade(model, told, "seat.png")
    assert once_more.prepared is told.prepared
    assert once_more.told_class == "table"


def test_how_it_stands_is_not_said_of_pictures(model: ShapeModel) -> None:
    rgba = np.full((256, 256, 4), 255, np.uint8)
    file = read_file(PreparedImage(rgba, rgba, "alpha"), "picture", ".png")
    with pytest.raises(InputError, match="is a picture; how it stands is said of other files"):
        reconstruct(model, file, stance=Stance("z"))


def test_a_flipped_shape_is_another_shape(model: ShapeModel) -> None:
    mesh = seat()
    flipped = TriMesh(mesh.vertices * np.array([-1, 1, 1], np.float32), mesh.faces)
    result = reconstruct(model, read_file(flipped, "mesh", ".stl"))
    assert result.class_name == "table"
    assert result.voxels is not None
    assert iou(result.occupancy >= 0.5, result.voxels) < POOR


def test_pictures_go_through_the_image_encoder(model: ShapeModel) -> None:
    rgba = np.full((256, 256, 4), 255, np.uint8)
    picture = PreparedImage(rgba, rgba, "grabcut")
    result = reconstruct(model, read_file(picture, "picture", ".png"))
    assert result.source_kind == "picture"
    assert result.prepared is picture
    assert result.voxels is None
    assert result.latent.shape == (1,)
    assert result.occupancy.shape == (32, 32, 32)
    assert "guessed" in result.note
    assert result.fit is not None
    assert result.latent is result.fit.best.latent


def test_pictures_of_one_object_give_one_shape(model: ShapeModel) -> None:
    rgba = np.full((256, 256, 4), 255, np.uint8)
    views = [read_file(PreparedImage(rgba, rgba, "alpha"), "picture", ".png") for _ in range(9)]
    result = reconstruct_views(model, views[:3])
    assert result.latent.shape == (1,)
    assert result.fit is not None
    assert len(result.fit.best.cameras) == 3
    assert "3 pictures" in result.note
    assert "88%" in result.note
    mesh = read_file(seat(), "mesh", ".stl")
    for wrong, words in (
        (views[:1], "not from 1"),
        (views, "not from 9"),
        ([*views[:1], mesh], "seat.stl is no picture"),
    ):
        with pytest.raises(InputError, match=words):
            reconstruct_views(model, wrong)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        reconstruct_views(model, views[:2], stop)


def test_a_picture_may_be_told_its_class_and_be_another_shape_of_its_fit() -> None:
    rgba = np.full((256, 256, 4), 255, np.uint8)
    file = read_file(PreparedImage(rgba, rgba, "grabcut"), "picture", ".png")
    fake = OneShapeModel()
    model = cast("ShapeModel", fake)
    guessed = reconstruct(model, file)
    assert guessed.guesses == (ClassGuess("sofa", None), ClassGuess("table", None))
    assert (guessed.class_name, guessed.told_class, guessed.chosen) == ("sofa", None, 0)
    told = reconstruct(model, file, hints=PictureHints(class_name="table"))
    assert (told.class_name, told.told_class) == ("table", "table")
    assert fake.told == [None, "table"]
    other = with_hypothesis(model, guessed, 1)
    assert other.fit is not None
    assert other.hypothesis is other.fit.hypotheses[1]
    assert (other.class_name, other.latent.tolist()) == ("table", [0])
    assert (other.occupancy == model.decode(other.latent)).all()
    assert with_hypothesis(model, other, 0).class_name == "sofa"
    with pytest.raises(InputError, match="no class 'boat'"):
        reconstruct(model, file, hints=PictureHints(class_name="boat"))


def test_hints_are_of_pictures_alone(model: ShapeModel) -> None:
    with pytest.raises(InputError, match=r"seat.stl is no picture; mask, box, strokes and class"):
        reconstruct(model, read_file(seat(), "mesh", ".stl"), hints=PictureHints(box=(0, 0, 1, 1)))


def test_a_box_finds_what_the_reader_did_not(model: ShapeModel, tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    Image.new("RGB", (1000, 500), (90, 120, 90)).save(path)
    with pytest.raises(NoObject, match=r"wall.png: No object found .* draw a box") as refused:
        reconstruct(model, path)
    assert refused.value.picture is not None
    assert refused.value.picture.full_size == (1000, 500)
    boxed = reconstruct(model, path, hints=PictureHints(box=(100, 100, 200, 300)))
    assert boxed.prepared is not None
    assert (boxed.prepared.method, boxed.note) == ("corrected", "It was cut out by hand.")
    with pytest.raises(InputError, match=r"1000 100 200 300 .* lies beside .* 1000 × 500 pixels"):
        reconstruct(model, path, hints=PictureHints(box=(1000, 100, 200, 300)))


def test_a_mask_says_what_the_object_is(model: ShapeModel, tmp_path: Path) -> None:
    mask_path, wall = tmp_path / "mask.png", np.full((200, 400, 4), (90, 120, 90, 255), np.uint8)
    nothing = PreparedImage(
        np.zeros((64, 64, 4), np.uint8), wall, "nothing", None, wall[..., 0] * 0, (400, 200)
    )
    file = read_file(nothing, "picture", ".png")
    mask = np.zeros((100, 200), np.uint8)  # half as large
    mask[20:80, 50:80] = 255
    Image.fromarray(mask).save(mask_path)
    cut = reconstruct(model, file, hints=PictureHints(mask_path)).prepared
    assert cut is not None
    rows, columns = np.nonzero(cut.rgba[..., 3] > 127)
    assert (np.ptp(rows) + 1) / (np.ptp(columns) + 1) == pytest.approx(2, rel=0.06)
    within = reconstruct(model, file, hints=PictureHints(mask_path, (0, 0, 400, 100))).prepared
    assert within is not None
    rows, columns = np.nonzero(within.rgba[..., 3] > 127)
    assert (np.ptp(rows) + 1) / (np.ptp(columns) + 1) == pytest.approx(1, rel=0.06)
    clear = np.zeros((200, 400, 4), np.uint8)
    clear[40:160, 100:160, 3] = 255
    Image.fromarray(clear).save(mask_path)
    again = reconstruct(model, file, hints=PictureHints(mask_path)).prepared
    assert again is not None
    assert iou(again.rgba[..., 3] > 127, cut.rgba[..., 3] > 127) > 0.9
    Image.new("L", (300, 300), 255).save(mask_path)
    with pytest.raises(InputError, match=r"mask.png has 300 × 300 pixels and the picture 400 × 20"):
        reconstruct(model, file, hints=PictureHints(mask_path))
    with pytest.raises(InputError, match="no file"):
        reconstruct(model, file, hints=PictureHints(tmp_path / "none.png"))


def test_a_missing_file_is_one_sentence(model: ShapeModel) -> None:
    with pytest.raises(InputError, match="no file"):
        reconstruct(model, "nowhere.png")
