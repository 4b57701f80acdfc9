"""Bookshelves: closed cases, open racks, steps and ladders."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from .furniture import Furniture, between, count, one_of
from .legs import corners, legs
from .solids import Part, block


@dataclass(frozen=True)
class Bookshelf(Furniture):
    """Boards between sides."""

    label = "bookshelf"
    faces_x = True

    width: float = between(0.4, 1.8, "m", "between the outer sides")
    height: float = between(0.8, 2.1, "m", "from the floor to the top")
    depth: float = between(0.24, 0.55, "m", "depth of the lowest board")
    board: float = between(1.15, 2.0, "cells", "thickness of the boards")
    side: float = between(1.15, 2.2, "cells", "thickness of sides and posts")
    shelves: int = count(1, 5, "boards between the top and the bottom")
    columns: int = count(1, 4, "compartments beside each other")
    divider: str = one_of("full", "full", "staggered", meaning="the walls between compartments")
    back: str = one_of("full", "full", "none", "rail", meaning="the panel at the back")
    frame: str = one_of(
        "case", "case", "posts", "ladder", "steps", meaning="what carries the boards"
    )
    foot: float = between(0.0, 0.22, "m", "height of the bottom board above the floor")
    foot_style: str = one_of("legs", "plinth", meaning="what it stands on")
    doors: float = between(0.0, 0.6, "", "share of the height that is closed by doors")
    crown: float = between(0.0, 0.1, "m", "how far the top board stands out")
    slope: float = between(0.35, 0.8, "", "depth at the top of a ladder, share of the depth")

    @property
    def longest(self) -> float:
        return max(self.width + 2 * self.crown, self.height)

    def parts(self) -> list[Part]:
        thick, side = self.board * self.cell, self.side * self.cell
        x, rear = self.width / 2, self.depth / 2
        low = self.foot if self.foot > 0.8 * self.cell else 0.0
        room = self.height - low - thick
        number = max(1, min(self.shelves, int(room / (thick + 1.6 * self.cell)) - 1))
        levels = [low + room * k / (number + 1) for k in range(number + 2)]
        columns = max(1, min(self.columns, int(self.width / (side + 2.2 * self.cell))))
        walls = [-x + side / 2 + (self.width - side) * k / columns for k in range(columns + 1)]
        made = [
            *self._boards(levels, walls, thick, side),
            *self._walls(levels, walls, thick, side),
            *self._feet(low, side),
        ]
        closed = low + thick / 2 + self.doors * (self.height - low)
        if self.frame == "case" and closed > levels[1]:
            top = max(z for z in levels if z <= closed)
            made.append(block((-x, -rear, low), (x, rear, top + thick)))  # nobody can see inside
        if self.frame in ("case", "steps") and self.back != "none":
            made += self._back(levels, walls, thick)
        if self.crown > 0.5 * self.cell and self.frame == "case":
            c = self.crown
            made.append(block((-x - c, -rear - c, self.height - thick), (x + c, rear, self.height)))
        return made

    def _front(self, z: float) -> float:
        """Where the boards at height z end: a ladder's are deeper below."""
        if self.frame != "ladder":
            return -self.depth / 2
        return self.depth * (-0.5 + (1 - self.slope) * z / self.height)

    def _reach(self, z: float, walls: list[float]) -> float:
        """How far to the right the boards at height z go: steps are shorter above."""
        if self.frame != "steps":
            return walls[-1]
        share = min(1.0, 1.15 - 0.8 * z / self.height)
        return walls[max(1, round(share * (len(walls) - 1)))]

    def _boards(
        self, levels: list[float], walls: list[float], thick: float, side: float
    ) -> list[Part]:
        return [
            block(
                (walls[0] - side / 2, self._front(z), z),
                (self._reach(levels[max(0, k - 1)], walls) + side / 2, self.depth / 2, z + thick),
            )
            for k, z in enumerate(levels)
        ]

    def _walls(
        self, levels: list[float], walls: list[float], thick: float, side: float
    ) -> list[Part]:
        rear, made = self.depth / 2, []
        for k, (low, high) in enumerate(pairwise(levels)):
            for c, at in enumerate(walls):
                outer = c in (0, len(walls) - 1)
                skipped = self.divider == "staggered" and (k + c) % 2 and not outer
                if at > self._reach(low, walls) + 1e-9 or (skipped and self.frame != "steps"):
                    continue
                if self.frame == "posts" and outer:
                    continue
                a, b = at - side / 2, at + side / 2
                made.append(block((a, self._front(high), low), (b, rear, high + thick)))
        if self.frame == "posts":
            made += legs(corners(2 * walls[-1], 2 * rear - side), self.height, side, square=True)
        return made

    def _feet(self, low: float, side: float) -> list[Part]:
        if not low or self.frame == "posts":
            return []
        x, rear, front = self.width / 2, self.depth / 2, self._front(0.0)
        if self.foot_style == "plinth":
            return [block((-x + side, front + side, 0), (x - side, rear, low + 0.01))]
        places = [
            (a, b + (front + rear) / 2) for a, b in corners(2 * x - side, rear - front - side)
        ]
        return legs(places, low + 0.01, side, square=True)

    def _back(self, levels: list[float], walls: list[float], thick: float) -> list[Part]:
        rear, deep = self.depth / 2, 1.15 * self.cell
        if self.back == "rail":
            high = levels[-1] if self.frame == "case" else levels[1]
            middle = (levels[0] + high) / 2
            return [
                block(
                    (walls[0], rear - deep, middle - self.cell),
                    (walls[-1], rear, middle + self.cell),
                )
            ]
        return [
            block((walls[0], rear - deep, low), (self._reach(low, walls), rear, high + thick))
            for low, high in pairwise(levels)
        ]
