"""Bathtubs: built in, free-standing, on claw feet, in corners, round and with showers."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.furniture import Furniture, between, one_of
from shapelab.core.furniture.legs import corners
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
    stretched,
)


@dataclass(frozen=True)
class Bathtub(Furniture):
    """A basin to lie in, its taps behind or at the left or right end."""

    label = "bathtub"

    kind: str = one_of(
        *(3 * ["built-in"]), *(4 * ["free"]), "claw", "claw", "slipper", "slipper", "corner",
        "round", "whirlpool", meaning="what it is",
    )  # fmt: skip
    length: float = between(1.25, 1.9, "m", "along its longer side")
    width: float = between(0.66, 0.9, "m", "along its shorter side")
    height: float = between(0.45, 0.68, "m", "height of the rim")
    wall: float = between(0.03, 0.09, "m", "thickness of the wall at the rim")
    rim: float = between(0.0, 0.05, "m", "how far a lip stands out")
    lip: float = between(0.02, 0.05, "m", "thickness of that lip")
    deck: float = between(0.0, 0.22, "m", "how much wider the rim is at the taps")
    depth: float = between(0.62, 0.88, "", "depth of the basin, share of the height")
    basin: str = one_of(
        "superellipse", "superellipse", "ellipse", "rectangle", "octagon", "boat", "wave",
        meaning="the basin from above",
    )  # fmt: skip
    bulge: float = between(0.2, 1.0, "", "how far that is from a rectangle")
    flare: float = between(0.6, 1.0, "", "width of the basin's bottom, share of its rim's")
    taper: float = between(0.62, 1.0, "", "width of a free one's foot, share of its rim's")
    rise: float = between(0.06, 0.22, "m", "how far the ends of a slipper rise")
    ends: str = one_of("one", "both", meaning="which ends of a slipper rise")
    foot: str = one_of(
        "claws", "balls", "blocks", "cradle", "plinth", meaning="the feet of a claw tub"
    )
    foot_height: float = between(0.08, 0.2, "m", "height of those")
    taps: str = one_of(
        "none", "none", "end", "end", "rear", "column", "bridge", meaning="where water comes from"
    )
    tap_height: float = between(0.08, 0.24, "m", "height of a tap above the rim")
    tap_side: str = one_of("left", "right", meaning="the end that has the taps")
    shower: str = one_of(*(6 * ["none"]), "pole", "screen", "frame", meaning="a shower above it")
    shower_height: float = between(1.1, 1.5, "m", "how high above the rim that is")
    apron: str = one_of(
        "plain", "plain", "panels", "step", "niche", meaning="the front of a built-in"
    )
    pillow: str = one_of("none", "none", "none", "rest", meaning="a head rest")
    shelf: str = one_of("none", "none", "none", "tray", "ledge", meaning="a board across or behind")
    handles: str = one_of("none", "none", "none", "bars", meaning="grips on the rim")

    @property
    def longest(self) -> float:
        long = self._sides[0] + 2 * self.rim * (self.kind != "built-in")
        boxed = self.kind in ("built-in", "whirlpool")
        showers = boxed or (self.shower == "pole" and self.kind != "corner")
        tall = self.height + (self.shower_height if showers and self.shower != "none" else 0.0)
        return max(long, tall)

    @property
    def _sides(self) -> tuple[float, float]:
        if self.kind == "round":
            return 0.95 * self.length, 0.95 * self.length
        if self.kind == "corner":
            return 0.85 * self.length, 0.85 * self.length
        if self.kind == "whirlpool":
            return self.length, 1.25 * self.width
        return self.length, self.width

    def parts(self) -> list[Part]:
        long, wide = self._sides
        side = -1 if self.tap_side == "left" else 1
        x, y = long / 2, wide / 2
        body = self._body(x, y)
        deck = self.deck if self.kind in ("built-in", "whirlpool", "corner") else 0.0
        made = [*self._hollowed(body, x, y, side, deck)]
        if self.kind == "claw":
            made += self._feet(x, y)
        made += self._taps(x, y, side)
        made += self._extras(x, y, side)
        return made

    def _low(self) -> float:
        return self.foot_height if self.kind == "claw" else 0.0

    def _body(self, x: float, y: float) -> list[Part]:
        """What is solid before the basin is cut out."""
        top, low, lip = self.height, self._low(), self.stout(self.lip)
        if self.kind == "built-in":
            made = [block((-x, -y, 0), (x, y, top), edge=0.015)]
            if self.apron == "panels":
                d = self.stout(0.02)
                made += [
                    block((a + 0.05, -y - d, 0.08), (a + x - 0.05, -y + 0.01, top - 0.1))
                    for a in (-x, 0.0)
                ]
            if self.apron == "step":
                made.append(block((-0.7 * x, -y - 0.26, 0), (0.7 * x, -y + 0.02, 0.4 * top)))
            if self.apron == "niche":
                made[0] = cut(
                    made[0], block((0.1 * x, -y - 1, 0.1), (0.8 * x, 0.05 - y, top - 0.14))
                )
            return made
        if self.kind == "whirlpool":
            return [
                block((-x, -y, 0), (x, y, top), corner=0.2 * y, edge=0.03),
                block((-1.15 * x, -y - 0.2, 0), (1.15 * x, y, 0.35 * top))
                if self.apron == "step"
                else block((-0.98 * x, -0.98 * y, 0), (0.98 * x, 0.98 * y, 0.1)),
            ]
        if self.kind == "corner":
            flat = [
                (-x, y),
                (-x, 0.35 * y),
                *(
                    (p[0], p[1])
                    for p in curve((-x, 0.35 * y, 0), (-0.6 * x, -y, 0), (0.35 * x, -y, 0), 6)
                ),
                (x, -y),
                (x, y),
            ]
            return [
                prism(flat, 0.0, top),
                prism(
                    [(1.0 * u, v) for u, v in flat], top - lip, top, edge=min(self.rim, 0.4 * lip)
                ),
            ]
        outline = self._outline(x, y)
        shell = narrowed(prism(outline, low, top), self.taper, low, top)
        rolled = prism(outline, top - lip, top, edge=0.45 * lip)
        return [shell, stretched(rolled, (1 + self.rim / x, 1 + self.rim / y, 1.0))]

    def _outline(self, x: float, y: float) -> list[tuple[float, float]]:
        style = (
            "ellipse"
            if self.kind == "round"
            else "rectangle"
            if self.basin == "wave"
            else self.basin
        )
        if style == "rectangle":
            style = "superellipse"
        bulge = 0.2 if self.basin == "rectangle" else self.bulge
        return plan(style, 2 * x, 2 * y, bulge)

    def _hollowed(self, body: list[Part], x: float, y: float, side: int, deck: float) -> list[Part]:
        wall, top = self.stout(self.wall), self.height
        bottom = max(top * (1 - self.depth), self._low() + self.stout(0.05), self.stout(0.06))
        if self.kind == "corner":
            outline = [
                (0.62 * (x - wall) * u, 0.62 * (y - wall) * v) for u, v in plan("ellipse", 2, 2)
            ]
            hole = narrowed(prism(outline, bottom, top + 0.1), 0.8 * self.flare, bottom, top)
            hole = moved(hole, (0.2 * x, 0.2 * y, 0.0))
        else:
            style = self.basin if self.kind in ("built-in", "whirlpool") else ""
            inner_x, inner_y = x - wall - deck / 2, y - wall
            if style:
                outline = plan(
                    "superellipse" if style == "wave" else style,
                    2 * inner_x,
                    2 * inner_y,
                    self.bulge,
                )
            else:
                outline = [(u * inner_x / x, v * inner_y / y) for u, v in self._outline(x, y)]
            taper = self.flare if style else max(self.taper - 0.08, 0.5)
            hole = narrowed(prism(outline, bottom, top + 0.12), taper, bottom, top)
            hole = moved(hole, (-side * deck / 2, 0.0, 0.0))
        risen = self._risen(x, y, wall) if self.kind == "slipper" else []
        return [*(cut(part, hole) for part in body), *(cut(part, hole) for part in risen)]

    def _risen(self, x: float, y: float, wall: float) -> list[Part]:
        """The high ends of a slipper tub, on its rim."""
        made: list[Part] = []
        outline = self._outline(x, y)
        sides = (-1, 1) if self.ends == "both" else (1 if self.tap_side == "left" else -1,)
        for s in sides:
            rise = [
                (s * 0.2 * x, self.height - 0.01),
                (s * 1.1 * x, self.height + self.rise),
                (s * 1.1 * x, self.height + 5),
                (s * -2 * x, self.height + 5),
                (s * -2 * x, self.height - 0.01),
            ]
            high = prism(outline, self.height - 0.04, self.height + self.rise)
            inner = prism(
                [(u * (x - wall) / x, v * (y - wall) / y) for u, v in outline],
                self.height - 1,
                self.height + 1,
            )
            made.append(cut(high, prism(rise, -9, 9, axis=1), inner))
        return made

    def _feet(self, x: float, y: float) -> list[Part]:
        low, thick = self.foot_height + 0.03, self.stout(0.06)
        x, y = 0.62 * x * self.taper, 0.5 * y * self.taper
        if self.foot == "plinth":
            return [block((-x, -y, 0), (x, y, low))]
        if self.foot == "cradle":
            return [
                block((s * x - thick / 2, -1.2 * y, 0), (s * x + thick / 2, 1.2 * y, low))
                for s in (-1, 1)
            ]
        made: list[Part] = []
        for a, b in corners(2 * x, 2 * y):
            if self.foot == "blocks":
                made.append(
                    block((a - thick / 2, b - thick / 2, 0), (a + thick / 2, b + thick / 2, low))
                )
                continue
            out = 0.05 * (1 if b > 0 else -1)
            if self.foot == "balls":
                made.append(
                    block(
                        (a - 0.7 * thick, b - 0.7 * thick, 0),
                        (a + 0.7 * thick, b + 0.7 * thick, 1.4 * thick),
                        thick,
                        thick,
                    )
                )
            end = (a, b + out, thick / 2) if self.foot == "claws" else (a, b, thick / 2)
            made += path(
                curve((a, b, low + 0.02), (a, b + 2.4 * (end[1] - b), 0.7 * low), end, 5),
                0.9 * thick,
                thick,
            )
        return made

    def _taps(self, x: float, y: float, side: int) -> list[Part]:
        if self.taps == "none":
            return []
        r, top = self.stout(0.03) / 2, self.height
        wall = self.stout(self.wall)
        up = top + self.tap_height
        if self.taps == "column":  # stands on the floor beside it and is joined below the rim
            at = (0.3 * side * x, y + 0.05)
            spout = curve((*at, up), (at[0], at[1], up + 0.12), (at[0], y - 0.2, up + 0.02), 5)
            joint = rod((*at, 0.5 * top), (at[0], 0.7 * y, 0.5 * top), r)
            if self.kind in ("free", "claw", "slipper", "round"):
                joint = rod((*at, top - r), (at[0] * 0.8, 0.75 * y, top - r), r)
            return [
                lathed([(0.0, 3 * r), (0.02, 3 * r), (0.021, r), (up, r)], at),
                *path(spout, 2 * r),
                joint,
            ]
        if self.taps == "rear":
            start, towards = (0.0, y - wall / 2, top - 0.02), (0.0, -1.0)
        else:
            start, towards = (
                (side * (x - wall / 2 - 0.2 * self.deck), 0.0, top - 0.02),
                (-side * 1.0, 0.0),
            )
        if self.kind in ("round", "corner", "free", "claw", "slipper") and self.taps != "rear":
            start = (side * (x - wall * 0.6), 0.0, top - 0.03)
        if self.kind == "corner" and side < 0:
            start = (-x + wall, 0.5 * y, top - 0.03)
        tip = (start[0] + 0.16 * towards[0], start[1] + 0.16 * towards[1], up - 0.03)
        over = (start[0] + 0.1 * towards[0], start[1] + 0.1 * towards[1], up + 0.05)
        made = path([start, *curve((start[0], start[1], up - 0.03), over, tip, 4)], 2 * r)
        across = (0.09 * towards[1], 0.09 * towards[0])
        ends = [(start[0] + s * across[0], start[1] + s * across[1], top + 0.03) for s in (-1, 1)]
        made.append(rod(ends[0], ends[1], r))
        if self.taps == "bridge":
            made += [rod((e[0], e[1], top + 0.02), (e[0], e[1], top + 0.1), 1.5 * r) for e in ends]
        return made

    def _extras(self, x: float, y: float, side: int) -> list[Part]:
        made: list[Part] = []
        top, r, wall = self.height, self.stout(0.03) / 2, self.stout(self.wall)
        high = top + self.shower_height
        if self.shower == "pole" and self.kind != "corner":
            at = side * (x - wall / 2)
            head = (at - side * 0.3, 0.0, high)
            made += [
                rod((at, 0, top - 0.04), (at, 0, high), r),
                rod((at, 0, high), head, r),
                lathed([(high - 0.05, 0.1), (high + r, 0.06)], head[:2]),
            ]
        if self.shower in ("screen", "frame") and self.kind in ("built-in", "whirlpool"):
            t = self.stout(0.02)
            start, end = sorted((side * x, side * 0.1 * x))
            pane = block((start, -y, top - 0.02), (end, t - y, high))
            if self.shower == "frame":
                pane = cut(
                    pane, block((start + 2 * t, -9, top + 2 * t), (end - 2 * t, 9, high - 2 * t))
                )
            made.append(pane)
        if self.pillow == "rest" and self.kind in ("built-in", "whirlpool"):
            at = -side * (x - wall)
            made.append(
                block((at - 0.06, -0.16, top - 0.06), (at + 0.06, 0.16, top + 0.05), edge=0.04)
            )
        if self.shelf == "tray" and self.kind != "corner":
            made.append(
                block(
                    (0.1 * x, -y + 0.3 * wall, top - 0.01),
                    (0.1 * x + 0.16, y - 0.3 * wall, top + self.stout(0.02)),
                )
            )
        if self.shelf == "ledge" and self.kind in ("built-in", "whirlpool", "corner"):
            made.append(block((-x, y - 0.02, 0), (x, y + 0.14, top)))
        if self.handles == "bars" and self.kind in ("built-in", "whirlpool"):
            z = top + 0.07
            for s in (-1, 1):
                b = s * (y - wall / 2)
                made += path(
                    [(-0.15, b, top - 0.02), (-0.12, b, z), (0.12, b, z), (0.15, b, top - 0.02)],
                    2 * r,
                )
        return made
