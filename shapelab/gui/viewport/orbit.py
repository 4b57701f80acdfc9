"""Where the eye is: a turntable around a target with z up, as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

VIEW_ANGLE = 28.0  # degrees, vertical: long enough a lens that furniture keeps its proportions
HALF_TAN = math.tan(math.radians(VIEW_ANGLE / 2))
SHAPE_RADIUS = 19.0  # voxels: the ball that holds a four-poster bed, 24 long and high
NEAREST, FARTHEST = 6.0, 400.0

# azimuth 0 looks from the front (-y) to the back; elevation 90 looks down
VIEWS: dict[str, tuple[float, float]] = {
    "iso": (35.0, 24.0),
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
    """A camera on a sphere around its target, in voxels and degrees."""

    azimuth: float = VIEWS["iso"][0]
    elevation: float = VIEWS["iso"][1]
    distance: float = fitting_distance(1.0)
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    orthographic: bool = False

    @property
    def axes(self) -> NDArray[np.float64]:
        """(3, 3): unit vectors to the right, up, and from the target to the eye."""
        a, e = math.radians(self.azimuth), math.radians(self.elevation)
        sa, ca, se, ce = math.sin(a), math.cos(a), math.sin(e), math.cos(e)
        return np.array([[ca, sa, 0.0], [-se * sa, se * ca, ce], [ce * sa, -ce * ca, se]])

    @property
    def position(self) -> NDArray[np.float64]:
        eye: NDArray[np.float64] = np.add(self.target, self.distance * self.axes[2])
        return eye

    @property
    def half_height(self) -> float:
        """Half of the world's height in sight at the target (the parallel scale)."""
        return self.distance * HALF_TAN

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
        moved = np.clip(np.array(self.target) + step, -24.0, 24.0)
        return replace(self, target=(float(moved[0]), float(moved[1]), float(moved[2])))

    def zoomed(self, factor: float) -> Orbit:
        """Nearer by a factor above 1, farther below 1."""
        return replace(self, distance=min(FARTHEST, max(NEAREST, self.distance / factor)))

    def seen_from(self, view: str) -> Orbit:
        """One of `VIEWS`, the target in the middle again; KeyError for another name."""
        azimuth, elevation = VIEWS[view]
        return replace(self, azimuth=azimuth, elevation=elevation, target=(0.0, 0.0, 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Numbers, a list and a bool, as JSON would give them back."""
        return {**asdict(self), "target": list(self.target)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Orbit:
        """Read back what `to_dict` gave, also after JSON.

        Raises:
            ValueError: if something is missing, no number, or not finite.
        """
        try:
            x, y, z = (float(value) for value in values["target"])
            numbers = [float(values[key]) for key in ("azimuth", "elevation", "distance")]
            orthographic = bool(values["orthographic"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a camera: {error}") from error
        if not all(map(math.isfinite, (x, y, z, *numbers))):
            raise ValueError("not a camera: a number is not finite")
        start = cls(numbers[0], 0.0, numbers[2], (x, y, z), orthographic)
        return start.turned(0.0, numbers[1]).zoomed(1.0)
