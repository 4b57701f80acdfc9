"""Soft furniture: seats, backs and arms of sofas and armchairs, pillows and bedding."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.furniture import Furniture, between, count, one_of
from shapelab.core.furniture.legs import corners
from shapelab.core.furniture.solids import (
    Pair,
    Part,
    beam,
    block,
    cushion,
    cut,
    lathed,
    post,
    prism,
    turned,
)

ARMS = (
    "boxes", "boxes", "rolls", "slopes", "flared", "scoops", "pads", "wood", "wings", "none",
)  # fmt: skip
_PRESSED = 0.3  # of their edges' radius soft parts overlap beside each other: so a seam opens wide


@dataclass(frozen=True)
class Upholstered(Furniture):
    """A seat with cushions, for one or more."""

    seat_height: float = between(0.4, 0.48, "m", "height of the cushions' upper side")
    leg_height: float = between(0.0, 0.18, "m", "height of the frame above the floor")
    foot_shape: str = one_of(
        "cone", "block", "bun", "blade", "skids", "plinth", meaning="what the frame stands on"
    )
    foot_inset: float = between(0.0, 0.12, "m", "how far feet stand within the frame")
    back_rise: float = between(0.28, 0.55, "m", "from the seat to the back's upper edge")
    back_thickness: float = between(0.1, 0.24, "m", "thickness of the back")
    back_tilt: float = between(3.0, 16.0, "degrees", "how far the back leans backwards")
    back_shape: str = one_of(
        "plain", "plain", "cushions", "cushions", "camel", "arch", "scallop", "channels", "tufts",
        "low frame", meaning="the shape of the back",
    )  # fmt: skip
    arm_shape: str = one_of(*ARMS, meaning="the shape of the arms")
    arm_height: float = between(0.1, 0.26, "m", "from the seat to the top of the arms")
    arm_width: float = between(0.07, 0.26, "m", "thickness of an arm")
    arm_length: float = between(0.7, 1.0, "", "how far forward the arms come, share of the depth")
    seat_thickness: float = between(0.09, 0.2, "m", "thickness of a seat cushion")
    frame_depth: float = between(0.05, 0.2, "m", "depth of the frame below the cushions")
    softness: float = between(0.1, 1.0, "", "roundness of all edges")
    crown: float = between(0.0, 0.05, "m", "how far cushions bulge")
    overhang: float = between(-0.03, 0.05, "m", "how far cushions stand before the frame")
    pillows: int = count(0, 3, "pillows thrown on it")
    pillow_size: float = between(0.32, 0.5, "m", "width of such a pillow")
    pillow_turn: float = between(-25.0, 25.0, "degrees", "how askew they lie")

    def soft(self) -> float:
        """The radius of edges in metres."""
        return 0.015 + 0.055 * self.softness

    def body(self, wide: float, deep: float, cushions: int, arms: tuple[int, ...]) -> list[Part]:
        """All but extras, around the origin.

        Args:
            wide: between the outer sides.
            deep: from the front to the rear of the back.
            cushions: beside each other.
            arms: sides that have an arm, -1 and 1.
        """
        arm = 0.0 if self.arm_shape == "none" else self._arm(wide)
        left, right = -wide / 2 + arm * (-1 in arms), wide / 2 - arm * (1 in arms)
        low = self.base_height()
        deck = max(self.seat_height - self.seat_thickness, low + self.stout(0.05))
        frame_low = min(low if self.frame_depth > 0.09 else deck - self.frame_depth, deck - 0.05)
        rear, front = deep / 2, -deep / 2
        made = [
            block((-wide / 2, front, frame_low), (wide / 2, rear, deck), edge=0.4 * self.soft()),
            *self.seat(left, right, front, rear - 0.5 * self.back_thickness, deck, cushions),
            *self._back(left, right, wide, rear, frame_low, cushions),
            *self.feet(wide, deep, frame_low + 0.02),
        ]
        for side in arms if arm else ():
            made += self._one_arm(side, wide, deep, frame_low, arm)
        made += self._thrown(left, right, rear)
        return made

    def base_height(self) -> float:
        """Height of the frame above the floor, 0 where it lies on it."""
        return self.leg_height if self.leg_height > 0.04 else 0.0

    def _arm(self, wide: float) -> float:
        if self.arm_shape in ("wood", "pads"):
            return self.stout(0.04)
        return min(max(self.arm_width, self.stout(0.07)), 0.22 * wide)

    def seat(
        self, left: float, right: float, front: float, rear: float, deck: float, cushions: int
    ) -> list[Part]:
        """Seat cushions on the deck."""
        step, pressed = (right - left) / cushions, _PRESSED * self.soft() * (cushions > 1)
        return [
            cushion(
                (left + step * k - pressed, front - self.overhang, deck - 0.03),
                (left + step * (k + 1) + pressed, rear, self.seat_height),
                edge=self.soft(),
                crown=self.crown,
            )
            for k in range(cushions)
        ]

    def feet(self, wide: float, deep: float, top: float, at: Pair = (0.0, 0.0)) -> list[Part]:
        """What carries a frame whose underside is a little below ``top``."""
        if top < 0.05:
            return []
        thick = self.stout(0.045)
        inset = min(self.foot_inset, 0.2 * wide, 0.2 * deep)
        x, y = wide - 2 * inset - thick, deep - 2 * inset - thick
        if self.foot_shape == "plinth":
            return [block((at[0] - x / 2, at[1] - y / 2, 0), (at[0] + x / 2, at[1] + y / 2, top))]
        if self.foot_shape == "skids":
            return [
                part
                for s in (-1, 1)
                for part in (
                    beam(
                        (at[0] + s * x / 2, at[1] - y / 2 - thick / 2, 0.4 * thick),
                        (at[0] + s * x / 2, at[1] + y / 2 + thick / 2, 0.4 * thick),
                        thick,
                        0.8 * thick,
                    ),
                    *(
                        block(
                            (at[0] + s * x / 2 - thick / 2, at[1] + t * y / 2 - thick / 2, 0),
                            (at[0] + s * x / 2 + thick / 2, at[1] + t * y / 2 + thick / 2, top),
                        )
                        for t in (-1, 1)
                    ),
                )
            ]
        made: list[Part] = []
        places = corners(x, y, at)
        if wide > 1.9:
            places += [(at[0], at[1] - y / 2), (at[0], at[1] + y / 2)]
        for a, b in places:
            if self.foot_shape == "bun":
                r = 0.8 * thick
                made.append(
                    lathed(
                        [(0.0, 0.6 * r), (0.35 * top, 1.3 * r), (0.8 * top, r), (top, r)], (a, b)
                    )
                )
            elif self.foot_shape == "cone":
                out = 0.25 * top
                end = (a + (out if a > at[0] else -out), b + (out if b > at[1] else -out), 0.0)
                made.append(post(end, (a, b, top), self.stout(0.025) / 2, 0.6 * thick))
            else:
                long = 0.5 * thick if self.foot_shape == "block" else 1.4 * thick
                made.append(block((a - thick / 2, b - long, 0), (a + thick / 2, b + long, top)))
        return made

    def _back(
        self, left: float, right: float, wide: float, rear: float, low: float, cushions: int
    ) -> list[Part]:
        soft, thick, seat = self.soft(), self.back_thickness, self.seat_height
        top, x, style = seat + self.back_rise, wide / 2, self.back_shape
        front = rear - thick
        hinge = (0.0, rear, seat - 0.5 * self.seat_thickness)
        made: list[Part] = []
        frame_top = {"cushions": top - 0.12, "low frame": seat + 0.45 * self.back_rise}.get(
            style, top
        )
        if style in ("camel", "arch"):
            hump = 0.3 * self.back_rise
            count = 16
            share = [2 * k / count - 1 for k in range(count + 1)]
            high = [
                top
                - hump
                + hump * ((1 - abs(s) ** 2) if style == "arch" else max(0.0, 1 - 2 * s * s) ** 2)
                for s in share
            ]
            outline = [
                (-x, low + soft),
                (x, low + soft),
                *((x * -s, h) for s, h in zip(share, high, strict=True)),
            ]
            made.append(
                prism(
                    [(a * (1 - soft / x), b) for a, b in outline],
                    front,
                    rear,
                    axis=1,
                    edge=0.6 * soft,
                )
            )
        elif style in ("channels", "scallop"):
            number = max(3, 2 * cushions + 1)
            step = 2 * x / number
            made.append(
                block((-x, rear - 0.6 * thick, low), (x, rear, top - 0.04), edge=0.3 * soft)
            )
            for k in range(number):
                dip = (
                    0.14 * self.back_rise * abs(2 * k / (number - 1) - 1)
                    if style == "scallop"
                    else 0.0
                )
                r = min(step / 2, 0.5 * thick)
                pressed = _PRESSED * r
                made.append(
                    block(
                        (-x + step * k - pressed, front - 0.2 * thick, low + 0.02),
                        (-x + step * (k + 1) + pressed, rear - 0.25 * thick, top - dip),
                        corner=r,
                        edge=0.5 * r,
                    )
                )
        else:
            made.append(block((-x, front, low), (x, rear, frame_top), edge=soft))
        if style in ("cushions", "low frame"):
            step, pressed = (right - left) / cushions, _PRESSED * soft
            made += [
                turned(
                    cushion(
                        (left + step * k - pressed, front - 0.55 * thick - 0.06, seat - 0.04),
                        (left + step * (k + 1) + pressed, front + 0.04, top),
                        edge=1.2 * soft,
                        crown=0.4 * self.crown + 0.02,
                        axis=1,
                    ),
                    0,
                    -3.0,
                    (0.0, front, seat),
                )
                for k in range(cushions)
            ]
        if style == "tufts":
            made[-1] = cut(made[-1], *_dents(left, right, seat + 0.08, top - 0.05, front))
        return [turned(part, 0, -self.back_tilt, hinge) for part in made]

    def _one_arm(self, side: int, wide: float, deep: float, low: float, arm: float) -> list[Part]:
        soft = self.soft()
        outer, inner = side * wide / 2, side * (wide / 2 - arm)
        a, b = min(outer, inner), max(outer, inner)
        middle = (a + b) / 2
        rear = deep / 2 - 0.3 * self.back_thickness
        front = deep / 2 - self.arm_length * deep
        top = self.seat_height + min(self.arm_height, 0.9 * self.back_rise)
        seat = self.seat_height
        if self.arm_shape == "rolls":
            r = 0.6 * max(arm, 0.12)
            roll = block(
                (middle - r, front - 0.015, top - 2 * r), (middle + r, rear, top), r, 0.02, 1
            )
            return [block((a, front, low), (b, rear, top - r), edge=0.3 * soft), roll]
        if self.arm_shape in ("slopes", "scoops"):
            y = [front + (rear - front) * k / 10 for k in range(11)]
            drop = top - seat + 0.04
            power = 1.0 if self.arm_shape == "slopes" else 2.5
            fall = [drop * 0.95 * (1 - k / 10) ** power for k in range(11)]
            edge = min(0.3 * soft, 0.2 * arm)
            ends = (low + edge, *(top - f for f in fall), low + edge)
            outline = list(zip((front, *y, rear), ends, strict=True))
            return [prism(outline, a, b, axis=0, edge=edge)]
        if self.arm_shape == "flared":
            out = 0.1
            wall = [
                (inner, low + soft),
                (outer, low + soft),
                (outer + side * out, top),
                (inner + 0.7 * side * out, top),
            ]
            return [prism(wall, front, rear, axis=1, edge=0.3 * soft)]
        if self.arm_shape in ("pads", "wood"):
            thick, t = self.stout(0.04), self.stout(0.035)
            pad = block((middle - 0.04, front, top - t), (middle + 0.04, rear, top), 0.02, 0.3 * t)
            ys = (
                (front + 0.06, rear - 0.1)
                if self.arm_shape == "wood"
                else (0.5 * (front + rear) - 0.05,)
            )
            bottom = 0.0 if self.arm_shape == "wood" and self.base_height() else low
            return [
                pad,
                *(
                    block(
                        (middle - thick / 2, y, bottom),
                        (middle + thick / 2, y + 1.3 * thick, top - t / 2),
                    )
                    for y in ys
                ),
                block((a, front, max(low, 0.5 * low)), (b, rear, seat - 0.6 * self.seat_thickness)),
            ]
        if self.arm_shape == "wings":
            back = seat + 0.85 * self.back_rise
            outline = [
                (front, low + soft),
                (front, top - 0.02),
                (0.25 * front + 0.3 * rear, top),
                (0.45 * rear, 0.6 * back + 0.4 * top),
                (0.5 * rear, back),
                (rear, back),
                (rear, low + soft),
            ]
            return [prism(outline, a + 0.01, b - 0.01, axis=0, edge=min(0.3 * soft, 0.2 * arm))]
        return [block((a, front, low), (b, rear, top), edge=soft)]

    def _thrown(self, left: float, right: float, rear: float) -> list[Part]:
        made = []
        size = min(self.pillow_size, 0.8 * (right - left))
        for k in range(min(self.pillows, int((right - left) / size))):
            # From alternate ends, so that one or three leave it lopsided.
            x = left + 0.55 * size + 0.9 * size * (k // 2) if k % 2 == 0 else right - 0.55 * size
            y = rear - self.back_thickness - 0.1
            z = self.seat_height - 0.02
            pillow = cushion(
                (x - size / 2, y - 0.08, z), (x + size / 2, y + 0.08, z + 0.9 * size), 0.06, 0.05, 1
            )
            tilt = turned(pillow, 0, -self.back_tilt - 8, (x, y, z))
            made.append(turned(tilt, 2, self.pillow_turn * (1 if k % 2 else -0.6), (x, y, z)))
        return made


def _dents(left: float, right: float, low: float, high: float, front: float) -> list[Part]:
    """Where buttons pull in the cover, in staggered rows."""
    made = []
    rows = max(1, round((high - low) / 0.16))
    for row in range(rows):
        z = low + (high - low) * (row + 0.5) / rows
        number = max(1, round((right - left) / 0.2)) - row % 2
        for k in range(number):
            x = left + (right - left) * (k + 0.5 + 0.5 * (row % 2)) / (number + row % 2)
            r, y = 0.05, front - 0.03  # a ball before the cover: as deep as a finger is thick
            made.append(block((x - r, y - r, z - r), (x + r, y + r, z + r), r, r))
    return made
