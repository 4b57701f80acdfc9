"""Tables: dining, coffee and side tables."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .furniture import Furniture, between, one_of
from .legs import corners, legs, pedestal, stretchers
from .solids import Part, block, leg, rod


@dataclass(frozen=True)
class Table(Furniture):
    """A top on legs."""

    label = "table"
    faces_x = True

    length: float = between(0.5, 2.2, "m", "length of the top")
    width: float = between(0.4, 1.2, "m", "width of the top")
    height: float = between(0.3, 1.1, "m", "height of the top's upper side")
    top_thickness: float = between(1.1, 2.2, "cells", "thickness of the top")
    top_roundness: float = between(0.0, 1.0, "", "from a square top to a round or oval one")
    overhang: float = between(0.0, 0.25, "", "how far the top reaches over, share of its width")
    base: str = one_of(
        "four",
        "four",
        "four",
        "pedestal",
        "pair",
        "trestle",
        "cross",
        "panels",
        "drum",
        meaning="what it stands on",
    )
    leg_thickness: float = between(1.1, 2.2, "cells", "thickness of a leg at the top")
    leg_taper: float = between(0.5, 1.0, "", "thickness of a foot as a share of the leg's")
    leg_splay: float = between(0.0, 0.25, "", "how far the feet stand outside, share of the place")
    leg_section: str = one_of("round", "square", meaning="a leg across")
    apron: float = between(0.0, 0.3, "", "depth of the frame below the top, share of the height")
    shelf: str = one_of("none", "none", "low", "middle", meaning="a second board between the legs")
    stretcher: str = one_of(
        "none", "none", "sides", "box", "H", "cross", meaning="bars of four legs"
    )

    @property
    def longest(self) -> float:
        splayed = 1 + self.leg_splay - self.overhang if self.base == "four" else 1.0
        return max(max(self.length, self.width) * max(splayed, 1.0), self.height)

    def parts(self) -> list[Part]:
        long, wide = max(self.length, self.width), min(self.length, self.width)
        thick = min(self.top_thickness * self.cell, 0.3 * self.height)
        top = block(
            (-long / 2, -wide / 2, self.height - thick),
            (long / 2, wide / 2, self.height),
            corner=self.top_roundness * wide / 2,
            edge=0.25 * thick,
        )
        return [top, *self._base(long, wide, self.height - thick / 2)]

    def _base(self, long: float, wide: float, height: float) -> list[Part]:
        thick = self.leg_thickness * self.cell
        inset = thick + self.overhang * wide + 0.25 * self.top_roundness * wide
        x, y = (long - inset) / 2, max(wide - inset, 2 * thick) / 2
        square = self.leg_section == "square"
        foot = min(0.5 * wide, (0.28 + self.leg_splay) * wide + thick)
        if self.base == "pedestal":
            deep = max(thick * self.leg_taper, self.cell)
            made = pedestal(height, 1.5 * thick, foot, deep)
            return [*made, *self._skirt(0.6 * x, 0.6 * y, height)]
        if self.base == "drum":
            r = 0.35 * wide
            return [leg((0, 0, 0), (0, 0, height), r * (0.5 + 0.5 * self.leg_taper), r, square)]
        if self.base == "pair":
            half = 0.7 * thick
            at = (-0.6 * x, 0.6 * x)
            return [
                *legs([(a, 0.0) for a in at], height, 2 * half, square=square),
                *(block((a - half, -foot, 0), (a + half, foot, thick)) for a in at),
                *self._skirt(x, max(0.3 * y, thick / 2), height),
            ]
        made = [*self._skirt(x, y, height)]
        if self.base == "trestle":
            return made + _trestle(x, y, height, thick, square)
        if self.base == "cross":
            return made + _cross(x, y, height, thick)
        made += self._board(x, y, height)
        if self.base == "panels":
            half = thick / 2
            return made + [block((a - half, -y, 0), (a + half, y, height)) for a in (-x, x)]
        places, bar = corners(2 * x, 2 * y), max(1.1 * self.cell, 0.7 * thick)
        made += legs(places, height, thick, self.leg_taper, self.leg_splay, square)
        z, splay = 0.3 * height, self.leg_splay
        return made + stretchers(self.stretcher, places, z, height, splay, bar)

    def _skirt(self, x: float, y: float, height: float) -> list[Part]:
        deep = self.apron * self.height
        if deep < 1.5 * self.cell:
            return []
        return [block((-x, -y, height - deep), (x, y, height))]

    def _board(self, x: float, y: float, height: float) -> list[Part]:
        if self.shelf == "none":
            return []
        z = {"low": 0.22, "middle": 0.5}[self.shelf] * height
        wider = 1 + self.leg_splay * (1 - z / height) if self.base == "four" else 1.0
        return [block((-x * wider, -y * wider, z), (x * wider, y * wider, z + 1.2 * self.cell))]


def _trestle(x: float, y: float, height: float, thick: float, square: bool) -> list[Part]:
    """Two pairs of crossed legs, joined by a beam where they cross."""
    y = min(y, 0.55 * height)
    half = (
        0.5 * thick * math.hypot(1.0, 2 * y / height)
    )  # level sections of a slanted leg are wider
    slants = [
        leg((a, b, 0.0), (a, -b, height), half, half, square) for a in (-x, x) for b in (-y, y)
    ]
    return [
        *slants,
        rod((-x, 0.0, height / 2), (x, 0.0, height / 2), min(0.5 * thick, 0.3 * height)),
    ]


def _cross(x: float, y: float, height: float, thick: float) -> list[Part]:
    """Four round legs that cross in the middle, each from corner to corner."""
    x, y = min(x, 0.8 * height), min(y, 0.8 * height)
    half = 0.5 * thick
    slants = [rod((a, b, half), (-a, -b, height), half) for a in (-x, x) for b in (-y, y)]
    knot = min(thick, 0.4 * height)
    return [*slants, leg((0, 0, height / 2 - knot), (0, 0, height / 2 + knot), thick, thick)]
