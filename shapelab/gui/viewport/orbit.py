"""How the shape is looked at: styles, view directions, and a turntable camera as plain numbers.

Lengths are in sides of the shape's grid, whose middle is the origin, as in `meshing.surface`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shapelab.core.mesh.ray_picture import CORNER, view_axes

VIEW_ANGLE = 28.0  # degrees, vertical: long enough a lens that furniture keeps its proportions
HALF_TAN = math.tan(math.radians(VIEW_ANGLE / 2))
SHAPE_RADIUS = 19 / 32  # the ball that holds a four-poster bed, 24/32 long and high
NEAREST, FARTHEST = 0.19, 12.5
# The eye stays this far before the middle of the grid: a cube of side 1 reaches 0.87 from there.
OUTSIDE = 1.0
PAN_LIMIT = 0.75


SMOOTH, WIREFRAME, BLOCKS = STYLES = ("smooth", "wireframe", "blocks")  # how a shape is drawn
# azimuth 0 looks from the front (-y) to the back; elevation 90 looks down
VIEWS: dict[str, tuple[float, float]] = {
    "iso": CORNER,
    "front": (0.0, 0.0),
    "back": (180.0, 0.0),
    "left": (-90.0, 0.0),
    "right": (90.0, 0.0),
    "top": (0.0, 90.0),
    "bottom": (0.0, -90.0),
}


def fitting_distance(aspect: float) -> float:
    """How far away the whole shape is in sight; aspect is width / height of the window."""
    return SHAPE_RADIUS / math.sin(math.atan(HALF_TAN * min(1.0, max(aspect, 0.2))))


@dataclass(frozen=True)
class Orbit:
    """A camera on a sphere around its target; angles in degrees."""

    azimuth: float = VIEWS["iso"][0]
    elevation: float = VIEWS["iso"][1]
    distance: float = fitting_distance(1.0)
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    orthographic: bool = False

    @property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): unit vectors to the right, up, and from the target to the eye."""
        return view_axes(self.azimuth, self.elevation)

    @property
    def eye_distance(self) -> float:
        """From the target to the eye: `distance`, but never so near that the eye enters the grid.

        Nearer than that a longer lens enlarges, so that no zoom cuts a shape open.
        """
        return max(self.distance, OUTSIDE - float(self.axes[2] @ self.target))

    @property
    def position(self) -> NDArray[np.float64]:
        eye: NDArray[np.float64] = np.add(self.target, self.eye_distance * self.axes[2])
        return eye

    @property
    def view_angle(self) -> float:
        """Degrees, vertical: `VIEW_ANGLE`, or less where the eye may not come as near as asked."""
        return math.degrees(2 * math.atan(self.half_height / self.eye_distance))

    @property
    def half_height(self) -> float:
        """Half of the world's height in sight at the target (the parallel scale)."""
        return self.distance * HALF_TAN

    def ray(self, across: float, up: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From where, and which way, a place of the picture looks.

        Args:
            across: from the picture's middle to the right, in halves of its height.
            up: from its middle, in the same.
        """
        aside = self.half_height * (across * self.axes[0] + up * self.axes[1])
        if self.orthographic:
            return self.position + aside, -self.axes[2]
        return self.position, aside - self.eye_distance * self.axes[2]

    def turned(self, azimuth: float, elevation: float) -> Orbit:
        """Turned by degrees; never over the pole."""
        return replace(
            self,
            azimuth=(self.azimuth + azimuth + 180.0) % 360.0 - 180.0,
            elevation=min(90.0, max(-90.0, self.elevation + elevation)),
        )

    def panned(self, right: float, up: float) -> Orbit:
        """Target moved in the picture plane, by fractions of the visible height."""
        step = 2 * self.half_height * (right * self.axes[0] + up * self.axes[1])
        moved = np.clip(np.array(self.target) + step, -PAN_LIMIT, PAN_LIMIT)
        return replace(self, target=(float(moved[0]), float(moved[1]), float(moved[2])))

    def zoomed(self, factor: float) -> Orbit:
        """Nearer by a factor above 1, farther below 1."""
        return replace(self, distance=min(FARTHEST, max(NEAREST, self.distance / factor)))

    def seen_from(self, view: str) -> Orbit:
        """One of `VIEWS`, the target in the middle again; KeyError for another name."""
        azimuth, elevation = VIEWS[view]
        return replace(self, azimuth=azimuth, elevation=elevation, target=(0.0, 0.0, 0.0))
