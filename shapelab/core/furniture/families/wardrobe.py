"""Wardrobes: with hinged and sliding doors, open, with drawers and mirrors."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.cabinet import Cased
from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.legs import corners
from shapelab.core.furniture.solids import Part, block, cut, lathed, post, prism, rod


@dataclass(frozen=True)
class Wardrobe(Cased):
    """A tall case for clothes."""

    label = "wardrobe"

    width: float = between(0.6, 2.2, "m", "between the outer sides")
    height: float = between(1.6, 2.2, "m", "from the floor to the top")
    depth: float = between(0.45, 0.65, "m", "depth of the case")
    rows: int = count(1, 2, "compartments above each other")
    columns: int = count(1, 4, "compartments beside each other")
    bottom: str = one_of("none", "none", "drawers", "drawers", "open", meaning="below the doors")
    bottom_share: float = between(0.12, 0.35, "", "height of that, share of the case's")
    foot: str = one_of("plinth", "block", "bun", "cone", "floor", "bracket", meaning="the feet")
    foot_height: float = between(0.05, 0.16, "m", "height of the case above the floor")
    crown: str = one_of("none", "none", "cornice", "arch", "gable", "box", meaning="what is on top")
    crown_size: float = between(0.05, 0.16, "m", "height of that")
    crown_out: float = between(0.0, 0.06, "m", "how far it stands out")
    open_side: str = one_of(
        *(4 * ["none"]), "left", "right", "rail", meaning="a part without doors"
    )
    open_width: float = between(0.3, 0.5, "", "its width, share of the whole")
    shelves: int = count(1, 5, "boards in an open part")
    mirror: str = one_of(*(4 * ["none"]), "middle", "first", meaning="a door with a mirror")
    panel: str = one_of("plain", "plain", "frame", "two", "slats", meaning="what a door looks like")
    sloped: str = one_of(*(6 * ["none"]), "left", "right", meaning="a top that falls under a roof")

    @property
    def longest(self) -> float:
        return max(self.height + (0.0 if self.crown == "none" else self.crown_size), self.width)

    def parts(self) -> list[Part]:
        x, y = self.width / 2, self.depth / 2
        low = 0.0 if self.foot == "floor" else max(self.foot_height, self.stout(0.04))
        made = self._feet(x, y, low)
        left, right = -x, x
        if self.open_side in ("left", "right", "rail") and self.width > 1.0:
            wide = self.open_width * self.width
            a, b = (-x, wide - x) if self.open_side == "left" else (x - wide, x)
            left, right = (b, right) if self.open_side == "left" else (left, a)
            made += self._open(a, b, y, low)
        split = low
        if self.bottom != "none":
            split = low + self.bottom_share * (self.height - low)
            if self.bottom == "open":
                t = self.stout(self.board)
                made.append(
                    cut(
                        block((left, -y, low), (right, y, split + 0.01)),
                        block((left + t, -1, low + t), (right - t, y - t, split - t)),
                    )
                )
            else:
                made += self.case(
                    (left, -y, low),
                    (right, y, split + 0.01),
                    self.columns,
                    1 + (self.arrangement & 1),
                    ("drawer",),
                )
        columns = max(1, min(self.columns, round((right - left) / 0.4)))
        made += self.case(
            (left, -y, split),
            (right, y, self.height),
            columns,
            1 if split > low else self.rows,
            ("door",),
        )
        made += self._doors(left, right, y, split, columns)
        if self.sloped != "none":
            s = 1 if self.sloped == "right" else -1
            roof = [
                (s * 0.1 * x, self.height + 0.01),
                (s * (x + 1), self.height - 0.5 * (x + 1)),
                (s * (x + 1), self.height + 1),
                (s * 0.1 * x, self.height + 1),
            ]
            wedge = prism(roof, -2, 2, axis=1)
            return [
                Part(p.distance, p.low, p.high) if p.high[2] < 0.5 * self.height else cut(p, wedge)
                for p in made
            ]
        return [*made, *self._crown(x, y)]

    def _doors(self, left: float, right: float, y: float, low: float, columns: int) -> list[Part]:
        """Frames and slats upon the doors."""
        rooms = self.compartments((left, -y, low), (right, y, self.height), columns, 1, ("door",))
        if self.panel == "plain" or (self.rows > 1 and low < 0.2) or self.fronts != "proud":
            return []
        t, deep = self.stout(0.04), self.stout(0.02)
        front = -y - self.stout(self.relief)
        made = []
        for k, room in enumerate(rooms):
            a, b, c, d = room.left, room.right, room.low, room.high
            if b - a < 4 * t:
                continue
            whole = block((a, front - deep, c), (b, front + 0.01, d))
            if self.mirror != "none" and k == (len(rooms) // 2 if self.mirror == "middle" else 0):
                made.append(
                    block(
                        (a + t, front - deep, c + t),
                        (b - t, front + 0.01, d - t),
                        corner=0.3 * (b - a),
                        axis=1,
                    )
                )
                continue
            middle = c + (0.55 if self.panel == "two" else 1.0) * (d - c)
            spans = [(c, middle), (middle - t, d)] if self.panel == "two" else [(c, d)]
            holes = [block((a + t, -9, e + t), (b - t, 9, f - t)) for e, f in spans]
            made.append(cut(whole, *holes))
            if self.panel == "slats":
                number = 6
                step = (d - c - 2 * t) / number
                made += [
                    block(
                        (a + t / 2, front - 0.7 * deep, c + t + step * (n + 0.25)),
                        (b - t / 2, front + 0.01, c + t + step * (n + 0.75)),
                    )
                    for n in range(number)
                ]
        return made

    def _open(self, a: float, b: float, y: float, low: float) -> list[Part]:
        t = self.stout(self.board)
        body = block((a, -y, low), (b, y, self.height))
        room = cut(body, block((a + t, -2, low + t), (b - t, y - t, self.height - t)))
        if self.open_side == "rail":
            z = self.height - 0.14
            return [
                room,
                rod((a, 0, z), (b, 0, z), self.stout(0.03) / 2),
                block((a, -y, low + 0.3), (b, y, low + 0.3 + t)),
            ]
        step = (self.height - low) / (self.shelves + 1)
        return [
            room,
            *(
                block((a, -y, low + step * k), (b, y, low + step * k + t))
                for k in range(1, self.shelves + 1)
            ),
        ]

    def _feet(self, x: float, y: float, low: float) -> list[Part]:
        thick = self.stout(0.06)
        if not low:
            return []
        if self.foot == "plinth":
            return [block((0.02 - x, 0.04 - y, 0), (x - 0.02, y, low + 0.02))]
        if self.foot == "bracket":
            made: list[Part] = []
            for s in (-1, 1):
                line = [
                    (s * x, 0),
                    (s * x, low + 0.02),
                    (s * (x - 0.2), low + 0.02),
                    (s * (x - 0.08), 0),
                ]
                made += [
                    prism(line, b - thick / 2, b + thick / 2, axis=1)
                    for b in (thick / 2 - y, y - thick / 2)
                ]
            return made
        places = corners(2 * x - 2 * thick, 2 * y - 2 * thick)
        if self.foot == "bun":
            return [
                lathed([(0.0, 0.5 * thick), (0.5 * low, thick), (low + 0.02, 0.6 * thick)], at)
                for at in places
            ]
        end = thick / 2 if self.foot == "block" else self.stout(0.02) / 2
        return [
            post((*at, 0.0), (*at, low + 0.02), end, thick / 2, self.foot == "block")
            for at in places
        ]

    def _crown(self, x: float, y: float) -> list[Part]:
        top, out, rise = self.height, self.crown_out, max(self.crown_size, self.stout(0.03))
        low = top - 0.02
        front = -y - out - self.stout(self.relief) * (self.fronts == "proud")
        if self.crown == "cornice":
            return [
                block((-x - out / 2, front, low), (x + out / 2, y, top + rise / 2)),
                block((-x - out, front - out / 2, top + rise / 3), (x + out, y, top + rise)),
            ]
        if self.crown in ("arch", "gable"):
            share = [k / 8 - 1 for k in range(17)]
            line = [
                (x * s, low + (rise + 0.02) * (1 - abs(s) ** (2 if self.crown == "arch" else 1)))
                for s in share[1:-1]
            ]
            return [
                prism([(-x, low), *line, (x, low)], front, front + self.stout(0.05) + 0.06, axis=1)
            ]
        if self.crown == "box":
            return [block((-0.7 * x, -0.7 * y, low), (0.7 * x, 0.8 * y, top + rise))]
        return []
