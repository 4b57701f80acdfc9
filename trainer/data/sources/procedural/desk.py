"""Desks: with drawers, panels or legs, with or without a top part, straight or L-shaped."""

from __future__ import annotations

from dataclasses import dataclass

from .furniture import Furniture, between, count, one_of
from .legs import corners, legs
from .solids import Part, block


@dataclass(frozen=True)
class Desk(Furniture):
    """A table to sit and work at."""

    label = "desk"
    faces_x = True

    width: float = between(0.9, 2.0, "m", "width of the top")
    depth: float = between(0.5, 0.95, "m", "depth of the top")
    height: float = between(0.66, 0.86, "m", "height of the top's upper side")
    top_thickness: float = between(1.2, 2.4, "cells", "thickness of the top")
    corner: float = between(0.0, 0.35, "m", "radius of the top's corners")
    left: str = one_of("legs", "panel", "drawers", "cupboard", meaning="what carries its left side")
    right: str = one_of(
        "legs", "panel", "drawers", "cupboard", meaning="what carries its right side"
    )
    drawer_width: float = between(0.18, 0.32, "", "width of drawers, share of the desk's")
    drawers: int = count(1, 4, "drawers above each other")
    leg_thickness: float = between(1.3, 2.4, "cells", "thickness of legs and panels")
    leg_taper: float = between(0.5, 1.0, "", "thickness of a foot as a share of the leg's")
    screen: float = between(0.0, 1.0, "", "how far a panel hangs down behind, share of the height")
    wing: str = one_of("none", "none", "none", "left", "right", meaning="a second top at an angle")
    wing_length: float = between(0.3, 0.8, "m", "how far that comes forward")
    hutch: str = one_of(
        "none", "none", "shelf", "cubes", "screen", meaning="what stands on the top"
    )
    hutch_height: float = between(0.2, 0.65, "m", "height of that")

    @property
    def longest(self) -> float:
        deep = self.depth + (self.wing_length if self.wing != "none" else 0.0)
        tall = self.height + (self.hutch_height if self.hutch != "none" else 0.0)
        return max(self.width, deep, tall)

    def parts(self) -> list[Part]:
        x, rear = self.width / 2, self.depth / 2
        thick = self.top_thickness * self.cell
        low = self.height - thick
        inner = low + 0.5 * thick
        corner = min(self.corner, 0.45 * self.depth)
        made = [
            block((-x, -rear, low), (x, rear, self.height), corner=corner, edge=0.2 * thick),
            *self._side(self.left, -1, inner),
            *self._side(self.right, 1, inner),
            *self._hutch(),
            *self._wing(low),
        ]
        drop = self.screen * low
        if drop > self.cell:
            inset = 0.6 * corner
            y = rear - inset - 0.5 * self.leg_thickness * self.cell
            made.append(block((-x + inset, y - 1.1 * self.cell, low - drop), (x - inset, y, inner)))
        return made

    def _side(self, style: str, side: int, top: float) -> list[Part]:
        x, rear, thick = self.width / 2, self.depth / 2, self.leg_thickness * self.cell
        inset = thick * 0.2 + 0.3 * min(self.corner, 0.45 * self.depth)
        outer, front, back = side * (x - inset), -rear + inset, rear - inset
        if style == "legs":
            places = [(outer - side * thick / 2, y) for y in (front + thick / 2, back - thick / 2)]
            return legs(places, top, thick, self.leg_taper, square=True)
        wide = thick if style == "panel" else max(self.drawer_width * self.width, 3 * self.cell)
        a, b = sorted((outer, outer - side * wide))
        if style == "panel":
            return [block((a, front, 0.0), (b, back, top))]
        low = 0.0 if style == "cupboard" else 1.5 * self.cell
        made = [block((a, front + 0.8 * self.cell, low), (b, back, top))]
        if low:
            places = [
                (p + (a + b) / 2, q + (front + back) / 2)
                for p, q in corners(b - a - thick, back - front - 2 * thick)
            ]
            made += legs(places, low + 0.02, thick, square=True)
        number = self.drawers if style == "drawers" else 1
        step = (top - low) / number
        gap = 0.45 * self.cell
        made += [
            block(
                (a + gap, front - 0.2 * self.cell, low + step * k + gap),
                (b - gap, front + self.cell, low + step * (k + 1) - gap),
            )
            for k in range(number)
        ]
        return made

    def _hutch(self) -> list[Part]:
        if self.hutch == "none":
            return []
        x = 0.9 * self.width / 2 - 0.3 * self.corner
        rear = self.depth / 2 - 0.3 * self.corner
        low, top, thick = self.height - 0.02, self.height + self.hutch_height, 1.2 * self.cell
        panel = block((-x, rear - thick, low), (x, rear, top))
        if self.hutch == "screen":
            return [panel]
        front = rear - 0.38 * self.depth
        number = 3 if self.hutch == "cubes" else 1
        walls = [
            block(
                (-x + (2 * x - thick) * k / number, front, low),
                (-x + (2 * x - thick) * k / number + thick, rear, top),
            )
            for k in range(number + 1)
        ]
        return [panel, *walls, block((-x, front, top - thick), (x, rear, top))]

    def _wing(self, low: float) -> list[Part]:
        if self.wing == "none":
            return []
        side = -1 if self.wing == "left" else 1
        x, thick = self.width / 2, self.leg_thickness * self.cell
        a, b = sorted((side * x, side * (x - 0.32 * self.width)))
        front = -self.depth / 2 - self.wing_length
        return [
            block((a, front, low), (b, 0.0, self.height)),
            *legs(
                [(a + thick / 2, front + thick / 2), (b - thick / 2, front + thick / 2)],
                low + 0.02,
                thick,
                self.leg_taper,
                square=True,
            ),
        ]
