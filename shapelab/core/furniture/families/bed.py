"""Beds: single to double, day beds, four-posters, cots and bunks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapelab.core.furniture.furniture import Furniture, between, count, one_of
from shapelab.core.furniture.legs import corners
from shapelab.core.furniture.panels import FILLINGS, panel_face
from shapelab.core.furniture.solids import (
    Part,
    bent,
    block,
    cushion,
    lathed,
    moved,
    post,
    prism,
    rod,
    standing_panel,
    turned,
)


@dataclass(frozen=True)
class Bed(Furniture):
    """A mattress on a frame, with its head at the back."""

    label = "bed"

    width: float = between(0.85, 1.95, "m", "width of the mattress")
    length: float = between(1.85, 2.15, "m", "length of the mattress")
    frame_height: float = between(0.2, 0.42, "m", "height of the frame's upper side")
    frame_depth: float = between(0.05, 0.3, "m", "depth of the frame")
    frame: str = one_of(
        "rails",
        "rails",
        "box",
        "platform",
        "drawers",
        "padded",
        meaning="what carries the mattress",
    )
    mattress: float = between(0.12, 0.34, "m", "how far the mattress rises above the frame")
    softness: float = between(0.1, 1.0, "", "roundness of the mattress")
    rim: float = between(0.0, 0.12, "m", "how far the frame stands out beside the mattress")
    leg: str = one_of("block", "round", "cone", "bun", "panel", meaning="the feet")
    leg_thickness: float = between(0.04, 0.1, "m", "thickness of a foot")
    leg_inset: float = between(0.0, 0.2, "m", "how far the feet stand inside")
    head: str = one_of(
        *FILLINGS, "padded", "padded", "channels", "sleigh", "arch", "none", meaning="the headboard"
    )
    head_height: float = between(0.2, 0.75, "m", "from the mattress to its upper edge")
    head_width: float = between(1.0, 1.3, "", "its width, share of the mattress's")
    head_thickness: float = between(0.03, 0.1, "m", "its thickness")
    head_roundness: float = between(0.0, 0.8, "", "roundness of its corners")
    head_tilt: float = between(0.0, 8.0, "degrees", "how far it leans backwards")
    foot: str = one_of("none", "none", "none", "low", "like", "like", meaning="the footboard")
    foot_share: float = between(0.3, 0.9, "", "its height, share of the headboard's")
    bars: int = count(3, 8, "bars of boards with bars")
    bar_width: float = between(0.03, 0.07, "m", "their width")
    posts: str = one_of(
        *(16 * ["none"]), "low", "knobs", "four", "canopy", "bunk", "loft", meaning="at the corners"
    )
    post_thickness: float = between(0.045, 0.1, "m", "thickness of posts")
    side: str = one_of(*(6 * ["none"]), "rail", "sofa", meaning="a board along one side")
    pillows: int = count(0, 2, "pillows beside each other")
    pillow_rows: int = count(1, 2, "pillows behind each other")
    pillow_depth: float = between(0.32, 0.48, "m", "how far a pillow reaches down the bed")
    pillow_tilt: float = between(0.0, 50.0, "degrees", "how far pillows are set up")
    cover: str = one_of(
        "none",
        "none",
        "whole",
        "half",
        "flat",
        "roll",
        "askew",
        meaning="what lies on the mattress",
    )
    cover_drop: float = between(0.05, 0.25, "m", "how far it hangs down the sides")
    chest: str = one_of(*(5 * ["none"]), "bench", "chest", meaning="what stands at the foot")
    night_tables: str = one_of(*(5 * ["none"]), "left", "right", "both", meaning="beside the head")

    @property
    def longest(self) -> float:
        chest = 0.0 if self.chest == "none" else 0.38
        tables = {"none": 0.0, "both": 0.8}.get(self.night_tables, 0.4)
        return max(
            self.length + self.rim + 0.04 + chest,
            self.width * self.head_width,
            self.width + 2 * self.rim + tables,
        )

    @property
    def _top(self) -> float:
        return self.frame_height + self.mattress

    @property
    def _front(self) -> float:
        """Where the mattress ends at the foot; before a board it leaves room for the bedding."""
        if self.foot == "none" or (self.foot == "like" and self.chest != "none"):
            return -self.length / 2
        board = 0.8 * self.stout(self.head_thickness) - 0.5 * self.rim
        return max(board + 0.07, 0.0) - self.length / 2

    def parts(self) -> list[Part]:
        x, y = self.width / 2 + self.rim, self.length / 2 + 0.5 * self.rim
        return [
            *self._frame(x, y),
            self._bedding(0.0),
            *self._pillows(),
            *self._cover(),
            *self._boards(y),
            *self._posts(x, y),
            *self._beside(x, y),
        ]

    def _bedding(self, rise: float) -> Part:
        soft = 0.02 + 0.08 * self.softness
        x, y = self.width / 2, self.length / 2
        return cushion(
            (-x, self._front, self.frame_height - 0.04 + rise),
            (x, y, self._top + rise),
            soft,
            0.3 * soft,
        )

    def _frame(self, x: float, y: float) -> list[Part]:
        top = self.frame_height
        thick = self.stout(0.05)
        low = max(0.0, top - max(self.frame_depth, thick))
        if self.frame == "box":
            return [block((-x, -y, 0), (x, y, top), edge=0.02)]
        if self.frame == "drawers":
            made = [block((-x, -y, 0), (x, y, top))]
            g = self.stout(0.03)
            for s in (-1, 1):
                for k in range(2):
                    a = -y + (k + 0.1) * 0.8 * y
                    made.append(
                        block(
                            (min(s * x, s * (x + g)), a, 0.15 * top),
                            (max(s * x, s * (x + g)), a + 0.7 * y, 0.85 * top),
                        )
                    )
            return made
        if self.frame == "platform":
            inset = 0.15 + self.leg_inset
            slab = block((-x - 0.05, -y - 0.05, top - thick), (x + 0.05, y, top))
            return [slab, block((inset - x, inset - y, 0), (x - inset, y - inset, top - thick / 2))]
        low = min(low, top - thick)
        if low < 0.06:
            low = 0.0
        made = [block((-x, -y, low), (x, y, top), edge=0.04 if self.frame == "padded" else 0.01)]
        return made + self._feet(x, y, low) if low else made

    def _feet(self, x: float, y: float, top: float) -> list[Part]:
        thick = self.stout(self.leg_thickness)
        places = corners(2 * (x - self.leg_inset) - thick, 2 * (y - self.leg_inset) - thick)
        made: list[Part] = []
        for a, b in places:
            if self.leg == "cone":
                made.append(
                    post((a, b, 0), (a, b, top + 0.02), self.stout(0.5 * thick) / 2, thick / 2)
                )
            elif self.leg == "bun":
                made.append(
                    lathed(
                        [(0.0, 0.4 * thick), (0.4 * top, 0.8 * thick), (top + 0.02, 0.5 * thick)],
                        (a, b),
                    )
                )
            else:
                made.append(
                    post((a, b, 0), (a, b, top + 0.02), thick / 2, thick / 2, self.leg == "block")
                )
        if self.leg == "panel":
            return [
                block(
                    (-x + self.leg_inset, b - thick / 2, 0),
                    (x - self.leg_inset, b + thick / 2, top + 0.02),
                )
                for b in (places[0][1], places[2][1])
            ]
        return made

    def _pillows(self) -> list[Part]:
        number = self.pillows if self.width > 1.2 else min(1, self.pillows)
        step = 0.94 * self.width / max(1, number)
        made = []
        for row in range(self.pillow_rows if number else 0):
            rear = self.length / 2 - 0.04 - 0.16 * row
            z = self._top
            for k in range(number):
                left = -0.47 * self.width + step * k + 0.03 * (1 + row)
                low = (left, rear - self.pillow_depth, z - 0.05)
                one = cushion(low, (left + step - 0.06 * (1 + row), rear, z + 0.13), 0.07, 0.05)
                made.append(
                    turned(
                        one,
                        0,
                        -self.pillow_tilt * (1 if row == 0 else 0.6),
                        (0.0, rear - self.pillow_depth, z - 0.02),
                    )
                )
        return made

    def _cover(self) -> list[Part]:
        z, front = self._top, self._front
        x = self.width / 2 + self.stout(0.02)
        low = max(0.06, z - self.mattress * 0.4 - self.cover_drop)
        reach = {"whole": 0.72, "half": 0.5, "flat": 0.35, "askew": 0.6}.get(
            self.cover, 0.0
        ) * self.length
        if self.cover == "roll":
            return [
                block(
                    (0.1 - x, front + 0.08, z - 0.06),
                    (x - 0.1, front + 0.36, z + 0.18),
                    corner=0.14,
                    axis=0,
                )
            ]
        if not reach:
            return []
        start = front + (0.25 if self.cover == "flat" else -0.02)
        if self.cover == "askew":  # one corner is thrown back
            line = [(-x, start), (x, start), (x, front + 1.25 * reach), (-x, front + 0.55 * reach)]
            return [
                prism(line, z - 0.1, z + 0.05, edge=0.03),
                block((-x, start, low), (x, front + 0.5 * reach, z + 0.04), edge=0.03),
            ]
        made = [block((-x, start, low), (x, front + reach, z + 0.05), edge=0.04)]
        if self.cover == "whole":  # turned down at its upper end
            made.append(
                block(
                    (-x - 0.01, front + reach - 0.3, low + 0.03),
                    (x + 0.01, front + reach, z + 0.09),
                    edge=0.035,
                )
            )
        return made

    def _boards(self, y: float) -> list[Part]:
        made: list[Part] = []
        head = self._top + self.head_height
        if self.head != "none":
            made += self._board(self.head_width * self.width, head, y, 1)
        if self.foot == "low":
            made += self._board(self.width + 2 * self.rim, self._top + 0.06, y, -1)
        elif self.foot == "like" and self.chest == "none":
            made += self._board(
                self.width + 2 * self.rim,
                self.frame_height + self.foot_share * (head - self.frame_height),
                y,
                -1,
            )
        return made

    def _board(self, wide: float, tall: float, y: float, side: int) -> list[Part]:
        thick = self.stout(self.head_thickness)
        wide = max(wide, self.width + 2 * self.rim)
        filling = self.head if self.head != "none" else "solid"
        border = max(self.stout(0.05), 0.045 * wide)
        place = (0.0, side * (y - 0.3 * thick), 0.0)
        if filling == "sleigh":
            board = bent(
                block((-wide / 2, -thick / 2, 0.0), (wide / 2, thick / 2, tall), edge=0.3 * thick),
                0.16,
                0.3 * tall,
                tall,
            )
            roll = rod((-wide / 2, 0.16, tall), (wide / 2, 0.16, tall), 0.7 * thick)
            made = [board, roll]
            if side < 0:
                made = [turned(part, 2, 180.0) for part in made]
            return [moved(part, place) for part in made]
        if filling in ("padded", "channels"):
            number = 1 if filling == "padded" else self.bars
            step = wide / number
            made = [block((-wide / 2, -thick / 2, 0.0), (wide / 2, thick / 2, tall - 0.03))]
            made += [
                cushion(
                    (-wide / 2 + step * k, -thick / 2 - 0.05, 0.6 * self.frame_height),
                    (-wide / 2 + step * (k + 1), thick / 2, tall),
                    0.03,
                    0.02,
                    1,
                )
                for k in range(number)
            ]
            return [moved(part, place) for part in made]
        corner = 0.5 * wide if filling == "arch" else self.head_roundness * 0.5 * tall
        lowest = max(0.0, self.frame_height - border)
        face = panel_face(
            "solid" if filling == "arch" else filling,
            wide,
            tall,
            corner,
            border,
            self.bars,
            self.stout(self.bar_width),
            lowest,
        )
        board = moved(standing_panel(face, wide, tall, thick), place)
        legs = [
            moved(
                block(
                    (s * wide / 2 - s * border / 2 - border / 2, -thick / 2, 0.0),
                    (
                        s * wide / 2 - s * border / 2 + border / 2,
                        thick / 2,
                        max(lowest + 2 * border, 0.1),
                    ),
                ),
                place,
            )
            for s in (-1, 1)
        ]
        if side < 0:
            return [board, *legs]
        back = float(np.tan(np.deg2rad(self.head_tilt))) * (tall - self.frame_height)
        return [bent(board, back, self.frame_height, tall), *legs]

    def _posts(self, x: float, y: float) -> list[Part]:
        if self.posts == "none":
            return []
        thick = self.stout(self.post_thickness)
        half = thick / 2
        tall = {
            "low": self._top + 0.5 * self.head_height,
            "knobs": self._top + 0.8 * self.head_height,
            "four": 1.7,
            "canopy": 1.85,
            "bunk": 1.6,
            "loft": 1.65,
        }[self.posts]
        places = corners(2 * x - half, 2 * y - half)
        square = self.posts in ("four", "canopy", "bunk", "loft")
        made = [post((a, b, 0.0), (a, b, tall), half, half, square) for a, b in places]
        if self.posts == "knobs":
            made += [
                block(
                    (a - thick, b - thick, tall - thick),
                    (a + thick, b + thick, tall + thick),
                    thick,
                    thick,
                )
                for a, b in places
            ]
        (left, front), (right, rear) = places[0], places[2]
        if self.posts == "canopy":
            ring = [(left, front), (right, front), (right, rear), (left, rear)]
            made += [
                block(
                    (min(a[0], b[0]) - half, min(a[1], b[1]) - half, tall - thick),
                    (max(a[0], b[0]) + half, max(a[1], b[1]) + half, tall),
                )
                for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)
            ]
        if self.posts in ("bunk", "loft"):
            deck, t = 1.25, self.stout(0.05)
            made += [
                block((left, front, deck - 2 * t), (right, rear, deck)),
                self._bedding(deck - self.frame_height),
            ]
            # A ladder on the right, in front, that leans on the upper frame.
            rails = [(right + 0.01, front + 0.15 + k * 0.38) for k in (0, 1)]
            made += [post((a + 0.16, b, 0.0), (a, b, deck), t / 2, t / 2, True) for a, b in rails]
            made += [
                rod(
                    (right + 0.01 + 0.16 * (1 - z / deck), rails[0][1], z),
                    (right + 0.01 + 0.16 * (1 - z / deck), rails[1][1], z),
                    t / 2,
                )
                for z in (0.25, 0.55, 0.85, 1.1)
            ]
            made += [block((left, front, 1.5 - t), (left + t, rear, 1.5))]
        return made

    def _beside(self, x: float, y: float) -> list[Part]:
        thick, made = self.stout(0.05), []
        if self.side != "none":
            top = self._top + (0.18 if self.side == "rail" else self.head_height)
            rear = 0.3 * y if self.side == "rail" else -y
            made.append(
                block(
                    (-x - thick, rear, 0.5 * self.frame_height),
                    (-x + 0.4 * thick, y, top),
                    corner=0.1,
                    axis=0,
                )
            )
        if self.chest != "none":
            front = -y - 0.36
            top = 0.9 * self._top
            made.append(
                block(
                    (-0.4 * self.width, front, 0.5 * top if self.chest == "bench" else 0.0),
                    (0.4 * self.width, -y + 0.02, top),
                    edge=0.03,
                )
            )
            if self.chest == "bench":
                made += [
                    block(
                        (s * 0.35 * self.width - thick / 2, front + 0.02, 0),
                        (s * 0.35 * self.width + thick / 2, front + 0.02 + thick, 0.6 * top),
                    )
                    for s in (-1, 1)
                ]
        sides = {"none": (), "left": (-1,), "right": (1,)}.get(self.night_tables, (-1, 1))
        for s in sides:
            a, b = sorted((s * (x - 0.02), s * (x + 0.4)))
            made.append(
                block((a, y - 0.42, min(0.25, 0.8 * self.frame_height)), (b, y - 0.02, 0.5))
            )
            made.append(block((a + 0.15, y - 0.3, 0), (b - 0.15, y - 0.1, 0.3)))
        return made
