"""How a project was looked at: camera, style and the values of panels, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

#: What each number may be; odd ones of a file count as absent: no camera is worth a project.
_RANGES = {
    "azimuth": (-180.0, 180.0),
    "elevation": (-90.0, 90.0),
    "distance": (0.19, 12.5),
    "target_x": (-0.75, 0.75),
    "target_y": (-0.75, 0.75),
    "target_z": (-0.75, 0.75),
    "morph_speed": (0.25, 4.0),
    "variation_distance": (0.05, 1.0),
}
STYLES = ("smooth", "wireframe", "blocks")


@dataclass(frozen=True)
class ViewState:
    """Camera (degrees; lengths in sides of the grid), style, and what the panels are set to."""

    azimuth: float = 0.0
    elevation: float = 0.0
    distance: float = 1.0
    target_x: float = 0.0
    target_y: float = 0.0
    target_z: float = 0.0
    fitted: bool = True  # nobody zoomed: a window of another size shows the whole shape too
    orthographic: bool = False
    grid: bool = True
    axes: bool = True
    style: str = STYLES[0]
    prefer_whole: bool = True
    morph_loop: bool = False
    morph_speed: float = 1.0
    variation_distance: float = 0.35

    def to_plain(self) -> dict[str, Any]:
        """Names and values, fit for JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def view_from_plain(data: Any, usual: ViewState) -> ViewState:
    """The inverse of ``to_plain``; what is missing or odd is taken from the usual view."""
    found = data if isinstance(data, dict) else {}
    values: dict[str, Any] = {}
    for each in fields(ViewState):
        value = found.get(each.name)
        values[each.name] = value if _fits(each.name, value) else getattr(usual, each.name)
    return ViewState(**values)


def _fits(name: str, value: Any) -> bool:
    if name in _RANGES:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        lowest, highest = _RANGES[name]
        return lowest <= value <= highest  # which no NaN is
    if name == "style":
        return isinstance(value, str) and value in STYLES
    return isinstance(value, bool)
