"""Dressers: chests of drawers, sideboards and vanities, with or without a mirror."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.cabinet import Cased
from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.legs import OnLegs
from shapelab.core.furniture.solids import Part, block, post, prism


@dataclass(frozen=True)
class Dresser(Cased, OnLegs):
    """A case of drawers, often with doors beside them."""

    label = "dresser"

    use: str = one_of("chest", "chest", "tall", "sideboard", "double", meaning="what it is for")
    size: float = between(0.0, 1.0, "", "from the narrowest of its use to the widest")
    rise: float = between(0.0, 1.0, "", "from the lowest of its use to the highest")
    depth: float = between(0.36, 0.58, "m", "depth of the case")
    rows: int = count(2, 6, "compartments above each other")
    columns: int = count(1, 4, "compartments beside each other")
    stands: str = one_of(
        "legs", "legs", "plinth", "skids", "bracket", "floor", meaning="what the case stands on"
    )
    foot_height: float = between(0.05, 0.22, "m", "height of the case above the floor")
    top_thickness: float = between(0.018, 0.04, "m", "thickness of the top")
    crown: float = between(0.0, 0.04, "m", "how far the top stands out")
    front_shape: str = one_of(
        "straight", "straight", "straight", "bow", "break", "corner", meaning="the case from above"
    )
    bow: float = between(0.04, 0.12, "m", "how far a bowed front comes forward")
    mirror: str = one_of(
        *(5 * ["none"]), "square", "round", "arch", "triple", "rail", "shelf",
        meaning="what stands on the top",
    )  # fmt: skip
    mirror_height: float = between(0.35, 0.75, "m", "height of that")
    mirror_width: float = between(0.45, 0.95, "", "its width, share of the case's")
    step: str = one_of(*(5 * ["none"]), "left", "right", meaning="a side that is lower")

    @property
    def sides(self) -> tuple[float, float]:
        """Width and height of the case's top in metres."""
        wide, tall = {
            "chest": ((0.6, 1.1), (0.7, 1.0)),
            "tall": ((0.45, 0.75), (1.0, 1.4)),
            "sideboard": ((1.2, 1.9), (0.6, 0.88)),
            "double": ((1.1, 1.6), (0.75, 0.95)),
        }[self.use]
        return wide[0] + (wide[1] - wide[0]) * self.size, tall[0] + (tall[1] - tall[0]) * self.rise

    @property
    def longest(self) -> float:
        wide, tall = self.sides
        rise = {"none": 0.0, "rail": 0.12, "shelf": 0.25}.get(self.mirror, self.mirror_height)
        return max(wide + 2 * self.crown, tall + rise)

    def parts(self) -> list[Part]:
        wide, tall = self.sides
        x, y, thick = wide / 2, self.depth / 2, self.stout(self.top_thickness)
        low = 0.0 if self.stands == "floor" else max(self.foot_height, self.stout(0.03))
        top = tall - thick
        columns = {"tall": 1, "chest": min(self.columns, 2)}.get(self.use, max(2, self.columns))
        rows = {"tall": max(4, self.rows), "sideboard": min(self.rows, 3)}.get(self.use, self.rows)
        plain = self.use in ("chest", "tall")
        kinds = (
            (*(7 * ["drawer"]), "open")
            if plain
            else ("drawer", "door", "drawer", "door", "open", "drawer")
        )
        made = self._feet(x, y, low)
        if self.step != "none" and self.use in ("sideboard", "double"):
            side, cut_at = (-1 if self.step == "left" else 1), 0.2 * wide
            lower = low + 0.62 * (top - low)
            a, b = sorted((side * x, side * cut_at))
            made += self.case((a, -y, low), (b, y, lower), 1, rows, kinds)
            a, b = sorted((-side * x, side * cut_at))
            made += self.case((a, -y, low), (b, y, top), columns, rows, kinds)
            made.append(self._top(a, b, y, top - 0.01, tall))
            return made
        made += self.case((-x, -y, low), (x, y, top + 0.4 * thick), columns, rows, kinds)
        if self.front_shape in ("bow", "break") and self.fronts != "proud":
            made += self._swollen(x, y, low)
        made.append(self._top(-x, x, y, top - 0.01, tall))
        return [*made, *self._mirror(x, y, tall)]

    def _top(self, left: float, right: float, y: float, low: float, high: float) -> Part:
        c = self.crown + self.stout(self.relief) * (self.fronts == "proud")
        x, middle = (right - left) / 2 + self.crown, (left + right) / 2
        if self.front_shape == "bow":
            share = [k / 8 - 1 for k in range(17)]
            line = [(middle + x * s, -y - c - self.bow * (1 - s * s)) for s in share]
            return prism([*line, (middle + x, y), (middle - x, y)], low, high)
        if self.front_shape == "corner":
            d = 0.25 * self.depth
            line = [
                (middle - x, d - y),
                (middle - x + d, -y - c),
                (middle + x - d, -y - c),
                (middle + x, d - y),
            ]
            return prism([*line, (middle + x, y), (middle - x, y)], low, high)
        return block((middle - x, -y - c, low), (middle + x, y, high), edge=0.2 * (high - low))

    def _swollen(self, x: float, y: float, low: float) -> list[Part]:
        """A base below a bowed or broken front."""
        thick = self.stout(0.03)
        if self.front_shape == "break":
            return [block((-0.5 * x, -y - self.bow, low), (0.5 * x, 0.0, low + 2 * thick))]
        share = [k / 8 - 1 for k in range(17)]
        line = [(x * s, -y - self.bow * (1 - s * s)) for s in share]
        return [prism([*line, (x, y), (-x, y)], low, low + 1.5 * thick)]

    def _feet(self, x: float, y: float, low: float) -> list[Part]:
        thick = self.stout(self.leg_thickness)
        if not low:
            return []
        if self.stands == "plinth":
            inset = 0.5 * thick + 0.02
            return [block((inset - x, inset - y, 0), (x - inset, y, low + 0.02))]
        if self.stands == "skids":
            return [
                block(
                    (s * (x - thick) - thick / 2, -y, 0),
                    (s * (x - thick) + thick / 2, y, low + 0.02),
                )
                for s in (-1, 1)
            ]
        if self.stands == "bracket":
            long = min(0.18, 0.3 * x)
            made: list[Part] = []
            for s in (-1, 1):
                outline = [
                    (s * x, 0.0),
                    (s * x, low + 0.02),
                    (s * (x - long), low + 0.02),
                    (s * (x - long), 0.7 * low),
                    (s * (x - 0.5 * long), 0.0),
                ]
                made += [
                    prism(outline, b - thick / 2, b + thick / 2, axis=1)
                    for b in (thick / 2 - y, y - thick / 2)
                ]
            return made
        return self.legs(2 * x - 0.02, 2 * y - 0.02, low + 0.02)

    def _mirror(self, x: float, y: float, top: float) -> list[Part]:
        if self.mirror == "none":
            return []
        thick, half = self.stout(0.03), self.mirror_width * x
        rear, high, low = y, top + self.mirror_height, top - 0.02
        if self.mirror == "rail":
            return [block((-x, rear - thick, low), (x, rear, top + 0.12), corner=0.05, axis=1)]
        if self.mirror == "shelf":
            walls = [
                block(
                    (s * x - (s > 0) * thick, rear - 0.2, low),
                    (s * x + (s < 0) * thick, rear, top + 0.25),
                )
                for s in (-1, 1)
            ]
            return [*walls, block((-x, rear - 0.2, top + 0.25 - thick), (x, rear, top + 0.25))]
        if self.mirror == "round":
            r = min(half, self.mirror_height / 2 - 0.02)
            glass = block((-r, rear - thick, high - 2 * r), (r, rear, high), corner=r, axis=1)
            return [
                glass,
                post(
                    (0, rear - thick / 2, low),
                    (0, rear - thick / 2, high - r),
                    0.4 * r,
                    thick / 2,
                    True,
                )
                if r < 0.1
                else block((-r / 2, rear - thick, low), (r / 2, rear, high - r)),
            ]
        if self.mirror == "triple":
            made = [
                block(
                    (-0.5 * half, rear - thick, low), (0.5 * half, rear, high), corner=0.06, axis=1
                )
            ]
            for s in (-1, 1):
                wing = [
                    (s * 0.45 * half, rear - thick),
                    (s * half, rear - 0.6 * half - thick),
                    (s * half, rear - 0.6 * half),
                    (s * 0.45 * half, rear),
                ]
                made.append(prism(wing, low, high - 0.08))
            return made
        corner = half if self.mirror == "arch" else 0.02
        glass = block((-half, rear - thick, top + 0.05), (half, rear, high), corner=corner, axis=1)
        held = [
            block(
                (s * 0.8 * half - thick, rear - 1.2 * thick, low),
                (s * 0.8 * half + thick, rear, top + 0.5 * self.mirror_height),
            )
            for s in (-1, 1)
        ]
        return [glass, *held]
