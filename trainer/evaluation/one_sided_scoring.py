"""Scores what is made of half-views: held-out shapes as one look of a depth camera has them."""

from __future__ import annotations

from itertools import chain

import numpy as np
from numpy.typing import NDArray

from shapelab.core.inputs.unseen.one_sided import AWAY, eye_at, sight_of
from shapelab.core.mesh.ray_picture import view_axes
from shapelab.core.model.fits.sight import Sight
from shapelab.core.model.wholeness import SOLID

from .measures import Findings
from .metrics import Grids, average_precision, best_median_worst, iou
from .subjects import HeldOut, Subject

LOWEST, HIGHEST = 10.0, 40.0  # degrees above the floor from which people look, or hold a camera
PIXELS = 192  # along a side of the look: finer than the cells, on slanted faces too
WIDE = 0.36  # tangent of half of its angle; all of the grid is in it
STRIDE = 0.25  # cells between two samples of a ray
REACH = 0.9  # sides of the grid from its middle to its corners


def look(solid: Grids, around: float, up: float) -> Sight:
    """What one look of a depth camera says of a shape.

    Args:
        solid: (R, R, R).
        around: degrees from the front, counter-clockwise from above, where the camera stands.
        up: degrees above the floor.
    """
    right, above, towards = view_axes(around, up)
    places = WIDE * ((np.arange(PIXELS) + 0.5) / PIXELS * 2 - 1)
    rays = places[None, :, None] * right - places[:, None, None] * above - towards
    rays = rays.reshape(-1, 3)
    side, met = len(solid), np.full(len(rays), np.nan)
    for ahead in np.arange(AWAY - REACH, AWAY + REACH, STRIDE / side):
        cells = np.floor((AWAY * towards + ahead * rays + 0.5) * side).astype(np.intp)
        within = ((cells >= 0) & (cells < side)).all(1)
        hit = np.isnan(met) & within
        hit[hit] = solid[tuple(cells[hit].T)]
        met[hit] = ahead
    seen = np.isfinite(met)
    points = AWAY * towards + met[seen, None] * rays[seen]
    return sight_of(points, np.array(eye_at(around, up)), side)


def score(subject: Subject, held: HeldOut, chosen: NDArray[np.int64], found: Findings) -> None:
    """Adds the scores of the plain fit to what was seen, and of its completion as the app has it.

    Args:
        subject: what is scored.
        held: the held-out shapes.
        chosen: places in ``held.rows`` of those that are looked at, each from one place.
        found: where the figures go.
    """
    model, rows = subject.model, held.rows[chosen]
    names, sources, truth = held.names(rows), held.sources(rows), held.solid(rows)
    looks, plain, completed = [], [], []
    for row, solid in zip(rows.tolist(), truth, strict=True):
        found.check()
        rng = np.random.default_rng([row, 1])
        sight = look(solid, rng.uniform(0, 360), rng.uniform(LOWEST, HIGHEST))
        latent, _ = model.complete([sight], lambda _latents: found.check())
        looks.append(sight)
        plain.append(model.decode(model.encode_voxels(sight.seen)))
        completed.append(model.decode(latent))
        found.tell("half-views", len(looks), len(rows))
    made = {"plain": np.stack(plain), "completed": np.stack(completed)}
    scores = {name: iou(each > SOLID, truth) for name, each in made.items()}
    for name, each in made.items():
        found.add(f"half_view_{name}_iou", scores[name], names, sources)
        found.add(f"half_view_{name}_ap", average_precision(each, truth), names, sources)
    for name in dict.fromkeys(names.tolist()) if found.draws else ():
        own = np.flatnonzero(names == name)
        picks = best_median_worst(own, scores["completed"])
        both = zip(scores["plain"][picks], scores["completed"][picks], strict=True)
        marks = ", ".join(f"{before:.2f} to {after:.2f}" for before, after in both)
        title = (
            "Best, median and worst half-view, each: what was seen, the plain fit to that, "
            f"completed, the shape; IoU {marks}"
        )
        shown = (
            (looks[k].seen.astype(np.float32), plain[k], completed[k], truth[k].astype(np.float32))
            for k in picks
        )
        found.show(name, title, chain.from_iterable(shown))
