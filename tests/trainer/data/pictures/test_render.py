"""Pictures of shapes: framed, random but repeatable, of any mesh; and those a source has itself."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shapelab.core.errors import InputError
from shapelab.core.mesh.tri_mesh import TriMesh
from trainer.data.pictures import render
from trainer.data.pictures.picture_cameras import draw_shots
from trainer.data.pictures.render import own_views, render_views, shape_mesh
from trainer.data.sources import guarded_loading

BOX = TriMesh(
    np.array(np.meshgrid([-6, 6], [-4, 4], [-9, 9], indexing="ij"), np.float32).reshape(3, -1).T
    / np.float32(32),
    np.array(
        [
            *([0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1]),
            *([2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]),
        ],
        np.int32,
    ),
)


@pytest.fixture(scope="module", autouse=True)
def window_closed():
    yield
    render.close()
    guarded_loading.close()


BOX_GRID = np.zeros((32,) * 3, bool)
BOX_GRID[10:22, 12:20, 7:25] = True


def pictures(
    mesh: TriMesh, views: int, size: int, seed: int, grid: np.ndarray = BOX_GRID
) -> np.ndarray:
    return render_views(mesh, grid, draw_shots(seed, views), size)


def chair(resolution: int = 32) -> np.ndarray:
    grid = np.zeros((32,) * 3, bool)
    grid[8:24, 6:26, 10:14] = True
    grid[8:24, 22:26, 14:28] = True
    for x, y in ((8, 6), (8, 22), (20, 6), (20, 22)):
        grid[x : x + 4, y : y + 4, 4:10] = True
    return np.kron(grid, np.ones((resolution // 32,) * 3, bool))


def extents(view: np.ndarray) -> tuple[int, int]:
    mask = view[..., 3] > 128
    return tuple(int(np.ptp(np.flatnonzero(mask.any(axis)))) + 1 for axis in (0, 1))


@pytest.mark.gl
class TestRenderViews:
    @pytest.mark.parametrize("size", [32, 64, 128])
    def test_pictures_are_framed_and_all_differ(self, size):
        views = pictures(BOX, 6, size, seed=3)
        assert views.shape == (6, size, size, 4)
        assert views.dtype == np.uint8
        for view in views:
            assert abs(max(extents(view)) - 0.85 * size) <= 2
            rows, columns = np.nonzero(view[..., 3] > 128)
            middle = [(axis.min() + axis.max() + 1) / 2 for axis in (rows, columns)]
            assert np.allclose(middle, size / 2, atol=1)
        assert len({view.tobytes() for view in views}) == 6

    def test_same_seed_same_pictures_whatever_was_drawn_between(self):
        mesh = shape_mesh(chair())
        first = pictures(mesh, 3, 64, seed=5)
        other = pictures(BOX, 2, 96, seed=5)
        assert np.array_equal(pictures(mesh, 3, 64, seed=5), first)
        assert np.array_equal(pictures(BOX, 2, 96, seed=5), other)
        assert not np.array_equal(pictures(mesh, 3, 64, seed=6), first)

    def test_more_views_begin_with_the_same_ones(self):
        assert np.array_equal(pictures(BOX, 5, 64, 1)[:2], pictures(BOX, 2, 64, 1))

    def test_a_finer_grid_is_seen_from_as_far(self):
        coarse, fine = (
            pictures(shape_mesh(chair(side)), 4, 64, 2, chair(side))[..., 3] > 128
            for side in (32, 64)
        )
        iou = (coarse & fine).sum((1, 2)) / (coarse | fine).sum((1, 2))
        assert iou.min() > 0.93  # smoothing rounds the coarse one more

    def test_a_long_thin_mesh_is_neither_cut_off_nor_blurred(self):
        thin = TriMesh(BOX.vertices * np.float32([0.05, 0.05, 1.7]), BOX.faces)
        for view in pictures(thin, 4, 64, 0):
            assert abs(max(extents(view)) - 0.85 * 64) <= 2
            edge = (view[..., 3] > 0) & (view[..., 3] < 255)
            assert edge.any()  # smooth, as the outline was drawn finer

    def test_up_is_up(self):
        """A pyramid with its point up: the widest row lies below the narrowest."""
        flat = BOX.vertices.copy()
        flat[flat[:, 2] > 0, :2] *= 0.1
        for view in pictures(TriMesh(flat, BOX.faces), 6, 64, 4):
            widths = (view[..., 3] > 128).sum(1)
            rows = np.flatnonzero(widths)
            quarter = len(rows) // 4
            assert widths[rows[:quarter]].mean() < 0.6 * widths[rows[-quarter:]].mean()

    def test_light_and_colour_vary_between_views(self):
        views = pictures(BOX, 12, 64, 9).astype(float)
        mean = [view[view[..., 3] == 255][:, :3].mean(0) for view in views]
        assert np.std(mean, axis=0).min() > 15
        assert all(np.std(view[view[..., 3] == 255][:, :3]) > 3 for view in views)

    @pytest.mark.parametrize("split", [False, True])
    def test_a_pixel_meets_its_face_where_the_face_is(self, split):
        """Points lie on the box, their normals are its faces', also where they are smooth."""
        mesh = BOX
        if split:  # as files of flat shaded meshes have it
            mesh = TriMesh(BOX.vertices[BOX.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3))
        faces, studio = render.Faces(mesh), render._studio()
        studio.place(mesh, 64)
        for shot in draw_shots(3, 4).shots:
            numbers, rays = studio.seen(shot.camera)
            rows, columns = np.nonzero(numbers >= 0)
            seen = numbers[rows, columns]
            assert len(np.unique(seen)) > 2
            points, normals, towards = faces.met(seen, rays, rows, columns)
            half = np.array([6, 4, 9]) / 32
            assert (np.abs(points) < half + 1e-4).all()
            assert np.allclose(np.abs(points / half).max(1), 1, atol=1e-3)
            axis = np.abs(points / half).argmax(1)
            outwards = np.eye(3)[axis] * np.sign(points)
            assert ((normals * outwards).sum(1) > 0.999).mean() > 0.99  # edges may go either way
            assert (((rays.eye - points) * towards).sum(1) > 0).all()
        studio.leave()

    def test_fine_ball_is_smooth_without_normals_of_its_own(self):
        """Between flat faces of a ball the normals point away from its middle."""
        mesh = shape_mesh(np.linalg.norm(np.indices((32,) * 3) - 15.5, axis=0) < 11)
        ball = TriMesh(mesh.vertices, mesh.faces)
        faces, studio = render.Faces(ball), render._studio()
        studio.place(ball, 64)
        numbers, rays = studio.seen(draw_shots(3, 1).shots[0].camera)
        studio.leave()
        rows, columns = np.nonzero(numbers >= 0)
        points, smooth, _ = faces.met(numbers[rows, columns], rays, rows, columns)
        flat = faces._normals[numbers[rows, columns]]
        away = points / np.linalg.norm(points, axis=1, keepdims=True)
        bent = [np.rad2deg(np.arccos(np.clip((n * away).sum(1), -1, 1))) for n in (flat, smooth)]
        assert np.median(bent[1]) < 0.8 * np.median(bent[0])

    def test_transparent_pixels_hold_no_colour(self):
        views = pictures(BOX, 2, 64, 0)
        assert not views[views[..., 3] == 0].any()

    def test_threads_share_the_window(self):
        before = pictures(BOX, 2, 32, 7)
        with ThreadPoolExecutor(2) as pool:
            for views in pool.map(lambda _: pictures(BOX, 2, 32, 7), range(4)):
                assert np.array_equal(views, before)
        assert np.array_equal(pictures(BOX, 2, 32, 7), before)

    def test_a_closed_window_opens_again(self):
        before = pictures(BOX, 1, 32, 7)
        render.close()
        render.close()
        assert np.array_equal(pictures(BOX, 1, 32, 7), before)

    def test_no_view_is_an_empty_array(self):
        assert pictures(BOX, 0, 48, 0).shape == (0, 48, 48, 4)

    def test_a_mesh_without_triangles_is_one_sentence(self):
        with pytest.raises(InputError, match="no surface to draw"):
            pictures(TriMesh(np.zeros((3, 3), np.float32)), 1, 32, 0)
        assert pictures(BOX, 1, 32, 0).any()  # and the window still serves


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux draws without X")
@pytest.mark.gl
def test_draws_without_an_x_server_and_in_silence(tmp_path):
    np.savez(tmp_path / "box.npz", vertices=BOX.vertices, faces=BOX.faces)
    code = (
        "import sys, numpy as np\n"
        "from shapelab.core.mesh.tri_mesh import TriMesh\n"
        "from trainer.data.pictures.picture_cameras import draw_shots\n"
        "from trainer.data.pictures.render import render_views\n"
        "box = np.load(sys.argv[1] + '/box.npz')\n"
        "mesh = TriMesh(box['vertices'], box['faces'])\n"
        "views = render_views(mesh, np.zeros((32,) * 3, bool), draw_shots(1, 2), 64)\n"
        "np.save(sys.argv[1] + '/views.npy', views)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    here = pictures(BOX, 2, 64, 1, np.zeros((32,) * 3, bool)).astype(int)
    assert np.abs(np.load(tmp_path / "views.npy") - here).mean() < 1


class TestOwnViews:
    def picture(self, path: Path, alpha: bool) -> Path:
        rgba = np.full((90, 120, 4), 240, np.uint8)
        rgba[..., 3] = 0 if alpha else 255
        rgba[20:70, 30:90] = (180, 40, 30, 255)
        Image.fromarray(rgba if alpha else rgba[..., :3]).save(path)
        return path

    def test_true_alpha_and_a_plain_photo_are_both_cut_out_and_framed(self, tmp_path):
        paths = [self.picture(tmp_path / f"{alpha}.png", alpha) for alpha in (True, False)]
        views = own_views(paths, 64)
        assert views.shape == (2, 64, 64, 4)
        for view in views:
            assert extents(view)[0] == pytest.approx(54, abs=2)
            assert extents(view)[1] == pytest.approx(45, abs=2)
            assert np.allclose(view[32, 32], (180, 40, 30, 255), atol=3)

    def test_no_picture_is_an_empty_array(self):
        assert own_views([], 48).shape == (0, 48, 48, 4)

    def test_a_broken_picture_is_named(self, tmp_path):
        good = self.picture(tmp_path / "good.png", True)
        bad = tmp_path / "bad.png"
        bad.write_bytes(good.read_bytes()[:200])
        with pytest.raises(InputError, match=r"bad\.png: .* damaged"):
            own_views([good, bad], 64)

    def test_a_missing_picture_is_named(self, tmp_path):
        with pytest.raises(InputError, match=r"07\.png: There is no file"):
            own_views([tmp_path / "07.png"], 64)

    def test_a_shape_is_no_picture(self, tmp_path):
        np.save(tmp_path / "a.npy", np.ones((4, 4, 4)))
        with pytest.raises(InputError, match=r"'a\.npy' is a shape; a picture is wanted"):
            own_views([tmp_path / "a.npy"], 64)

    def test_r2n2_pictures_keep_their_alpha(self, shared_data):
        folder = next(shared_data.glob("shapenet_r2n2_sample/ShapeNetRendering/*/*/rendering"))
        paths = sorted(folder.glob("*.png"))[:4]
        views = own_views(paths, 64)
        assert views.shape == (4, 64, 64, 4)
        for path, view in zip(paths, views, strict=True):
            alpha = np.asarray(Image.open(path))[..., 3] > 128
            rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
            box = alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            seen = view[..., 3] > 128
            share = seen.sum() / (extents(view)[0] * extents(view)[1])
            assert share == pytest.approx(box.mean(), abs=0.05)
