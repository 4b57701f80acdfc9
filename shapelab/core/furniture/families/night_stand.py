"""Night stands: small cases and tables beside a bed."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.cabinet import Cased
from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.legs import OnBase
from shapelab.core.furniture.panels import plan
from shapelab.core.furniture.solids import Part, block, lathed, prism, rod


@dataclass(frozen=True)
class NightStand(Cased, OnBase):
    """A small case, or a table with a drawer."""

    label = "night_stand"

    base: str = one_of(
        *(8 * ["legs"]), "plinth", "plinth", "sled", "panels", "frame", "pedestal", "claw",
        meaning="what it stands on",
    )  # fmt: skip
    width: float = between(0.36, 0.62, "m", "width of the top")
    depth: float = between(0.32, 0.48, "m", "depth of the top")
    height: float = between(0.42, 0.72, "m", "height of the top's upper side")
    case_share: float = between(0.2, 1.0, "", "height of the case, share of the whole")
    rows: int = count(1, 3, "compartments above each other")
    columns: int = count(1, 1 + 1, "compartments beside each other")
    top_thickness: float = between(0.018, 0.04, "m", "thickness of the top")
    top_shape: str = one_of(
        *(5 * ["rectangle"]),
        "superellipse",
        "ellipse",
        "half",
        "octagon",
        meaning="the top from above",
    )
    top_bulge: float = between(0.2, 1.0, "", "how far that is from a rectangle")
    crown: float = between(0.0, 0.04, "m", "how far the top stands out")
    body: str = one_of("case", "case", "case", "case", "drum", "shelf", "cube", meaning="its kind")
    gallery: str = one_of("none", "none", "none", "rail", "back", meaning="around the top")
    shelf_style: str = one_of(
        "none", "none", "board", "slats", meaning="what lies between the legs"
    )
    tray: str = one_of(*(12 * ["none"]), "left", "right", meaning="a board that is pulled out")

    @property
    def longest(self) -> float:
        tray = 0.0 if self.tray == "none" else 0.16
        rise = 0.06 * (self.gallery == "back")
        return max(self.height + rise, self.width + 2 * self.crown + tray, self.depth)

    def parts(self) -> list[Part]:
        x, y, thick = self.width / 2, self.depth / 2, self.stout(self.top_thickness)
        top, c = self.height - thick, self.crown
        low = max(top - self.case_share * top, 0.0)
        if low < 0.05 or self.body == "cube":
            low = 0.0
        flat = plan(self.top_shape, 2 * (x + c), 2 * (y + c), self.top_bulge)
        front = self.stout(self.relief) * (self.fronts == "proud" and self.top_shape == "rectangle")
        shape = [(u, v - front if v < 0 else v) for u, v in flat]
        made: list[Part] = [prism(shape, top, self.height, edge=0.0)]
        if self.top_shape in ("ellipse", "half", "octagon"):
            x, y = 0.68 * x, 0.6 * y
        if self.body == "drum":
            r = min(x, y)
            made.append(lathed([(low, r), (top + thick / 2, r)]))
            z = (low + top) / 2
            made += [rod((0, -r - 0.02, z), (0, -r + 0.03, z), self.stout(0.02) / 2)]
            if top - low > 0.15:
                g = self.stout(self.gap)
                made.append(
                    lathed([(z + 0.25 * (top - low), r + g), (z + 0.25 * (top - low) + g, r + g)])
                )
            x = y = 0.68 * r  # the square below it
        elif self.body == "shelf":
            t = self.stout(self.board)
            walls = [
                block((s * x - (s > 0) * t, -y, low), (s * x + (s < 0) * t, y, top + thick / 2))
                for s in (-1, 1)
            ]
            made += [*walls, block((-x, -y, low), (x, y, low + t))]
            if self.arrangement & 1:
                made.append(block((-x, y - t, low), (x, y, top + thick / 2)))
            if top - low > 0.3:
                z = low + self.split * (top - low)
                made.append(block((-x, -y, z), (x, y, z + t)))
        else:
            columns = self.columns if self.width > 0.5 else 1
            rows = max(1, min(self.rows, int((top - low) / 0.11)))
            made += self.case(
                (-x, -y, low),
                (x, y, top + thick / 2),
                columns,
                rows,
                ("drawer", "drawer", "open", "drawer", "door"),
            )
        if low:
            made += self.stand(2 * x, 2 * y, low + thick / 2)
            if self.base == "legs" and low > 0.2:
                made += self.shelf(self.shelf_style, 2 * x, 2 * y, low, 0.35)
        return made + self._extras(x, y, thick)

    def _extras(self, x: float, y: float, thick: float) -> list[Part]:
        made: list[Part] = []
        t, low = self.stout(0.015), self.height - thick / 2
        if self.gallery == "back":
            made.append(block((-x, y - t, low), (x, y, self.height + 0.06)))
        if self.gallery == "rail":
            up = self.height + 0.04
            made.append(block((-x, y - t, low), (x, y, up)))
            made += [block((s * x - t / 2, -0.5 * y, low), (s * x + t / 2, y, up)) for s in (-1, 1)]
        if self.tray != "none":
            s = 1 if self.tray == "right" else -1
            a, b = sorted((0.0, s * (x + 0.16)))
            made.append(block((a, -0.7 * y, low - thick / 2), (b, 0.5 * y, low)))
        return made
