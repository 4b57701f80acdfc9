"""Renders the image encoder's pictures, off screen, with random view, light and colour."""

from __future__ import annotations

import numpy as np
import pyvista as pv
from numpy.typing import NDArray

from shapelab.core.images import frame
from shapelab.core.meshing import SurfaceOptions, TriMesh, surface

RENDER_SIDE = 160  # pixels; framed down to the store's picture size


def shape_mesh(grid: NDArray[np.bool_]) -> TriMesh:
    """A smoothed surface of a solid grid, all parts kept."""
    return surface(grid.astype(np.float32), SurfaceOptions(smoothing=12, largest_part=False))


def render_views(grid: NDArray[np.bool_], views: int, size: int, seed: int) -> NDArray[np.uint8]:
    """Pictures (views, size, size, 4) RGBA of one shape, framed as dropped pictures are.

    Azimuth is uniform over the circle, elevation over 0 to 45 degrees, tilt over -5 to 5 (as the
    authors' Blender script, with a narrower tilt); field of view, lights and colour are random.
    """
    rng = np.random.default_rng(seed)
    mesh = shape_mesh(grid)
    faces = np.concatenate(
        [np.full((len(mesh.faces), 1), 3, np.int64), mesh.faces.astype(np.int64)], axis=1
    )
    plotter = pv.Plotter(off_screen=True, window_size=(RENDER_SIDE, RENDER_SIDE), lighting="none")
    # Drawn larger than stored and scaled down, which smooths edges at a third of the cost.
    plotter.render_window.SetMultiSamples(0)
    try:
        actor = plotter.add_mesh(
            pv.PolyData(mesh.vertices, faces.ravel()), smooth_shading=bool(rng.random() < 0.5)
        )
        lights = [pv.Light(light_type="scene light") for _ in range(3)]
        for light in lights:
            plotter.add_light(light)
        pictures = [_view(plotter, actor, lights, rng, size) for _ in range(views)]
    finally:
        plotter.close()
    return np.stack(pictures)


def _view(
    plotter: pv.Plotter,
    actor: pv.Actor,
    lights: list[pv.Light],
    rng: np.random.Generator,
    size: int,
) -> NDArray[np.uint8]:
    azimuth = rng.uniform(0, 2 * np.pi)
    elevation = np.deg2rad(rng.uniform(0, 45))
    angle = rng.uniform(15, 50)  # vertical field of view, degrees
    distance = 22 / np.tan(np.deg2rad(angle / 2))
    direction = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
    camera = plotter.camera
    camera.focal_point = (0.0, 0.0, 0.0)
    camera.position = tuple(direction * distance)
    camera.up = (0.0, 0.0, 1.0)
    camera.view_angle = angle
    camera.roll += rng.uniform(-5, 5)
    for light, strength in zip(lights, (0.9, 0.45, 0.25), strict=True):
        spread = rng.standard_normal(3)
        spread[2] = abs(spread[2]) + 0.3
        light.position = tuple(60 * spread / np.linalg.norm(spread))
        light.intensity = strength * rng.uniform(0.7, 1.2)
    actor.prop.color = tuple(rng.uniform(0.35, 0.95, 3))
    actor.prop.ambient = rng.uniform(0.1, 0.35)
    actor.prop.specular = rng.uniform(0, 0.3)
    plotter.reset_camera_clipping_range()
    plotter.render()  # screenshot() alone would give the frame drawn before
    picture = plotter.screenshot(return_img=True, transparent_background=True)
    return frame(np.ascontiguousarray(picture), size)
