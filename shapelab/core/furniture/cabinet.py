"""Cases with drawers, doors and open compartments: dressers, desks, wardrobes, kitchens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shapelab.core.furniture.furniture import Furniture, between, count, one_of
from shapelab.core.furniture.solids import Part, Vector, block, cut, rod


@dataclass(frozen=True)
class Compartment:
    """A room of a case, seen from the front."""

    left: float
    right: float
    low: float
    high: float
    kind: str  # drawer, door or open


@dataclass(frozen=True)
class Cased(Furniture):
    """Furniture with a case."""

    columns: int = count(1, 3, "compartments beside each other")
    rows: int = count(1, 5, "compartments above each other")
    split: float = between(0.3, 0.7, "", "where the first column ends, share of even columns' two")
    graded: float = between(0.55, 1.3, "", "height of a compartment as a share of the one below")
    arrangement: int = count(0, 255, "which compartments are drawers, doors or open")
    fronts: str = one_of("proud", "proud", "recessed", "flush", meaning="how drawers and doors lie")
    relief: float = between(0.015, 0.035, "m", "how far they stand out or back")
    gap: float = between(0.015, 0.035, "m", "room between them")
    handle: str = one_of(
        "none", "knob", "knobs", "bar", "long", "cup", "upright", meaning="what they are pulled by"
    )
    handle_size: float = between(0.25, 0.6, "", "length of a bar, share of the front's")
    handle_height: float = between(0.4, 0.85, "", "where it sits, share of the front's height")
    board: float = between(0.018, 0.04, "m", "thickness of the case's boards")

    def case(
        self,
        low: Vector,
        high: Vector,
        columns: int,
        rows: int,
        kinds: Sequence[str] = ("drawer", "drawer", "drawer", "door", "open"),
    ) -> list[Part]:
        """A box with its compartments in front.

        Args:
            low: its least x, y, z; y is the front of its boards.
            high: its greatest x, y, z.
            columns: of compartments, at most.
            rows: of the highest column, at most.
            kinds: of compartments to choose from, the likeliest named most often.
        """
        body, holes, made = block(low, high), [], []
        relief = self.stout(self.relief)
        rear = high[1] - self.stout(self.board)
        for room in self.compartments(low, high, columns, rows, kinds):
            inner = ((room.left, low[1] + relief, room.low), (room.right, rear, room.high))
            if room.kind == "open":
                holes.append(block((room.left, low[1] - 1.0, room.low), inner[1]))
                continue
            face = low[1] - relief
            if self.fronts == "recessed":
                face = low[1] + relief
                holes.append(
                    block((room.left, low[1] - 1.0, room.low), (room.right, face, room.high))
                )
            elif self.fronts == "proud":
                start = (room.left, face, room.low)
                made.append(
                    block(start, (room.right, low[1] + relief, room.high), edge=0.15 * relief)
                )
            else:
                face = low[1]
                made += self._joints(room, face, relief, holes)
            made += self._handles(room, face)
        return [cut(body, *holes) if holes else body, *made]

    def _joints(self, room: Compartment, face: float, deep: float, holes: list[Part]) -> list[Part]:
        """The groove around a front that lies flush: cut out, with the front put back."""
        g = self.stout(self.gap) / 2
        holes.append(
            block(
                (room.left - g, face - 1.0, room.low - g),
                (room.right + g, face + deep, room.high + g),
            )
        )
        return [
            block(
                (room.left + g, face, room.low + g),
                (room.right - g, face + 2 * deep, room.high - g),
            )
        ]

    def compartments(
        self, low: Vector, high: Vector, columns: int, rows: int, kinds: Sequence[str]
    ) -> list[Compartment]:
        """How the front of a box is divided."""
        frame = self.stout(self.board)
        gap = max(self.stout(self.gap), frame if self.fronts == "recessed" else 0.0)
        least = 2.2 * gap + 0.02
        x = (low[0] + frame, high[0] - frame + gap)
        columns = max(1, min(columns, int((x[1] - x[0]) / (least + gap))))
        sides = _divided(x[0], x[1], [2 * self.split, *([1.0] * (columns - 1))])
        made = []
        for column, (left, right) in enumerate(pairwise(sides)):
            bits = self.arrangement >> column
            # Neighbouring columns need not have the same number of compartments.
            here = rows if column % 2 == 0 or bits & 4 else max(1, rows - 1 - (bits & 1))
            z = (low[2] + frame, high[2] - frame + gap)
            here = max(1, min(here, int((z[1] - z[0]) / (least + gap))))
            graded = 1 / self.graded if self.arrangement & 64 and self.graded < 1 else self.graded
            levels = _divided(z[0], z[1], [graded**k for k in range(here)])
            if min(b - a for a, b in pairwise(levels)) < least:
                levels = _divided(z[0], z[1], [1.0] * here)
            for row, (bottom, top) in enumerate(pairwise(levels)):
                kind = kinds[
                    (self.arrangement * 7 + row * (1 + bits % 3) + 3 * column) % len(kinds)
                ]
                tall, wide = top - bottom - gap, right - left - gap
                if kind == "drawer" and tall > 1.3 * wide:
                    kind = "door"
                if kind == "door" and wide > 2.2 * tall:
                    kind = "drawer"
                if kind == "open" and min(tall, wide) < 2 * least:
                    kind = "drawer"
                made += _doors(Compartment(left, right - gap, bottom, top - gap, kind), gap)
        return made

    def _handles(self, room: Compartment, face: float) -> list[Part]:
        thick = self.stout(0.018)
        out, half = face - 1.4 * thick, thick / 2
        wide, tall = room.right - room.left, room.high - room.low
        door = room.kind == "door"
        inner = room.right if room.left + room.right < 0 else room.left  # away from the hinge
        x = (
            inner + (-0.14 if inner == room.right else 0.14) * wide
            if door
            else (room.left + room.right) / 2
        )
        z = room.low + (self.handle_height if not door else 0.3 + 0.4 * self.handle_height) * tall
        z = min(max(z, room.low + thick), room.high - thick)
        if self.handle in ("knob", "knobs"):
            pair = self.handle == "knobs" and not door and wide > 10 * thick
            places = (x - 0.28 * wide, x + 0.28 * wide) if pair else (x,)
            return [
                block(
                    (a - thick, out, z - thick), (a + thick, face + half, z + thick), thick, half, 1
                )
                for a in places
            ]
        if self.handle == "none" or min(wide, tall) < 3 * thick:
            return []
        if self.handle == "cup":
            return [
                block(
                    (x - 0.15 * wide, out, z - half),
                    (x + 0.15 * wide, face + half, z + 1.5 * half),
                    edge=half / 2,
                )
            ]
        long = self.handle_size * (tall if door or self.handle == "upright" else wide)
        if self.handle == "long":
            long = 0.85 * (tall if door else wide)
        if self.handle == "upright" and not door:
            long = min(long, 0.7 * tall)
        upright = door or self.handle == "upright"
        reach = min(long / 2, (tall if upright else wide) / 2 - thick)
        if upright:
            z = min(max(z, room.low + reach + half), room.high - reach - half)
        a, b = (
            ((x, out, z - reach), (x, out, z + reach))
            if upright
            else ((x - reach, out, z), (x + reach, out, z))
        )
        feet = [(tuple(p + (q - p) * t for p, q in zip(a, b, strict=True))) for t in (0.15, 0.85)]
        return [
            rod(a, b, half),
            *(rod((f[0], out, f[2]), (f[0], face + half, f[2]), half) for f in feet),
        ]


def _divided(low: float, high: float, shares: list[float]) -> list[float]:
    """Places from ``low`` to ``high`` whose distances are as the shares."""
    places, total = [low], sum(shares)
    for share in shares:
        places.append(places[-1] + (high - low) * share / total)
    return places


def _doors(room: Compartment, gap: float) -> list[Compartment]:
    """A wide door becomes two."""
    if room.kind != "door" or room.right - room.left < 0.6 or room.right - room.left < 6 * gap:
        return [room]
    middle = (room.left + room.right) / 2
    return [
        Compartment(room.left, middle - gap / 2, room.low, room.high, "door"),
        Compartment(middle + gap / 2, room.right, room.low, room.high, "door"),
    ]
