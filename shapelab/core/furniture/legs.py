"""What furniture stands on: four legs of many shapes, or a base of another kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shapelab.core.furniture.furniture import Furniture, between, count, one_of
from shapelab.core.furniture.solids import (
    Pair,
    Part,
    Vector,
    beam,
    block,
    curve,
    lathed,
    leaning,
    path,
    post,
    prism,
    rod,
)

# Corners of a rectangle in order, so that neighbours in the list are neighbours around it.
CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))
_STRAIGHT = ("round", "square", "turned", "blade")  # legs between which bars fit


def around(count: int, radius: float) -> list[Pair]:
    """``count`` places on a circle, the first one in front."""
    turns = [2 * math.pi * k / count - math.pi / 2 for k in range(count)]
    return [(radius * math.cos(t), radius * math.sin(t)) for t in turns]


def corners(wide: float, deep: float, at: Pair = (0.0, 0.0)) -> list[Pair]:
    """The places of four legs below a rectangle of this size around a place."""
    return [(at[0] + sx * wide / 2, at[1] + sy * deep / 2) for sx, sy in CORNERS]


@dataclass(frozen=True)
class OnLegs(Furniture):
    """Furniture on legs."""

    leg_shape: str = one_of(
        "round", "round", "square", "square", "turned", "turned", "cabriole", "sabre", "blade",
        "hairpin", meaning="what a leg looks like",
    )  # fmt: skip
    leg_thickness: float = between(0.022, 0.055, "m", "thickness of a leg at the top")
    leg_taper: float = between(0.45, 1.0, "", "thickness of a foot as a share of the leg's")
    leg_splay: float = between(0.0, 0.16, "", "how far the feet stand outside, share of the height")
    rear_rake: float = between(-0.02, 0.16, "", "how far rear feet stand behind, share of height")
    leg_knob: float = between(0.36, 0.72, "", "where a turned leg swells, share of the height")
    foot: str = one_of("none", "none", "ball", "pad", "block", meaning="what a leg ends in")
    stretcher: str = one_of(
        "none", "none", "none", "sides", "box", "H", "cross", "steps",
        meaning="bars between four legs",
    )  # fmt: skip
    stretcher_height: float = between(0.12, 0.5, "", "height of the bars, share of the legs'")
    stretcher_thickness: float = between(0.5, 0.9, "", "thickness of the bars, share of the legs'")

    def legs(self, wide: float, deep: float, height: float, at: Pair = (0.0, 0.0)) -> list[Part]:
        """Four legs below a rectangle, with their bars.

        Args:
            wide: between the outer sides of the legs at the top.
            deep: the same from front to back.
            height: of their upper ends.
            at: middle of the rectangle.
        """
        thick = self.stout(self.leg_thickness)
        tops = corners(max(wide - thick, thick), max(deep - thick, thick), at)
        feet = []
        for (x, y), (sx, sy) in zip(tops, CORNERS, strict=True):
            rake = self.rear_rake * height if sy > 0 else 0.0
            out = self.leg_splay * height
            feet.append((x + sx * out, y + sy * out + rake))
        made = [
            part
            for top, foot in zip(tops, feet, strict=True)
            for part in self.one_leg(top, foot, height, thick)
        ]
        return made + self._bars(tops, feet, height, thick)

    def shelf(
        self, style: str, wide: float, deep: float, height: float, share: float
    ) -> list[Part]:
        """A board, slats or half a board between straight legs, at a share of their height."""
        if style == "none" or self.leg_shape not in _STRAIGHT:
            return []
        z, thick, leg = share * height, self.stout(0.02), self.stout(self.leg_thickness)
        out = self.leg_splay * (height - z) - 0.35 * leg
        x, front = wide / 2 + out, -deep / 2 - out
        rear = -front + max(self.rear_rake, -0.02) * (height - z)
        if style == "slats":
            made = [
                block(
                    (s * x - thick / 2, front, z - thick),
                    (s * x + thick / 2, rear, z + 0.3 * thick),
                )
                for s in (-1, 1)
            ]
            number = max(2, int((rear - front) / (2.6 * thick)))
            step = (rear - front) / number
            return made + [
                block((-x, front + step * (k + 0.2), z), (x, front + step * (k + 0.8), z + thick))
                for k in range(number)
            ]
        if style == "half":  # an upright board carries its end
            left = -0.1 * x
            return [
                block((left, front, z), (x, rear, z + thick)),
                block(
                    (left, max(front, -deep / 2), z), (left + thick, min(rear, deep / 2), height)
                ),
            ]
        return [block((-x, front, z), (x, rear, z + thick))]

    def one_leg(self, top: Pair, foot: Pair, height: float, thick: float) -> list[Part]:
        """A leg from a place on the floor to one at ``height``."""
        thin = self.stout(thick * self.leg_taper)
        lean = ((foot[0] - top[0]) / -height, (foot[1] - top[1]) / -height)
        end, start = (*foot, 0.0), (*top, height)
        out_x, out_y = _outwards(top)
        made: list[Part]
        if self.leg_shape == "turned":
            profile = _spindle(height, thick / 2, thin / 2, self.leg_knob)
            made = [leaning(lathed(profile, top), lean, height)]
        elif self.leg_shape == "blade":
            long, flat = 0.9 * thick, self.stout(0.6 * thick) / 2
            low, high = (top[0] - flat, top[1] - long, 0.0), (top[0] + flat, top[1] + long, height)
            made = [leaning(block(low, high, edge=0.3 * flat), lean, height)]
        elif self.leg_shape == "cabriole":
            r, sway = thick / 2, 0.16 * height
            x, y = (a + 0.4 * sway * o for a, o in zip(foot, (out_x, out_y), strict=True))
            middle = ((top[0] + x) / 2, (top[1] + y) / 2, 0.5 * height)
            knee = (top[0] + sway * out_x, top[1] + sway * out_y, 0.9 * height)
            points = curve((top[0], top[1], height - r), knee, middle, 4)
            points += curve(middle, (foot[0], foot[1], 0.15 * height), (x, y, thin / 2), 4)[1:]
            made = path(points, thick, thin)
        elif self.leg_shape == "sabre":
            reach = 0.2 * height
            bend = (foot[0] - 0.1 * reach * out_x, foot[1] - 0.1 * reach * out_y, 0.4 * height)
            tip = (foot[0] + reach * out_x, foot[1] + reach * out_y, thin / 2)
            made = path(curve((top[0], top[1], height - thick / 2), bend, tip), thick, thin)
        elif self.leg_shape == "hairpin":
            r = self.stout(0.4 * thick) / 2
            off = max(0.1 * height, 2.5 * r)
            ends = [
                (top[0] - off * out_x, top[1], height - r),
                (top[0], top[1] - off * out_y, height - r),
            ]
            made = [rod(one, (foot[0], foot[1], r), r) for one in ends]
        else:
            made = [post(end, start, thin / 2, thick / 2, self.leg_shape == "square")]
        return made + self._foot(foot, thick, thin, height)

    def _foot(self, at: Pair, thick: float, thin: float, height: float) -> list[Part]:
        if self.leg_shape in ("cabriole", "sabre", "hairpin") or height < 3 * thick:
            return []
        r = min(0.7 * thick, 0.2 * height)
        low, high = (at[0] - r, at[1] - r, 0.0), (at[0] + r, at[1] + r, 2 * r)
        if self.foot == "ball":
            return [block(low, high, corner=r, edge=r)]
        flat = (*high[:2], max(thin, 0.6 * r))
        if self.foot == "pad":
            return [block(low, flat, corner=r, edge=0.2 * r)]
        return [block(low, high)] if self.foot == "block" else []

    def _bars(
        self, tops: Sequence[Pair], feet: Sequence[Pair], height: float, thick: float
    ) -> list[Part]:
        if self.leg_shape not in _STRAIGHT:
            return []
        r = self.stout(thick * self.stretcher_thickness) / 2
        z = max(self.stretcher_height * height, 1.5 * r)

        def at(k: int, share: float = 1.0) -> Vector:
            up = share * z / height
            (a, b), (c, d) = feet[k], tops[k]
            return (a + (c - a) * up, b + (d - b) * up, share * z)

        left, right = (at(3), at(0)), (at(1), at(2))
        if self.stretcher == "sides":
            pairs = [left, right]
        elif self.stretcher == "box":
            pairs = [left, right, (at(0), at(1)), (at(2), at(3))]
        elif self.stretcher == "H":
            pairs = [left, right, (_halfway(*left), _halfway(*right))]
        elif self.stretcher == "cross":
            pairs = [(at(0), at(2)), (at(1), at(3))]
        elif self.stretcher == "steps":
            higher = 1.5 if 1.5 * z < 0.85 * height else 0.7
            pairs = [left, right, (at(0, higher), at(1, higher))]
        else:
            pairs = []
        square = self.leg_shape in ("square", "blade")
        return [beam(a, b, 2 * r, 2 * r) if square else rod(a, b, r) for a, b in pairs]


@dataclass(frozen=True)
class OnBase(OnLegs):
    """Furniture on legs or on a base of another kind."""

    base: str = one_of(
        *(8 * ["legs"]), "pedestal", "claw", "star", "sled", "cantilever", "panels", "spider",
        "trestle", "cross", "drum", "plinth", "frame", meaning="what it stands on",
    )  # fmt: skip
    column: str = one_of("plain", "vase", "cone", "square", meaning="the shape of a column")
    base_width: float = between(0.55, 0.95, "", "width of a base, share of the room above it")
    arms: int = count(3, 6, "arms of a star, a claw or a spider")
    arm_rise: float = between(0.0, 0.5, "", "how high those join the column, share of the height")

    def stand(self, wide: float, deep: float, height: float) -> list[Part]:
        """All that is below a seat or top.

        Args:
            wide: the room for it.
            deep: the same from front to back.
            height: of its upper end.
        """
        if self.base == "legs":
            return self.legs(wide, deep, height)
        thick = self.stout(self.leg_thickness)
        x, y = wide / 2 - thick / 2, deep / 2 - thick / 2
        foot = max(self.base_width * min(wide, deep) / 2, 2 * thick)
        made: dict[str, list[Part]] = {
            "pedestal": self._pedestal(foot, height, thick),
            "claw": self._claw(foot, height, thick),
            "star": self._star(max(foot, 0.25 * height), height, thick),
            "spider": self._spider(1.15 * foot, height, thick),
        }
        if self.base in made:
            return made[self.base]
        return _frames(self.base, x, y, height, thick, self.base_width, self.leg_taper)

    def _column(self, low: float, height: float, thick: float) -> Part:
        r = 0.9 * thick
        if self.column == "square":
            return block((-r, -r, low), (r, r, height))
        tall = height - low
        wider = {"plain": 1.0, "cone": 1.7, "vase": 1.3}[self.column]
        profile = [(low, wider * r), (low + 0.3 * tall, r), (height, r)]
        if self.column == "vase":
            k = self.leg_knob
            shape = ((0.0, 1.5), (0.08, 0.9), (k - 0.2, 1.9), (k, 1.7), (k + 0.12, 0.8), (1.0, 1.2))
            profile = [(low + t * tall, w * r) for t, w in shape]
        return lathed(profile)

    def _pedestal(self, foot: float, height: float, thick: float) -> list[Part]:
        flat = self.stout(0.6 * thick)
        if self.column == "square":
            plate = block((-foot, -foot, 0), (foot, foot, flat))
        else:
            rise = flat + 0.3 * self.arm_rise * height
            r = 0.9 * thick
            plate = lathed([(0.0, foot), (flat, foot), (rise + 0.01, min(r, foot))])
        return [self._column(0.0, height, thick), plate]

    def _claw(self, foot: float, height: float, thick: float) -> list[Part]:
        z = max((0.15 + 0.4 * self.arm_rise) * height, 0.6 * thick)
        made = [self._column(0.5 * z, height, thick)]
        for x, y in around(self.arms, 1.0):
            points = curve(
                (0.0, 0.0, z),
                (0.75 * foot * x, 0.75 * foot * y, z),
                (foot * x, foot * y, thick / 2),
            )
            made += path(points, 1.1 * thick, thick)
        return made

    def _star(self, foot: float, height: float, thick: float) -> list[Part]:
        caster = 0.9 * thick if self.foot in ("ball", "pad") else 0.0
        arm, rise = self.stout(0.8 * thick), 0.35 * self.arm_rise * height
        low = 2 * caster * 0.8 + arm / 2
        made = [self._column(low - arm / 2, height, thick)]
        for x, y in around(max(self.arms, 4), foot):
            made.append(beam((0, 0, low + rise), (x, y, low), 1.2 * arm, arm, edge=0.2 * arm))
            if caster:
                made.append(
                    block(
                        (x - caster, y - caster, 0),
                        (x + caster, y + caster, 2 * caster),
                        corner=caster,
                        edge=caster,
                    )
                )
        return made

    def _spider(self, foot: float, height: float, thick: float) -> list[Part]:
        low, r = 0.75 * height, 0.6 * self.stout(thick)
        hub = lathed([(low - 2 * r, 1.2 * thick), (height, max(0.4 * foot, 1.2 * thick))])
        made = [hub]
        for x, y in around(max(self.arms, 4), 1.0):
            bow = (0.6 + 0.5 * self.arm_rise) * foot
            points = curve((0, 0, low), (bow * x, bow * y, low), (foot * x, foot * y, r))
            made += path(points, 2 * r)
        return made


def _frames(
    style: str, x: float, y: float, height: float, thick: float, share: float, taper: float
) -> list[Part]:
    """Bases that stand to the left and right, or fill the room below."""
    r = thick / 2
    sides = (-x, x)
    if style == "sled":
        made = []
        for at in sides:
            loop = [
                (at, -y * share, height - r),
                (at, -y, r),
                (at, y, r),
                (at, y * share, height - r),
            ]
            made += path(loop, thick)
        return [*made, rod((-x, y * share, height - r), (x, y * share, height - r), r)]
    if style == "cantilever":
        made = []
        for at in sides:
            bend = 0.2 * height
            loop = [
                (at, y, r),
                (at, bend - y, r),
                (at, -y, r + 0.4 * bend),
                (at, -y, height - bend),
                (at, 0.4 * bend - y, height - r),
                (at, 0.7 * y, height - r),
            ]
            made += path(loop, thick)
        return [
            *made,
            rod((-x, y, r), (x, y, r), r),
            rod((-x, 0, height - r), (x, 0, height - r), r),
        ]
    if style == "panels":
        inner = y * (0.5 + 0.5 * taper)
        side = [(-y, 0.0), (y, 0.0), (inner, height), (-inner, height)]
        return [prism(side, at - r, at + r, axis=0) for at in sides]
    if style == "trestle":
        made = []
        inner, half = share * x, 0.75 * thick
        for at in (-inner, inner):
            made += [post((at, b, 0), (at, 0.25 * b, height), half, half, True) for b in (-y, y)]
            made.append(
                block(
                    (at - half, -0.8 * y, 0.35 * height - half),
                    (at + half, 0.8 * y, 0.35 * height + half),
                )
            )
        return [
            *made,
            beam((-inner, 0, 0.35 * height), (inner, 0, 0.35 * height), 2 * half, 2 * half),
        ]
    if style == "cross":
        y = min(y, 0.7 * height)
        half = r * math.hypot(1.0, 2 * y / height)  # level sections of a slanted bar are wider
        made = [
            post((at, b, 0), (at, -b, height), half, half, True) for at in sides for b in (-y, y)
        ]
        return [*made, rod((-x, 0, height / 2), (x, 0, height / 2), r)]
    if style == "drum":
        wide = share * min(x, y)
        return [lathed([(0.0, wide), (0.45 * height, wide * (0.4 + 0.6 * taper)), (height, wide)])]
    if style == "plinth":
        return [block((-share * x, -share * y, 0), (share * x, share * y, height))]
    made = []  # a frame of bars along all edges of the room
    for z in (r, height - r):
        ring = [(sx * x, sy * y, z) for sx, sy in CORNERS]
        made += [beam(a, b, thick, thick) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    return [
        *made,
        *(block((a - r, b - r, 0), (a + r, b + r, height)) for a, b in corners(2 * x, 2 * y)),
    ]


def _spindle(height: float, thick: float, thin: float, knob: float) -> list[Pair]:
    """A turned leg's profile: a foot, a waist, a swelling with rings, and a block on top."""
    neck = max(0.6 * thick, min(thin, thick))
    shares = (
        (0.0, thin), (0.06, 1.15 * thin), (0.1, thin), (knob - 0.12, neck), (knob - 0.08, thick),
        (knob - 0.04, neck), (knob, 1.2 * thick), (knob + 0.1, thick), (knob + 0.14, neck),
        (knob + 0.18, 1.1 * thick), (1.0, thick),
    )  # fmt: skip
    return [(share * height, radius) for share, radius in shares]


def _outwards(at: Pair) -> Pair:
    """From the middle to the corner that a place is in, along x and y alike."""
    half = math.sqrt(0.5)
    return math.copysign(half, at[0]), math.copysign(half, at[1])


def _halfway(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2
