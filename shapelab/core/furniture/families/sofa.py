"""Sofas: two-seaters, corner sofas, day beds and benches with cushions."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.solids import Part, block, cushion
from shapelab.core.furniture.upholstery import ARMS, Upholstered


@dataclass(frozen=True)
class Sofa(Upholstered):
    """An upholstered seat for two or more."""

    label = "sofa"

    arm_shape: str = one_of(*ARMS, meaning="the shape of the arms")
    width: float = between(1.25, 2.5, "m", "between the outer sides")
    depth: float = between(0.76, 1.02, "m", "from front to back")
    cushions: int = count(1, 4, "seat cushions, with a gap between them")
    arms: str = one_of(*(6 * ["both"]), "left", "right", meaning="the sides that have an arm")
    corner: str = one_of(
        *(7 * ["none"]), "left", "right", "ottoman", "bed", "curve", meaning="what comes forward"
    )
    corner_length: float = between(0.45, 1.0, "m", "how far it comes forward")
    console: str = one_of(*(6 * ["none"]), "box", "table", meaning="between or beside seats")

    @property
    def longest(self) -> float:
        out = (
            self.corner_length + 0.1 if self.corner in ("left", "right", "ottoman", "bed") else 0.0
        )
        return max(self.width + (0.15 if self.arm_shape == "flared" else 0), self.depth + 0.1 + out)

    def parts(self) -> list[Part]:
        wide, deep = self.width, self.depth
        arms = {"both": (-1, 1), "left": (-1,), "right": (1,)}[self.arms]
        made = self.body(wide, deep, self.cushions, arms)
        low = self.base_height()
        arm = 0.0 if self.arm_shape == "none" else self._arm(wide)
        left = -wide / 2 + arm * (-1 in arms)
        right = wide / 2 - arm * (1 in arms)
        deck = max(self.seat_height - self.seat_thickness, low + self.stout(0.05))
        under = min(low, deck - 0.05)
        made += self._forward(left, right, deck, under)
        if self.console != "none" and self.corner == "none" and self.cushions in (2, 4):
            middle, half = (left + right) / 2, 0.11
            top = self.seat_height + (0.16 if self.console == "box" else 0.1)
            made.append(
                block(
                    (middle - half, -deep / 2 - 0.01, under),
                    (middle + half, 0.3 * deep, top),
                    edge=0.02,
                )
            )
        return made

    def _forward(self, left: float, right: float, deck: float, low: float) -> list[Part]:
        if self.corner == "none":
            return []
        soft, rear, reach = self.soft(), -0.2 * self.depth, self.corner_length
        front = -self.depth / 2 - reach
        wide = min(max((right - left) / max(2, self.cushions), 0.6), right - left)
        if self.corner == "curve":  # the seat's front swells
            inner = (right - left) * 0.42
            return [
                block(
                    (-inner, -self.depth / 2 - 0.22, low),
                    (inner, 0, deck),
                    corner=0.25,
                    edge=0.4 * soft,
                ),
                cushion(
                    (-inner, -self.depth / 2 - 0.24, deck - 0.03),
                    (inner, 0, self.seat_height),
                    soft,
                    self.crown,
                ),
            ]
        if self.corner == "bed":
            return [
                cushion(
                    (left + 0.02, front, deck - 0.08),
                    (right - 0.02, rear, self.seat_height - 0.02),
                    soft,
                    self.crown,
                ),
                block((left + 0.05, front + 0.05, 0), (right - 0.05, front + 0.1, deck)),
            ]
        starts = {"left": left, "right": right - wide, "ottoman": (left + right - wide) / 2}
        a = starts[self.corner]
        middle = ((2 * a + wide) / 2, (front + rear) / 2)
        return [
            block((a, front, low), (a + wide, rear, deck), edge=0.4 * soft),
            cushion(
                (a, front - self.overhang, deck - 0.03),
                (a + wide, rear, self.seat_height),
                soft,
                self.crown,
            ),
            *self.feet(wide, rear - front, low + 0.02, middle),
        ]
