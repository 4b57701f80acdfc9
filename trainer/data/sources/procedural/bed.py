"""Beds: single to double, four-posters and bunks."""

from __future__ import annotations

from dataclasses import dataclass

from .furniture import Furniture, between, count, one_of
from .legs import corners, legs
from .solids import Part, block, leg, moved, panel_face, standing_panel


@dataclass(frozen=True)
class Bed(Furniture):
    """A mattress on a frame, with its head at the back."""

    label = "bed"

    width: float = between(0.85, 2.0, "m", "width of the mattress")
    length: float = between(1.7, 2.2, "m", "length of the mattress")
    frame_height: float = between(0.2, 0.5, "m", "height of the frame's upper side")
    frame_thickness: float = between(1.3, 5.0, "cells", "depth of the frame")
    mattress: float = between(0.1, 0.34, "m", "how far the mattress rises above the frame")
    softness: float = between(0.0, 1.0, "", "roundness of the mattress")
    rim: float = between(0.0, 0.12, "m", "how far the frame stands out beside the mattress")
    head_height: float = between(0.15, 0.8, "m", "from the mattress to the headboard's upper edge")
    head_style: str = one_of(
        "solid", "solid", "slats", "ladder", "frame", "arch", "none", meaning="the headboard"
    )
    head_width: float = between(1.0, 1.35, "", "share of the mattress's width")
    head_roundness: float = between(0.0, 1.0, "", "roundness of the boards' corners")
    foot_share: float = between(0.0, 0.8, "", "height of the footboard, share of the headboard's")
    bar_count: int = count(2, 6, "bars of boards with slats or rungs")
    post_thickness: float = between(1.3, 2.4, "cells", "thickness of legs, posts and boards")
    posts: str = one_of(
        *(8 * ["none"]), "low", "low", "four", "canopy", "bunk", meaning="posts at the corners"
    )
    pillows: int = count(0, 3, "pillows at the head")
    pillow_size: float = between(0.25, 0.45, "m", "how far a pillow reaches down the bed")
    blanket: str = one_of("none", "none", "flat", "roll", meaning="what lies at the bed's foot")

    @property
    def longest(self) -> float:
        return max(self.length + self.rim, self.width * self.head_width)

    def parts(self) -> list[Part]:
        wide, long = self.width, self.length
        top, thick = self.frame_height, self.post_thickness * self.cell
        low = max(0.0, top - self.frame_thickness * self.cell)
        x, y = wide / 2 + self.rim, long / 2 + 0.5 * self.rim
        soft = 0.02 + 0.1 * self.softness
        mattress = block(
            (-wide / 2, -long / 2, top - 0.02),
            (wide / 2, long / 2, top + self.mattress),
            corner=2 * soft,
            edge=soft,
        )
        places = corners(2 * x - thick, 2 * y - thick)
        return [
            block((-x, -y, low if low > 0.8 * self.cell else 0.0), (x, y, top), edge=0.02),
            mattress,
            *self._pillows(top + self.mattress),
            *self._blanket(top + self.mattress),
            *legs(places, top - 0.02, thick, square=True),
            *self._boards(y, thick, low),
            *self._posts(places, thick, mattress),
        ]

    def _pillows(self, z: float) -> list[Part]:
        wide = 0.94 * self.width
        number = min(self.pillows, 1 if self.width < 1.1 else 3)
        rear = self.length / 2 - 0.05
        step = wide / max(1, number)
        return [
            block(
                (-wide / 2 + step * k + 0.03, rear - self.pillow_size, z - 0.06),
                (-wide / 2 + step * (k + 1) - 0.03, rear, z + 0.13),
                corner=0.1,
                edge=0.08,
            )
            for k in range(number)
        ]

    def _blanket(self, z: float) -> list[Part]:
        x, front = self.width / 2 + 0.03, -self.length / 2
        if self.blanket == "flat":
            low = max(0.06, self.frame_height - 0.1)
            return [block((-x, front + 0.1, low), (x, front + 0.75, z + 0.05), edge=0.04)]
        if self.blanket == "roll":
            start, end = (0.1 - x, front + 0.1, z - 0.06), (x - 0.1, front + 0.4, z + 0.2)
            return [block(start, end, corner=0.15, axis=0)]
        return []

    def _boards(self, y: float, thick: float, low: float) -> list[Part]:
        base = min(low, 0.1)
        head = self.frame_height + self.mattress + self.head_height - base
        foot = (self.frame_height + self.foot_share * (self.mattress + self.head_height)) - base
        made = []
        if self.head_style != "none":
            wide = max(self.head_width * self.width, self.width + 2 * self.rim)
            made.append(moved(self._board(wide, head, thick), (0, y - 0.3 * thick, base)))
        if self.foot_share > 0.25:
            wide = self.width + 2 * self.rim
            made.append(moved(self._board(wide, foot, thick), (0, 0.3 * thick - y, base)))
        return made

    def _board(self, wide: float, tall: float, thick: float) -> Part:
        border = max(1.4 * self.cell, 0.06 * wide)
        face = panel_face(
            self.head_style,
            wide,
            tall,
            corner=0.5 * wide if self.head_style == "arch" else 0.3 * self.head_roundness * tall,
            border=border,
            number=self.bar_count,
            bar=1.4 * self.cell,
            lowest=border,
        )
        return standing_panel(face, wide, tall, thick)

    def _posts(self, places: list[tuple[float, float]], thick: float, mattress: Part) -> list[Part]:
        sill = self.frame_height + self.mattress
        if self.posts == "none":
            return []
        tall = {"low": sill + 0.8 * self.head_height, "four": 1.75, "canopy": 1.85, "bunk": 1.7}
        top = tall[self.posts]
        made = [
            leg((x, y, 0.0), (x, y, top), thick / 2, thick / 2, square=self.posts != "low")
            for x, y in places
        ]
        (left, front), (right, rear) = places[0], places[2]
        half = max(thick, 1.3 * self.cell) / 2
        if self.posts == "canopy":
            made += [
                block((left - half, y - half, top - 2 * half), (right + half, y + half, top))
                for y in (front, rear)
            ]
            made += [
                block((x - half, front - half, top - 2 * half), (x + half, rear + half, top))
                for x in (left, right)
            ]
        if self.posts == "bunk":
            rise = 1.25 - self.frame_height
            deck = ((left, front, 1.25 - 1.5 * self.cell), (right, rear, 1.25))
            made += [block(*deck), moved(mattress, (0.0, 0.0, rise))]
        return made
