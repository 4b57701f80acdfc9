"""Desks: for writing, work, pupils and corners, with drawers, hutches and screens."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.cabinet import Cased
from shapelab.core.furniture.furniture import between, one_of
from shapelab.core.furniture.legs import OnLegs
from shapelab.core.furniture.panels import plan
from shapelab.core.furniture.solids import Part, beam, block, moved, post, prism, rod

SIDES = ("legs", "legs", "panel", "drawers", "drawers", "cupboard", "shelf", "frame", "trestle")


@dataclass(frozen=True)
class Desk(Cased, OnLegs):
    """A table to sit and work at."""

    label = "desk"

    width: float = between(0.9, 1.9, "m", "width of the top")
    depth: float = between(0.5, 0.9, "m", "depth of the top")
    height: float = between(0.7, 0.78, "m", "height of the top's upper side")
    top_thickness: float = between(0.02, 0.045, "m", "thickness of the top")
    top_shape: str = one_of(
        *(6 * ["rectangle"]), "wave", "boat", "superellipse", "trapeze", "kidney",
        meaning="the top from above",
    )  # fmt: skip
    top_bulge: float = between(0.1, 0.8, "", "how far that is from a rectangle")
    overhang: float = between(0.0, 0.06, "m", "how far the top reaches over what carries it")
    left_side: str = one_of(*SIDES, meaning="what carries its left side")
    right_side: str = one_of(*SIDES, meaning="what carries its right side")
    pedestal_width: float = between(0.3, 0.46, "m", "width of drawers below")
    pedestal_depth: float = between(0.6, 1.0, "", "their depth, share of the desk's")
    pedestal_foot: float = between(0.0, 0.14, "m", "height of them above the floor")
    drawer: str = one_of("none", "none", "middle", "wide", "tray", meaning="below the top's middle")
    screen: float = between(0.0, 0.9, "", "how far a panel hangs down behind, share of the height")
    side_top: str = one_of(*(5 * ["none"]), "left", "right", meaning="a second top at an angle")
    side_top_length: float = between(0.35, 0.8, "m", "how far the side top comes forward")
    hutch: str = one_of(
        *(5 * ["none"]), "shelf", "cubes", "screen", "steps", "cabinet", "riser",
        meaning="what stands on the top",
    )  # fmt: skip
    hutch_height: float = between(0.12, 0.55, "m", "height of that")
    hutch_width: float = between(0.4, 1.0, "", "its width, share of the desk's")
    foot_bar: str = one_of("none", "none", "rear", "low", meaning="a bar between the sides")
    slope: float = between(-0.2, 0.16, "", "how far a drawing board rises behind; 0 where below 0")
    on_top: str = one_of(*(5 * ["none"]), "monitor", "laptop", "lamp", meaning="what is on it")

    @property
    def longest(self) -> float:
        deep = self.depth + (self.side_top_length if self.side_top != "none" else 0.0)
        rise = (
            self.hutch_height
            if self.hutch != "none"
            else 0.4 * (self.on_top in ("monitor", "lamp"))
        )
        return max(self.width, deep, self.height + rise)

    def parts(self) -> list[Part]:
        x, y = self.width / 2, self.depth / 2
        thick = self.stout(self.top_thickness)
        low = self.height - thick
        inner = low + 0.5 * thick
        outline = plan(self.top_shape, 2 * x, 2 * y, self.top_bulge)
        shapes = {
            "superellipse": (0.86, 0.8),
            "trapeze": (1 - 0.45 * self.top_bulge, 1.0),
            "kidney": (0.86, 0.7),
            "boat": (0.98, 1 - 0.8 * self.top_bulge),
            "wave": (1.0, 1.0),
        }
        share, deep = shapes.get(self.top_shape, (1.0, 1.0))
        room_x, room_y = x * share - self.overhang, y * deep - 0.5 * self.overhang
        if self.top_shape == "kidney":
            room_x *= 0.95
        made = [
            prism(outline, low, self.height),
            *(
                self.legs(2 * room_x, 2 * room_y, inner)
                if self.left_side == self.right_side == "legs"
                else self._side(self.left_side, -1, inner, room_x, room_y)
                + self._side(self.right_side, 1, inner, room_x, room_y)
            ),
            *self._middle(low, inner, room_x, room_y),
            *self._hutch(share * x, deep * y),
            *self._wing(low),
            *self._gear(y * deep),
        ]
        if self.slope > 0.03 and self.hutch == "none" and self.on_top == "none":
            rise = self.slope * self.depth
            wedge = [
                (-0.9 * y * deep, low),
                (0.9 * y * deep, low),
                (0.9 * y * deep, self.height + rise),
                (-0.9 * y * deep, self.height + 0.004),
            ]
            made.append(prism(wedge, -0.55 * x * share, 0.55 * x * share, axis=0))
        return made

    def _side(self, style: str, side: int, top: float, x: float, y: float) -> list[Part]:
        thick = self.stout(self.leg_thickness)
        outer = side * x
        if style == "legs":
            at = outer - side * thick / 2
            made: list[Part] = []
            for b, rake in ((-y + thick / 2, 0.0), (y - thick / 2, self.rear_rake)):
                foot = (at + side * self.leg_splay * top, b + rake * top)
                made += self.one_leg((at, b), foot, top, thick)
            return made
        flat = self.stout(0.03)
        a, b = sorted((outer, outer - side * flat))
        if style == "panel":
            return [block((a, -y, 0.0), (b, y, top))]
        if style in ("frame", "trestle"):
            middle = outer - side * thick / 2
            r = thick / 2
            if style == "trestle":
                spread = min(0.8 * y, 0.3)
                return [
                    *(
                        post((middle, s * spread, 0), (middle, s * 0.2 * spread, top), r, r, True)
                        for s in (-1, 1)
                    ),
                    block(
                        (middle - r, -0.7 * spread, 0.32 * top),
                        (middle + r, 0.7 * spread, 0.32 * top + thick),
                    ),
                    block((middle - r, -0.9 * y, top - thick), (middle + r, 0.9 * y, top)),
                ]
            return [
                beam((middle, -y, r), (middle, y, r), thick, thick),
                *(
                    block((middle - r, s * (y - r) - r, r / 2), (middle + r, s * (y - r) + r, top))
                    for s in (-1, 1)
                ),
            ]
        wide = min(self.pedestal_width, 0.45 * self.width)
        a, b = sorted((outer, outer - side * wide))
        low = self.pedestal_foot if self.pedestal_foot > 0.05 else 0.0
        deep = 2 * y * self.pedestal_depth
        if style == "shelf":
            rear = y if self.arrangement & 1 else deep - y
            t = self.stout(self.board)
            boards = [low + (top - low - t) * k / 2 for k in range(3)]
            made = [block((a, -y, z), (b, rear, z + t)) for z in boards]
            made += [block((p, -y, low), (p + flat, rear, top)) for p in (a, b - flat)]
        else:
            kinds = ("drawer",) if style == "drawers" else ("door",)
            front = (a, -y, low), (b, deep - y, top)
            made = self.case(*front, 1, self.rows if style == "drawers" else 1, kinds)
        if low:
            r = self.stout(0.03) / 2
            made += [
                block((p - r, q - r, 0), (p + r, q + r, low + 0.02))
                for p in (a + 2 * r, b - 2 * r)
                for q in (2 * r - y, deep - y - 2 * r)
            ]
        if deep < 1.7 * y:  # a post carries the corner behind
            r = self.stout(0.04) / 2
            made.append(block((outer - side * r - r, y - 2 * r, 0), (outer - side * r + r, y, top)))
        return made

    def _middle(self, low: float, inner: float, x: float, y: float) -> list[Part]:
        made: list[Part] = []
        thick = self.stout(0.02)
        taken = {
            side: self.pedestal_width if style in ("drawers", "cupboard", "shelf") else 0.05
            for side, style in ((-1, self.left_side), (1, self.right_side))
        }
        a, b = taken[-1] - x, x - taken[1]
        if self.drawer != "none" and b - a > 0.3:
            if self.drawer == "middle":
                middle, half = (a + b) / 2, 0.3 * (b - a)
                a, b = middle - half, middle + half
            if self.drawer == "tray":
                made.append(block((a, -y - 0.06, low - 0.1), (b, 0.3 * y, low - 0.1 + thick)))
                made += [
                    block((p, -0.6 * y, low - 0.1), (p + thick, 0.2 * y, inner))
                    for p in (a, b - thick)
                ]
            else:
                deep = max(0.09, 3 * thick)
                made.append(block((a, 0.01 - y, low - deep), (b, 0.5 * y, inner)))
                g = self.stout(self.gap)
                made.append(
                    block(
                        (a + g, -self.stout(self.relief) - y, low - deep + g),
                        (b - g, 0.03 - y, low - 0.3 * g),
                        edge=0.2 * g,
                    )
                )
                made.append(
                    rod(
                        ((a + b) / 2, -y - 0.05, low - deep / 2),
                        ((a + b) / 2, 0.03 - y, low - deep / 2),
                        thick / 2,
                    )
                )
        drop = self.screen * low
        if drop > 0.1:
            made.append(block((-x, y - 0.06 - thick, low - drop), (x, y - 0.06, inner)))
        elif self.foot_bar != "none" or "trestle" in (self.left_side, self.right_side):
            z = 0.3 * low if self.foot_bar == "low" else 0.85 * low
            rear = 0.0 if self.left_side == self.right_side == "trestle" else y - 0.1
            t = self.stout(0.04) / 2
            if self.left_side in ("panel", "trestle") and self.right_side in ("panel", "trestle"):
                made.append(block((-x, rear - t, z - t), (x, rear + t, z + t)))
        return made

    def _hutch(self, x: float, y: float) -> list[Part]:
        if self.hutch == "none":
            return []
        half = self.hutch_width * x * 0.98
        shift = (
            0.0 if self.arrangement & 2 else (x - half) * (1 if self.arrangement & 4 else -1) * 0.95
        )
        low, top, thick = self.height - 0.01, self.height + self.hutch_height, self.stout(0.022)
        rear, front = 0.97 * y, 0.97 * y - max(0.38 * self.depth * 0.7, 0.16)
        panel = block((-half, rear - thick, low), (half, rear, top))
        if self.hutch == "screen":
            return [moved(panel, (shift, 0, 0))]
        if self.hutch == "riser":
            z = self.height + 0.12
            return [
                moved(part, (shift, 0, 0))
                for part in (
                    block((-half, front, z), (half, rear, z + thick)),
                    *(
                        block(
                            (s * (half - thick / 2) - thick / 2, front, low),
                            (s * (half - thick / 2) + thick / 2, rear, z + thick / 2),
                        )
                        for s in (-1, 1)
                    ),
                )
            ]
        if self.hutch == "cabinet":
            body = self.case(
                (-half, front, low),
                (half, rear, max(top, low + 0.25)),
                self.columns + 1,
                1,
                ("door", "open", "drawer"),
            )
            return [moved(part, (shift, 0, 0)) for part in body]
        number = {"shelf": 1, "cubes": 3, "steps": 2}[self.hutch]
        made = [panel]
        walls = [-half + (2 * half - thick) * k / number for k in range(number + 1)]
        for k, a in enumerate(walls):
            high = top - (0.5 * self.hutch_height if self.hutch == "steps" and k == number else 0.0)
            made.append(block((a, front, low), (a + thick, rear, high)))
        if self.hutch == "steps":
            middle = self.height + 0.5 * self.hutch_height
            made += [
                block((-half, front, top - thick), (thick, rear, top)),
                block((0, front, middle - thick), (half, rear, middle)),
            ]
        else:
            made.append(block((-half, front, top - thick), (half, rear, top)))
            if self.hutch_height > 0.4:
                z = self.height + 0.5 * self.hutch_height
                made.append(block((-half, front, z), (half, rear, z + thick)))
        return [moved(part, (shift, 0, 0)) for part in made]

    def _wing(self, low: float) -> list[Part]:
        if self.side_top == "none" or self.top_shape in ("kidney", "superellipse", "trapeze"):
            return []
        s = -1 if self.side_top == "left" else 1
        x, thick = self.width / 2, self.stout(self.leg_thickness)
        a, b = sorted((s * x, s * (x - 0.3 * self.width)))
        front = -self.depth / 2 - self.side_top_length
        made = [block((a, front, low), (b, 0.2 * self.depth, self.height), corner=0.03)]
        if (self.left_side if s < 0 else self.right_side) in ("panel", "drawers", "cupboard"):
            return [
                *made,
                block(
                    (a + 0.02, front + 0.02, 0),
                    (b - 0.02, front + 0.02 + self.stout(0.03), low + 0.01),
                ),
            ]
        for at in (a + thick, b - thick):
            made += self.one_leg((at, front + thick), (at, front + thick), low + 0.01, thick)
        return made

    def _gear(self, y: float) -> list[Part]:
        z, thick = self.height - 0.005, self.stout(0.025)
        x = (
            0.25 * self.width * (-1 if self.arrangement & 8 else 1)
            if self.on_top == "lamp"
            else 0.06 * self.width
        )
        if self.on_top == "monitor" and self.hutch in ("none", "screen"):
            return [
                block((x - 0.28, 0.3 * y - thick, z + 0.09), (x + 0.28, 0.3 * y, z + 0.42)),
                block((x - 0.035, 0.3 * y - thick, z), (x + 0.035, 0.3 * y, z + 0.2)),
                block(
                    (x - 0.12, 0.1 * y - 0.02, z),
                    (x + 0.12, 0.3 * y + 0.06, z + thick),
                    corner=0.04,
                ),
            ]
        if self.on_top == "laptop":
            lid = beam((x, 0, z + thick / 2), (x, 0.1, z + 0.22), 0.34, thick)
            return [block((x - 0.17, -0.22, z), (x + 0.17, 0.02, z + thick)), lid]
        if self.on_top == "lamp":
            r = thick / 2
            return [
                block(
                    (x - 0.08, 0.2 * y - 0.08, z),
                    (x + 0.08, 0.2 * y + 0.08, z + thick),
                    corner=0.08,
                ),
                rod((x, 0.2 * y, z), (x, 0.2 * y + 0.06, z + 0.28), r),
                rod((x, 0.2 * y + 0.06, z + 0.28), (x, 0.2 * y - 0.14, z + 0.4), r),
                post((x, 0.2 * y - 0.18, z + 0.31), (x, 0.2 * y - 0.14, z + 0.42), 0.075, 0.03),
            ]
        return []
