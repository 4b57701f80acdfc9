"""Benches: for gardens, halls, kitchens and the ends of beds."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.backs import Backed
from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.legs import OnBase
from shapelab.core.furniture.solids import Part, block, cushion, moved, post, rod


@dataclass(frozen=True)
class Bench(Backed, OnBase):
    """A seat for two or more, often without a back."""

    label = "bench"

    base: str = one_of(
        *(6 * ["legs"]), "panels", "panels", "trestle", "cross", "sled", "frame", "plinth", "twin",
        "pedestal", "claw",
        meaning="what it stands on",
    )  # fmt: skip
    width: float = between(0.85, 1.8, "m", "width of the seat")
    depth: float = between(0.3, 0.5, "m", "depth of the seat")
    seat_height: float = between(0.42, 0.48, "m", "height of the seat's upper side")
    seat: str = one_of(
        "board", "board", "slats", "slats", "planks", "cushion", "box", meaning="what one sits on"
    )
    seat_thickness: float = between(0.025, 0.06, "m", "thickness of the seat")
    slats: int = count(3, 6, "slats of the seat")
    back_height: float = between(0.28, 0.5, "m", "from the seat to the back's upper edge")
    back_bow: float = between(0.0, 0.03, "", "how far its sides come forward, share of the width")
    bars: int = count(3, 9, "bars that fill the back")
    has_back: str = one_of("no", "no", "yes", "yes", meaning="whether it has a back")
    armrest: str = one_of("none", "none", "bars", "panels", "rolls", "one", meaning="its arms")
    arm_height: float = between(0.16, 0.26, "m", "from the seat to the top of the arms")
    overhang: float = between(0.0, 0.25, "m", "how far the seat reaches over its legs")
    shelf_style: str = one_of(
        "none", "none", "none", "board", "slats", "bar", meaning="what lies below"
    )
    pads: int = count(0, 3, "cushions on it")

    @property
    def longest(self) -> float:
        return max(
            self.width, self.seat_height + (self.back_height if self.has_back == "yes" else 0)
        )

    def parts(self) -> list[Part]:
        x, y, top = self.width / 2, self.depth / 2, self.seat_height
        thick = self.stout(self.seat_thickness)
        low = top - thick
        made = self._seat(x, y, low, top)
        armed = self.armrest != "none"
        over = 0.0 if armed else min(self.overhang, 0.15 * self.width)
        room = (2 * (x - over), 2 * y)
        height = low + 0.4 * thick
        if self.base == "twin":
            t = self.stout(0.06)
            made += [
                block(
                    (s * 0.6 * x - 1.5 * t, -0.8 * y, 0),
                    (s * 0.6 * x + 1.5 * t, 0.8 * y, height),
                    edge=0.2 * t,
                )
                for s in (-1, 1)
            ]
        elif self.base in ("pedestal", "claw"):
            one = self.stand(0.5 * room[0], room[1], height)
            made += [moved(part, (s * 0.27 * room[0], 0.0, 0.0)) for part in one for s in (-1, 1)]
        else:
            made += self.stand(*room, height)
        if self.base == "legs" and self.seat in ("slats", "planks"):
            t = self.stout(0.03)
            made += [
                block(
                    (s * (x - over - t) - t, -y, low - 0.7 * t), (s * (x - over - t) + t, y, height)
                )
                for s in (-1, 1)
            ]
        if self.has_back == "yes":
            made += self.back(self.width, y, top, low)
        made += self._arms(x, y, low)
        made += self._below(room[0] / 2, y)
        step = 2 * x / max(1, self.pads)
        made += [
            cushion(
                (-x + step * k + 0.02, -y, top - 0.02),
                (-x + step * (k + 1) - 0.02, 0.8 * y, top + 0.06),
                0.03,
                0.015,
            )
            for k in range(self.pads if self.seat in ("board", "box") else 0)
        ]
        return made

    def _seat(self, x: float, y: float, low: float, top: float) -> list[Part]:
        if self.seat == "cushion":
            return [
                block((-x, -y, low), (x, y, top - 0.3 * (top - low))),
                cushion((-x, -y, low), (x, y, top + 0.06), 0.04, 0.02),
            ]
        if self.seat == "box":
            return [
                block((-x, -y, low), (x, y, top)),
                block((-x + 0.02, -y + 0.02, 0.55 * low), (x - 0.02, y, top)),
            ]
        if self.seat == "board":
            return [block((-x, -y, low), (x, y, top), corner=0.05, edge=0.3 * (top - low))]
        number = self.slats if self.seat == "slats" else 2
        step, gap = 2 * y / number, self.stout(0.015)
        slats = [
            block(
                (-x, -y + step * k + gap / 2, low),
                (x, -y + step * (k + 1) - gap / 2, top),
                edge=0.15 * gap,
            )
            for k in range(number)
        ]
        t = self.stout(0.03)
        outer = (0.9 if self.base in ("legs", "panels", "twin") else 0.97) * x
        rails = (-outer, -0.6 * x, 0.0, 0.6 * x, outer)
        return [
            *slats,
            *(
                block(
                    (r - t / 2, -y + gap, low - 0.5 * t),
                    (r + t / 2, y - gap, top - 0.3 * (top - low)),
                )
                for r in rails
            ),
        ]

    def _arms(self, x: float, y: float, low: float) -> list[Part]:
        sides = {"none": (), "one": (1,)}.get(self.armrest, (-1, 1))
        thick = self.stout(0.035)
        top = self.seat_height + self.arm_height
        made: list[Part] = []
        for s in sides:
            a, b = sorted((s * x, s * (x - 1.6 * thick)))
            middle = (a + b) / 2
            if self.armrest in ("panels", "one"):
                made.append(block((a, -0.95 * y, 0.5 * low), (b, y, top), edge=0.2 * thick))
                continue
            made.append(block((a, -y, top - thick), (b, y, top), corner=0.02, edge=0.3 * thick))
            made += [
                post(
                    (middle, t * 0.8 * y, low),
                    (middle, t * 0.8 * y, top - thick / 2),
                    thick / 2,
                    thick / 2,
                    True,
                )
                for t in (-1, 1)
            ]
            made.append(
                block((a, -y, low), (b, y, self.seat_height - 0.3 * (self.seat_height - low)))
            )
            if self.armrest == "rolls":
                made.append(rod((middle, -y, top - thick / 2), (middle, y, top - thick / 2), thick))
        return made

    def _below(self, x: float, y: float) -> list[Part]:
        if self.base == "legs" and self.shelf_style != "bar":
            return self.shelf(self.shelf_style, 2 * x, 2 * y, self.seat_height, 0.3)
        if self.shelf_style == "bar" and self.base == "panels":
            z, t = 0.3 * self.seat_height, self.stout(0.02)
            return [block((-x, -1.2 * t, z), (x, 1.2 * t, z + 2.5 * t))]
        return []
