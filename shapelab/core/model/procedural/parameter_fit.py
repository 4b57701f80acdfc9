"""Fits parameters to the silhouettes in pictures, for a generator that has no gradient.

Styles and counts jump, so nothing can be followed downhill. Members of each likely class are drawn
from the chances that the encoder gives every parameter; the best ones are kept, mixed, and some of
their parameters drawn anew or moved a little, again and again (a genetic algorithm with truncation
selection and uniform crossover). Cameras move along, and since silhouettes have a gradient for
them, the best members' cameras are led to where they fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from shapelab.core.model.camera import AZIMUTHS, Camera, guessed_codes
from shapelab.core.model.image_encoding import ImageEncoding
from shapelab.core.model.latent import Array
from shapelab.core.model.procedural.parameter_draws import ParameterDraws
from shapelab.core.model.procedural.procedural_generator import ProceduralGenerator, filled_share
from shapelab.core.model.silhouette_fit import (
    AGREEMENT,
    APART,
    CODE_PACE,
    CODE_WEIGHT,
    SIDE,
    SILHOUETTE_WEIGHT,
    WRONG,
    Adam,
    Fit,
    Hypothesis,
    overlaps,
    silhouettes,
)

CLASSES, LEAST = 3, 0.05  # classes that are tried at most, and how likely each must be
TURNS = 2  # azimuths that each is tried at
FIRST, PARENTS, CHILDREN = 12, 6, 10  # members of a line: at first, that are kept, of a generation
STAGES = ((18, 1), (3, 6), (1, 24))  # so many of the best lines go on for so many generations
CAMERA_STEPS, CAMERA_RATE, EVERY = 6, 0.05, 3  # of Adam; and how many generations lie between
SWAYING, SWAY = 0.5, 0.15  # of the children have another camera; how far, in ``CODE_PACE``
# In nats: of how unlikely choices are; of how likely the class and the azimuths are. The class is
# what the encoder knows best, and many a silhouette is that of a sister.
CHOICE_WEIGHT, CLASS_WEIGHT, AZIMUTH_WEIGHT = 0.25, 1.5, 0.5


def fit(
    encoding: ImageEncoding,
    masks: Array,
    check: Callable[[], None] = lambda: None,
    *,
    views: int = 1,
) -> list[Fit]:
    """Finds the latents and cameras whose silhouettes agree best with masks.

    Of each object the energy

        sum over pictures of a CE(s(z, c), mask) + d |c - c0|^2 - e log p(azimuth of c0)
        - b sum(log p(choice of each parameter)) - f log p(class)

    is lowered; s, CE and the codes c are those of ``silhouette_fit.fit``, the chances p are the
    encoder's.

    Args:
        encoding: of n pictures, with chances of every class.
        masks: (n, S, S) in [0, 1].
        check: called between the steps; what it raises ends the fit.
        views: how many pictures in a row show the same object.

    Returns:
        A fit for each object, n / views of them.
    """
    small = functional.interpolate(torch.from_numpy(masks)[:, None], size=(SIDE, SIDE), mode="area")
    small = small[:, 0].clamp(0, 1)
    rows = [slice(first, first + views) for first in range(0, len(masks), views)]
    return [_Search(encoding.of(own), small[own], check).run() for own in rows]


@dataclass(frozen=True)
class _Member:
    latent: Array  # (latent,)
    grid: Tensor  # [C, C, C] its occupancy
    codes: Tensor  # [v, 8]
    energy: float
    overlap: float


@dataclass
class _Line:
    """Members of one class that began at one azimuth, the best first."""

    kind: int
    anchors: Tensor  # [v, 8]
    likely: float  # weighted nats, of class and azimuths
    members: list[_Member]


class _Search:
    """The work of ``fit`` on one object."""

    def __init__(
        self,
        encoding: ImageEncoding,
        masks: Tensor,
        check: Callable[[], None],
    ) -> None:
        assert encoding.by_class is not None
        assert encoding.classes is not None
        assert encoding.cameras is not None
        self.masks, self.check = masks, check
        self.generator = ProceduralGenerator(SIDE)
        told = np.log(encoding.by_class.chances.astype(np.float64) + 1e-6).mean(0)
        told = np.exp(told)  # of several pictures the geometric mean
        self.draws = ParameterDraws(told / np.maximum(told.sum(-1, keepdims=True), 1e-9))
        self.latents = encoding.by_class.latents.mean(0)  # (K, latent)
        self.variances = encoding.by_class.variances.mean(0)
        objects = encoding.classes[:, :-1].mean(0)
        self.classes = objects / max(float(objects.sum()), 1e-9)
        self.codes = torch.from_numpy(guessed_codes(encoding.cameras))  # [v, 24, 8]
        self.turns = torch.log_softmax(torch.from_numpy(encoding.cameras[:, :AZIMUTHS]), 1)
        self.rng = np.random.default_rng(0)

    def run(self) -> Fit:
        order = np.argsort(-self.classes)[:CLASSES]
        kinds = [int(k) for k in order if self.classes[k] >= LEAST] or [int(order[0])]
        lines = [line for kind in kinds for line in self.begun(kind)]
        before = lines[0].members[0].overlap
        for line in lines:
            for _ in range(FIRST):
                self.check()
                self.added(line, self.draws.drawn(line.kind), line.members[0].codes)
        for best, count in STAGES:
            lines.sort(key=lambda line: line.members[0].energy)
            for line in lines[:best]:
                self.generations(line, count)
        lines.sort(key=lambda line: line.members[0].energy)
        found = [line.members[0] for line in lines]
        hypotheses = []
        for one in found:
            cameras = tuple(map(Camera.of_code, one.codes.numpy()))
            hypotheses.append(Hypothesis(one.latent, cameras, one.overlap, one.energy))
        return Fit(tuple(hypotheses), before, self.variances[lines[0].kind])

    def begun(self, kind: int) -> list[_Line]:
        """Lines of a class, at the azimuths that are likely and agree with the masks."""
        latent = self.latents[kind]
        grid = self.decoded(latent)
        views = len(self.masks)
        score = self.turns.clone()
        for view in range(views):
            self.check()
            with torch.no_grad():
                seen = silhouettes(grid.expand(AZIMUTHS, -1, -1, -1), self.codes[view])
            score[view] += AGREEMENT * overlaps(seen, self.masks[view])
        around = torch.arange(AZIMUTHS)
        lines = []
        for _ in range(TURNS):
            best = score.argmax(1)
            codes = self.codes[torch.arange(views), best]
            likely = AZIMUTH_WEIGHT * float(self.turns.gather(1, best[:, None]).sum())
            likely += CLASS_WEIGHT * float(np.log(max(self.classes[kind], 1e-6)))
            line = _Line(kind, codes, likely, [])
            self.added(line, latent, codes)
            lines.append(line)
            apart = (around - best[:, None]) % AZIMUTHS
            near = torch.minimum(apart, AZIMUTHS - apart) < APART
            score = score.masked_fill(near, -torch.inf)
        return lines

    def generations(self, line: _Line, count: int) -> None:
        for number in range(count):
            self.check()
            if number % EVERY == 0:
                self.turned(line)
            for latent, codes in [self.child(line) for _ in range(CHILDREN)]:
                self.added(line, latent, codes)

    def child(self, line: _Line) -> tuple[Array, Tensor]:
        first, second = (line.members[k] for k in self.rng.integers(len(line.members), size=2))
        codes = first.codes
        if self.rng.random() < SWAYING:
            sway = self.rng.standard_normal(tuple(codes.shape)).astype(np.float32)
            codes = codes + SWAY * CODE_PACE.clamp_max(1) * torch.from_numpy(sway)
        return self.draws.child(line.kind, first.latent, second.latent), codes

    def turned(self, line: _Line) -> None:
        """Leads the camera of the best member to where its silhouette fits better."""
        best = line.members[0]
        move = torch.zeros_like(best.codes, requires_grad=True)
        adam = Adam([move], CAMERA_RATE)
        grids = best.grid.expand(len(self.masks), -1, -1, -1)
        for _ in range(CAMERA_STEPS):
            codes = best.codes + CODE_PACE * move
            value = SILHOUETTE_WEIGHT * self.missed(silhouettes(grids, codes)).sum()
            value = value + CODE_WEIGHT * (codes - line.anchors).square().sum()
            adam.step(torch.autograd.grad(value, [move]))
        self.added(line, best.latent, (best.codes + CODE_PACE * move).detach(), best.grid)

    def missed(self, seen: Tensor) -> Tensor:
        told = WRONG + (1 - 2 * WRONG) * seen
        return functional.binary_cross_entropy(told, self.masks, reduction="none").mean((1, 2))

    def added(self, line: _Line, latent: Array, codes: Tensor, grid: Tensor | None = None) -> None:
        """Judges a newcomer; the best of the line stay."""
        own = self.decoded(latent) if grid is None else grid
        with torch.no_grad():
            seen = silhouettes(own.expand(len(self.masks), -1, -1, -1), codes)
            energy = float(SILHOUETTE_WEIGHT * self.missed(seen).sum())
            energy += float(CODE_WEIGHT * (codes - line.anchors).square().sum())
            overlap = float(overlaps(seen, self.masks).mean())
        energy += CHOICE_WEIGHT * self.draws.surprise(line.kind, latent)
        energy -= line.likely
        line.members.append(_Member(latent, own, codes, energy, overlap))
        line.members.sort(key=lambda one: one.energy)
        del line.members[PARENTS:]

    def decoded(self, latent: Array) -> Tensor:
        with torch.no_grad():
            return filled_share(self.generator(torch.from_numpy(latent)[None]))[0, 0]
