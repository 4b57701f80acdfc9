"""Sinks: on pedestals, cabinets, legs and walls, for bathrooms and kitchens, and troughs."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.cabinet import Cased
from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.legs import OnLegs
from shapelab.core.furniture.panels import plan
from shapelab.core.furniture.solids import (
    Part,
    block,
    curve,
    cut,
    lathed,
    moved,
    narrowed,
    path,
    prism,
    rod,
)


@dataclass(frozen=True)
class Sink(Cased, OnLegs):
    """A basin with taps behind."""

    label = "sink"

    kind: str = one_of(
        "pedestal", "pedestal", "cabinet", "cabinet", "cabinet", "legs", "legs", "wall",
        "bowl", "bowl", "kitchen", "kitchen", "farm", "column", "insert", meaning="what it is",
    )  # fmt: skip
    width: float = between(0.4, 1.1, "m", "width of the top")
    depth: float = between(0.36, 0.6, "m", "depth of the top")
    height: float = between(0.78, 0.92, "m", "height of the rim")
    basin: str = one_of(
        "superellipse", "superellipse", "ellipse", "rectangle", "half", "octagon", "trapeze",
        meaning="the basin from above",
    )  # fmt: skip
    bulge: float = between(0.1, 1.0, "", "how far that is from a rectangle")
    basins: int = count(1, 2, "basins, where there is room for two")
    basin_share: float = between(0.5, 0.85, "", "width of the basin, share of its room")
    basin_depth: float = between(0.1, 0.2, "m", "how deep it is")
    basin_at: float = between(-1.0, 1.0, "", "where it lies, from the left to the right")
    flare: float = between(0.5, 0.95, "", "width of its bottom, share of its rim's")
    top: str = one_of(
        "rectangle", "rectangle", "round", "half", "bow", meaning="the top from above"
    )
    thickness: float = between(0.03, 0.12, "m", "thickness of the top")
    splash: float = between(-0.1, 0.25, "m", "height of a board behind; none below 0")
    tap: str = one_of(
        "arch", "arch", "straight", "bridge", "tall", "wall", "none", "goose", meaning="the tap"
    )
    tap_height: float = between(0.1, 0.32, "m", "height of the tap")
    tap_at: str = one_of("middle", "middle", "corner", meaning="where it stands")
    knobs: str = one_of("none", "two", "two", "lever", meaning="what turns it on")
    column_width: float = between(0.12, 0.24, "m", "width of a pedestal")
    column_shape: str = one_of("waist", "taper", "square", "flute", meaning="shape of a pedestal")
    foot: str = one_of("none", "ball", "pad", "block", meaning="what a leg ends in")
    plinth: float = between(0.0, 0.12, "m", "height of the foot below a cabinet")
    drain: str = one_of("none", "grooves", meaning="a board to drain dishes on")
    towel: str = one_of(*(4 * ["none"]), "front", "side", meaning="a bar for towels")
    mirror: str = one_of(*(6 * ["none"]), "square", "round", "case", meaning="a mirror above it")

    @property
    def _wide(self) -> float:
        if self.kind in ("pedestal", "wall", "column", "legs", "bowl"):
            return min(self.width, 0.75)
        if self.kind in ("kitchen", "cabinet") and self.basins == 2:
            return 1.25 * self.width
        return self.width

    @property
    def longest(self) -> float:
        if self.mirror != "none" and self._has_wall:
            return max(1.75, self._wide)
        if self.kind == "insert":
            return max(self._wide, self.depth + 0.1)
        rise = {"none": 0.0, "tall": 0.32}.get(self.tap, self.tap_height)
        return max(
            self._wide, self.height + max(rise, self.splash, 0.1 if self.kind == "bowl" else 0.0)
        )

    @property
    def _has_wall(self) -> bool:
        return self.kind in ("cabinet", "wall", "pedestal", "bowl") and self.splash > 0.03

    def parts(self) -> list[Part]:
        x, y = self._wide / 2, self.depth / 2
        height = self.height if self.kind != "insert" else self.basin_depth + self.stout(0.025)
        thick = (
            max(self.stout(self.thickness), 0.05)
            if self.kind not in ("kitchen", "cabinet", "bowl")
            else self.stout(0.5 * self.thickness)
        )
        made = [*self._slab(x, y, height, thick), *self._below(x, y, height, thick)]
        made = self._sunk(made, x, y, height, thick)
        made += self._taps(x, y, height)
        made += self._extras(x, y, height, thick)
        return made

    def _slab(self, x: float, y: float, height: float, thick: float) -> list[Part]:
        low = height - thick
        if (
            self.kind in ("farm", "kitchen", "cabinet", "insert", "column")
            or self.top == "rectangle"
        ):
            return [block((-x, -y, low), (x, y, height), corner=0.02, edge=0.01)]
        style = {"round": "ellipse", "half": "half", "bow": "boat"}[self.top]
        flat = plan(style, 2 * x, 2 * y, 0.4)
        rear = block((-0.7 * x, 0.3 * y, low), (0.7 * x, y, height), edge=0.01)
        return [prism(flat, low, height, edge=0.0), rear]

    def _room(self, x: float) -> tuple[float, list[float]]:
        """Half the room of a basin, and the middles of all."""
        number = self.basins if x > 0.5 and self.kind in ("kitchen", "cabinet", "insert") else 1
        if number == 2:
            return x / 2, [-x / 2, x / 2]
        half = min(x, 0.42)
        return half, [self.basin_at * max(x - half, 0.0)]

    def _sunk(
        self, made: list[Part], x: float, y: float, height: float, thick: float
    ) -> list[Part]:
        half, middles = self._room(x)
        wide, deep = self.basin_share * half, 0.5 * (0.6 + 0.3 * self.basin_share) * 2 * y * 0.9
        wall, bottom = self.stout(0.025), height - self.basin_depth
        outline = plan(self.basin, 2 * wide, deep, self.bulge)
        for at in middles:
            where = (at, -0.1 * y, 0.0)
            if self.kind == "bowl":  # stands on the top
                rise = 0.7 * self.basin_depth
                shell = narrowed(
                    prism(outline, height - 0.01, height + rise),
                    self.flare,
                    height - 0.01,
                    height + rise,
                )
                inner = [(u * (1 - wall / wide), v * (1 - 2 * wall / deep)) for u, v in outline]
                hole = narrowed(
                    prism(inner, height + wall, height + rise + 0.1),
                    self.flare,
                    height + wall,
                    height + rise,
                )
                made.append(moved(cut(shell, hole), where))
                continue
            hole = moved(
                narrowed(prism(outline, bottom, height + 0.1), self.flare, bottom, height), where
            )
            if self.kind in ("legs", "wall", "pedestal", "kitchen", "insert", "column", "farm"):
                outer = [(u * (1 + wall / wide), v * (1 + 2 * wall / deep)) for u, v in outline]
                made.insert(
                    0,
                    moved(
                        narrowed(
                            prism(outer, bottom - wall, height - 0.005),
                            self.flare,
                            bottom - wall,
                            height,
                        ),
                        where,
                    ),
                )
            made = [cut(part, hole) for part in made]
        return made

    def _below(self, x: float, y: float, height: float, thick: float) -> list[Part]:
        low = height - 0.6 * thick
        r = self.stout(self.column_width) / 2
        if self.kind == "insert":
            return []
        if self.kind == "pedestal":
            at = (0.0, 0.25 * y)
            if self.column_shape == "square":
                return [block((-r, at[1] - r, 0), (r, at[1] + r, low), edge=0.02)]
            shapes = {
                "waist": [
                    (0.0, 1.3 * r),
                    (0.1, 1.2 * r),
                    (0.35, 0.7 * r),
                    (0.7 * low, 0.9 * r),
                    (low, 1.7 * r),
                ],
                "taper": [(0.0, 0.8 * r), (low, 1.4 * r)],
                "flute": [
                    (0.0, 1.5 * r),
                    (0.03, 1.5 * r),
                    (0.06, r),
                    (0.8 * low, r),
                    (0.85 * low, 1.3 * r),
                    (low, 1.6 * r),
                ],
            }
            return [lathed(shapes[self.column_shape], at)]
        if self.kind == "column":
            return [
                block(
                    (-0.8 * x, -0.8 * y, 0),
                    (0.8 * x, 0.9 * y, low),
                    corner=0.1 if self.column_shape != "square" else 0.0,
                )
            ]
        if self.kind == "legs":
            share = 0.95 if self.top == "rectangle" else 0.62  # where a round top surely is
            return self.legs(2 * share * x, 2 * share * y, low)
        if self.kind == "wall":
            t = self.stout(0.04)
            wall = block((-0.8 * x, y - t, 0.0), (0.8 * x, y, low + 0.3 * thick))
            braces = [
                prism(
                    [(0.0, low), (y, low), (y, low - 0.22)],
                    s * 0.6 * x - t / 2,
                    s * 0.6 * x + t / 2,
                    axis=0,
                )
                for s in (-1, 1)
            ]
            return [wall, *braces]
        foot = self.plinth if self.plinth > 0.04 else 0.0
        inset = 0.02 if self.kind != "farm" else 0.0
        made = self.case(
            (inset - x, 0.02 - y, foot),
            (x - inset, y, low),
            self.columns,
            min(self.rows, 2),
            ("door", "door", "drawer"),
        )
        if foot:
            made.append(block((0.05 - x, 0.07 - y, 0), (x - 0.05, y, foot + 0.01)))
        if self.kind == "farm":
            half = min(0.85 * x, 0.4)
            made.append(
                block((-half, -y - 0.03, height - 0.24), (half, 0.0, height + 0.005), edge=0.02)
            )
        return made

    def _taps(self, x: float, y: float, height: float) -> list[Part]:
        if self.tap == "none":
            return []
        r = self.stout(0.022) / 2
        base = height
        _, middles = self._room(x)
        at_x = middles[0] if len(middles) == 1 else 0.0
        if self.tap_at == "corner":
            at_x += 0.15 * x
        at_y, rise = 0.86 * y, self.tap_height
        tip = (at_x, 0.1 * y, base + 0.7 * rise)
        start = (at_x, at_y, base - 0.02)
        if self.tap == "wall" and self.splash > 0.03 and self.kind != "insert":
            z = base + max(self.splash - 0.04, 0.02)
            return [
                rod((at_x, y - 0.01, z), (at_x, 0.1 * y, z), r),
                *(
                    rod((at_x + s * 0.08, y - 0.01, z), (at_x + s * 0.08, y - 0.05, z), 1.5 * r)
                    for s in (-1, 1)
                ),
            ]
        if self.tap in ("arch", "wall"):
            spout = path(
                [
                    start,
                    *curve(
                        (at_x, at_y, base + 0.6 * rise), (at_x, 0.4 * y, base + 1.3 * rise), tip, 5
                    ),
                ],
                2 * r,
            )
        elif self.tap == "goose":
            spout = path(
                [
                    start,
                    *curve(
                        (at_x, at_y, base + 0.7 * rise),
                        (at_x, at_y - 0.02, base + 1.1 * rise),
                        (at_x, 0.5 * y, base + rise),
                        4,
                    ),
                    tip,
                ],
                2 * r,
            )
        else:
            up = base + (0.3 if self.tap == "tall" else rise)
            spout = [
                rod(start, (at_x, at_y, up), 1.2 * r),
                rod((at_x, at_y, up), (at_x, 0.1 * y, up - 0.03), r),
            ]
        if self.tap == "bridge":
            spout.append(rod((at_x - 0.1, at_y, base + 0.05), (at_x + 0.1, at_y, base + 0.05), r))
            spout += [
                rod(
                    (at_x + s * 0.1, at_y, base - 0.01),
                    (at_x + s * 0.1, at_y, base + 0.08),
                    1.2 * r,
                )
                for s in (-1, 1)
            ]
        elif self.knobs == "two":
            spout += [
                rod(
                    (at_x + s * 0.09, at_y, base - 0.01),
                    (at_x + s * 0.09, at_y, base + 0.05),
                    1.6 * r,
                )
                for s in (-1, 1)
            ]
        elif self.knobs == "lever":
            spout.append(
                rod((at_x, at_y, base + 0.4 * rise), (at_x + 0.09, at_y, base + 0.5 * rise), r)
            )
        return spout

    def _extras(self, x: float, y: float, height: float, thick: float) -> list[Part]:
        made: list[Part] = []
        t = self.stout(0.02)
        if self.splash > 0.03 and self.kind != "insert":
            made.append(block((-x, y - t, height - 0.02), (x, y, height + self.splash)))
        if self.drain == "grooves" and self.kind == "kitchen" and x > 0.35:
            s = -1 if self.basin_at > 0 else 1
            for k in range(4):
                at = s * (x - 0.03 - 0.05 * k)
                made.append(
                    block((at - t / 2, -0.7 * y, height - 0.01), (at + t / 2, 0.6 * y, height + t))
                )
        if self.towel == "front" and self.kind in (
            "cabinet",
            "kitchen",
            "legs",
            "pedestal",
            "wall",
        ):
            z, half = height - 0.5 * thick, 0.7 * x
            made += (
                path(
                    [
                        (-half, -0.8 * y, z),
                        (-half, -y - 0.06, z),
                        (half, -y - 0.06, z),
                        (half, -0.8 * y, z),
                    ],
                    t,
                )
                if self.top == "rectangle"
                else []
            )
        if self.towel == "side" and self.kind in ("cabinet", "kitchen", "farm"):
            z = height - 0.5 * thick - 0.02
            made += path(
                [
                    (0.9 * x, -0.6 * y, z),
                    (x + 0.06, -0.6 * y, z),
                    (x + 0.06, 0.6 * y, z),
                    (0.9 * x, 0.6 * y, z),
                ],
                t,
            )
        if self.mirror != "none" and self._has_wall:
            low, high, half = height + self.splash + 0.1, 1.72, min(0.8 * x, 0.4)
            t = max(t, 0.03)
            made.append(block((-0.3 * half, y - t, height), (0.3 * half, y, low + 0.3)))
            deep = 0.12 if self.mirror == "case" else t
            corner = half if self.mirror == "round" else 0.0
            made.append(
                block(
                    (-half, y - deep, low),
                    (half, y, min(high, low + 2 * half) if self.mirror == "round" else high),
                    corner=corner,
                    axis=1,
                )
            )
        return made
