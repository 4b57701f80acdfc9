"""Lamps: for the table, the floor and the desk, with one or more shades."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shapelab.core.furniture.furniture import Furniture, between, count, one_of
from shapelab.core.furniture.legs import around
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
    ring,
    rod,
    turned,
)


@dataclass(frozen=True)
class Lamp(Furniture):
    """A shade on a stem on a foot."""

    label = "lamp"

    height: float = between(0.32, 1.75, "m", "from the floor to the top of a straight lamp")
    stem: float = between(0.014, 0.035, "m", "thickness of the stem")
    stem_style: str = one_of(
        "straight", "straight", "bulb", "vase", "urn", "beads", "stack", "twist", "arch", "bent",
        "goose", "jointed", "frame", meaning="shape of the stem",
    )  # fmt: skip
    swell: float = between(0.1, 0.3, "", "width of a bulb or vase, share of the height")
    swell_at: float = between(0.25, 0.6, "", "where that is widest, share of the stem")
    pieces: int = count(2, 5, "pieces of a stack or beads")
    reach: float = between(0.2, 0.5, "", "how far arches and arms reach, share of the height")
    elbow: float = between(0.4, 0.7, "", "where a jointed stem bends, share of the height")
    base: str = one_of(
        "disc", "disc", "square", "cone", "dome", "tripod", "tripod", "ring", "clamp", "steps",
        "hex", meaning="the foot",
    )  # fmt: skip
    base_width: float = between(
        0.26, 0.55, "", "width of the foot, share of the shade's and height"
    )
    base_height: float = between(0.02, 0.05, "m", "thickness of the foot")
    tripod_height: float = between(0.3, 0.95, "", "where the legs of a tripod join, share of stem")
    shade: str = one_of(
        "cone", "cone", "drum", "drum", "square", "bowl", "globe", "bell", "dome", "pleated",
        "tube", "candle", "lantern", "half", meaning="shape of the shade",
    )  # fmt: skip
    shade_width: float = between(0.2, 0.5, "", "greatest width of the shade, share of the height")
    shade_height: float = between(0.45, 1.1, "", "height of the shade, share of its width")
    shade_taper: float = between(0.25, 0.85, "", "its narrow end as a share of the wide one")
    hollow: str = one_of("closed", "open", "open", meaning="whether one sees into it")
    heads: str = one_of(
        *(8 * ["one"]), "two", "three", "five", "stair", meaning="how many shades it has"
    )
    head_tilt: float = between(-10.0, 50.0, "degrees", "how far the shade of an arm is turned down")
    finial: str = one_of("none", "none", "ball", "spike", meaning="what is on the shade")
    chain: str = one_of("none", "none", "none", "pull", "tray", meaning="what else the stem has")
    knop: str = one_of("none", "none", "ball", "disc", "square", meaning="a thickening of the stem")
    knop_at: float = between(0.3, 0.95, "", "where that is, share of the stem")
    collar: str = one_of("none", "none", "ring", "cup", meaning="what joins the foot and the stem")
    band: str = one_of("none", "none", "lower", "both", meaning="rims around the shade")
    lift: float = between(-0.06, 0.12, "", "how much of the stem shows above the shade, if any")
    lean: float = between(-0.06, 0.06, "", "how far the stem stands beside its foot's middle")

    @property
    def _hung(self) -> bool:
        return self.stem_style in ("arch", "bent", "goose", "jointed")

    @property
    def _wide(self) -> float:
        """Width of a shade."""
        wide = max(self.shade_width * self.height, 0.14)
        wide = min(wide, 0.55)
        return wide * (1.0 if self.heads == "one" and not self._hung else 0.62)

    @property
    def _tall(self) -> float:
        share = {"tube": 2.2, "candle": 1.5, "half": 0.5, "dome": 0.55, "bowl": 0.6}.get(
            self.shade, 1.0
        )
        return min(self._wide * self.shade_height * share, 0.45 * self.height)

    @property
    def longest(self) -> float:
        return self.height + 0.03

    def parts(self) -> list[Part]:
        half = self.stout(self.stem) / 2
        tall, wide = self._tall, self._wide / 2
        foot = self._foot(half)
        if self._hung:
            ends, stem = self._bowed(half)
        elif self.heads == "one":
            ends, stem = [(0.0, 0.0, self.height)], self._upright(half, self.height - tall)
        else:
            ends, stem = self._branched(half, tall)
        shift = self.lean * self._wide if self.base in ("disc", "square", "steps", "hex") else 0.0
        made = [*(moved(part, (shift, 0.0, 0.0)) for part in foot), *stem]
        for k, (x, y, z) in enumerate(ends):
            upper = [moved(part, (x, y, z - tall)) for part in self._shade(wide, tall, half)]
            if self._hung:
                upper = [turned(part, 1, self.head_tilt * 0.6, (x, y, z)) for part in upper]
            made += (
                upper
                if k % 2 == 0 or self.heads != "stair"
                else [turned(p, 2, 90.0, (x, y, z)) for p in upper]
            )
        return [*made, *self._extras(half, tall, wide)]

    def _foot(self, half: float) -> list[Part]:
        r = max(0.5 * self.base_width * min(0.7 * self.height, self._wide * 1.6), 3.2 * half)
        if self._hung:
            r = max(r, 0.35 * self.reach * self.height)
        thick = self.stout(self.base_height)
        room = self.height - self._tall
        if self.base == "tripod":
            top = self.tripod_height * room
            feet = around(3, r + 0.12 * top)
            joint = lathed([(top - 2.5 * half, 2.2 * half), (top + half, 2.2 * half)])
            return [
                *(
                    rod((0.6 * half * x / r, 0.6 * half * y / r, top - half), (x, y, half), half)
                    for x, y in feet
                ),
                joint,
                rod((0, 0, top - half), (0, 0, max(room, top) + half), half),
            ]
        shapes: dict[str, list[tuple[float, float]]] = {
            "cone": [(0.0, r), (0.3 * thick, r), (4 * thick, half)],
            "dome": [
                (0.0, r),
                (0.6 * thick, 0.97 * r),
                (1.4 * thick, 0.75 * r),
                (2 * thick, 0.4 * r),
                (2.2 * thick, half),
            ],
            "steps": [
                (0.0, r),
                (thick, r),
                (1.01 * thick, 0.7 * r),
                (2 * thick, 0.7 * r),
                (2.01 * thick, 0.4 * r),
                (3 * thick, 0.4 * r),
            ],
        }
        if self.base in shapes:
            return [lathed(shapes[self.base])]
        if self.base == "ring":
            made: list[Part] = [ring((0, 0, thick / 2), r, thick / 2)]
            return [*made, rod((-r, 0, thick / 2), (r, 0, thick / 2), thick / 2)]
        if self.base == "clamp":
            y = 0.6 * r
            return [
                block((-y, -y, 0), (y, y, thick)),
                block((-y, y - thick, 0), (y, y, 3 * thick)),
                block((-y, -y, 2 * thick), (y, y, 3 * thick)),
                rod((0, 0, max(half, 0.5 * thick)), (0, 0, 3 * thick), half),
            ]
        if self.base == "hex":
            return [
                moved(part, (0, 0, 0))
                for part in (post((0, 0, 0), (0, 0, 1.5 * thick), 0.8 * r, 0.6 * r, True),)
            ]
        corner = r if self.base == "disc" else 0.15 * r
        return [block((-r, -r, 0), (r, r, thick), corner=corner, edge=0.3 * thick)]

    def _upright(self, half: float, room: float) -> list[Part]:
        """A stem that carries one shade from the floor to within it."""
        top = self.height - 0.35 * self._tall
        made: list[Part] = [post((0, 0, 0), (0, 0, top), half, half)]
        r = max(min(0.5 * self.swell * self.height, 0.42 * room, 0.85 * self._wide), 2 * half)
        z = self.swell_at * room
        profiles: dict[str, list[tuple[float, float]]] = {
            "vase": [
                (0.0, 0.6 * r),
                (0.6 * z, 0.95 * r),
                (z, r),
                (z + 0.5 * (room - z), 0.6 * r),
                (0.95 * room, half),
            ],
            "urn": [
                (0.0, 0.5 * r),
                (0.08 * room, 0.3 * r),
                (z, 0.8 * r),
                (z + 0.2 * room, r),
                (0.85 * room, 0.5 * r),
                (room, 0.6 * r),
            ],
            "bulb": [
                (max(z - r, 0.0) + 0.001 + r * (1 - math.cos(t)), max(r * math.sin(t), half))
                for t in (math.pi * k / 12 for k in range(13))
            ],
        }
        if self.stem_style in profiles:
            made.append(lathed(profiles[self.stem_style]))
        if self.stem_style in ("beads", "stack"):
            number, step = self.pieces, room / self.pieces
            for k in range(number):
                s = min(
                    r * (1.1 if k % 2 else 0.75), 0.49 * step if self.stem_style == "beads" else r
                )
                a = step * k
                if self.stem_style == "beads":
                    made.append(block((-s, -s, a + step / 2 - s), (s, s, a + step / 2 + s), s, s))
                else:
                    piece = block((-s, -s, a), (s, s, a + 0.96 * step), corner=0.1 * s)
                    made.append(turned(piece, 2, 25.0 * k))
        if self.stem_style == "twist":
            spin = [
                (
                    0.4 * r * math.cos(t),
                    0.4 * r * math.sin(t),
                    half + (room - 2 * half) * t / (3 * math.pi),
                )
                for t in (3 * math.pi * k / 18 for k in range(19))
            ]
            made += path(spin, 2 * half)
            made += [rod((0, 0, q[2]), q, half) for q in (spin[0], spin[-1])]
        if self.stem_style == "frame":
            w = 0.6 * r + 2 * half
            made += [rod((s * w, 0, half), (s * w, 0, room), half) for s in (-1, 1)]
            made += [rod((-w, 0, v), (w, 0, v), half) for v in (half, room)]
        return made

    def _branched(self, half: float, tall: float) -> tuple[list[Vector], list[Part]]:
        reach = min(self.reach * self.height, 0.42)
        count_ = {"two": 2, "three": 3, "five": 5, "stair": 3}[self.heads]
        top = self.height - tall
        made: list[Part] = [rod((0, 0, half), (0, 0, max(top, 0.6 * self.height)), half)]
        ends: list[Vector] = []
        for k, (x, y) in enumerate(around(count_, reach)):
            z = self.height if self.heads != "stair" else self.height * (1 - 0.22 * k)
            low = z - tall - 0.02
            ends.append((y, x, z))
            start = (
                0.0,
                0.0,
                max(low - 0.25 * self.height, 0.2 * self.height) if self.elbow > 0.5 else low,
            )
            made += path(curve(start, (y, x, start[2]), (y, x, z - 0.6 * tall), 5), 2 * half)
        return ends, made

    def _bowed(self, half: float) -> tuple[list[Vector], list[Part]]:
        reach, top = self.reach * self.height, self.height - half
        room = top - 0.02
        if self.stem_style == "arch":
            points = curve((0, 0, 0.45 * top), (0, 0, 1.02 * top), (0.55 * reach, 0, top - half))
            points += curve(points[-1], (1.0 * reach, 0, top), (reach, 0, 0.82 * top))[1:]
            made = [rod((0, 0, half), points[0], half), *path(points, 2 * half)]
            return [points[-1]], made
        if self.stem_style == "goose":
            points = (
                curve((0, 0, half), (0, 0, room), (0.3 * reach, 0, room))
                + curve((0.3 * reach, 0, room), (reach, 0, room), (reach, 0, 0.78 * room))[1:]
            )
            return [points[-1]], path(points, 2 * half)
        if self.stem_style == "jointed":
            elbow = (-0.5 * reach, 0.0, self.elbow * room)
            end = (reach, 0.0, 0.95 * room)
            joints = [
                block(
                    (p[0] - 2 * half, p[1] - 1.6 * half, p[2] - 2 * half),
                    (p[0] + 2 * half, p[1] + 1.6 * half, p[2] + 2 * half),
                    2 * half,
                    axis=1,
                )
                for p in (elbow, end)
            ]
            return [end], [rod((0, 0, half), elbow, half), rod(elbow, end, half), *joints]
        elbow = (0.0, 0.0, room)
        end = (reach, 0.0, room - 0.25 * reach * (1 if self.elbow > 0.55 else 0))
        return [end], [rod((0, 0, half), elbow, half), rod(elbow, end, half)]

    def _shade(self, wide: float, tall: float, half: float) -> list[Part]:
        """A shade from z = 0 to its top at ``tall``, around the axis."""
        narrow, wall = max(wide * self.shade_taper, 2.5 * half), self.stout(0.016)
        turns = [math.pi * k / 10 for k in range(11)]
        profiles: dict[str, list[tuple[float, float]]] = {
            "drum": [(0.0, wide), (tall, wide)],
            "tube": [(0.0, 0.55 * wide), (tall, 0.55 * wide)],
            "candle": [(0.0, 0.5 * wide), (0.5 * tall, 0.45 * wide), (tall, half)],
            "bowl": [(0.0, narrow * 0.6), (0.35 * tall, 0.75 * wide), (tall, wide)],
            "dome": [
                (tall * (1 - math.cos(t / 2)), max(wide * math.cos(t / 2), half))
                for t in turns[:10]
            ],
            "bell": [
                (0.0, wide),
                (0.3 * tall, 0.75 * wide),
                (0.75 * tall, narrow),
                (tall, 0.8 * narrow),
            ],
            "globe": [
                (0.5 * tall * (1 - math.cos(t)) + 1e-4 * k, max(wide * 0.95 * math.sin(t), half))
                for k, t in enumerate(turns)
            ],
            "half": [(0.0, wide), (0.6 * tall, wide), (tall, narrow)],
        }
        profile = profiles.get(self.shade, [(0.0, wide), (tall, narrow)])
        made: list[Part]
        if self.shade in ("square", "lantern"):
            outer = post(
                (0, 0, 0),
                (0, 0, tall),
                wide * 0.85,
                narrow * 0.85 if self.shade == "square" else 0.85 * wide,
                True,
            )
            inner = post(
                (0, 0, -0.01),
                (0, 0, tall - wall),
                0.85 * wide - wall,
                max(0.85 * (narrow if self.shade == "square" else wide) - wall, half),
                True,
            )
        else:
            outer = lathed(profile)
            closed = [
                (max(z - wall, -0.5 * wall), max(r - 1.15 * wall, 0.5 * half))
                for z, r in profile
                if z < tall - wall or z == 0
            ]
            closed.append((tall - wall, max(profile[-1][1] - 1.15 * wall, 0.5 * half)))
            inner = (
                lathed([(-wall - 0.01, closed[0][1]), *[q for q in closed if q[0] > -wall]])
                if len(closed) > 1
                else outer
            )
        if (
            self.hollow == "open"
            and self.shade not in ("globe", "candle", "bowl", "half", "pleated")
            and wide > 4 * wall
            and tall > 4 * wall
        ):
            made = [
                cut(outer, inner),
                rod((0, 0, 0.35 * tall), (0, 0, tall - 0.5 * wall), max(half, 0.5 * wall)),
            ]
            if self.shade == "lantern":
                made = [
                    cut(made[0], block((-0.6 * wide, -9, 0.2 * tall), (0.6 * wide, 9, 0.8 * tall))),
                    rod((0, 0, 0), (0, 0, tall - wall / 2), half),
                    block((-0.85 * wide, -0.85 * wide, 0), (0.85 * wide, 0.85 * wide, wall)),
                ]
            return made
        made = [outer]
        if self.shade == "pleated":
            steps = 12
            made += [
                rod(
                    (x * 0.98, y * 0.98, 0.02 * tall + half),
                    (x * narrow / wide, y * narrow / wide, tall - half),
                    half,
                )
                for x, y in around(steps, wide)
            ]
        return made

    def _rims(self, half: float, tall: float, wide: float) -> list[Part]:
        """Rings of the stem and around a shade."""
        made: list[Part] = []
        room, r = self.height - tall, 2.6 * half
        if self._hung or self.heads != "one":
            return made
        z = self.knop_at * room
        if self.knop == "ball":
            made.append(block((-r, -r, z - r), (r, r, z + r), r, r))
        elif self.knop != "none":
            corner = r if self.knop == "disc" else 0.0
            made.append(
                block((-1.3 * r, -1.3 * r, z), (1.3 * r, 1.3 * r, z + half * 2), 1.3 * corner)
            )
        if self.collar != "none" and self.base in ("disc", "square", "dome", "ring"):
            top = 2.2 * self.stout(self.base_height) + (0.05 if self.collar == "cup" else 0.01)
            made.append(lathed([(0.0, r), (top, 1.6 * r if self.collar == "cup" else r)]))
        if self.band != "none" and self.shade in ("drum", "tube"):
            at = wide * (1.0 if self.shade == "drum" else 0.55)
            levels = (room + half, self.height - half) if self.band == "both" else (room + half,)
            made += [ring((0, 0, v), at, half) for v in levels]
        if self.lift > 0.02:
            made.append(
                rod((0, 0, self.height - 0.3 * tall), (0, 0, self.height + self.lift * tall), half)
            )
        return made

    def _extras(self, half: float, tall: float, wide: float) -> list[Part]:
        made = self._rims(half, tall, wide)
        if self.finial != "none" and not self._hung and self.heads == "one":
            r = max(1.6 * half, 0.012)
            top = self.height
            made.append(
                block((-r, -r, top - r), (r, r, top + r), r, r)
                if self.finial == "ball"
                else lathed([(top - 0.01, r), (top + 0.04, 0.4 * r)])
            )
        room = self.height - tall
        if self.chain == "tray" and not self._hung and room > 0.5:
            z = 0.45 * room
            made.append(
                lathed([(z, max(0.8 * wide, 4 * half)), (z + 2 * half, max(0.8 * wide, 4 * half))])
            )
        if (
            self.chain == "pull"
            and self.hollow == "closed"
            and not self._hung
            and self.heads == "one"
        ):
            x = (
                0.55
                * wide
                * (
                    self.shade_taper
                    if self.shade not in ("drum", "cone", "bell", "square")
                    else 1.0
                )
            )
            z = self.height - tall
            if self.shade in ("drum", "cone", "bell", "square", "lantern", "half", "dome"):
                made.append(
                    rod(
                        (x, 0, z - min(0.12, 0.3 * room)),
                        (
                            x,
                            0,
                            z
                            + 0.3 * tall * (self.shade in ("drum", "square", "lantern", "half"))
                            + half,
                        ),
                        half,
                    )
                )
        return made
