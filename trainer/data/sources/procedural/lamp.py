"""Lamps: for the table and for the floor, with one or more shades."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .furniture import Furniture, between, one_of
from .legs import around, legs
from .solids import Part, block, hollow, leg, moved, ring, rod


@dataclass(frozen=True)
class Lamp(Furniture):
    """A shade on a stem on a foot."""

    label = "lamp"

    height: float = between(0.4, 1.5, "m", "from the floor to the top of a straight lamp")
    stem: float = between(1.1, 2.0, "cells", "thickness of the stem")
    stem_style: str = one_of(
        "straight", "straight", "bulb", "vase", "beads", "arch", "bent", meaning="shape of the stem"
    )
    swell: float = between(0.14, 0.36, "m", "width of a bulb or vase")
    reach: float = between(0.2, 0.45, "", "how far arches and arms reach, share of the height")
    base: str = one_of("disc", "disc", "square", "cone", "tripod", meaning="the foot")
    base_width: float = between(0.18, 0.45, "m", "width of the foot")
    base_height: float = between(1.2, 3.0, "cells", "thickness of the foot")
    shade: str = one_of(
        "cone", "cone", "drum", "square", "bowl", "globe", "open", meaning="shape of the shade"
    )
    shade_width: float = between(0.26, 0.58, "m", "greatest width of the shade")
    shade_height: float = between(0.14, 0.4, "m", "height of the shade")
    shade_taper: float = between(0.15, 0.8, "", "its narrow end as a share of the wide one")
    heads: str = one_of(
        "one", "one", "one", "one", "two", "three", meaning="how many shades a straight lamp has"
    )
    tilt: float = between(0.3, 1.0, "", "how far a bent arm rises, share of its reach")

    @property
    def longest(self) -> float:
        reach = self.reach * self.height
        if self._hung:
            return max(self.height, reach + (self.shade_width + self.base_width) / 2)
        arms = 0.0 if self.heads == "one" else 2 * reach
        return max(self.height, self.shade_width + arms)

    @property
    def _hung(self) -> bool:
        return self.stem_style in ("arch", "bent")

    def parts(self) -> list[Part]:
        half = self.stem * self.cell / 2
        tall = min(self.shade_height, 0.5 * self.height)
        ends, stem = self._bowed(half) if self._hung else self._upright(half, tall)
        wide = min(self.shade_width, 0.8 * self.height) / 2  # a shade must not hide its lamp
        if len(ends) > 1:
            wide *= 0.6
            tall *= 0.7
        # Only its lid joins an open shade to the stem.
        below = tall - 0.7 * self.cell if self.shade == "open" else 0.6 * tall
        shades = [self._shade((x, y, z - below), wide, tall) for x, y, z in ends]
        return [*self._foot(half), *stem, *shades]

    def _foot(self, half: float) -> list[Part]:
        r = max(min(self.base_width, 0.6 * self.height) / 2, 3 * half)
        thick = self.base_height * self.cell
        if self.base == "tripod":
            top = 0.4 * self.height
            feet = around(3, half)
            spread = r / half
            return [
                *legs(feet, top, max(1.2 * self.cell, 2 * half * 0.8), 0.9, spread),
                leg((0, 0, top - 3 * self.cell), (0, 0, top + self.cell), 1.6 * half, 1.6 * half),
            ]
        if self.base == "cone":
            return [leg((0, 0, 0), (0, 0, 3 * thick), r, half)]
        corner = r if self.base == "disc" else 0.2 * r
        return [block((-r, -r, 0), (r, r, thick), corner=corner, edge=0.3 * thick)]

    def _upright(
        self, half: float, tall: float
    ) -> tuple[list[tuple[float, float, float]], list[Part]]:
        top = self.height - 0.4 * tall
        low = 0.35 * self.height if self.base == "tripod" else 0.0
        room = self.height - tall
        made = [leg((0, 0, low), (0, 0, top), half, half)]
        r = min(self.swell / 2, 0.45 * room)
        if self.stem_style == "bulb":
            z = max(0.45 * room, r)
            made.append(block((-r, -r, z - r), (r, r, z + r), corner=r, edge=r))
        if self.stem_style == "vase":
            made += [
                leg((0, 0, 0), (0, 0, 0.55 * room), 0.5 * r, r),
                leg((0, 0, 0.55 * room), (0, 0, 0.9 * room), r, half),
            ]
        if self.stem_style == "beads":
            b = min(max(0.6 * r, 1.8 * half), room / 4)
            made += [
                block((-b, -b, z - b), (b, b, z + b), corner=b, edge=b)
                for z in (room / 4, room / 2, room * 3 / 4)
            ]
        if self.heads == "one":
            return [(0.0, 0.0, self.height - 0.4 * tall)], made
        reach = self.reach * self.height
        ends = [
            (y, x, self.height - 0.28 * tall)
            for x, y in around({"two": 2, "three": 3}[self.heads], reach)
        ]
        joint = (0.0, 0.0, min(top, ends[0][2] - 0.15 * self.height))
        made += [rod(joint, end, max(half * 0.9, 0.6 * self.cell)) for end in ends]
        return ends, made

    def _bowed(self, half: float) -> tuple[list[tuple[float, float, float]], list[Part]]:
        low = 0.35 * self.height if self.base == "tripod" else 0.0
        reach = self.reach * self.height
        if self.stem_style == "arch":
            r = reach / 2
            z = self.height - r
            made = [
                leg((0, 0, low), (0, 0, z), half, half),
                moved(ring((0, 0, 0), r, half, upper=True), (r, 0, z)),
            ]
            return [(2 * r, 0.0, z)], made
        elbow = (0.0, 0.0, 0.6 * self.height)
        end = (reach, 0.0, elbow[2] + self.tilt * reach)
        foot = (0.0, 0.0, max(low, half))
        return [end], [rod(foot, elbow, half), rod(elbow, end, half)]

    def _shade(self, at: tuple[float, float, float], wide: float, tall: float) -> Part:
        x, y, z = at
        top = (x, y, z + tall)
        narrow = max(wide * self.shade_taper, 1.2 * self.cell)
        if self.shade == "globe":
            r = min(wide, 0.8 * tall)
            return block((x - r, y - r, z + tall / 2 - r), (x + r, y + r, z + tall / 2 + r), r, r)
        if self.shade == "bowl":
            return leg(at, top, narrow, wide)
        if self.shade == "drum":
            r = wide * (0.75 + 0.25 * self.shade_taper)
            return leg(at, top, r, r)
        if self.shade == "open":
            wall = 1.3 * self.cell / math.cos(math.atan2(wide - narrow, tall))
            outer = leg(at, top, wide, min(wide, max(narrow, wall + self.cell)))
            inner = leg(
                (x, y, z - self.cell),
                (x, y, z + tall - 1.3 * self.cell),
                wide - wall,
                max(narrow - wall, self.cell),
            )
            return hollow(outer, inner)
        return leg(at, top, wide, narrow, square=self.shade == "square")
