"""Kitchen appliances: fridges, cookers, ovens, washing machines, hoods, microwaves, machines."""

from __future__ import annotations

from dataclasses import dataclass

from shapelab.core.furniture.furniture import Furniture, between, count, one_of
from shapelab.core.furniture.legs import corners
from shapelab.core.furniture.solids import (
    Part,
    Vector,
    block,
    curve,
    cut,
    lathed,
    moved,
    path,
    post,
    prism,
    rod,
    turned,
)

KINDS = (
    "fridge", "fridge", "side by side", "cooker", "cooker", "oven", "washer", "washer",
    "dishwasher", "microwave", "hood", "toaster", "coffee", "kettle", "mixer", "hob", "freezer",
    "range",
)  # fmt: skip

GLAZED = ("oven", "cooker", "range", "microwave", "washer")


@dataclass(frozen=True)
class KitchenAppliance(Furniture):
    """A machine of a kitchen, its door or knobs in front."""

    label = "kitchen_appliance"

    kind: str = one_of(*KINDS, meaning="what it is")
    size: float = between(0.0, 1.0, "", "from the narrowest of its kind to the widest")
    rise: float = between(0.0, 1.0, "", "from the lowest of its kind to the highest")
    depth: float = between(0.0, 1.0, "", "from the flattest of its kind to the deepest")
    corner: float = between(0.0, 0.05, "m", "radius of its upright edges")
    relief: float = between(0.012, 0.035, "m", "how far doors stand out")
    gap: float = between(0.012, 0.028, "m", "room between doors")
    handle: str = one_of("bar", "bar", "level", "grip", "none", meaning="what opens a door")
    handle_length: float = between(0.3, 0.85, "", "its length, share of the door's")
    hinge: str = one_of("left", "right", meaning="the side that doors turn about")
    split: float = between(0.25, 0.75, "", "where a second door begins, share of the height")
    doors: int = count(1, 3, "doors or drawers above each other")
    knobs: int = count(2, 6, "knobs")
    knob_size: float = between(0.018, 0.035, "m", "radius of a knob")
    panel: float = between(0.07, 0.14, "m", "height of the panel that has them")
    panel_tilt: float = between(0.0, 1.0, "", "how far that panel slopes")
    rings: int = count(2, 6, "rings of a hob")
    ring_size: float = between(0.06, 0.11, "m", "radius of a ring")
    grate: str = one_of("none", "none", "cross", "rails", meaning="what pots stand on")
    splash: float = between(-0.12, 0.2, "m", "height of a board behind the hob; none below 0")
    foot: str = one_of("plinth", "plinth", "feet", "wheels", "none", meaning="what it stands on")
    foot_height: float = between(0.03, 0.1, "m", "height of that")
    window: str = one_of("none", "sunk", "sunk", "round", meaning="glass in a door")
    opened: float = between(-60.0, 75.0, "degrees", "how far a door stands open; closed below 0")
    extra: str = one_of(
        "none", "none", "tray", "pot", "box", "dispenser", meaning="what else it has"
    )
    cap: str = one_of("none", "none", "lid", "rail", "dome", meaning="its upper end")

    @property
    def sides(self) -> tuple[float, float, float]:
        """Width, depth and height in metres."""
        wide, deep, tall = {
            "fridge": ((0.5, 0.75), (0.55, 0.72), (0.85, 2.0)),
            "side by side": ((0.85, 1.0), (0.65, 0.75), (1.7, 1.9)),
            "freezer": ((0.7, 1.3), (0.55, 0.7), (0.8, 0.9)),
            "cooker": ((0.5, 0.7), (0.55, 0.65), (0.85, 0.95)),
            "range": ((0.85, 1.2), (0.6, 0.7), (0.85, 0.95)),
            "oven": ((0.5, 0.6), (0.45, 0.58), (0.45, 0.62)),
            "washer": ((0.55, 0.65), (0.5, 0.65), (0.82, 0.98)),
            "dishwasher": ((0.45, 0.6), (0.55, 0.62), (0.8, 0.88)),
            "microwave": ((0.42, 0.56), (0.32, 0.42), (0.25, 0.34)),
            "hood": ((0.55, 0.95), (0.42, 0.55), (0.5, 0.95)),
            "toaster": ((0.24, 0.38), (0.16, 0.26), (0.17, 0.24)),
            "coffee": ((0.18, 0.32), (0.24, 0.4), (0.28, 0.42)),
            "kettle": ((0.15, 0.2), (0.15, 0.2), (0.2, 0.27)),
            "mixer": ((0.2, 0.26), (0.32, 0.4), (0.3, 0.4)),
            "hob": ((0.3, 0.8), (0.45, 0.55), (0.06, 0.1)),
        }[self.kind]
        pairs = ((wide, self.size), (deep, self.depth), (tall, self.rise))
        a, b, c = (low + (high - low) * share for (low, high), share in pairs)
        return a, b, c

    @property
    def longest(self) -> float:
        wide, deep, tall = self.sides
        if self.kind == "kettle":
            return max(1.35 * wide, tall * 1.12)
        out = 0.5 * wide if self._open else 0.0
        rise = max(self.splash, 0.0) if self.kind in ("cooker", "range") else 0.0
        return max(wide, deep + out, tall + rise)

    @property
    def _open(self) -> bool:
        return self.opened > 15 and self.kind in ("fridge", "washer", "microwave")

    def parts(self) -> list[Part]:
        make = {
            "hood": self._hood,
            "toaster": self._toaster,
            "coffee": self._coffee,
            "kettle": self._kettle,
            "mixer": self._mixer,
            "hob": self._hob,
        }.get(self.kind, self._cabinet)
        wide, deep, tall = self.sides
        return make(wide / 2, deep / 2, tall)

    def _cabinet(self, x: float, y: float, tall: float) -> list[Part]:
        low = 0.0 if self.foot == "none" or tall < 0.5 else self.foot_height
        made = self._feet(x, y, low)
        body = block((-x, -y, low), (x, y, tall), corner=self.corner)
        top, front = tall, -y
        cooks = self.kind in ("cooker", "range")
        if self.kind in ("cooker", "range", "washer", "dishwasher", "oven"):
            top = tall - self.panel
            made += self._controls(x, front, top, tall)
        relief, g = self.stout(self.relief), self.stout(self.gap)
        holes: list[Part] = []
        for k, (a, b, c, d) in enumerate(self._doors(x, low, top)):
            door = [
                block(
                    (a + g / 2, front - relief, c + g / 2),
                    (b - g / 2, front + relief, d - g / 2),
                    corner=0.5 * self.corner,
                    edge=0.1 * relief,
                    axis=1,
                )
            ]
            if self._window(k):
                door[0] = cut(door[0], self._glass(a, b, c, d, front - relief))
            door += self._grip(a + g, b - g, c + g, d - g, front - relief)
            if self._open and k == 0:
                wall = self.stout(0.04)
                holes.append(block((a + wall, front - 9, c + wall), (b - wall, y - wall, d - wall)))
                s = -1 if self.hinge == "left" else 1
                at = (a + g if s < 0 else b - g, front, (c + d) / 2)
                door = [turned(part, 2, s * self.opened, at) for part in door]
                made.append(
                    rod((at[0], front, c + g + relief), (at[0], front, d - g - relief), relief)
                )
                if self.kind == "fridge":
                    step = (d - c) / 4
                    made += [
                        block(
                            (a + wall / 2, front + 0.03, c + step * n),
                            (b - wall / 2, y, c + step * n + g),
                        )
                        for n in (1, 2, 3)
                    ]
            made += door
        made.insert(0, cut(body, *holes) if holes else body)
        if cooks:
            made += self._rings(x, y, tall)
            if self.splash > 0.03:
                made.append(block((-x, y - relief, tall - 0.02), (x, y, tall + self.splash)))
        if self.extra == "dispenser" and self.kind in ("fridge", "side by side") and not self._open:
            made[0] = cut(
                made[0], block((-0.8 * x, -y - 1, 0.55 * tall), (-0.3 * x, 0.05 - y, 0.75 * tall))
            )
        if self.cap in ("lid", "dome") and not cooks:
            made.append(
                block(
                    (-x - 0.01, -y - 0.01, tall - 0.02),
                    (x + 0.01, y, tall + 0.012),
                    corner=self.corner + 0.01,
                    edge=0.01,
                )
            )
        if self.extra == "box" and self.kind in ("fridge", "freezer", "microwave", "washer"):
            made.append(block((-0.5 * x, -0.3 * y, tall - 0.01), (0.3 * x, 0.6 * y, tall * 1.06)))
        return made

    def _doors(self, x: float, low: float, top: float) -> list[tuple[float, float, float, float]]:
        """Left, right, lower and upper edge of each door; the first one may stand open."""
        middle = low + self.split * (top - low)
        if self.kind == "fridge" and top > 1.2 and self.doors > 1:
            return [(-x, x, middle, top), (-x, x, low, middle)]
        if self.kind == "side by side":
            made = [(-x, 0.0, low, top), (0.0, x, low, top)]
            if self.doors == 3:
                made = [
                    (-x, 0.0, low + 0.6, top),
                    (0.0, x, low + 0.6, top),
                    (-x, x, low, low + 0.6),
                ]
            return made
        if self.kind == "range":
            at = x * (2 * self.split - 1)
            return [(-x, at, low, top), (at, x, low, top)]
        if self.kind == "cooker" and self.doors > 1:
            return [(-x, x, low + 0.17, top), (-x, x, low, low + 0.17)]
        if self.kind == "microwave":
            return [(-x, 0.5 * x, 0.0, top)]
        if self.kind == "freezer":
            return [(-x, x, 0.75 * top, top)]
        if self.kind == "dishwasher" and self.doors == 3:
            return [(-x, x, middle, top), (-x, x, low, middle)]
        return [(-x, x, low, top)]

    def _window(self, door: int) -> bool:
        glazed = door == 0 or self.kind == "range"
        return glazed and self.window != "none" and self.kind in GLAZED

    def _glass(self, a: float, b: float, c: float, d: float, face: float) -> Part:
        deep = 0.7 * self.stout(self.relief)
        if self.window == "round" or self.kind == "washer":
            r = 0.32 * min(b - a, d - c)
            x, z = (a + b) / 2, (c + d) / 2
            return block((x - r, face - 9, z - r), (x + r, face + deep, z + r), corner=r, axis=1)
        m = 0.18 * min(b - a, d - c)
        return block(
            (a + m, face - 9, c + m), (b - m, face + deep, d - 1.3 * m), corner=self.corner, axis=1
        )

    def _grip(self, a: float, b: float, c: float, d: float, face: float) -> list[Part]:
        r = self.stout(0.018) / 2
        out = face - 3 * r
        if self.handle == "none":
            return []
        level = self.handle == "level" or self.kind in (
            "oven",
            "cooker",
            "range",
            "dishwasher",
            "freezer",
        )
        if self.handle == "grip":
            return [
                block(
                    (a + 0.35 * (b - a), out, d - 4 * r),
                    (b - 0.35 * (b - a), face + r, d - 2 * r),
                    edge=0.4 * r,
                )
            ]
        if level:
            half, z = self.handle_length * (b - a) / 2, d - 3.5 * r
            ends = [((a + b) / 2 - half, out, z), ((a + b) / 2 + half, out, z)]
        else:
            half = self.handle_length * (d - c) / 2
            x = b - 4 * r if self.hinge == "left" else a + 4 * r
            ends = [(x, out, (c + d) / 2 - half), (x, out, (c + d) / 2 + half)]
        return [rod(ends[0], ends[1], r), *(rod(e, (e[0], face + r, e[2]), r) for e in ends)]

    def _controls(self, x: float, front: float, low: float, top: float) -> list[Part]:
        relief, r = self.stout(self.relief), self.stout(self.knob_size)
        middle = (low + top) / 2
        slope = self.panel_tilt * 0.6 * (top - low)
        wedge = [
            (front - relief - 0.4 * slope, low + 0.005),
            (front + relief, low + 0.005),
            (front + relief, top),
            (front - relief + 0.6 * slope * 0.2, top),
        ]
        made = [prism(wedge, -x, x, axis=0)]
        number = min(self.knobs, int(2 * x / (2.6 * r)))
        for k in range(number):
            at = -x + 2 * x * (k + 0.5) / number
            if self.kind in ("washer", "dishwasher") and k:
                at, size = x - 2.2 * r * k, 0.6 * r
                if at < -0.3 * x:
                    break
            else:
                size = 0.5 * min(2 * r, top - low - 0.01)
            made.append(
                block(
                    (at - size, front - relief - 0.03, middle - size),
                    (at + size, front + 0.01, middle + size),
                    corner=size,
                    axis=1,
                )
            )
        return made

    def _rings(self, x: float, y: float, top: float) -> list[Part]:
        number = self.rings if x > 0.28 else min(self.rings, 4)
        columns = max(1, (number + 1) // 2)
        made: list[Part] = []
        t = self.stout(0.014)
        r = min(self.ring_size, 0.42 * x / columns * 2, 0.4 * y)
        for k in range(number):
            at = (-x + 2 * x * (k // 2 + 0.5) / columns, (-0.42 if k % 2 == 0 else 0.42) * y)
            size = r * (1.0 if (k + number) % 3 else 0.75)
            made.append(lathed([(top - 0.01, size), (top + 0.8 * t, size)], at))
            if self.grate == "cross":
                made += [
                    block(
                        (at[0] - 1.15 * r, at[1] - t / 2, top),
                        (at[0] + 1.15 * r, at[1] + t / 2, top + 2 * t),
                    ),
                    block(
                        (at[0] - t / 2, at[1] - 1.1 * r, top),
                        (at[0] + t / 2, at[1] + 1.1 * r, top + 2 * t),
                    ),
                ]
        if self.grate == "rails":
            made += [
                block((-0.92 * x, b - t / 2, top - 0.005), (0.92 * x, b + t / 2, top + 2 * t))
                for b in (-0.6 * y, -0.25 * y, 0.25 * y, 0.6 * y)
            ]
        if self.extra == "pot":
            at = (-x + x / columns, 0.42 * y)
            made.append(
                cut(
                    lathed([(top, 0.9 * r), (top + 0.13, r)], at),
                    lathed([(top + 0.04, 0.9 * r - 1.2 * t), (top + 0.5, r - 1.2 * t)], at),
                )
            )
        return made

    def _feet(self, x: float, y: float, low: float) -> list[Part]:
        if not low:
            return []
        if self.foot == "plinth":
            return [block((0.02 - x, 0.05 - y, 0), (x - 0.02, y, low + 0.01))]
        r = self.stout(0.03) / 2
        places = corners(2 * x - 6 * r, 2 * y - 6 * r)
        if self.foot == "wheels":
            return [
                block(
                    (a - low / 2 - 0.005, b - r, 0),
                    (a + low / 2 + 0.005, b + r, low + 0.01),
                    corner=low / 2,
                    axis=1,
                )
                for a, b in places
            ]
        return [post((*at, 0), (*at, low + 0.01), 1.3 * r, r) for at in places]

    def _hood(self, x: float, y: float, tall: float) -> list[Part]:
        """A canopy with its duct, or a slanted plate."""
        t = self.stout(0.05)
        low = t * (1 + self.panel_tilt)
        duct = 0.3 * x + 0.06
        base = block((-x, -y, 0), (x, y, low), corner=self.corner)
        hole = block((0.05 - x, 0.05 - y, -1), (x - 0.05, y - 0.05, 0.5 * low))
        made: list[Part] = [
            cut(base, hole),
            block((-duct, 0.3 * y - duct * 0.8, low - 0.01), (duct, y, tall)),
        ]
        rise = low + self.split * 0.6 * (tall - low)
        if self.cap in ("none", "lid"):
            made.append(
                prism(
                    [(-x, low - 0.01), (x, low - 0.01), (duct, rise), (-duct, rise)], 0.0, y, axis=1
                )
            )
            made.append(
                prism(
                    [(-y, low - 0.01), (y, low - 0.01), (y, rise), (0.2 * y, rise)],
                    -duct,
                    duct,
                    axis=0,
                )
            )
        if self.cap == "dome":
            made.append(
                moved(
                    lathed(
                        [
                            (low - 0.01, min(x, y)),
                            (low + 0.1, 0.9 * min(x, y)),
                            (rise, 0.3 * min(x, y)),
                        ]
                    ),
                    (0, 0, 0),
                )
            )
        if self.cap == "rail":
            r = self.stout(0.016) / 2
            made += path(
                [
                    (-0.9 * x, 0.1 - y, low / 2),
                    (-0.9 * x, -y - 0.04, low / 2),
                    (0.9 * x, -y - 0.04, low / 2),
                    (0.9 * x, 0.1 - y, low / 2),
                ],
                2 * r,
            )
        return made

    def _toaster(self, x: float, y: float, tall: float) -> list[Part]:
        low = 0.06 * tall
        body = block(
            (-x, -y, low),
            (x, y, tall),
            corner=max(self.corner, 0.02),
            edge=0.2 * y * (1 + self.panel_tilt),
            axis=0 if self.cap == "dome" else 2,
        )
        t = self.stout(0.02)
        slots = [
            block(
                (-0.75 * x, s * 0.4 * y - t / 2, 0.35 * tall),
                (0.75 * x, s * 0.4 * y + t / 2, tall + 1),
            )
            for s in ((-1, 1) if self.doors > 1 else (0,))
        ]
        made = [
            cut(body, *slots),
            block((-0.85 * x, -0.8 * y, 0), (0.85 * x, 0.8 * y, 0.25 * tall)),
        ]
        s = 1 if self.hinge == "left" else -1
        a, b = sorted((s * 0.97 * x, s * (x + 0.035)))
        made.append(
            block(
                (a, -0.25 * y, (0.45 + 0.3 * self.split) * tall),
                (b, 0.25 * y, (0.45 + 0.3 * self.split) * tall + 1.2 * t),
                edge=0.3 * t,
            )
        )
        made += [
            block(
                (x * q - t, -y - 0.015, 0.25 * tall - t),
                (x * q + t, 0.01 - y, 0.25 * tall + t),
                corner=t,
                axis=1,
            )
            for q in (-0.4, 0.0, 0.4)[: self.knobs // 2]
        ]
        if self.extra == "box":  # bread stands in it
            made.append(
                block(
                    (-0.6 * x, -0.45 * y - t / 2, 0.35 * tall),
                    (0.6 * x, -0.35 * y + t / 2, 1.2 * tall),
                    corner=0.02,
                    axis=1,
                )
                if self.doors > 1
                else block(
                    (-0.6 * x, -t, 0.3 * tall), (0.6 * x, t, 1.2 * tall), corner=0.02, axis=1
                )
            )
        return made

    def _coffee(self, x: float, y: float, tall: float) -> list[Part]:
        t = self.stout(0.02)
        foot, head = (0.1 + 0.08 * self.split) * tall, (0.62 + 0.15 * self.split) * tall
        made: list[Part] = [
            block((-x, -y, 0), (x, y, foot), corner=self.corner),
            block((-x, 0.15 * y, 0), (x, y, tall), corner=self.corner),
            block((-x, -0.85 * y, head), (x, y, tall), corner=self.corner, edge=0.01),
        ]
        if self.window != "none":  # a jug
            r = 0.32 * min(x, y) + 0.02
            jug = lathed(
                [(foot - 0.005, 0.8 * r), (foot + 0.35 * (head - foot), r), (head - t, 0.7 * r)],
                (0.0, -0.35 * y),
            )
            handle = [
                (0.6 * r, -0.35 * y, foot + 0.6 * (head - foot)),
                (1.6 * r, -0.35 * y, foot + 0.6 * (head - foot)),
                (1.5 * r, -0.35 * y, foot + 0.15 * (head - foot)),
                (0.5 * r, -0.35 * y, foot + 0.15 * (head - foot)),
            ]
            made += [jug, *path(handle, t)]
        else:  # a spout, or the handle of a portafilter
            made += [
                lathed([(head - 2 * t, 1.2 * t), (head + 0.01, 1.6 * t)], (0.0, -0.35 * y)),
                rod((0, -0.35 * y, head - 1.2 * t), (0, -1.3 * y, head - 1.6 * t), 0.6 * t),
            ]
        if self.cap in ("lid", "dome"):
            made.append(lathed([(tall - 0.01, 0.6 * x), (tall * 1.03, 0.5 * x)], (0.0, 0.4 * y)))
        if self.extra in ("pot", "box"):
            made.append(
                block((0.85 * x, 0.25 * y, 0), (1.5 * x, 0.95 * y, 0.75 * tall), corner=self.corner)
            )
        if self.extra == "dispenser":
            made += path(
                [
                    (-0.95 * x, -0.6 * y, head + t),
                    (-1.3 * x, -0.6 * y, head),
                    (-1.3 * x, -0.6 * y, 0.4 * tall),
                ],
                t,
            )
        return made

    def _kettle(self, x: float, y: float, tall: float) -> list[Part]:
        t = self.stout(0.02)
        upper = x * (0.5 + 0.45 * self.split)
        belly = x * (1.0 if self.panel_tilt < 0.6 else 1.1)
        made: list[Part] = [
            lathed(
                [
                    (0.0, 0.95 * x),
                    (0.04 * tall, x),
                    (0.35 * tall, belly),
                    (0.85 * tall, upper),
                    (0.9 * tall, 0.8 * upper),
                    (0.93 * tall, 0.4 * upper),
                ]
            )
        ]
        made.append(lathed([(0.92 * tall, 0.5 * t), (tall, 0.8 * t)]))
        s = -1 if self.hinge == "left" else 1
        if self.handle in ("bar", "grip"):
            loop: list[Vector] = [
                (s * 0.6 * upper, 0, 0.85 * tall),
                (s * (upper + 2.5 * t), 0, 0.88 * tall),
                (s * (upper + 3 * t), 0, 0.5 * tall),
                (s * 0.9 * x, 0, 0.25 * tall),
            ]
        else:
            ends = [(k * s * upper, 0, 0.95 * tall) for k in (1, -1)]
            feet = [(0.6 * e[0], 0.0, 0.85 * tall) for e in ends]
            loop = [feet[0], *curve(ends[0], (0.0, 0.0, 1.3 * tall), ends[1], 6), feet[1]]
        made += path(loop, 1.2 * t)
        made += path(
            [(-s * 0.7 * x, 0, (0.3 + 0.3 * self.rise) * tall), (-s * 1.25 * x, 0, 0.78 * tall)],
            2.2 * t,
            1.2 * t,
        )
        if self.foot in ("plinth", "wheels"):
            made.append(lathed([(0.0, 1.12 * x), (t, 1.12 * x)]))
        return made

    def _mixer(self, x: float, y: float, tall: float) -> list[Part]:
        """A stand with a head above a bowl; its arm points to the front."""
        t = self.stout(0.02)
        foot, head = 0.12 * tall, (0.62 + 0.12 * self.split) * tall
        r = min(0.55 * y, 0.95 * x)
        at = (0.0, -0.35 * y)
        bowl = cut(
            lathed([(foot - 0.01, 0.45 * r), (foot + 0.05, 0.7 * r), (head - 0.05, r)], at),
            lathed([(foot + 2 * t, 0.5 * r), (head, r - 1.3 * t)], at),
        )
        arm = block(
            (-0.5 * x, -0.95 * y, head),
            (0.5 * x, 0.9 * y, tall),
            corner=0.08,
            edge=0.3 * (tall - head),
            axis=1 if self.cap == "dome" else 2,
        )
        made: list[Part] = [
            block((-x, -y, 0), (x, y, foot), corner=0.8 * x, edge=0.1 * foot),
            block((-0.4 * x, 0.4 * y, 0), (0.4 * x, 0.9 * y, head + 0.02), corner=self.corner),
            turned(arm, 0, -self.panel_tilt * 8, (0.0, 0.7 * y, head)),
            bowl,
            rod((0, at[1], foot + 0.05), (0, at[1], head + 0.03), 0.8 * t),
        ]
        if self.knobs > 3:
            made.append(rod((-0.62 * x, 0.5 * y, 0.5 * head), (0.62 * x, 0.5 * y, 0.5 * head), t))
        if self.extra in ("tray", "pot"):
            made += path(
                [
                    (-0.9 * r, at[1], 0.5 * head),
                    (-1.4 * r, at[1], 0.5 * head),
                    (-1.35 * r, at[1], 0.3 * head),
                    (-0.6 * r, at[1], 0.3 * head),
                ],
                t,
            )
        return made

    def _hob(self, x: float, y: float, tall: float) -> list[Part]:
        low = tall - self.stout(0.025)
        made: list[Part] = [
            block((-x, -y, low), (x, y, tall), corner=self.corner),
            block((0.04 - x, 0.04 - y, 0), (x - 0.04, y - 0.04, low + 0.01)),
        ]
        made += self._rings(x, y, tall)
        r = self.stout(self.knob_size * 0.7)
        for k in range(min(self.knobs, int(2 * x / (3 * r)))):
            at = -x + 2 * x * (k + 0.5) / self.knobs
            made.append(lathed([(tall - 0.01, r), (tall + 1.2 * r, 0.8 * r)], (at, -0.9 * y)))
        return made
