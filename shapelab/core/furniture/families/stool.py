"""Stools: low, tall, round and square, footstools and bar stools."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.legs import OnBase, around
from shapelab.core.furniture.panels import plan
from shapelab.core.furniture.solids import (
    Part,
    block,
    cushion,
    cut,
    moved,
    path,
    prism,
    ring,
    rod,
    stretched,
)


@dataclass(frozen=True)
class Stool(OnBase):
    """A seat without a back, or with a low one."""

    label = "stool"

    base: str = one_of(
        *(5 * ["legs"]), *(5 * ["circle"]), "pedestal", "pedestal", "star", "claw", "sled", "cross",
        "panels", "drum", "spider", "frame", "plinth", meaning="what it stands on",
    )  # fmt: skip
    seat_width: float = between(0.3, 0.5, "m", "width of the seat")
    seat_depth: float = between(0.65, 1.0, "", "depth of the seat, share of its width")
    height: float = between(0.3, 0.8, "m", "height of the seat's upper side")
    seat_thickness: float = between(0.02, 0.12, "m", "thickness of the seat")
    seat_shape: str = one_of(
        "ellipse", "ellipse", "ellipse", "rectangle", "rectangle", "superellipse", "hexagon",
        "octagon", "half", "kidney", "saddle", meaning="the seat seen from above",
    )  # fmt: skip
    seat_bulge: float = between(0.0, 1.0, "", "how far that is from a rectangle")
    seat_edge: float = between(0.0, 1.0, "", "from a board to a cushion")
    seat_hole: str = one_of("none", "none", "none", "slot", "round", meaning="a grip in the seat")
    leg_count: int = count(3, 5, "legs in a circle")
    foot_rest: str = one_of(
        "none", "ring", "ring", "bars", "front", "double", meaning="what joins legs in a circle"
    )
    rest_height: float = between(0.22, 0.55, "", "height of that, share of the seat's height")
    back: str = one_of(
        *(4 * ["none"]), "board", "bow", "handle", "pad", meaning="what is behind the seat"
    )
    back_height: float = between(0.1, 0.3, "m", "how far that rises above the seat")
    steps: str = one_of(
        "none", "none", "none", "none", "tread", meaning="a step in front to climb on"
    )
    pad: str = one_of("none", "none", "round", meaning="a cushion on the seat")

    @property
    def longest(self) -> float:
        rise = 0.0 if self.back == "none" else self.back_height
        deep = self.seat_width * self.seat_depth + 0.2 * (self.steps == "tread")
        return max(self.height + rise, self.seat_width * 1.1, deep)

    def parts(self) -> list[Part]:
        wide, deep = self.seat_width, self.seat_width * self.seat_depth
        thick = min(self.stout(self.seat_thickness), 0.3 * self.height)
        edge = min(self.seat_edge * thick / 2, 0.45 * thick)
        low = self.height - thick
        style = "rectangle" if self.seat_shape == "saddle" else self.seat_shape
        flat = plan(style, wide - 2 * edge, deep - 2 * edge, self.seat_bulge)
        seat = prism(flat, low, self.height, edge=edge)
        holes = []
        if self.seat_shape == "saddle" and thick > self.stout(0.03):
            sink = stretched(rod((0, -1, 0), (0, 1, 0), 0.5 * wide), (0.8, 1, 0.45 * thick / wide))
            holes.append(moved(sink, (0, 0, self.height + 0.02)))
        if self.seat_hole != "none" and self.pad == "none" and self.base in ("legs", "circle"):
            r = self.stout(0.02)
            long = 0.14 * wide if self.seat_hole == "slot" else 0.0
            holes.append(block((-long - r, -r, 0), (long + r, r, self.height + 1), corner=r))
        x, y = {
            "ellipse": (0.72, 0.72),
            "hexagon": (0.74, 0.6),
            "octagon": (0.78, 0.78),
            "superellipse": (0.82, 0.82),
            "half": (0.8, 0.5),
            "kidney": (0.75, 0.55),
        }.get(self.seat_shape, (0.98, 0.98))
        made = [cut(seat, *holes) if holes else seat]
        height = self.height - 0.6 * thick
        made += (
            self._circle(min(x * wide, y * deep), height)
            if self.base == "circle"
            else self.stand(x * wide, y * deep, height)
        )
        if self.pad == "round" and self.back != "handle":
            made.append(
                cushion(
                    (-0.42 * x * wide, -0.42 * y * deep, self.height - 0.015),
                    (0.42 * x * wide, 0.4 * y * deep, self.height + 0.05),
                    0.03,
                    0.015,
                )
            )
        made += self._behind(wide * x, deep * (0.5 * y + 0.5) / 2, low)
        if (
            self.steps == "tread"
            and self.base in ("legs", "panels", "plinth")
            and self.height > 0.45
        ):
            z, t = 0.45 * self.height, self.stout(0.03)
            half = 0.42 * x * wide
            front = -0.5 * y * deep
            made.append(block((-half, front - 0.2, z - t), (half, 0.0, z)))
            made += [
                block((s * half - t / 2, front - 0.18, 0), (s * half + t / 2, 0.0, z))
                for s in (-1, 1)
            ]
            made += [
                block((s * half - t / 2, -t, 0), (s * half + t / 2, t, height)) for s in (-1, 1)
            ]
        return made

    def _circle(self, room: float, height: float) -> list[Part]:
        thick = self.stout(self.leg_thickness)
        r = room / 2 - thick / 2 if room > 4 * thick else room / 4
        out = r + self.leg_splay * height
        made: list[Part] = []
        tops, feet = around(self.leg_count, r), around(self.leg_count, out)
        for top, foot in zip(tops, feet, strict=True):
            made += self.one_leg(top, foot, height, thick)
        if self.leg_shape in ("cabriole", "sabre", "hairpin"):
            return made
        bar = self.stout(self.stretcher_thickness * thick)
        levels = {"none": (), "double": (0.55, 1.0)}.get(self.foot_rest, (1.0,))
        for share in levels:
            z = self.rest_height * height * share
            at = out + (r - out) * z / height
            places = [(x, y, z) for x, y in around(self.leg_count, at)]
            if self.foot_rest == "ring":
                made.append(ring((0, 0, z), at, bar / 2))
            elif self.foot_rest == "front":
                made += [rod(places[0], places[1], bar / 2), rod(places[0], places[-1], bar / 2)]
            else:
                made += [
                    rod(a, b, bar / 2)
                    for a, b in zip(places, [*places[1:], places[0]], strict=True)
                ]
        return made

    def _behind(self, wide: float, rear: float, low: float) -> list[Part]:
        if self.back == "none":
            return []
        thick, x = self.stout(0.022), 0.42 * wide
        top = self.height + self.back_height
        y = 0.8 * rear
        if self.back == "bow":
            return path(
                [(-x, 0.5 * y, low), (-x, y, top - thick), (x, y, top - thick), (x, 0.5 * y, low)],
                1.2 * thick,
            )
        posts = [
            block(
                (s * 0.7 * x - thick / 2, y - thick, low), (s * 0.7 * x + thick / 2, y, top - 0.02)
            )
            for s in (-1, 1)
        ]
        deep = {"board": thick, "handle": thick, "pad": 0.05}[self.back]
        bottom = {
            "board": top - 0.55 * self.back_height,
            "handle": top - 1.2 * thick,
            "pad": top - 0.6 * self.back_height,
        }
        panel = block(
            (-x, y - deep, bottom[self.back]),
            (x, y + 0.2 * deep, top),
            corner=0.03,
            edge=0.3 * deep,
            axis=1,
        )
        return [*posts, panel]
