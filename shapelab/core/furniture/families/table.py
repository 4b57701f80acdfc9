"""Tables: dining, coffee, side and console tables."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.legs import OnBase
from shapelab.core.furniture.panels import plan
from shapelab.core.furniture.solids import Part, block, moved, prism, rod


@dataclass(frozen=True)
class Table(OnBase):
    """A top on legs."""

    label = "table"

    base: str = one_of(
        *(9 * ["legs"]), "pedestal", "pedestal", "claw", "claw", "twin", "trestle", "cross",
        "panels", "drum", "spider", "sled", "frame", "plinth", meaning="what it stands on",
    )  # fmt: skip
    use: str = one_of("dining", "dining", "coffee", "side", "console", meaning="what it is for")
    size: float = between(0.0, 1.0, "", "from the smallest of its use to the largest")
    proportion: float = between(0.0, 1.0, "", "from the deepest of its use to the narrowest")
    rise: float = between(0.0, 1.0, "", "from the lowest of its use to the highest")
    top_shape: str = one_of(
        *(6 * ["rectangle"]), *(3 * ["ellipse"]), "superellipse", "superellipse", "octagon",
        "hexagon", "boat", "half", "wave", "kidney", "trapeze", meaning="the top seen from above",
    )  # fmt: skip
    top_bulge: float = between(0.0, 1.0, "", "how far that is from a rectangle")
    top_thickness: float = between(0.02, 0.045, "m", "thickness of the top")
    top_edge: float = between(0.0, 0.5, "", "roundness of its edge, share of the thickness")
    overhang: float = between(0.0, 0.14, "m", "how far the top reaches over")
    apron: float = between(0.0, 0.12, "m", "depth of the frame below the top")
    apron_cut: str = one_of("straight", "straight", "arched", meaning="the frame's lower edge")
    shelf_style: str = one_of(
        "none", "none", "none", "board", "slats", "half", meaning="what lies between the legs"
    )
    shelf_height: float = between(0.12, 0.5, "", "height of that, share of the table's")
    drawers: int = count(0, 3, "drawers in a deep frame")
    leaf: str = one_of(
        "none", "none", "none", "left", "both", meaning="sides that hang folded down"
    )
    second: str = one_of(
        "none", "none", "none", "tier", "rim", "nest", meaning="an extra of low ones"
    )

    @property
    def sides(self) -> tuple[float, float, float]:
        """Width, depth and height of the top in metres."""
        (short, long), (deepest, narrowest), (low, high) = {
            "dining": ((0.75, 2.0), (1.0, 0.45), (0.71, 0.77)),
            "coffee": ((0.6, 1.35), (1.0, 0.42), (0.32, 0.48)),
            "side": ((0.38, 0.6), (1.0, 0.7), (0.45, 0.66)),
            "console": ((0.8, 1.6), (0.42, 0.24), (0.74, 0.9)),
        }[self.use]
        wide = short + (long - short) * self.size
        deep = max(wide * (deepest + (narrowest - deepest) * self.proportion), 0.28)
        if wide > 1.3:
            deep = min(deep, 1.05)
        return wide, deep, low + (high - low) * self.rise

    @property
    def longest(self) -> float:
        wide, deep, tall = self.sides
        swung = 0.16 if self.leg_shape in ("sabre", "cabriole") else 0.0
        reach = (self.leg_splay + swung) * tall if self.base == "legs" else 0.0
        return max(wide + reach, deep + reach, tall)

    def parts(self) -> list[Part]:
        wide, deep, tall = self.sides
        thick = self.stout(self.top_thickness)
        edge = self.top_edge * thick
        flat = plan(self.top_shape, wide - 2 * edge, deep - 2 * edge, self.top_bulge)
        low = tall - thick
        made = [prism(flat, low, tall, edge=edge)]
        # The room that the top surely covers.
        x, y = {
            "ellipse": (0.7, 0.7),
            "superellipse": (0.8, 0.8),
            "octagon": (0.76, 0.76),
            "hexagon": (0.75, 0.62),
            "boat": (0.96, 1 - 0.8 * self.top_bulge * 0.9),
            "half": (0.8, 0.5),
            "wave": (1.0, 1 - 0.5 * self.top_bulge),
            "kidney": (0.8, 0.6),
            "trapeze": (1 - 0.45 * self.top_bulge, 1.0),
        }.get(self.top_shape, (1.0, 1.0))
        over = min(self.overhang, 0.15 * deep)
        x, y = max(wide * x - 2 * over, 0.2), max(deep * y - 2 * over, 0.14)
        made += self._below(x, y, tall - thick / 2, low)
        made += self._leaves(wide, deep, tall, thick)
        if self.second == "rim" and self.use != "dining":
            t, up = self.stout(0.02), 0.05
            r = 0.48
            made += [
                block(
                    (s * r * x - t / 2, -r * y, low + thick / 2),
                    (s * r * x + t / 2, r * y, tall + up),
                )
                for s in (-1, 1)
            ]
            made.append(block((-r * x, r * y - t, low + thick / 2), (r * x, r * y, tall + up)))
        return made

    def _below(self, x: float, y: float, height: float, low: float) -> list[Part]:
        thick = self.stout(self.leg_thickness)
        made: list[Part] = []
        if self.base == "twin":
            at = 0.3 * x
            foot = max(0.4 * y, 1.5 * thick)
            for s in (-1, 1):
                made.append(
                    block(
                        (s * at - thick / 2, -0.6 * thick, 0),
                        (s * at + thick / 2, 0.6 * thick, height),
                    )
                )
                made.append(
                    block(
                        (s * at - 0.6 * thick, -foot, 0),
                        (s * at + 0.6 * thick, foot, thick),
                        edge=0.2 * thick,
                    )
                )
                made.append(
                    block(
                        (s * at - thick / 2, -0.8 * foot, low - thick),
                        (s * at + thick / 2, 0.8 * foot, height),
                    )
                )
            z = 0.35 * height
            made.append(block((-at, -thick / 2, z), (at, thick / 2, z + 1.4 * thick)))
        elif x > 1.6 * y and self.base in ("pedestal", "claw", "drum", "spider", "star"):
            one = self.stand(0.5 * x, y, height)  # a long top has two of them
            made += [moved(part, (s * 0.26 * x, 0.0, 0.0)) for part in one for s in (-1, 1)]
        else:
            made += self.stand(x, y, height)
        if self.base in ("legs", "panels", "trestle", "twin") and self.apron > 0.04:
            made += self._apron(x - thick, y - thick, low, height)
        if self.base == "legs":
            made += self.shelf(self.shelf_style, x, y, height, self.shelf_height)
        return made

    def _apron(self, x: float, y: float, low: float, height: float) -> list[Part]:
        t, deep = self.stout(0.02) / 2, min(self.apron, 0.25 * height)
        if self.base == "twin":
            x, y = 0.75 * x, max(0.5 * y, 4 * t)
        bottom, x, y = low - deep, x / 2, y / 2
        made = [block((s * x - t, -y, bottom), (s * x + t, y, height)) for s in (-1, 1)]
        for s in (-1, 1):
            if self.apron_cut == "arched" and x > 0.25:
                rise = [(k / 8 - 1, 0.7 * deep * (1 - (k / 8 - 1) ** 2)) for k in range(17)]
                line = [*((x * u, bottom + v) for u, v in rise), (x, height), (-x, height)]
                made.append(prism(line, s * y - t, s * y + t, axis=1))
            else:
                made.append(block((-x, s * y - t, bottom), (x, s * y + t, height)))
        if self.drawers and deep > 0.06 and self.apron_cut == "straight" and self.base == "legs":
            step, g = 2 * x / self.drawers, self.stout(0.012)
            front = -y - t - self.stout(0.015)
            for k in range(self.drawers):
                a, b = -x + step * k + g, -x + step * (k + 1) - g
                if b - a > 3 * g:
                    made.append(
                        block((a, front, bottom + 0.1 * deep), (b, t - y, low - 0.1 * deep))
                    )
                    made.append(
                        rod(
                            ((a + b) / 2, front - 0.012, bottom + deep / 2),
                            ((a + b) / 2, t - y, bottom + deep / 2),
                            g,
                        )
                    )
        return made

    def _leaves(self, wide: float, deep: float, tall: float, thick: float) -> list[Part]:
        if (
            self.leaf == "none"
            or self.top_shape != "rectangle"
            or self.use != "dining"
            or wide > 1.5
        ):
            return []
        drop, r = 0.4 * tall, thick / 2
        sides = (-1, 1) if self.leaf == "both" else (-1,)
        return [
            block(
                (s * wide / 2 - r, -0.95 * deep / 2, tall - drop),
                (s * wide / 2 + r, 0.95 * deep / 2, tall - 0.1 * thick),
            )
            for s in sides
        ]
