"""The tools of the cut-out editor: names, keys, and the step that a line drawn with one means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapelab.core.inputs.cutout_edit import Box, Brush, Lasso, Pick, Places, Step

BOX, LASSO, OBJECT, BACKGROUND, ERASER = "box", "lasso", "object", "background", "eraser"
PICK, CROP, STRAIGHTEN, HAND = "pick", "crop", "straighten", "hand"
_ASKEW = 1e-6  # sides of the picture that the ends of a level or upright line may be apart
_SMALLEST = 0.01  # sides of the picture; a smaller box is a click that was not meant


@dataclass(frozen=True)
class Tool:
    """A way to draw on the picture."""

    name: str
    title: str
    key: str
    icon: str
    hint: str  # what to do with it, shown while it is chosen


TOOLS = (
    Tool(BOX, "Box", "B", "select-box", "Draw a box round the object."),
    Tool(LASSO, "Lasso", "L", "lasso", "Draw a line round the object."),
    Tool(OBJECT, "Object brush", "O", "brush-object", "Paint what is missing of the object."),
    Tool(BACKGROUND, "Background brush", "K", "brush-background", "Paint what is no part of it."),
    Tool(ERASER, "Eraser", "E", "eraser", "Erase exactly what you paint over."),
    Tool(PICK, "Pick", "P", "pick", "Click the part that is the object; the others go."),
    Tool(CROP, "Crop", "C", "crop", "Draw a box round what shall count of the picture."),
    Tool(
        STRAIGHTEN,
        "Straighten",
        "S",
        "straighten",
        "Draw along an edge that should be level or upright.",
    ),
    Tool(HAND, "Move", "M", "hand", "Drag to move, turn the wheel to zoom."),
)
BRUSHES = (OBJECT, BACKGROUND, ERASER)
RECTANGLES = (BOX, CROP)
STRETCHED = (*RECTANGLES, STRAIGHTEN)  # between where they begin and where they end
WITH_EDGES = (BOX, LASSO, OBJECT, BACKGROUND)  # those for which edges can be found or not


def step_of(tool: str, places: Places, width: float, find_edges: bool) -> Step | None:
    """What a line means that was drawn with a tool; None where it means nothing, or is a crop.

    Args:
        tool: its name.
        places: (n, 2) in sides of the picture as it was read; of a box two opposite corners, or all
            four one after the other, which in a tilted picture are askew.
        width: of a brush, in the same unit.
        find_edges: whether GrabCut goes on from what was drawn.
    """
    line = tuple((float(x), float(y)) for x, y in places)
    if tool in BRUSHES:
        return Brush(line, width, tool == OBJECT, find_edges and tool != ERASER)
    if tool == PICK:
        return Pick(*line[-1])
    low, size = places.min(0), np.ptp(places, axis=0)
    if size.min() < _SMALLEST:
        return None
    sides = np.abs(np.diff(places, axis=0)).min(1)
    if tool == BOX and (len(sides) == 1 or sides.max() < _ASKEW):
        (x, y), (width, height) = low.tolist(), size.tolist()
        return Box(x, y, width, height, find_edges)
    return Lasso(line, find_edges) if tool in (LASSO, BOX) else None


def crop_of(places: Places) -> tuple[float, float, float, float] | None:
    """The crop that holds corners (n, 2) in sides of the picture; None where it is a click."""
    low, size = places.min(0), np.ptp(places, axis=0)
    if size.min() < _SMALLEST:
        return None
    return float(low[0]), float(low[1]), float(size[0]), float(size[1])
