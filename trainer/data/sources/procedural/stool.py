"""Stools: low, tall, round and square."""

from __future__ import annotations

from dataclasses import dataclass

from .furniture import Furniture, between, count, one_of
from .legs import around, corners, legs, pedestal, star
from .solids import Part, block, leg, ring, rod


@dataclass(frozen=True)
class Stool(Furniture):
    """A seat without a back, or with a low one."""

    label = "stool"

    seat_width: float = between(0.3, 0.6, "m", "width of the seat")
    seat_depth: float = between(0.65, 1.0, "", "depth of the seat, share of its width")
    height: float = between(0.35, 0.85, "m", "height of the seat's upper side")
    seat_thickness: float = between(1.1, 4.0, "cells", "thickness of the seat")
    seat_roundness: float = between(0.0, 1.0, "", "from a square seat to a round one")
    seat_edge: float = between(0.0, 1.0, "", "from a board to a cushion")
    base: str = one_of(
        "legs", "legs", "legs", "corners", "pedestal", "star", "column", meaning="what it stands on"
    )
    leg_count: int = count(3, 5, "legs in a circle, or arms of a star")
    leg_thickness: float = between(1.1, 2.2, "cells", "thickness of a leg at the seat")
    leg_taper: float = between(0.5, 1.0, "", "thickness of a foot as a share of the leg's")
    leg_splay: float = between(0.0, 0.5, "", "how far the feet stand outside, share of the place")
    leg_section: str = one_of("round", "square", meaning="a leg across")
    foot_rest: str = one_of("none", "ring", "bars", "double", meaning="what joins the legs")
    rest_height: float = between(0.2, 0.6, "", "height of that, share of the seat's height")
    back: str = one_of("none", "none", "none", "low", "handle", meaning="behind the seat")

    @property
    def longest(self) -> float:
        back = {"none": 0.0, "low": 0.16, "handle": 0.12}[self.back]
        return max(self.height + back, self.seat_width * (1 + 0.3 * self.leg_splay))

    def parts(self) -> list[Part]:
        wide, deep = self.seat_width, self.seat_width * self.seat_depth
        thick = self.seat_thickness * self.cell
        seat = block(
            (-wide / 2, -deep / 2, self.height - thick),
            (wide / 2, deep / 2, self.height),
            corner=self.seat_roundness * deep / 2,
            edge=self.seat_edge * thick / 2,
        )
        return [seat, *self._base(deep, self.height - thick / 2), *self._back(deep)]

    def _base(self, deep: float, height: float) -> list[Part]:
        thick = self.leg_thickness * self.cell
        foot = 0.5 * deep * (0.8 + self.leg_splay)
        if self.base == "pedestal":
            return pedestal(height, 1.4 * thick, foot, max(self.cell, thick * self.leg_taper))
        if self.base == "star":
            return star(height, 1.4 * thick, foot, thick, self.leg_count + 1)
        if self.base == "column":
            low, high = 0.45 * deep * (1 + 0.3 * self.leg_splay), 0.45 * deep * self.leg_taper
            return [leg((0, 0, 0), (0, 0, height), low, high, self.leg_section == "square")]
        r = 0.42 * deep - 0.5 * thick
        places = around(self.leg_count, r)
        if self.base == "corners":
            inset = thick + 0.3 * self.seat_roundness * deep
            places = corners(self.seat_width - inset, deep - inset)
        made = legs(
            places, height, thick, self.leg_taper, self.leg_splay, self.leg_section == "square"
        )
        return made + self._rest(places, height, max(1.1 * self.cell, 0.7 * thick))

    def _rest(self, places: list[tuple[float, float]], height: float, thick: float) -> list[Part]:
        levels = {"none": (), "double": (0.5, 1.0)}.get(self.foot_rest, (1.0,))
        made: list[Part] = []
        for share in levels:
            z = self.rest_height * height * share
            wider = 1 + self.leg_splay * (1 - z / height)
            at = [(x * wider, y * wider, z) for x, y in places]
            if self.foot_rest == "ring" and self.base == "legs":
                made.append(
                    ring((0, 0, z), float((at[0][0] ** 2 + at[0][1] ** 2) ** 0.5), thick / 2)
                )
            else:
                made += [rod(a, b, thick / 2) for a, b in zip(at, [*at[1:], at[0]], strict=True)]
        return made

    def _back(self, deep: float) -> list[Part]:
        if self.back == "none":
            return []
        thick, x = 1.4 * self.cell, 0.32 * self.seat_width
        y, low = 0.5 * deep - 0.2 * self.seat_roundness * deep, self.height - self.cell
        top = self.height + (0.16 if self.back == "low" else 0.12)
        if self.back == "low":
            return [block((-x, y - thick, low), (x, y, top), corner=0.04, edge=0.01, axis=1)]
        return [
            *(
                block((s * x - thick / 2, y - thick, low), (s * x + thick / 2, y, top))
                for s in (-1, 1)
            ),
            block((-x - thick / 2, y - thick, top - thick), (x + thick / 2, y, top)),
        ]
