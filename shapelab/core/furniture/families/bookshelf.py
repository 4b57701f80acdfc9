"""Bookshelves: closed cases, open racks, cubes, steps, ladders and trees."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from shapelab.core.furniture.cabinet import Cased
from shapelab.core.furniture.furniture import between, count, one_of
from shapelab.core.furniture.legs import corners
from shapelab.core.furniture.solids import Part, beam, block, post, prism, rod


@dataclass(frozen=True)
class Bookshelf(Cased):
    """Boards between sides."""

    label = "bookshelf"

    width: float = between(0.4, 1.8, "m", "between the outer sides")
    height: float = between(0.75, 2.2, "m", "from the floor to the top")
    depth: float = between(0.24, 0.42, "m", "depth of the lowest board")
    board: float = between(0.018, 0.04, "m", "thickness of boards")
    side: float = between(0.018, 0.05, "m", "thickness of sides and posts")
    shelves: int = count(2, 6, "boards between the top and the bottom")
    columns: int = count(1, 4, "compartments beside each other")
    spacing: float = between(0.75, 1.15, "", "room above a board as a share of that below")
    divider: str = one_of("full", "full", "staggered", "some", meaning="walls between compartments")
    back: str = one_of("full", "full", "none", "rail", "cross", meaning="the panel at the back")
    frame: str = one_of(
        *(5 * ["case"]), "posts", "posts", "ladder", "steps", "leaning", "tree", "zigzag",
        "pyramid", meaning="what carries the boards",
    )  # fmt: skip
    foot: float = between(0.0, 0.18, "m", "height of the bottom board above the floor")
    foot_style: str = one_of("legs", "plinth", "splayed", "panels", meaning="what it stands on")
    cupboard: str = one_of(*(4 * ["none"]), "doors", "drawers", "mixed", meaning="its lower part")
    cupboard_share: float = between(0.2, 0.45, "", "height of that, share of the whole")
    cupboard_out: float = between(0.0, 0.12, "m", "how far that stands out")
    crown: str = one_of("none", "none", "top", "cornice", "arch", "rail", meaning="its upper end")
    crown_out: float = between(0.0, 0.05, "m", "how far that stands out")
    slope: float = between(0.4, 0.85, "", "depth at the top of a ladder, share of the depth")
    books: int = count(0, 4, "rows of books")
    book_fill: float = between(0.3, 0.9, "", "how much of its room a row fills")
    wing: str = one_of(*(6 * ["none"]), "left", "right", meaning="a lower case beside it")

    @property
    def longest(self) -> float:
        wing = 0.4 if self.wing != "none" and self.frame in ("case", "posts") else 0.0
        rise = 0.08 if self.crown in ("arch", "rail") and self.frame == "case" else 0.0
        return max(self.width + wing, self.height + rise)

    def parts(self) -> list[Part]:
        thick, side = self.stout(self.board), self.stout(self.side)
        x, rear = self.width / 2, self.depth / 2
        if self.frame in ("tree", "zigzag"):
            return self._tree(x, rear, thick, side)
        low = self.foot if self.foot > 0.04 and self.frame not in ("posts", "leaning") else 0.0
        made = self._feet(low, side, x, rear)
        if self.cupboard != "none" and self.frame == "case" and self.height > 1.2:
            top = low + self.cupboard_share * self.height
            kinds = {"doors": ("door",), "drawers": ("drawer",)}.get(
                self.cupboard, ("door", "drawer")
            )
            made += self.case(
                (-x, -rear - self.cupboard_out, low),
                (x, rear, top),
                max(2, self.columns),
                min(2, self.rows),
                kinds,
            )
            low = top - thick
        room = self.height - low - thick
        number = max(1, min(self.shelves, int(room / (thick + 0.17)) - 1))
        steps = [self.spacing**k for k in range(number + 1)]
        levels = [low]
        for step in steps:
            levels.append(levels[-1] + room * step / sum(steps))
        columns = max(1, min(self.columns, int(self.width / (side + 0.2))))
        walls = [-x + side / 2 + (self.width - side) * k / columns for k in range(columns + 1)]
        made += self._boards(levels, walls, thick, side)
        made += self._walls(levels, walls, thick, side)
        if self.frame in ("case", "steps", "pyramid"):
            made += self._back(levels, walls, thick)
        made += self._rows_of_books(levels, walls, thick, side)
        return [*made, *self._crown(x, rear, thick), *self._wing(x, rear, thick)]

    def _front(self, z: float) -> float:
        """Where the boards at height z end: a ladder's are deeper below."""
        if self.frame != "ladder":
            return -self.depth / 2
        return self.depth * (-0.5 + (1 - self.slope) * z / self.height)

    def _reach(self, z: float, walls: list[float]) -> tuple[float, float]:
        """The ends of boards at height z: those of steps and pyramids are shorter above."""
        if self.frame not in ("steps", "pyramid"):
            return walls[0], walls[-1]
        share = min(1.0, 1.15 - 0.8 * z / self.height)
        count = len(walls) - 1
        right = walls[max(1, round(share * count))]
        if self.frame == "steps" or count < 3:
            return walls[0], right
        cut_off = min(round((1 - share) * count / 2), (count - 1) // 2)
        return walls[cut_off], walls[count - cut_off]

    def _boards(
        self, levels: list[float], walls: list[float], thick: float, side: float
    ) -> list[Part]:
        made = []
        for k, z in enumerate(levels):
            left, right = self._reach(levels[max(0, k - 1)], walls)
            made.append(
                block(
                    (left - side / 2, self._front(z), z),
                    (right + side / 2, self.depth / 2, z + thick),
                )
            )
        return made

    def _walls(
        self, levels: list[float], walls: list[float], thick: float, side: float
    ) -> list[Part]:
        rear, made = self.depth / 2, []
        for k, (low, high) in enumerate(pairwise(levels)):
            left, right = self._reach(low, walls)
            for c, at in enumerate(walls):
                outer = c in (0, len(walls) - 1)
                if not left - 1e-9 <= at <= right + 1e-9:
                    continue
                skipped = {
                    "staggered": (k + c) % 2 == 1,
                    "some": bool(self.arrangement >> (k + c) & 1),
                }
                if (
                    not outer
                    and self.frame not in ("steps", "pyramid")
                    and skipped.get(self.divider, False)
                ):
                    continue
                if self.frame in ("posts", "leaning") and outer:
                    continue
                made.append(
                    block(
                        (at - side / 2, self._front(high), low), (at + side / 2, rear, high + thick)
                    )
                )
        end = self.height
        if self.frame == "posts":
            made += [
                post((*at, 0.0), (*at, end), side / 2, side / 2, self.foot_style != "splayed")
                for at in corners(2 * walls[-1], 2 * rear - side)
            ]
        if self.frame == "leaning":  # two rails rise from the front to the wall behind
            made += [
                beam((s * walls[-1], -rear, side / 2), (s * walls[-1], rear, end), side, side)
                for s in (-1, 1)
            ]
            made += [
                block(
                    (s * walls[-1] - side / 2, -rear, z),
                    (s * walls[-1] + side / 2, rear, z + thick),
                )
                for z in levels
                for s in (-1, 1)
            ]
            made += [
                block(
                    (s * walls[-1] - side / 2, rear - side, 0),
                    (s * walls[-1] + side / 2, rear, end),
                )
                for s in (-1, 1)
            ]
        return made

    def _feet(self, low: float, side: float, x: float, rear: float) -> list[Part]:
        if not low:
            return []
        front = self._front(0.0)
        if self.foot_style == "plinth":
            return [block((0.03 - x, front + 0.03, 0), (x - 0.03, rear, low + 0.01))]
        if self.foot_style == "panels":
            return [
                block(
                    (s * (x - side / 2) - side / 2, front, 0),
                    (s * (x - side / 2) + side / 2, rear, low + 0.01),
                )
                for s in (-1, 1)
            ]
        thick = self.stout(0.035)
        out = 0.3 * low if self.foot_style == "splayed" else 0.0
        made: list[Part] = []
        for a, b in corners(2 * x - thick, rear - front - thick, (0.0, (front + rear) / 2)):
            foot = (a + (out if a > 0 else -out), b + (out if b > 0 else -out) * 0.5, 0.0)
            made.append(
                post(
                    foot, (a, b, low + 0.01), 0.4 * thick if out else thick / 2, thick / 2, not out
                )
            )
        return made

    def _back(self, levels: list[float], walls: list[float], thick: float) -> list[Part]:
        rear, deep = self.depth / 2, self.stout(0.015)
        high = levels[-1] if self.frame == "case" else levels[1]
        if self.back == "none":
            return []
        if self.back == "rail":
            middle, half = (levels[0] + high) / 2, self.stout(0.05) / 2
            return [block((walls[0], rear - deep, middle - half), (walls[-1], rear, middle + half))]
        if self.back == "cross" and self.frame == "case":
            y, t = rear - deep / 2, self.stout(0.025)
            ends = ((walls[0], walls[-1]), (walls[-1], walls[0]))
            return [beam((a, y, levels[0] + t / 2), (b, y, high), deep, t) for a, b in ends]
        made = []
        for low, top in pairwise(levels):
            left, right = self._reach(low, walls)
            made.append(block((left, rear - deep, low), (right, rear, top + thick)))
        return made

    def _rows_of_books(
        self, levels: list[float], walls: list[float], thick: float, side: float
    ) -> list[Part]:
        made = []
        for k in range(min(self.books, len(levels) - 1)):
            level = (k * 2 + self.arrangement) % (len(levels) - 1)
            column = (k + self.arrangement // 3) % (len(walls) - 1)
            left, right = self._reach(levels[level], walls)
            a, b = walls[column] + side / 2 - 0.005, walls[column + 1] - side / 2
            if a < left or b > right:
                continue
            room = levels[level + 1] - levels[level] - thick
            end = a + self.book_fill * (b - a)
            z, front = levels[level] + thick - 0.005, self._front(levels[level + 1]) + 0.03
            high = (0.6 + 0.3 * self.book_fill) * room
            made.append(block((a, front, z), ((a + end) / 2, self.depth / 2 - 0.01, z + high)))
            made.append(block((a, front + 0.02, z), (end, self.depth / 2 - 0.01, z + 0.82 * high)))
        return made

    def _crown(self, x: float, rear: float, thick: float) -> list[Part]:
        if self.frame != "case" or self.crown == "none":
            return []
        c, top, low = self.crown_out, self.height, self.height - thick
        if self.crown == "top":
            return [block((-x - c, -rear - c, low), (x + c, rear, top))]
        if self.crown == "cornice":
            return [
                block((-x - c, -rear - c, low), (x + c, rear, top)),
                block((-x - c / 2, -rear - c / 2, low - thick), (x + c / 2, rear, top)),
            ]
        deep = self.stout(0.02)
        if self.crown == "rail":
            return [block((-x, rear - deep, low), (x, rear, top + 0.08))]
        share = [k / 8 - 1 for k in range(17)]
        arch = [(x * s, low + (0.07 + thick) * (1 - s * s)) for s in share[1:-1]]
        return [prism([(-x, low - 0.02), *arch, (x, low - 0.02)][::-1], -rear, deep - rear, axis=1)]

    def _wing(self, x: float, rear: float, thick: float) -> list[Part]:
        if self.wing == "none" or self.frame not in ("case", "posts"):
            return []
        s = 1 if self.wing == "right" else -1
        high = 0.42 * self.height
        a, b = sorted((s * (x - 0.01), s * (x + 0.4)))
        t = self.stout(self.side)
        outer = (b - t, b) if s > 0 else (a, a + t)
        return [
            block((outer[0], -rear, 0), (outer[1], rear, high)),
            *(block((a, -rear, z), (b, rear, z + thick)) for z in (0.06, high / 2, high - thick)),
        ]

    def _tree(self, x: float, rear: float, thick: float, side: float) -> list[Part]:
        """Boards on one post, or that lean to and fro."""
        number = max(3, self.shelves)
        room = self.height - thick
        if self.frame == "tree":
            made = [
                block((-1.2 * side, rear - 2 * side, 0), (1.2 * side, rear, self.height)),
                block((-0.7 * x, -rear, 0), (0.7 * x, rear, thick)),
            ]
            for k in range(1, number + 1):
                z = room * k / number
                s = 1 if (k + self.arrangement) % 2 else -1
                a, b = sorted((-s * 1.2 * side, s * x))
                made.append(block((a, -rear * 0.9, z), (b, rear, z + thick)))
                end = s * (x - side)
                made.append(
                    block((end - side / 2, -0.9 * rear, z), (end + side / 2, rear, z + 0.12))
                )
            return made
        made = []
        for k in range(number + 1):
            z = room * k / number
            made.append(block((-x, -rear, z), (x, rear, z + thick)))
            if k < number:
                s = 1 if (k + self.arrangement) % 2 else -1
                top = room * (k + 1) / number
                at = s * (x - side)
                lean = -s * (0.6 * x if self.divider == "staggered" else 0.0)
                line = [
                    (at - side / 2, z),
                    (at + side / 2, z),
                    (at + lean + side / 2, top + thick / 2),
                    (at + lean - side / 2, top + thick / 2),
                ]
                made.append(prism(line, -rear, rear, axis=1))
        if self.back == "rail":
            made.append(
                rod(
                    (0, rear - side / 2, side / 2),
                    (0, rear - side / 2, self.height - side / 2),
                    side / 2,
                )
            )
        return made
