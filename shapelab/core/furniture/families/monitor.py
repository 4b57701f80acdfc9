"""Monitors and televisions: on feet, arms, stands and walls, flat, curved and of the old kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapelab.core.furniture.furniture import Furniture, between, count, one_of
from shapelab.core.furniture.legs import around
from shapelab.core.furniture.solids import (
    Part,
    beam,
    block,
    cut,
    lathed,
    moved,
    path,
    post,
    prism,
    rod,
    turned,
)


@dataclass(frozen=True)
class Monitor(Furniture):
    """A screen on a stand."""

    label = "monitor"

    kind: str = one_of(
        *(11 * ["flat"]), "tube", "all-in-one", "all-in-one", "laptop", meaning="what it is"
    )
    width: float = between(0.36, 1.3, "m", "width of the screen")
    aspect: float = between(1.2, 2.4, "", "width of the screen as a share of its height")
    thickness: float = between(0.02, 0.09, "m", "depth of the screen at its rim")
    hump: float = between(0.0, 0.12, "m", "how far its back swells")
    hump_size: float = between(0.35, 0.85, "", "width of that, share of the screen's")
    curve: float = between(-0.1, 0.14, "", "how far its sides come forward, share; flat below 0")
    rim: float = between(0.012, 0.045, "m", "width of the frame around the glass")
    chin: float = between(0.0, 0.09, "m", "how much wider the frame is below")
    inset: float = between(0.0, 0.02, "m", "how deep the glass lies in the frame")
    corner: float = between(0.0, 0.05, "m", "radius of its corners")
    tilt: float = between(-4.0, 14.0, "degrees", "how far it leans backwards")
    pivot: str = one_of(*(9 * ["level"]), "upright", meaning="how it is turned")
    stand: str = one_of(
        "plate", "plate", "disc", "disc", "feet", "feet", "V", "tripod", "hoop", "easel", "block",
        "arm", "cabinet", meaning="what it stands on",
    )  # fmt: skip
    stand_width: float = between(0.35, 0.75, "", "width of the foot, share of the screen's")
    stand_depth: float = between(0.16, 0.32, "m", "depth of the foot")
    neck: str = one_of(
        "straight", "straight", "wide", "leaning", "round", "twin", meaning="the neck"
    )
    neck_height: float = between(0.04, 0.26, "m", "room below the screen")
    neck_width: float = between(0.04, 0.16, "m", "width of the neck")
    speaker: str = one_of(*(5 * ["none"]), "bar", "sides", "boxes", meaning="loudspeakers")
    second: str = one_of(
        *(9 * ["none"]), "beside", "keyboard", "keyboard", meaning="what else is there"
    )
    camera: str = one_of("none", "none", "none", "top", meaning="a camera")
    tube_depth: float = between(0.55, 0.95, "", "depth of a tube, share of the screen's height")
    buttons: int = count(0, 4, "buttons below a tube's glass")

    @property
    def _size(self) -> tuple[float, float]:
        """Width and height of the screen."""
        wide = self.width if self.kind == "flat" else min(self.width, 0.6)
        if self.kind == "laptop":
            return min(wide, 0.4), min(wide, 0.4) / 1.55
        tall = wide / (min(self.aspect, 1.4) if self.kind == "tube" else max(self.aspect, 1.25))
        if self.pivot == "upright" and self.kind == "flat" and wide < 0.8:
            return tall, wide
        return wide, tall

    @property
    def _neck(self) -> float:
        return min(max(self.neck_height, 0.06), 0.5 * self._size[1] + 0.05)

    @property
    def _boxes(self) -> bool:
        """Whether loudspeakers stand to its sides."""
        return self.speaker == "boxes" and self.second == "none" and self.stand in ("plate", "disc")

    @property
    def longest(self) -> float:
        wide, tall = self._size
        if self.kind == "laptop":
            return wide
        if self.kind == "tube":
            return max(wide, tall * (1.3 if self.camera == "top" else 1.05), tall * self.tube_depth)
        across = wide * (1.75 if self.second == "beside" else 1.0) + (0.2 if self._boxes else 0.0)
        below = 0.5 if self.stand == "cabinet" else self._neck
        return max(across, tall + below)

    def parts(self) -> list[Part]:
        wide, tall = self._size
        if self.kind == "laptop":
            return self._laptop(wide, tall)
        if self.kind == "tube":
            return self._tube(wide, tall)
        low = 0.5 if self.stand == "cabinet" else self._neck
        thick = 1.25 * self.stout(self.thickness) + self.inset
        screen = self._screen(wide, tall, thick)
        if self.second == "beside":
            # Two screens on one stand, turned towards each other.
            pair = []
            for s in (-1, 1):
                pair += [
                    turned(moved(part, (s * 0.44 * wide, 0, 0)), 2, -s * 12.0) for part in screen
                ]
            screen = pair
        tilt = self.tilt if self.stand != "cabinet" else 0.0
        made = [
            turned(moved(part, (0, 0, low)), 0, -tilt, (0.0, 0.0, low + tall / 2))
            for part in screen
        ]
        made += self._stand(wide, tall, low, thick)
        made += self._sound(wide, tall, low, thick)
        return made

    def _screen(self, wide: float, tall: float, thick: float) -> list[Part]:
        """The screen with its middle above the origin, its glass at y = -thick."""
        x, deep = wide / 2, self.stout(0.012)
        rim, chin = self.stout(self.rim), self.chin
        if self.kind == "all-in-one":
            chin = max(chin, 0.06)
        inset = min(max(self.inset, 0.6 * deep), 0.4 * thick)
        bow = self.curve * wide if self.curve > 0.03 and self.second != "beside" else 0.0
        if bow:
            share = [k / 8 - 1 for k in range(17)]
            front = [(x * s, -thick - bow * s * s) for s in share]
            line = [*front, *((-u, v + thick + (0.3 * self.hump)) for u, v in front)]
            inner = [(u * 0.94, v - 0.001 + inset) for u, v in front]
            hole = prism(
                [*((u, v - 9) for u, v in inner), *reversed(inner)], rim + chin, tall - rim
            )
            body: Part = cut(prism(line, 0.0, tall), hole)
        else:
            body = block(
                (-x, -thick, 0.0), (x, 0.0, tall), corner=self.corner, edge=0.15 * thick, axis=1
            )
            body = cut(
                body, block((rim - x, -thick - 1, rim + chin), (x - rim, inset - thick, tall - rim))
            )
        made = [body]
        if self.hump > 0.02:
            half, low = self.hump_size * x, 0.5 * (1 - self.hump_size) * tall
            made.append(
                block(
                    (-half, -0.6 * thick, low),
                    (half, self.hump, tall - low),
                    corner=0.04,
                    edge=0.3 * self.hump,
                    axis=1,
                )
            )
        if self.camera == "top":
            made.append(
                block((-0.04, -thick - 0.01, tall - 0.01), (0.04, 0.01, tall + deep), edge=0.004)
            )
        return made

    def _stand(self, wide: float, tall: float, low: float, thick: float) -> list[Part]:
        flat, x = self.stout(0.018), self.stand_width * wide / 2
        y = min(self.stand_depth, 0.8 * wide) / 2
        rear = max(0.3 * self.hump, 0.02)
        if self.stand == "cabinet":
            half, top = 0.46 * wide, low - 0.04
            made = [
                block((-half, -0.2, 0.08), (half, 0.2, top)),
                block((0.05 - half, -0.15, 0), (half - 0.05, 0.15, 0.1)),
            ]
            made.append(
                block((-0.15 * wide, -thick, top - 0.01), (0.15 * wide, 0.02, low + 0.3 * tall))
            )
            made.append(block((-0.25 * wide, -0.12, top - 0.01), (0.25 * wide, 0.12, top + flat)))
            return [
                cut(made[0], block((0.04 - half, -1, 0.14), (-0.02, 0.12, top - 0.05))),
                *made[1:],
            ]
        if self.stand in ("feet", "V") and self.second != "beside":
            made = []
            # Where the lower edge is, of a screen that leans and is curved.
            lean = 0.5 * tall * float(np.sin(np.deg2rad(self.tilt)))
            edge = -thick / 2 - lean - 0.5 * max(self.curve, 0.0) * wide * (self.curve > 0.03)
            for s in (-1, 1):
                at = s * 0.36 * wide
                if self.stand == "V":
                    joint = (at, edge, low + 0.03)
                    made += [rod(joint, (at, b, flat / 2), flat / 2) for b in (-y, y)]
                else:
                    made.append(block((at - 0.8 * flat, -y, 0), (at + 0.8 * flat, y, flat)))
                    made.append(
                        post((at, 0.0, 0), (at, edge, low + 0.05), 0.7 * flat, 0.7 * flat, True)
                    )
            return made
        if self.stand == "easel":
            r = flat / 2
            made = [
                rod((s * 0.6 * x, -0.05, r), (s * 0.25 * x, rear, low + 0.6 * tall), r)
                for s in (-1, 1)
            ]
            made.append(rod((0, 0.9 * y + 0.12, r), (0, rear, low + 0.6 * tall), r))
            return [
                *made,
                block(
                    (-0.3 * x, -thick, low + 0.55 * tall), (0.3 * x, rear + r, low + 0.6 * tall + r)
                ),
                block((-0.6 * x - r, -thick, low - r), (0.6 * x + r, 0.05, low + 0.03)),
            ]
        made = self._column(low, tall, thick, rear, flat)
        if self.stand == "disc":
            r = min(x, 1.3 * y)
            return [*made, lathed([(0.0, r), (flat, r), (1.8 * flat, 0.5 * r)])]
        hub = block(
            (-1.3 * flat, -0.03, 0.0), (1.3 * flat, max(rear, 0.1) + 1.5 * flat, 1.5 * flat)
        )
        if self.stand == "tripod":
            half = min(max(self.neck_width, 2.5 * flat), 0.5 * wide) / 2 + flat
            return [
                *made,
                hub,
                rod((0, 0, flat / 2), (0, 0, 0.3 * low + flat), flat / 2),
                block((-half, -0.03, 0.0), (half, rear + flat, 1.5 * flat)),
                *(
                    rod((0, 0, 0.3 * low + flat), (u, v, flat / 2), flat / 2)
                    for u, v in around(3, min(x, 1.4 * y))
                ),
            ]
        if self.stand == "hoop":
            r = flat / 2
            return [
                *made,
                hub,
                rod((-x, rear, r), (x, rear, r), r),
                *path([(-x, -y, r), (x, -y, r), (x, y, r), (-x, y, r), (-x, -y, r)], flat),
                rod((0, -y, r), (0, y, r), r),
            ]
        if self.stand == "block":
            return [
                *made,
                block((-0.7 * x, -0.8 * y, 0), (0.7 * x, 0.8 * y, 2.5 * flat), edge=flat),
            ]
        if self.stand == "arm":
            return [
                *made,
                block((-0.06, -0.05, 0), (0.06, 0.08, flat)),
                rod((0, 0.06, 0.02), (0, 0.06, low + 0.7 * tall), 0.7 * flat),
                rod((0, 0.06, low + 0.5 * tall), (0, -thick / 2, low + 0.5 * tall), 0.8 * flat),
            ]
        if self.stand in ("feet", "V"):
            return [
                *made,
                *(beam((0, 0, flat / 2), (s * x, -y, flat / 2), 1.5 * flat, flat) for s in (-1, 1)),
                beam((0, 0, flat / 2), (0, y, flat / 2), 1.5 * flat, flat),
            ]
        return [
            *made,
            block((-x, -y, 0), (x, y, flat), corner=self.corner + 0.005, edge=0.2 * flat),
        ]

    def _column(
        self, low: float, tall: float, thick: float, rear: float, flat: float
    ) -> list[Part]:
        half = min(max(self.neck_width, 2.5 * flat), 0.5 * self._size[0]) / 2
        top = low + 0.45 * tall
        joint = block((-half, -0.5 * thick, top - 0.06), (half, rear + flat, top))
        if self.neck == "wide":
            return [
                block(
                    (-1.8 * half, rear - 0.01, 0), (1.8 * half, rear + flat, top), edge=0.2 * flat
                ),
                joint,
            ]
        if self.neck == "round":
            return [post((0, rear, 0), (0, rear, top), 0.9 * flat, 0.9 * flat), joint]
        if self.neck == "twin":
            return [
                *(
                    post((s * half, rear, 0), (s * half, rear, top), 0.7 * flat, 0.7 * flat)
                    for s in (-1, 1)
                ),
                joint,
            ]
        if self.neck == "leaning":
            line = [
                (0.1, 0.0),
                (0.1 + 1.5 * flat, 0.0),
                (rear + 1.2 * flat, top),
                (rear - 0.01, top),
            ]
            return [
                prism(line, -half, half, axis=0),
                joint,
                block((-half, -0.02, 0), (half, 0.1 + 1.5 * flat, flat)),
            ]
        return [block((-half, rear - 0.02, 0), (half, rear + flat, top), edge=0.2 * flat), joint]

    def _sound(self, wide: float, tall: float, low: float, thick: float) -> list[Part]:
        if self.second == "keyboard" and self.stand in ("plate", "disc", "block", "tripod"):
            flat = self.stout(0.015)
            keys = block((-0.2, -0.36, 0), (0.2, -0.22, flat))
            return [keys, block((-flat, -0.24, 0), (flat, 0.05, flat))]
        if self.speaker == "bar" and self.second != "beside":
            return [
                block(
                    (-0.35 * wide, -thick - 0.05, low - 0.05),
                    (0.35 * wide, 0.0, low + 0.02),
                    edge=0.02,
                )
            ]
        if self.speaker == "sides" and self.second != "beside" and self.curve < 0.03:
            return [
                block(
                    (s * wide / 2 - 0.03, -thick - 0.01, low + 0.1 * tall),
                    (s * wide / 2 + 0.03, 0.0, low + 0.9 * tall),
                    corner=0.03,
                )
                for s in (-1, 1)
            ]
        if self._boxes:
            flat = self.stout(0.018)
            return [
                *(
                    block(
                        (s * (wide / 2 + 0.05) - 0.05, -0.05, 0),
                        (s * (wide / 2 + 0.05) + 0.05, 0.06, min(0.28, low + 0.5 * tall)),
                    )
                    for s in (-1, 1)
                ),
                block((-wide / 2 - 0.05, -0.01, 0), (wide / 2 + 0.05, 0.03, flat)),
            ]
        return []

    def _tube(self, wide: float, tall: float) -> list[Part]:
        """A set as deep as it is high, narrower behind."""
        deep, x = self.tube_depth * tall, wide / 2
        rim, foot = (
            max(self.stout(self.rim), 0.03),
            0.04 if self.stand in ("disc", "plate") else 0.0,
        )
        chin = max(self.chin, 0.03)
        body = block(
            (-x, -deep / 2, foot),
            (x, 0.0, foot + tall),
            corner=0.5 * self.corner,
            edge=0.02,
            axis=1,
        )
        glass = block(
            (rim - x, -deep / 2 - 1, foot + rim + chin),
            (x - rim, 0.02 - deep / 2, foot + tall - rim),
            corner=0.03,
            axis=1,
        )
        made = [
            cut(body, glass),
            post((0, 0.0, foot + tall / 2), (0, 0.001, foot + tall / 2 + 0.01), 0.02, 0.02),
        ]
        line = [
            (-x, -0.05),
            (x, -0.05),
            (self.hump_size * x, deep / 2),
            (-self.hump_size * x, deep / 2),
        ]
        made.append(prism(line, foot + 0.05 * tall, foot + tall * (0.75 + 0.2 * self.hump_size)))
        if foot:
            made.append(
                block(
                    (-0.6 * x, -0.4 * deep, 0),
                    (0.6 * x, 0.35 * deep, foot + 0.02),
                    corner=0.1 if self.stand == "disc" else 0.0,
                )
            )
        r = self.stout(0.018) / 2
        made += [
            rod(
                (x - 0.04 - 0.05 * k, -deep / 2 - r, foot + chin / 2 + r),
                (x - 0.04 - 0.05 * k, 0, foot + chin / 2 + r),
                r,
            )
            for k in range(self.buttons)
        ]
        if self.camera == "top":  # an aerial
            made += [
                rod((0, -0.05, foot + tall - 0.05), (s * 0.3 * wide, -0.05, foot + 1.3 * tall), r)
                for s in (-1, 1)
            ]
        return made

    def _laptop(self, wide: float, tall: float) -> list[Part]:
        thick, x = self.stout(self.thickness * 0.5), wide / 2
        lid = block(
            (-x, -thick / 2, 0),
            (x, thick / 2, tall),
            corner=0.5 * self.corner,
            edge=0.1 * thick,
            axis=1,
        )
        base = block(
            (-x, -tall, 0), (x, 0.0, 1.1 * thick), corner=0.4 * self.corner, edge=0.1 * thick
        )
        keys = block((-0.85 * x, -0.75 * tall, 0.8 * thick), (0.85 * x, -0.2 * tall, 9))
        lid = cut(lid, block((0.04 - x, -9, 0.05), (x - 0.04, -0.2 * thick, tall - 0.04)))
        return [
            cut(base, keys),
            turned(moved(lid, (0, 0, 0.5 * thick)), 0, -(8 + 2 * self.tilt), (0, 0, thick / 2)),
            rod((-x, 0, 0.55 * thick), (x, 0, 0.55 * thick), 0.55 * thick),
        ]
