"""Chairs: dining, office, cantilever and arm chairs."""

from __future__ import annotations

from dataclasses import dataclass

from .furniture import Furniture, between, count, one_of
from .legs import corners, legs, pedestal, star, stretchers
from .solids import (
    Part,
    block,
    leg,
    moved,
    panel_face,
    standing_panel,
    turned,
)


@dataclass(frozen=True)
class Chair(Furniture):
    """A seat with a back."""

    label = "chair"

    seat_width: float = between(0.36, 0.8, "m", "width of the seat")
    seat_depth: float = between(0.36, 0.75, "m", "depth of the seat")
    seat_height: float = between(0.26, 0.64, "m", "height of the seat's upper side")
    seat_thickness: float = between(1.1, 4.0, "cells", "thickness of the seat")
    seat_roundness: float = between(0.0, 1.0, "", "from a square seat to a round one")
    back_height: float = between(0.26, 0.8, "m", "from the seat to the back's upper edge")
    back_width: float = between(0.7, 1.0, "", "share of the seat's width")
    back_thickness: float = between(1.1, 2.2, "cells", "thickness of the back")
    back_tilt: float = between(0.0, 26.0, "degrees", "how far the back leans backwards")
    back_bow: float = between(0.0, 0.24, "", "how far its sides come forward, share of the width")
    back_roundness: float = between(0.0, 1.0, "", "from square corners to an arch")
    back_style: str = one_of(
        "solid", "solid", "slats", "ladder", "frame", "floating", meaning="what fills the back"
    )
    bar_count: int = count(1, 4, "bars of a back with slats or rungs")
    leg_style: str = one_of(
        "four", "four", "four", "star", "pedestal", "sled", "panels", meaning="what it stands on"
    )
    leg_thickness: float = between(1.1, 2.0, "cells", "thickness of a leg at the seat")
    leg_taper: float = between(0.6, 1.0, "", "thickness of a foot as a share of the leg's")
    leg_splay: float = between(0.0, 0.3, "", "how far the feet stand outside, share of their place")
    leg_section: str = one_of("round", "square", meaning="a leg across")
    stretcher: str = one_of(
        "none", "none", "sides", "box", "H", "cross", meaning="bars between four legs"
    )
    armrest: str = one_of(
        "none", "none", "none", "bars", "panels", "loops", meaning="what the arms lie on"
    )
    arm_height: float = between(0.16, 0.28, "m", "from the seat to the top of the armrests")

    @property
    def longest(self) -> float:
        back = self.seat_height + self.back_height
        return max(back, 1.2 * self.seat_width, 1.3 * self.seat_depth)

    def parts(self) -> list[Part]:
        wide, deep, top = self.seat_width, self.seat_depth, self.seat_height
        thick = min(self.seat_thickness * self.cell, 0.6 * top)
        roundest = min(wide, deep) / (2 if self.armrest == "none" else 4)  # arms need a side
        seat = block(
            (-wide / 2, -deep / 2, top - thick),
            (wide / 2, deep / 2, top),
            corner=self.seat_roundness * roundest,
            edge=0.3 * thick,
        )
        return [
            seat,
            *self._back(thick),
            *self._base(top - thick / 2),
            *self._arms(),
        ]

    def _back(self, seat: float) -> list[Part]:
        thick, wide = self.back_thickness * self.cell, self.back_width * self.seat_width
        low = self.seat_height - seat / 2
        gap = 0.3 * self.back_height + seat / 2 if self.back_style == "floating" else 0.0
        tall = self.seat_height + self.back_height - low - gap
        face = panel_face(
            self.back_style,
            wide,
            tall,
            corner=self.back_roundness * wide / 2,
            border=max(1.6 * self.cell, 0.1 * wide),
            number=self.bar_count,
            bar=1.5 * self.cell,
            lowest=seat / 2,
        )
        panel = standing_panel(face, wide, tall, thick, self.back_bow * wide)
        made = [moved(panel, (0.0, 0.0, low + gap))]
        if gap or self.back_roundness > 0.5:
            # A round back would only touch the seat, and a floating one not at all.
            half, top = 0.15 * wide, low + gap + 0.2 * tall + self.cell
            made.append(block((-half, -thick / 2, low), (half, thick / 2, top)))
        y = self.seat_depth / 2 - thick / 2
        return [
            turned(moved(part, (0.0, y, 0.0)), 0, -self.back_tilt, (0.0, y, low)) for part in made
        ]

    def _base(self, height: float) -> list[Part]:
        thick = self.leg_thickness * self.cell
        inset = thick + 0.3 * self.seat_roundness * min(self.seat_width, self.seat_depth)
        wide, deep = self.seat_width - inset, self.seat_depth - inset
        foot = 0.5 * min(self.seat_width, self.seat_depth) * (1 + self.leg_splay)
        square = self.leg_section == "square"
        if self.leg_style == "star":
            return star(height, 1.3 * thick, foot, thick)
        if self.leg_style == "pedestal":
            return pedestal(height, 1.4 * thick, foot, thick)
        if self.leg_style == "panels":
            flat = 0.5 * thick
            return [
                block((x - flat, -deep / 2, 0), (x + flat, deep / 2, height), edge=0.2 * thick)
                for x in (-wide / 2, wide / 2)
            ]
        places = corners(wide, deep)
        if self.leg_style == "sled":
            return [
                *legs(places, height, thick, 1.0, 0.0, square),
                *stretchers("sides", places, thick / 2, height, 0.0, thick),
                *stretchers("box", places[:2], thick / 2, height, 0.0, thick)[:1],
            ]
        z, splay, bar = 0.4 * height, self.leg_splay, max(1.1 * self.cell, 0.8 * thick)
        return [
            *legs(places, height, thick, self.leg_taper, splay, square),
            *stretchers(self.stretcher, places, z, height, splay, bar),
        ]

    def _arms(self) -> list[Part]:
        if self.armrest == "none":
            return []
        thick = max(1.3 * self.cell, 0.045)
        top = self.seat_height + min(self.arm_height, 0.8 * self.back_height)
        x, front, rear = self.seat_width / 2, -0.35 * self.seat_depth, self.seat_depth / 2
        below = self.seat_height - 0.5 * min(
            self.seat_thickness * self.cell, 0.6 * self.seat_height
        )
        made: list[Part] = []
        for side in (-1, 1):
            low, high = sorted((side * (x - thick * 0.4), side * (x + thick * 0.6)))
            middle = (low + high) / 2
            if self.armrest == "panels":
                made.append(block((low, front, below), (high, rear, top), edge=0.3 * thick))
                continue
            made.append(block((low, front, top - thick), (high, rear, top), edge=0.3 * thick))
            posts = (front + thick, rear - thick / 2) if self.armrest == "loops" else (0.1 * front,)
            made += [
                leg((middle, y, below), (middle, y, top - thick / 2), thick / 2, thick / 2, True)
                for y in posts
            ]
        return made
