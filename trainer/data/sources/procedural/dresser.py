"""Dressers: chests of drawers, with or without a mirror."""

from __future__ import annotations

from dataclasses import dataclass

from .furniture import Furniture, between, count, one_of
from .legs import corners, legs
from .solids import Part, block


@dataclass(frozen=True)
class Dresser(Furniture):
    """A case of drawers."""

    label = "dresser"
    faces_x = True

    width: float = between(0.5, 1.8, "m", "between the outer sides")
    height: float = between(0.5, 1.4, "m", "from the floor to the top")
    depth: float = between(0.36, 0.65, "m", "depth of the case")
    rows: int = count(1, 5, "drawers above each other")
    columns: int = count(1, 3, "drawers beside each other")
    fronts: str = one_of("raised", "recessed", "open top", meaning="how the drawers stand")
    relief: float = between(0.8, 1.6, "cells", "how far drawers stand out of or behind the case")
    gap: float = between(1.1, 1.8, "cells", "width between drawers")
    handle: str = one_of("none", "knob", "bar", meaning="what the drawers are pulled by")
    foot: float = between(0.04, 0.35, "", "share of the height below the case")
    foot_style: str = one_of("legs", "legs", "plinth", "skids", meaning="what it stands on")
    leg_thickness: float = between(1.3, 2.8, "cells", "thickness of a leg at the case")
    leg_taper: float = between(0.5, 1.0, "", "thickness of a foot as a share of the leg's")
    leg_splay: float = between(0.0, 0.15, "", "how far the feet stand outside")
    crown: float = between(0.0, 2.0, "cells", "how far the top stands out")
    corner: float = between(0.0, 0.5, "", "roundness of the case seen from above")
    mirror: str = one_of(
        "none", "none", "none", "square", "round", "rail", meaning="what stands on the top"
    )
    mirror_height: float = between(0.2, 0.6, "m", "height of that")

    @property
    def longest(self) -> float:
        share = {"none": 0.0, "rail": 0.4}.get(self.mirror, 1.0)
        return 1.05 * max(self.width, self.height + share * self.mirror_height)

    def parts(self) -> list[Part]:
        x, rear = self.width / 2, self.depth / 2
        low = self.foot * self.height if self.foot * self.height > self.cell else 0.0
        corner = self.corner * self.depth
        made = [
            *self._case(low, corner),
            *self._feet(low, corner),
            *self._mirror(),
        ]
        c = self.crown * self.cell
        if c > 0.5 * self.cell:
            made.append(
                block(
                    (-x - c, -rear - c, self.height - 1.3 * self.cell),
                    (x + c, rear, self.height),
                    corner=corner,
                )
            )
        return made

    def _case(self, low: float, corner: float) -> list[Part]:
        x, rear, relief = self.width / 2, self.depth / 2, self.relief * self.cell
        top, edge, gap = self.height, 1.3 * self.cell, self.gap * self.cell
        rows = max(1, min(self.rows, int((top - low - edge) / (gap + 2 * self.cell))))
        columns = max(1, min(self.columns, int((self.width - edge) / (gap + 2.5 * self.cell))))
        step_x, step_z = (2 * x - edge) / columns, (top - low - edge) / rows
        front = -rear + (0.0 if self.fronts == "raised" else relief)
        face = -rear - relief if self.fronts == "raised" else front - 0.4 * relief
        made = [block((-x, front, low), (x, rear, top), corner=corner)]
        if self.fronts != "raised":  # a frame in front of the case, the drawers behind it
            rails = [low + step_z * k for k in range(rows + 1)]
            posts = [-x + step_x * k for k in range(columns + 1)]
            made += [block((-x, -rear, z), (x, front + self.cell, z + edge)) for z in rails]
            made += [block((p, -rear, low), (p + edge, front + self.cell, top)) for p in posts]
        for row in range(rows):
            if self.fronts == "open top" and row == rows - 1 and rows > 1:
                continue
            for column in range(columns):
                a = -x + edge / 2 + step_x * column + gap / 2
                z = low + edge / 2 + step_z * row + gap / 2
                b, t = a + step_x - gap, z + step_z - gap
                made.append(block((a, face, z), (b, front + self.cell, t)))
                made += self._handle((a + b) / 2, face, (z + t) / 2, b - a)
        return made

    def _handle(self, x: float, y: float, z: float, wide: float) -> list[Part]:
        half = {"none": 0.0, "knob": 0.6 * self.cell, "bar": 0.3 * wide}[self.handle]
        if not half:
            return []
        deep = 1.1 * self.cell + (self.relief * self.cell if self.fronts == "recessed" else 0.0)
        return [
            block(
                (x - half, y - deep, z - 0.6 * self.cell), (x + half, y + 0.02, z + 0.6 * self.cell)
            )
        ]

    def _feet(self, low: float, corner: float) -> list[Part]:
        if not low:
            return []
        thick = self.leg_thickness * self.cell
        inset = thick + 0.6 * corner
        wide, deep = self.width - inset, self.depth - inset
        if self.foot_style == "plinth":
            return [block((-wide / 2, -deep / 2, 0), (wide / 2, deep / 2, low + 0.02))]
        if self.foot_style == "skids":
            return [
                block(
                    (s * wide / 2 - thick / 2, -deep / 2, 0),
                    (s * wide / 2 + thick / 2, deep / 2, low + 0.02),
                )
                for s in (-1, 1)
            ]
        return legs(corners(wide, deep), low + 0.02, thick, self.leg_taper, self.leg_splay)

    def _mirror(self) -> list[Part]:
        if self.mirror == "none":
            return []
        # Not farther back than where a round corner still carries it.
        x, rear = 0.4 * self.width, self.depth / 2 - 0.3 * self.corner * self.depth
        thick, top = 1.3 * self.cell, self.height + self.mirror_height
        if self.mirror == "rail":
            top = self.height + 0.4 * self.mirror_height
            x = 0.45 * self.width
        if self.mirror == "round":
            r = min(x, self.mirror_height / 2)
            foot = block(
                (-r / 2, rear - thick, self.height - 0.02), (r / 2, rear, self.height + 0.7 * r)
            )
            low = self.height + 0.2 * r
            glass = block((-r, rear - thick, low), (r, rear, low + 2 * r), corner=r, axis=1)
            return [foot, glass]
        return [block((-x, rear - thick, self.height - 0.02), (x, rear, top))]
