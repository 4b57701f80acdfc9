"""Backrests of chairs, benches and stools."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.furniture import Furniture, between, count, one_of
from shapelab.core.furniture.panels import FILLINGS, panel_face
from shapelab.core.furniture.solids import (
    Part,
    bent,
    block,
    cushion,
    moved,
    path,
    standing_panel,
    turned,
)


@dataclass(frozen=True)
class Backed(Furniture):
    """Furniture with a back to lean on."""

    back_filling: str = one_of(*FILLINGS, meaning="what fills the back")
    back_height: float = between(0.3, 0.62, "m", "from the seat to the back's upper edge")
    back_width: float = between(0.72, 1.0, "", "width of the back, share of the seat's")
    back_thickness: float = between(0.018, 0.05, "m", "thickness of the back")
    back_tilt: float = between(2.0, 18.0, "degrees", "how far the back leans backwards")
    back_bow: float = between(0.0, 0.2, "", "how far its sides come forward, share of the width")
    back_bend: float = between(-0.04, 0.07, "m", "how far its middle stands behind its ends")
    back_roundness: float = between(0.0, 1.0, "", "from square upper corners to an arch")
    back_gap: float = between(
        -0.2, 0.45, "", "free room above the seat, share of the back's height"
    )
    bars: int = count(2, 5, "bars that fill the back")
    bar_width: float = between(0.016, 0.05, "m", "width of such a bar")
    crest: str = one_of(
        "none", "none", "none", "rail", "ears", "roll", meaning="what crowns the back"
    )
    back_pad: str = one_of("none", "none", "none", "full", "low", meaning="a cushion on the back")

    def back(self, wide: float, rear: float, seat: float, below: float) -> list[Part]:
        """The back, whose posts begin within the seat.

        Args:
            wide: width of the seat where the back stands.
            rear: the y of the seat's rear edge.
            seat: height of the seat's upper side.
            below: height at which the back begins, within the seat.
        """
        thick = self.stout(self.back_thickness)
        across = self.back_width * wide
        tall, border = seat + self.back_height - below, max(self.stout(0.03), 0.07 * across)
        gap = self.back_gap * self.back_height
        low = gap + seat - below if gap > self.stout(0.03) else 0.0
        bow = min(self.back_bow * across, 0.3 * across)
        filling = self.back_filling
        if tall - low < 5 * border and filling not in ("solid", "slats", "spindles"):
            filling = "solid"
        face = panel_face(
            filling,
            across,
            tall - low,
            corner=self.back_roundness * across / 2,
            border=border,
            number=self.bars,
            bar=self.stout(self.bar_width),
            lowest=0.0,
        )
        made = [moved(standing_panel(face, across, tall - low, thick, bow), (0.0, 0.0, low))]
        if low:  # two posts carry it, or one in the middle
            at = (0.0,) if self.bars == 2 else (-0.36 * across, 0.36 * across)
            top = min(low + border, tall)
            half = max(border / 2, thick / 2) * (1.6 if len(at) == 1 else 1.0)
            # The panel's sides come forward where it is bowed.
            made += [
                block(
                    (x - half, -thick / 2 - _bowed(x, across, bow), 0.0), (x + half, thick / 2, top)
                )
                for x in at
            ]
        made += self._crest(across, tall, thick, bow)
        if self.back_pad != "none":
            deep, share = 0.03 + thick, 1.0 if self.back_pad == "full" else 0.55
            top = low + (tall - low) * (0.92 * share)
            made.append(
                cushion(
                    (-0.42 * across, -deep - 0.25 * bow, max(low, seat - below)),
                    (0.42 * across, 0.0, top),
                    edge=0.015,
                    crown=0.015,
                    axis=1,
                )
            )
        y = rear - thick / 2
        sway = self.back_bend if self.back_height > 0.35 else 0.0
        made = [bent(part, sway, 0.0, tall, 0.0) for part in made]
        return [
            turned(moved(part, (0.0, y, below)), 0, -self.back_tilt, (0.0, y, seat))
            for part in made
        ]

    def _crest(self, across: float, tall: float, thick: float, bow: float) -> list[Part]:
        bar = self.stout(0.045)
        if self.crest == "rail" and self.back_roundness < 0.5:
            half = across / 2 + 0.5 * bar
            points = [
                (-half, -bow, tall - bar / 2),
                (-half / 2, -0.25 * bow, tall - bar / 2),
                (half / 2, -0.25 * bow, tall - bar / 2),
                (half, -bow, tall - bar / 2),
            ]
            return path(points, max(bar, thick))
        if self.crest == "ears" and self.back_roundness < 0.5:
            half = across / 2 - bar / 2
            return [
                block(
                    (s * half - bar / 2, -bow - bar / 2, tall - 2 * bar),
                    (s * half + bar / 2, bar / 2 - 0.8 * bow, tall + bar),
                    corner=bar / 2,
                    edge=bar / 2,
                )
                for s in (-1, 1)
            ]
        if self.crest == "roll":
            half = 0.3 * across
            return [
                block(
                    (-half, -bar, tall - 2 * bar),
                    (half, bar, tall),
                    corner=bar,
                    edge=0.3 * bar,
                    axis=0,
                )
            ]
        return []


def _bowed(x: float, across: float, bow: float) -> float:
    """How far forward of its middle a bowed panel is at x."""
    return 4 * bow * (x / across) ** 2
