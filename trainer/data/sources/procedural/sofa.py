"""Sofas: from the armchair to the corner sofa."""

from __future__ import annotations

from dataclasses import dataclass

from .furniture import Furniture, between, count, one_of
from .legs import corners, legs
from .solids import Part, block, turned


@dataclass(frozen=True)
class Sofa(Furniture):
    """An upholstered seat for one or more."""

    label = "sofa"
    faces_x = True

    width: float = between(1.0, 2.4, "m", "between the outer sides")
    depth: float = between(0.72, 1.05, "m", "from front to back")
    seat_height: float = between(0.34, 0.5, "m", "height of the cushions' upper side")
    leg_height: float = between(0.0, 0.16, "m", "height of the frame above the floor")
    leg_thickness: float = between(1.3, 2.4, "cells", "thickness of a leg")
    back_height: float = between(0.22, 0.55, "m", "from the seat to the back's upper edge")
    back_thickness: float = between(0.12, 0.28, "m", "thickness of the back")
    back_tilt: float = between(0.0, 16.0, "degrees", "how far the back leans backwards")
    back_style: str = one_of("plain", "cushions", "camel", "wings", meaning="shape of the back")
    arm_style: str = one_of(
        "boxes", "boxes", "rolls", "slopes", "one", "none", meaning="shape of the arms"
    )
    arm_height: float = between(0.08, 0.3, "m", "from the seat to the top of the arms")
    arm_width: float = between(0.1, 0.28, "m", "thickness of an arm")
    cushions: int = count(1, 4, "seat cushions, with a gap between them")
    cushion_thickness: float = between(0.1, 0.2, "m", "thickness of a seat cushion")
    softness: float = between(0.0, 1.0, "", "roundness of all edges")
    chaise: str = one_of(
        *(5 * ["none"]), "left", "right", "ottoman", meaning="what stands in front"
    )
    chaise_length: float = between(0.35, 0.8, "m", "how far it comes forward")

    @property
    def longest(self) -> float:
        out = 0.0 if self.chaise == "none" else self.chaise_length
        return max(self.width, self.depth + out)

    def parts(self) -> list[Part]:
        arm = 0.0 if self.arm_style == "none" else self.arm_width
        inner = self.width - 2 * arm if self.arm_style != "one" else self.width - arm
        left = -self.width / 2 + arm
        rear, front = self.depth / 2, -self.depth / 2
        low = self.leg_height if self.leg_height > 0.8 * self.cell else 0.0
        deck = max(self.seat_height - self.cushion_thickness, low + 1.2 * self.cell)
        soft = 0.02 + 0.06 * self.softness
        made = [
            block((-self.width / 2, front, low), (self.width / 2, rear, deck), edge=0.4 * soft),
            *self._cushions(left, inner, front, deck - 0.03, soft),
            *self._back(left, inner, low, soft),
            *self._arms(low, soft),
            *self._chaise(left, inner, low, deck, soft),
        ]
        if low:
            thick = self.leg_thickness * self.cell
            places = corners(self.width - 1.5 * thick, self.depth - 1.5 * thick)
            made += legs(places, low + 0.05, thick, 0.8)
        return made

    def _cushions(
        self, left: float, inner: float, front: float, z: float, soft: float
    ) -> list[Part]:
        step = inner / self.cushions
        rear = self.depth / 2 - 0.5 * self.back_thickness
        gap = 0.15 * soft
        return [
            block(
                (left + step * k + gap, front - 0.02, z),
                (left + step * (k + 1) - gap, rear, self.seat_height),
                corner=0.5 * soft,
                edge=soft,
            )
            for k in range(self.cushions)
        ]

    def _back(self, left: float, inner: float, low: float, soft: float) -> list[Part]:
        rear, thick = self.depth / 2, self.back_thickness
        top = self.seat_height + self.back_height
        x = self.width / 2
        made: list[Part] = []
        if self.back_style == "cushions":
            step = inner / self.cushions
            made += [
                block(
                    (left + step * k + 0.2 * soft, rear - 1.5 * thick, self.seat_height - 0.05),
                    (left + step * (k + 1) - 0.2 * soft, rear - 0.4 * thick, top + 0.05),
                    corner=1.5 * soft,
                    edge=soft,
                    axis=1,
                )
                for k in range(self.cushions)
            ]
        if self.back_style == "wings":
            deep = 0.45 * self.depth
            made += [
                block((s * x - 0.06, rear - deep, low), (s * x + 0.06, rear, top), edge=0.05)
                for s in (-1, 1)
            ]
        if self.back_style == "camel":
            crown = 0.35 * self.back_height
            made.append(
                block(
                    (-0.3 * self.width, rear - thick, low),
                    (0.3 * self.width, rear, top + crown),
                    corner=0.3 * self.width,
                    edge=soft,
                    axis=1,
                )
            )
        made.append(block((-x, rear - thick, low), (x, rear, top), edge=soft))
        hinge = (0.0, rear, self.seat_height - 0.5 * self.cushion_thickness)
        return [turned(part, 0, -self.back_tilt, hinge) for part in made]

    def _arms(self, low: float, soft: float) -> list[Part]:
        sides = {"none": (), "one": (-1,)}.get(self.arm_style, (-1, 1))
        front, rear = -self.depth / 2, self.depth / 2 - 0.3 * self.back_thickness
        top, made = self.seat_height + self.arm_height, []
        for side in sides:
            outer, inner = side * self.width / 2, side * (self.width / 2 - self.arm_width)
            a, b = min(outer, inner), max(outer, inner)
            if self.arm_style == "rolls":
                r = 0.62 * self.arm_width
                middle = (a + b) / 2
                made.append(block((a, front, low), (b, rear, top - r), edge=0.5 * soft))
                made.append(
                    block(
                        (middle - r, front, top - 2 * r), (middle + r, rear, top), corner=r, axis=1
                    )
                )
            elif self.arm_style == "slopes":
                half = (front + rear) / 2
                made.append(block((a, front, low), (b, rear, self.seat_height), edge=soft))
                bar = block((a, front, top - 0.3), (b, rear, top), edge=soft)
                made.append(turned(bar, 0, 12.0, ((a + b) / 2, half, top - 0.15)))
            else:
                made.append(block((a, front, low), (b, rear, top), edge=soft))
        return made

    def _chaise(
        self, left: float, inner: float, low: float, deck: float, soft: float
    ) -> list[Part]:
        if self.chaise == "none":
            return []
        wide = max(inner / max(2, self.cushions), 0.45)
        start = {"left": left, "right": left + inner - wide, "ottoman": left + (inner - wide) / 2}
        a, b = start[self.chaise], start[self.chaise] + wide
        front = -self.depth / 2 - self.chaise_length
        return [
            block((a, front, low), (b, 0.0, deck), edge=0.4 * soft),
            block((a, front, deck - 0.03), (b, 0.0, self.seat_height), corner=soft, edge=soft),
        ]
