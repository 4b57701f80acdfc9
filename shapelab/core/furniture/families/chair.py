"""Chairs: dining, office, cantilever and lounge chairs, with or without arms."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.backs import Backed
from shapelab.core.furniture.furniture import between, one_of
from shapelab.core.furniture.legs import OnBase
from shapelab.core.furniture.panels import plan
from shapelab.core.furniture.solids import Part, beam, block, cushion, path, post, prism


@dataclass(frozen=True)
class Chair(Backed, OnBase):
    """A seat with a back."""

    label = "chair"

    base: str = one_of(
        *(9 * ["legs"]), "star", "star", "sled", "cantilever", "pedestal", "spider", "panels",
        "cross", meaning="what it stands on",
    )  # fmt: skip
    seat_width: float = between(0.38, 0.58, "m", "width of the seat in front")
    seat_depth: float = between(0.38, 0.54, "m", "depth of the seat")
    seat_height: float = between(0.42, 0.49, "m", "height of the seat's upper side")
    seat_thickness: float = between(0.018, 0.05, "m", "thickness of the seat")
    seat_shape: str = one_of(
        "rectangle", "rectangle", "trapeze", "trapeze", "ellipse", "superellipse", "half",
        meaning="the seat seen from above",
    )  # fmt: skip
    seat_bulge: float = between(0.1, 1.0, "", "how far that is from a rectangle")
    seat_pad: str = one_of(
        "none", "none", "none", "thin", "thick", "pillow", meaning="a cushion on the seat"
    )
    apron: float = between(0.0, 0.09, "m", "depth of the frame below the seat")
    armrest: str = one_of(
        *(9 * ["none"]), "bars", "bars", "loops", "loops", "panels", "curves", "curves", "pads",
        "tablet",
        meaning="what the arms lie on",
    )  # fmt: skip
    arm_height: float = between(0.17, 0.26, "m", "from the seat to the top of the armrests")
    arm_length: float = between(0.5, 0.95, "", "how far forward they come, share of the depth")
    arm_flare: float = between(0.0, 0.06, "m", "how far they stand out beside the seat")

    @property
    def longest(self) -> float:
        return max(self.seat_height + self.back_height, 1.35 * self.seat_depth + 0.05)

    def parts(self) -> list[Part]:
        wide, deep, top = self.seat_width, self.seat_depth, self.seat_height
        thick = self.stout(self.seat_thickness)
        below = top - thick
        outline = plan(self.seat_shape, wide, deep, self.seat_bulge)
        # A round seat is narrow where legs and back stand.
        room_x, room_y = {
            "half": (0.6, 0.75),
            "ellipse": (0.7, 0.72),
            "superellipse": (0.84 - 0.14 * self.seat_bulge, 0.84 - 0.1 * self.seat_bulge),
            "trapeze": (1 - 0.4 * self.seat_bulge, 1.0),
        }.get(self.seat_shape, (1.0, 1.0))
        rear = deep / 2 * (0.97 if self.seat_shape == "ellipse" else 1.0)
        room = (wide * room_x, deep * room_y)
        made = [
            prism(outline, below, top, edge=0.2 * thick),
            *self._pad(*room, top),
            *self.stand(*room, top - thick / 2),
            *self.back(
                wide if self.seat_shape == "half" else wide * room_x, rear, top, below + 0.1 * thick
            ),
            *self._arms(wide * max(room_x, 0.85), deep, top, below),
        ]
        if self.apron > 0.03 and self.base == "legs" and self.leg_shape != "hairpin":
            x, y, t = room[0] / 2 - 0.015, room[1] / 2 - 0.015, self.stout(0.02)
            low = below - self.apron
            made += [
                block((-x, s * y - t / 2, low), (x, s * y + t / 2, below + thick / 2))
                for s in (-1, 1)
            ]
            made += [
                block((s * x - t / 2, -y, low), (s * x + t / 2, y, below + thick / 2))
                for s in (-1, 1)
            ]
        return made

    def _pad(self, wide: float, deep: float, top: float) -> list[Part]:
        rise = {"none": 0.0, "thin": 0.03, "thick": 0.07, "pillow": 0.09}[self.seat_pad]
        if not rise:
            return []
        x, y = 0.47 * wide, 0.46 * deep
        soft = 0.9 if self.seat_pad == "pillow" else 0.4
        return [
            cushion((-x, -y, top - 0.015), (x, 0.85 * y, top + rise), soft * rise / 2, 0.3 * rise)
        ]

    def _arms(self, wide: float, deep: float, seat: float, below: float) -> list[Part]:
        if self.armrest == "none":
            return []
        thick = self.stout(0.03)
        top = seat + min(self.arm_height, 0.75 * self.back_height)
        rear, front = 0.47 * deep, (0.47 - self.arm_length) * deep
        if self.seat_shape in ("ellipse", "superellipse", "half"):
            front = max(front, -0.12 * deep)  # where a round seat is still wide
        x = wide / 2 - thick / 2
        out = x + self.arm_flare
        made: list[Part] = []
        for side in (1,) if self.armrest == "tablet" else (-1, 1):
            a, b = side * x, side * out
            if self.armrest == "curves":
                made += path(
                    [
                        (a, front, below + thick / 2),
                        (b, front - 0.02, top - 0.06),
                        (b, front + 0.05, top),
                        (b, 0.0, top - 0.01),
                        (side * 0.46 * self.back_width * wide, rear + 0.03, top + 0.03),
                    ],
                    thick,
                )
                continue
            if self.armrest == "panels":
                made.append(
                    beam(
                        (b, front, (below + top) / 2),
                        (b, rear, (below + top) / 2),
                        thick,
                        top - below,
                    )
                )
                made.append(
                    block(
                        (min(a, b) - thick / 2, front, below),
                        (max(a, b) + thick / 2, rear, seat - 0.2 * (seat - below)),
                    )
                )
                continue
            half = 0.045 if self.armrest in ("pads", "tablet") else 0.7 * thick
            made.append(
                block((b - half, front, top - thick), (b + half, rear, top), 0.02, 0.25 * thick)
            )
            ys = (
                (0.5 * (front + rear),)
                if self.armrest in ("pads", "tablet")
                else (front + thick, rear - thick)
            )
            if self.armrest == "bars":
                ys = (front + thick,)
                made.append(
                    beam(
                        (b, rear, top - thick / 2),
                        (side * 0.44 * self.back_width * wide, rear + 0.07, top - thick / 2),
                        thick,
                        thick,
                    )
                )
            made += [
                post(
                    (a, y, below),
                    (b, y, top - thick / 2),
                    thick / 2,
                    thick / 2,
                    self.leg_shape == "square",
                )
                for y in ys
            ]
            made.append(
                block(
                    (min(0, a), ys[0] - thick, below),
                    (max(0, a), ys[-1] + thick, seat - 0.3 * (seat - below)),
                )
            )
            if self.armrest == "tablet":
                made.append(
                    block((b - 0.3, front - 0.12, top - thick), (b + 0.05, front + 0.14, top), 0.06)
                )
        return made
