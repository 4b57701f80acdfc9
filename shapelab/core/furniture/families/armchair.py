"""Armchairs: club, wing, tub, slipper and swivel chairs, recliners and rockers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shapelab.core.furniture.furniture import between, one_of
from shapelab.core.furniture.legs import around
from shapelab.core.furniture.solids import Part, beam, block, cushion, lathed, path, prism, turned
from shapelab.core.furniture.upholstery import Upholstered


@dataclass(frozen=True)
class Armchair(Upholstered):
    """An upholstered seat for one."""

    label = "armchair"

    back_rise: float = between(0.3, 0.68, "m", "from the seat to the back's upper edge")
    back_thickness: float = between(0.07, 0.2, "m", "thickness of the back")
    width: float = between(0.62, 1.05, "m", "between the outer sides")
    depth: float = between(0.68, 0.98, "m", "from front to back")
    stands: str = one_of(
        *(5 * ["feet"]), "star", "disc", "rockers", "sled", meaning="what the frame stands on"
    )
    shell: str = one_of(*(9 * ["none"]), "tub", "barrel", meaning="a back that runs around")
    shell_drop: float = between(0.0, 0.9, "", "how far a shell falls to the front")
    headrest: str = one_of("none", "none", "none", "roll", "pad", meaning="what the head lies on")
    footrest: str = one_of(*(8 * ["none"]), "flap", "ottoman", meaning="what the feet lie on")
    footrest_length: float = between(0.3, 0.5, "m", "how far that reaches")
    skirt: str = one_of("none", "none", "none", "skirt", meaning="cloth around the frame")

    @property
    def longest(self) -> float:
        out = 0.0 if self.footrest == "none" else self.footrest_length + 0.05
        rise = self.back_rise + (0.08 if self.headrest == "roll" else 0.0)
        return max(
            self.seat_height + rise,
            self.width + 0.15 * (self.arm_shape == "flared"),
            self.depth + out + 0.08,
        )

    def base_height(self) -> float:
        return 0.16 if self.stands != "feet" else super().base_height()

    def parts(self) -> list[Part]:
        wide, deep = self.width, self.depth
        if self.shell == "none":
            made = self.body(wide, deep, 1, (-1, 1))
        else:
            made = self._shelled(wide, deep)
        low = self.base_height()
        made += self._extras(wide, deep, low)
        if self.skirt == "skirt" and low and self.stands == "feet":
            x, y = wide / 2 - 0.02, deep / 2 - 0.02
            made.append(block((-x, -y, 0.02), (x, y, low + 0.08)))
        return made

    def feet(
        self, wide: float, deep: float, top: float, at: tuple[float, float] = (0.0, 0.0)
    ) -> list[Part]:
        if self.stands == "feet":
            return super().feet(wide, deep, top, at)
        thick = self.stout(0.04)
        if self.stands == "disc":
            r = 0.36 * wide
            return [lathed([(0.0, r), (thick, r), (2 * thick, 0.4 * r), (top, 0.5 * r)])]
        if self.stands == "star":
            r = 0.42 * wide
            arms = [
                beam((0, 0, 0.6 * top), (x, y, thick / 2), 1.2 * thick, thick, 0.2 * thick)
                for x, y in around(5, r)
            ]
            return [lathed([(0.3 * top, thick), (top, 2 * thick)]), *arms]
        x, y = wide / 2 - thick, deep / 2 - 0.02
        made: list[Part] = []
        for s in (-1, 1):
            if self.stands == "rockers":
                radius = 1.4 * deep
                turns = [(2 * k / 8 - 1) * 0.42 for k in range(9)]
                runner = [
                    (s * x, radius * math.sin(t), radius * (1 - math.cos(t)) + thick / 2)
                    for t in turns
                ]
            else:
                runner = [
                    (s * x, -y, top),
                    (s * x, -y, thick / 2),
                    (s * x, y, thick / 2),
                    (s * x, y, top),
                ]
            made += path(runner, thick)
            made += [
                block(
                    (s * x - thick / 2, b - thick / 2, thick / 4),
                    (s * x + thick / 2, b + thick / 2, top),
                )
                for b in (-0.3 * deep, 0.3 * deep)
            ]
        return made

    def _shelled(self, wide: float, deep: float) -> list[Part]:
        """A back that runs around the seat, as high as the arms in front."""
        low, soft = self.base_height(), self.soft()
        thick = max(self.stout(0.05), 0.6 * self.back_thickness)
        deck = max(self.seat_height - self.seat_thickness, low + self.stout(0.05))
        top = self.seat_height + (0.7 if self.shell == "tub" else 0.55) * self.back_rise
        arm = self.seat_height + self.arm_height
        x, y = wide / 2, deep / 2
        made: list[Part] = []
        count, turn = 14, (1.3 if self.shell == "tub" else 1.45) * math.pi
        for k in range(count):
            # Around from the left front by the rear to the right front.
            t = (k / (count - 1) - 0.5) * turn
            fall = (1 - math.cos(t)) / 2 * (0.3 + 0.7 * self.shell_drop)
            high = max(top + (arm - top) * min(1.0, 1.5 * fall), arm)
            at = ((x - thick / 2) * math.sin(t), (y - thick / 2) * math.cos(t))
            r = 0.6 * turn * max(x, y) / (count - 1)
            piece = block(
                (at[0] - r, at[1] - thick / 2, low),
                (at[0] + r, at[1] + thick / 2, high),
                edge=0.45 * thick,
            )
            made.append(turned(piece, 2, -math.degrees(t) * 0.92, (at[0], at[1], 0.0)))
        outline = [(x * 0.86 * u, y * 0.86 * v) for u, v in around(48, 1.0)]
        made.append(prism(outline, low, deck, edge=0.3 * soft))
        made.append(
            cushion(
                (-0.7 * x, -0.95 * y, deck - 0.03),
                (0.7 * x, 0.75 * y, self.seat_height),
                soft,
                self.crown,
            )
        )
        return [*made, *self.feet(0.6 * wide, 0.6 * deep, low + 0.02)]

    def _extras(self, wide: float, deep: float, low: float) -> list[Part]:
        made: list[Part] = []
        seat, rear, half = self.seat_height, deep / 2, 0.28 * wide
        top = seat + self.back_rise
        if (
            self.headrest != "none"
            and self.shell == "none"
            and self.back_shape in ("plain", "channels", "tufts", "arch")
        ):
            r = 0.07
            y = rear - 0.6 * self.back_thickness
            shape = (
                block((-half, y - r, top - r), (half, y + r, top + r), corner=r, axis=0)
                if self.headrest == "roll"
                else cushion(
                    (-half, y - self.back_thickness, top - 0.22),
                    (half, y, top - 0.02),
                    0.03,
                    0.02,
                    1,
                )
            )
            made.append(
                turned(shape, 0, -self.back_tilt, (0.0, rear, seat - 0.5 * self.seat_thickness))
            )
        x = 0.36 * wide
        deck = max(seat - self.seat_thickness, low + self.stout(0.05))
        if self.footrest == "flap":
            slab = cushion(
                (-x, -deep / 2 - self.footrest_length, deck - 0.1),
                (x, -deep / 2 + 0.1, deck),
                0.03,
                0.01,
            )
            made.append(turned(slab, 0, 12.0, (0.0, -deep / 2, deck)))
        if self.footrest == "ottoman":
            front = -deep / 2 - self.footrest_length
            made.append(block((-x, front, 0.0), (x, -deep / 2 + 0.06, seat - 0.12), edge=0.03))
            made.append(
                cushion(
                    (-x, front - 0.01, seat - 0.15), (x, -deep / 2 + 0.02, seat - 0.02), 0.04, 0.02
                )
            )
        return made
