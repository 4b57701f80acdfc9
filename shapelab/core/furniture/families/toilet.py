"""Toilets: with a cistern, wall-hung, antique and squat ones, bidets and urinals."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.furniture import Furniture, between, one_of
from shapelab.core.furniture.panels import plan
from shapelab.core.furniture.solids import (
    Part,
    block,
    cut,
    lathed,
    moved,
    narrowed,
    prism,
    rod,
    turned,
)


@dataclass(frozen=True)
class Toilet(Furniture):
    """A bowl to sit on, its cistern or wall behind."""

    label = "toilet"

    kind: str = one_of(
        *(5 * ["cistern"]), "hung", "hung", "hidden", "high", "bidet", "cube", meaning="what it is"
    )
    seat_height: float = between(0.38, 0.47, "m", "height of the rim")
    width: float = between(0.33, 0.42, "m", "width of the bowl")
    length: float = between(0.42, 0.56, "m", "length of the bowl")
    bowl: str = one_of(
        "egg", "egg", "ellipse", "superellipse", "half", "octagon", meaning="the bowl from above"
    )
    bulge: float = between(0.1, 1.0, "", "how far that is from a rectangle")
    foot: str = one_of(
        "taper", "taper", "column", "skirt", "waist", "box", meaning="below the bowl"
    )
    foot_width: float = between(0.45, 0.85, "", "width of the foot, share of the bowl's")
    foot_length: float = between(0.5, 0.95, "", "its length, share of the bowl's")
    rim: float = between(0.025, 0.06, "m", "height of the rim")
    depth: float = between(0.08, 0.2, "m", "depth of the basin")
    seat: str = one_of("lid", "lid", "ring", "bare", "up", "up", meaning="the seat and its lid")
    lid_thickness: float = between(0.02, 0.045, "m", "thickness of the lid")
    lid_angle: float = between(92.0, 112.0, "degrees", "how far an open lid is turned up")
    cistern_width: float = between(0.34, 0.52, "m", "width of the cistern")
    cistern_height: float = between(0.26, 0.45, "m", "height of the cistern")
    cistern_depth: float = between(0.14, 0.22, "m", "depth of the cistern")
    cistern_taper: float = between(0.75, 1.0, "", "width of its bottom, share of its top's")
    cistern_corner: float = between(0.0, 0.08, "m", "radius of its corners")
    cistern_lid: float = between(0.0, 0.02, "m", "how far its lid stands out")
    flush: str = one_of("none", "button", "lever", "side", "chain", meaning="what flushes it")
    gap: float = between(0.0, 0.14, "m", "room between the bowl and what is behind")
    paper: str = one_of(*(14 * ["none"]), "left", "right", meaning="a stand for paper beside it")
    rails: str = one_of(*(10 * ["none"]), "both", "one", meaning="grips to hold on to")
    plinth: str = one_of("none", "none", "none", "plate", meaning="a plate below")
    wall_height: float = between(0.85, 1.2, "m", "height of the wall that hung ones are on")

    @property
    def longest(self) -> float:
        deep = self.length + self.gap + self.cistern_depth
        if self.kind == "bidet":
            return max(
                self.length,
                self.seat_height + 0.12,
                self.width + (0.3 if self.paper != "none" else 0.0),
            )
        if self.kind == "high":
            return 1.75
        tall = {"hung": self.wall_height, "hidden": self.wall_height}.get(self.kind, self._back_top)
        lifted = self.seat_height + self.length if self.seat == "up" else 0.0
        return max(deep, tall + 0.02, lifted, self._across)

    @property
    def _across(self) -> float:
        return max(self.width, self.cistern_width) + (0.3 if self.paper != "none" else 0.0)

    @property
    def _back_top(self) -> float:
        return self.seat_height + self.cistern_height

    def parts(self) -> list[Part]:
        y = self.length / 2
        rear = y + self.gap  # where cistern or wall begins
        made = [*self._bowl(y), *self._seat(y), *self._neck(y, rear), *self._behind(rear)]
        if self.plinth == "plate" and self.kind not in ("hung", "hidden"):
            half = 0.62 * self.width
            made.append(block((-half, -0.8 * y, 0), (half, rear, self.stout(0.03)), corner=0.05))
        made += self._beside(y, rear)
        return made

    def _outline(self, grow: float = 0.0) -> list[tuple[float, float]]:
        wide, long = self.width + 2 * grow, self.length + 2 * grow
        if self.bowl == "egg":  # narrower in front
            shape = plan("superellipse", wide, long, 0.75)
            return [(u * (1 - 0.22 * self.bulge * max(-v, 0.0) / (long / 2)), v) for u, v in shape]
        if self.bowl == "half":  # straight behind, round in front
            return plan("half", wide, long)
        return plan(self.bowl, wide, long, self.bulge)

    def _bowl(self, y: float) -> list[Part]:
        top, outline = self.seat_height, self._outline()
        bottom = top - self.depth
        hole = narrowed(
            prism([(0.74 * u, 0.74 * v - 0.04) for u, v in outline], bottom, top + 0.3),
            0.45,
            bottom,
            top,
        )
        rim = prism(outline, top - self.rim, top, edge=0.01)
        foot_y, foot_x = self.foot_length * y, self.foot_width * self.width / 2
        if self.kind in ("hung", "hidden"):
            shell = narrowed(prism(outline, top - 0.3, top - 0.01), 0.55, top - 0.3, top)
            made = [shell, rim]
        elif self.kind == "cube":
            made = [
                block((-self.width / 2, -y, 0), (self.width / 2, y, top), corner=0.1, edge=0.02)
            ]
        elif self.foot == "skirt":
            made = [
                narrowed(prism(outline, 0.0, top), 0.75 + 0.25 * self.foot_width, 0.0, top),
                rim,
            ]
        else:
            share = {"taper": 0.5, "column": 0.7, "waist": 0.6, "box": 0.55}[self.foot]
            shell = narrowed(prism(outline, 0.3 * top, top - 0.01), share, 0.3 * top, top)
            y0 = 0.35 * y - foot_y * 0.4
            if self.foot == "box":
                base = block((-foot_x, y0 - 0.3 * foot_y, 0), (foot_x, y, 0.6 * top), corner=0.03)
            elif self.foot == "waist":
                base = moved(
                    lathed(
                        [
                            (0.0, 1.1 * foot_x),
                            (0.05, 1.1 * foot_x),
                            (0.25 * top, 0.7 * foot_x),
                            (0.7 * top, foot_x),
                        ]
                    ),
                    (0, 0.1 * y, 0),
                )
            else:
                flat = [
                    (u * foot_x * 2, v * foot_y * 2 + 0.15 * y)
                    for u, v in plan("superellipse", 1, 1, 0.5)
                ]
                base = prism(flat, 0.0, 0.7 * top)
            made = [shell, rim, base]
        return [cut(part, hole) for part in made]

    def _seat(self, y: float) -> list[Part]:
        top, thick = self.seat_height, self.stout(self.lid_thickness)
        if self.kind == "bidet" or self.seat == "bare":
            return []
        outline = self._outline(0.006)
        ring = cut(
            prism(outline, top - 0.005, top + thick, edge=0.3 * thick),
            prism([(0.62 * u, 0.66 * v - 0.03) for u, v in outline], top - 1, top + 1),
        )
        lid = prism(outline, top - 0.005, top + 1.3 * thick, edge=0.4 * thick)
        if self.seat == "lid":
            return [lid]
        if self.seat == "ring":
            return [ring]
        hinge = (0.0, y - thick, top + thick / 2)
        angle = min(self.lid_angle, 96.0) if self.gap < 0.05 else self.lid_angle
        upper = prism(outline, top, top + thick, edge=0.3 * thick)
        return [
            ring,
            turned(upper, 0, -angle, hinge),
            rod(
                (-0.12, y - thick, top + thick / 2), (0.12, y - thick, top + thick / 2), 0.7 * thick
            ),
        ]

    def _neck(self, y: float, rear: float) -> list[Part]:
        """What joins the bowl and the cistern or wall."""
        top, half = self.seat_height, 0.3 * self.width
        if self.kind in ("hung", "hidden"):
            return [block((-half, 0.3 * y, top - 0.26), (half, rear + 0.05, top - 0.02), edge=0.03)]
        low = 0.0 if self.foot in ("skirt", "box") or self.kind == "cube" else 0.45 * top
        return [
            block(
                (-half, 0.4 * y, low),
                (half, rear + (0.05 if self.kind != "bidet" else -self.gap), top - 0.005),
                edge=0.02,
            )
        ]

    def _behind(self, rear: float) -> list[Part]:
        top, x, deep = self.seat_height, self.cistern_width / 2, self.cistern_depth
        r = self.stout(0.02) / 2
        if self.kind == "bidet":
            at = rear - self.gap - 0.05
            return [
                rod((0, at, top - 0.02), (0, at, top + 0.1), 1.2 * r),
                rod((0, at, top + 0.1), (0, at - 0.12, top + 0.08), r),
                *(
                    rod((s * 0.07, at, top - 0.02), (s * 0.07, at, top + 0.04), 1.3 * r)
                    for s in (-1, 1)
                ),
            ]
        if self.kind in ("hung", "hidden"):
            wide = x if self.kind == "hidden" else 1.5 * x
            made = [
                block(
                    (-wide, rear, 0),
                    (
                        wide,
                        rear + (deep if self.kind == "hidden" else max(0.05, self.stout(0.05))),
                        self.wall_height,
                    ),
                )
            ]
            if self.flush != "none":
                made.append(
                    block(
                        (-0.12, rear - 0.02, 0.8 * self.wall_height),
                        (0.12, rear + 0.01, 0.8 * self.wall_height + 0.15),
                        corner=self.cistern_corner,
                        axis=1,
                    )
                )
            if self.kind == "hidden":
                made.append(
                    block(
                        (-wide - 0.02, rear - 0.03, self.wall_height - 0.03),
                        (wide + 0.02, rear + deep, self.wall_height),
                    )
                )
            return made
        if self.kind == "high":
            pipe = rod((0, rear + 0.03, 0.5 * top), (0, rear + 0.03, 1.4), 1.4 * r)
            tank = block(
                (-x, rear - 0.06, 1.38), (x, rear + 0.12, 1.72), corner=self.cistern_corner
            )
            made = [
                pipe,
                tank,
                block((-0.6 * x, rear + 0.0, 1.34), (0.6 * x, rear + 0.08, 1.4)),
                block((-0.08, rear - 0.02, 0.4 * top), (0.08, rear + 0.06, 0.6 * top)),
            ]
            if self.flush == "chain":
                made += [
                    rod((x - 0.02, rear, 1.6), (x + 0.08, rear, 1.6), r),
                    rod((x + 0.08, rear, 1.6), (x + 0.08, rear, 1.05), r),
                ]
            return made
        low = 0.0 if self.kind == "cube" else top - 0.03 - 0.5 * self.gap
        high = self._back_top
        line = [
            (-x * self.cistern_taper, low),
            (x * self.cistern_taper, low),
            (x, high - 0.02),
            (-x, high - 0.02),
        ]
        tank = prism(line, rear, rear + deep, axis=1)
        if self.cistern_corner > 0.03:
            tank = block(
                (-x, rear, low),
                (x, rear + deep, high - 0.02),
                corner=self.cistern_corner,
                edge=0.02,
            )
        c = self.cistern_lid
        lid = block(
            (-x - c, rear - c, high - max(0.04, self.stout(0.03))),
            (x + c, rear + deep, high),
            corner=self.cistern_corner,
            edge=0.01,
        )
        made = [tank, lid]
        if self.flush == "button":
            made.append(
                lathed([(high - 0.01, 0.035), (high + 0.018, 0.035)], (0.0, rear + deep / 2))
            )
        if self.flush in ("lever", "chain"):
            z = low + 0.75 * (high - low)
            made += [
                rod((-0.7 * x, rear + 0.02, z), (-0.7 * x, rear - 0.03, z), 1.2 * r),
                rod((-0.7 * x, rear - 0.03, z), (-0.4 * x, rear - 0.03, z), r),
            ]
        if self.flush == "side":
            z = low + 0.75 * (high - low)
            made.append(
                rod((x - 0.05, rear + deep / 2, z), (x + 0.05, rear + deep / 2, z), 1.4 * r)
            )
        return made

    def _beside(self, y: float, rear: float) -> list[Part]:
        made: list[Part] = []
        r, wide = self.stout(0.03) / 2, max(self.width, self.cistern_width) / 2
        if self.rails != "none" and self.kind not in ("high", "bidet"):
            z = self.seat_height + 0.24
            back = rear + 0.04 if self.kind != "cistern" else rear + 0.5 * self.cistern_depth
            z = min(
                z, (self.wall_height if self.kind in ("hung", "hidden") else self._back_top) - 0.06
            )
            for s in (-1, 1) if self.rails == "both" else (1,):
                at = s * (wide + 0.06)
                inner = s * 0.8 * wide * (self.cistern_taper if self.kind == "cistern" else 1.0)
                made += [
                    rod((inner, back, z), (at, back, z), r),
                    rod((at, back, z), (at, -0.5 * y, z), r),
                    rod((at, -0.5 * y, z), (at, -0.5 * y, r), r),
                ]
        if self.paper != "none" and self.kind != "high":
            s = -1 if self.paper == "left" else 1
            at, b = s * (wide + 0.16), 0.2 * y
            made += [
                rod((at, b, r), (at, b, 0.62), r),
                lathed([(0.0, 0.09), (1.6 * r, 0.09)], (at, b)),
                lathed([(0.46, 0.06), (0.57, 0.06)], (at, b)),
                rod((at, b, r), (0.0, b, r), r),
            ]
            if self.kind in ("hung", "hidden"):
                made.append(rod((at, b, r), (at, rear + 0.02, r), r))
                if abs(at) > 1.4 * wide:
                    made.append(rod((at, rear + 0.02, r), (0, rear + 0.02, r), r))
        return made
