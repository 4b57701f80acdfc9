"""Fits shapes to the silhouettes in their pictures: latent and cameras move until all agree.

Analysis by synthesis: a ray through each pixel takes the largest occupancy it meets, which gives a
soft silhouette that can be differentiated (after Yan et al. 2016, Perspective Transformer Nets).
The image encoder says where to begin, and how sure it is of each number of the latent. A silhouette
alone is that of many shapes, so several hypotheses are fitted together and the likeliest is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from shapelab.core.model.camera import AZIMUTHS, DEVIATION, MEAN, Camera, guessed_codes
from shapelab.core.model.image_encoding import ImageEncoding
from shapelab.core.model.latent import Array, LatentDensity, seed_noise

SIDE = 32  # pixels along each side of a silhouette, and the most cells of a grid that is rendered
DEPTHS = 28  # samples along a ray
REACH = 17 / 32  # how far before and behind the middle they lie, in sides of the grid
SHARPNESS = 20.0  # of the soft maximum along a ray
AGREEMENT = 20.0  # nats that a silhouette's overlap (IoU) counts for when the azimuth is chosen
TURNS, APART = 3, 4  # azimuths that are tried, and how far apart, of 24 on the circle
CLASSES = 2  # the likeliest ones, each with its most likely latent
SPREAD = 0.35  # of a sample of the encoder's posterior, in its deviations
# All hypotheses take the first steps, the likeliest ones the others too.
SIFTING, STEPS, FINALISTS = 8, 17, 3
TOGETHER = 4  # objects at once; bounds the memory of a large request
LEARNING_RATE = 0.1  # of Adam
FIRST_DECAY, SECOND_DECAY, TINY = 0.9, 0.999, 1e-8  # of Adam: Kingma and Ba 2015, algorithm 1
# How fast the numbers of a camera's code move beside those of a latent, all of about deviation 1.
CODE_PACE = torch.tensor([0.3, 0.3, 0.9, 0.9, 4.0, 1.0, 1.0, 0.4])
# In nats: of the silhouette a pixel; of the latent a dimension and of the code, as Gaussians; of
# how likely the encoder says that the azimuth is.
SILHOUETTE_WEIGHT, LATENT_WEIGHT, CODE_WEIGHT, AZIMUTH_WEIGHT = 50.0, 15.0, 0.5, 0.3
# How many pixels of a mask are wrong, within and beyond the object: what is far from all that a
# shape can be pulls no harder. More beyond it: a part that a mask lacks cost the most IoU.
WRONG, LACKING = 0.02, 0.06


@dataclass(frozen=True)
class Hypothesis:
    """A shape that may be the one in the pictures, and from where they show it."""

    latent: Array  # (latent,)
    cameras: tuple[Camera, ...]  # one a picture
    overlap: float  # IoU of silhouettes and masks, the mean over the pictures
    energy: float  # what the fit lowers, in nats; e^-energy says how likely it is beside others


@dataclass(frozen=True)
class Fit:
    """What a fit found for an object."""

    hypotheses: tuple[Hypothesis, ...]  # the likeliest first
    before: float  # the overlap of the encoder's own shape
    variance: Array | None = None  # (latent,): how unsure the encoder is; older projects lack it

    @property
    def best(self) -> Hypothesis:
        return self.hypotheses[0]


def fit(
    generator: nn.Module,
    encoding: ImageEncoding,
    masks: Array,
    check: Callable[[], None] = lambda: None,
    *,
    density: LatentDensity | None = None,
    views: int = 1,
) -> list[Fit]:
    """Moves latents and cameras so that the shapes fill the silhouettes in their pictures.

    Adam lowers, for each hypothesis by itself, the energy

        sum over pictures of a CE(s(z, c), mask) + d |c - c0|^2 - e log p(azimuth of c0)
        + b mean((z - z0)^2 / variance)

    CE is the mean cross-entropy of the silhouette s, of which shares ``WRONG`` and ``LACKING`` are
    taken as noise within and beyond the mask, z0 and c0 are the encoder's latent and code, and
    a, b, d, e the weights above. Hypotheses begin from the encoder's latent at several azimuths;
    from the latents that are likeliest for one class each; from what each of several pictures says
    alone, or from a sample around what one says.

    Args:
        generator: latents to logits, on the CPU; its weights stay.
        encoding: of n pictures, by an encoder that has learnt cameras; what it is sure of moves
            less.
        masks: (n, S, S) in [0, 1]: what the object covers in pictures as ``images.frame`` gives.
        check: called before each step; what it raises ends the fit.
        density: where the codes of each class lie; without it no class has a hypothesis.
        views: how many pictures in a row show the same object.

    Returns:
        A fit for each object, n / views of them.
    """
    assert encoding.cameras is not None
    mask = functional.interpolate(torch.from_numpy(masks)[:, None], size=(SIDE, SIDE), mode="area")
    mask = mask[:, 0].clamp(0, 1)
    fits = []
    for first in range(0, len(masks), TOGETHER * views):
        rows = slice(first, first + TOGETHER * views)
        fits += _Fitting(generator, encoding.of(rows), mask[rows], check, density, views).run()
    return fits


def unfitted(encoding: ImageEncoding, views: int = 1) -> list[Fit]:
    """What an encoder that has learnt no cameras says of each object, as it is."""
    return [
        Fit((Hypothesis(latent, (), 0.0, 0.0),), 0.0, variance)
        for latent, variance in zip(*_agreed(encoding, views), strict=True)
    ]


def _agreed(encoding: ImageEncoding, views: int) -> tuple[Array, Array]:
    """Means and variances (m, latent) of what all pictures of an object say.

    What they say errs alike, so many are no surer than one.
    """
    grouped = (-1, views, encoding.latents.shape[1])
    precision = 1 / encoding.variances.reshape(grouped)
    shares = precision / precision.sum(1, keepdims=True)
    means = (shares * encoding.latents.reshape(grouped)).sum(1)
    return means, 1 / precision.mean(1)


@dataclass(frozen=True)
class _State:
    """Hypotheses: k of each of m objects, with v pictures each."""

    latents: Tensor  # [m, k, latent]
    anchors: Tensor  # [m, k, v, 8]: the codes that the cameras began from
    codes: Tensor  # [m, k, v, 8]
    likely: Tensor  # [m, k, v]: log p of the anchors' azimuths
    energy: Tensor  # [m, k]
    overlap: Tensor  # [m, k]

    def taken(self, places: Tensor) -> _State:
        """Some hypotheses of each object, places [m, few]."""
        rows = torch.arange(len(places))[:, None]
        return _State(*(getattr(self, name)[rows, places] for name in self.__dataclass_fields__))


class _Fitting:
    """The work of ``fit`` on a few objects at once."""

    def __init__(
        self,
        generator: nn.Module,
        encoding: ImageEncoding,
        mask: Tensor,
        check: Callable[[], None],
        density: LatentDensity | None,
        views: int,
    ) -> None:
        assert encoding.cameras is not None
        self.generator, self.check, self.density = generator, check, density
        self.encoding, self.views = encoding, views
        self.mask = mask.view(-1, views, SIDE, SIDE)
        self.seen = torch.from_numpy(encoding.latents).unflatten(0, (-1, views))
        self.mean, self.variance = map(torch.from_numpy, _agreed(encoding, views))
        self.codes = torch.from_numpy(guessed_codes(encoding.cameras)).unflatten(0, (-1, views))
        likely = torch.log_softmax(torch.from_numpy(encoding.cameras[:, :AZIMUTHS]), 1)
        self.likely = likely.unflatten(0, (-1, views))

    def run(self) -> list[Fit]:
        with torch.no_grad():
            begun = self.begun()
        sifted = self.moved(begun, SIFTING)
        order = sifted.energy.argsort(1)
        finished = self.moved(sifted.taken(order[:, :FINALISTS]), STEPS)
        rest = sifted.taken(order[:, FINALISTS:])
        fits = []
        for k, before in enumerate(begun.overlap[:, 0].tolist()):
            found = [*_hypotheses(finished, k), *_hypotheses(rest, k)]
            found.sort(key=lambda one: one.energy)
            fits.append(Fit(tuple(found), before, self.variance[k].numpy()))
        return fits

    def begun(self) -> _State:
        """The hypotheses where they begin; the first one is what the encoder says."""
        picks = self.azimuths(self.mean, TURNS)
        latents = [self.mean] * TURNS
        chosen = list(picks)
        others = self.of_classes()
        if self.views > 1:
            for k in range(self.views):
                latents.append(self.seen[:, k])
                chosen.append(self.azimuths(self.seen[:, k], 1)[0])
        else:
            noise = torch.from_numpy(seed_noise(0, self.mean.shape[1]))
            others.append(self.mean + SPREAD * self.variance.sqrt() * noise)
        latents += others
        chosen += [picks[0]] * len(others)
        places = torch.stack(chosen, 1)[..., None]  # [m, k, v, 1]
        codes = self.codes[:, None].expand(-1, len(chosen), -1, -1, -1)
        anchors = codes.gather(3, places[..., None].expand(-1, -1, -1, -1, codes.shape[-1]))
        likely = self.likely[:, None].expand(-1, len(chosen), -1, -1).gather(3, places)
        start = anchors[:, :, :, 0]
        unknown = torch.full(places.shape[:2], torch.inf)
        state = _State(torch.stack(latents, 1), start, start, likely[..., 0], unknown, unknown)
        energy, overlap = self.judged(state.latents, state.codes, state)
        return replace(state, energy=energy, overlap=overlap)

    def azimuths(self, latents: Tensor, count: int) -> list[Tensor]:
        """Azimuths, the best first, that are likely and agree with the masks; [m, v] each."""
        grids = self.decoded(latents)
        overlap = torch.zeros_like(self.likely)
        for k, grid in enumerate(grids):
            self.check()
            for view in range(self.views):
                seen = silhouettes(grid.expand(AZIMUTHS, -1, -1, -1), self.codes[k, view])
                overlap[k, view] = overlaps(seen, self.mask[k, view])
        score = self.likely + AGREEMENT * overlap
        around = torch.arange(AZIMUTHS)
        found = []
        for _ in range(count):
            best = score.argmax(2)
            found.append(best)
            apart = (around - best[..., None]) % AZIMUTHS
            near = torch.minimum(apart, AZIMUTHS - apart) < APART
            score = score.masked_fill(near, -torch.inf)
        return found

    def of_classes(self) -> list[Tensor]:
        """The latents [m, latent] that are likeliest if the object is of a class, by its rank."""
        if self.density is None:
            return []
        rows = []
        guesses = self.encoding.classes
        for k, latent in enumerate(self.mean.numpy()):
            if guesses is None:
                scores = self.density.log_likelihoods(latent)
            else:
                scores = guesses[k * self.views : (k + 1) * self.views, :-1].mean(0)
            likeliest = np.argsort(-scores)[:CLASSES]
            variance = self.variance[k].numpy()
            rows.append([self.density.within_class(latent, variance, c) for c in likeliest])
        return list(torch.from_numpy(np.array(rows, np.float32)).unbind(1))

    def moved(self, begun: _State, steps: int) -> _State:
        """Each hypothesis after some steps, where its energy was lowest."""
        moves = [torch.zeros_like(v, requires_grad=True) for v in (begun.latents, begun.codes)]
        adam = Adam(moves)
        best = begun
        for step in range(steps + 1):
            self.check()
            latents, codes = begun.latents + moves[0], begun.codes + CODE_PACE * moves[1]
            energy, overlap = self.judged(latents, codes, begun)
            lower = energy.detach() < best.energy
            best = replace(
                best,
                latents=torch.where(lower[..., None], latents.detach(), best.latents),
                codes=torch.where(lower[..., None, None], codes.detach(), best.codes),
                energy=torch.where(lower, energy.detach(), best.energy),
                overlap=torch.where(lower, overlap, best.overlap),
            )
            if step < steps:
                adam.step(torch.autograd.grad(energy.sum(), moves))
        return best

    def judged(self, latents: Tensor, codes: Tensor, begun: _State) -> tuple[Tensor, Tensor]:
        """Energy and overlap, [m, k] each, of latents [m, k, latent] and codes [m, k, v, 8]."""
        shape = codes.shape[:3]
        grids = self.decoded(latents.flatten(0, 1)).unflatten(0, shape[:2])
        each = grids[:, :, None].expand(-1, -1, self.views, -1, -1, -1)
        seen = silhouettes(each.flatten(0, 2), codes.flatten(0, 2))
        masks = self.mask[:, None].expand(*shape, -1, -1).flatten(0, 2)
        told = WRONG + (1 - WRONG - LACKING) * seen
        miss = functional.binary_cross_entropy(told, masks, reduction="none").mean((1, 2))
        miss = miss.view(shape).sum(2)
        strayed = ((latents - self.mean[:, None]).square() / self.variance[:, None]).mean(2)
        turned = (codes - begun.anchors).square().sum((2, 3))
        energy = SILHOUETTE_WEIGHT * miss + LATENT_WEIGHT * strayed + CODE_WEIGHT * turned
        energy = energy - AZIMUTH_WEIGHT * begun.likely.sum(2)
        return energy, overlaps(seen.detach(), masks).view(shape).mean(2)

    def decoded(self, latents: Tensor) -> Tensor:
        """Occupancies [n, C, C, C] of latents [n, latent]; C is ``SIDE`` at most."""
        grids = torch.sigmoid(self.generator(latents))
        finer = grids.shape[-1] // SIDE
        return (functional.avg_pool3d(grids, finer) if finer > 1 else grids)[:, 0]


class Adam:
    """``torch.optim.Adam``, which would bring torch's compiler: 950 modules and 150 MB."""

    def __init__(self, moves: Sequence[Tensor], rate: float = LEARNING_RATE) -> None:
        self._moves, self._rate, self._taken = moves, rate, 0
        self._means = [torch.zeros_like(move) for move in moves]
        self._squares = [torch.zeros_like(move) for move in moves]

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """Moves them all against their gradients."""
        self._taken += 1
        pace = self._rate / (1 - FIRST_DECAY**self._taken)
        spread = (1 - SECOND_DECAY**self._taken) ** 0.5
        slots = zip(self._moves, gradients, self._means, self._squares, strict=True)
        for move, gradient, mean, square in slots:
            mean.lerp_(gradient, 1 - FIRST_DECAY)
            square.mul_(SECOND_DECAY).addcmul_(gradient, gradient, value=1 - SECOND_DECAY)
            move.addcdiv_(mean, square.sqrt().div_(spread).add_(TINY), value=-pace)


def _hypotheses(state: _State, k: int) -> Sequence[Hypothesis]:
    """Those of object k."""
    rows = (state.latents[k], state.codes[k], state.overlap[k], state.energy[k])
    return [
        Hypothesis(
            latent.numpy(), tuple(map(Camera.of_code, codes.numpy())), float(overlap), float(energy)
        )
        for latent, codes, overlap, energy in zip(*rows, strict=True)
    ]


def silhouettes(occupancy: Tensor, codes: Tensor) -> Tensor:
    """How much of each pixel a shape covers, [n, SIDE, SIDE] in (0, 1).

    A pixel at (u, v) of the frame looks along u right + v up - towards, from the camera's eye. Of
    the occupancies o that its ray meets it shows sum(o e^(k o)) / sum(e^(k o)), k = SHARPNESS:
    nearly their maximum, but with a gradient towards all of them.

    Args:
        occupancy: [n, R, R, R] in [0, 1]; x right, y back, z up.
        codes: [n, 8] of the cameras.
    """
    plain = codes * torch.from_numpy(DEVIATION) + torch.from_numpy(MEAN)
    towards, right, up = _axes(plain)
    distance = plain[:, 3, None].exp()
    places = (torch.arange(SIDE) + 0.5) / SIDE * 2 - 1
    across = (plain[:, 5, None] + plain[:, 7, None] * places) / distance
    above = (plain[:, 6, None] - plain[:, 7, None] * places) / distance
    rays = (
        across[:, None, :, None] * right[:, None, None]
        + above[:, :, None, None] * up[:, None, None]
        - towards[:, None, None]
    )
    depths = distance + torch.linspace(-REACH, REACH, DEPTHS)
    eye = (towards * distance)[:, None, None, None]
    points = 2 * (eye + depths[:, None, None, :, None] * rays[:, :, :, None])
    # grid_sample takes the last axis first: its x is ours when z comes first in the grid.
    grid = occupancy.permute(0, 3, 2, 1)[:, None]
    flat = points.view(len(occupancy), 1, 1, -1, 3)
    met = functional.grid_sample(grid, flat, align_corners=False)
    met = met.view(len(occupancy), SIDE, SIDE, DEPTHS)
    soft = (torch.softmax(SHARPNESS * met, -1) * met).sum(-1)
    return soft.clamp(1e-4, 1 - 1e-4)


def _axes(plain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``Camera.axes``, each [n, 3], of codes [n, 8] in plain units."""
    cos_a, sin_a = functional.normalize(plain[:, :2], dim=1).T
    cos_e, sin_e = plain[:, 2].cos(), plain[:, 2].sin()
    cos_t, sin_t = plain[:, 4, None].cos(), plain[:, 4, None].sin()
    towards = torch.stack([cos_e * cos_a, cos_e * sin_a, sin_e], 1)
    across = torch.stack([-sin_a, cos_a, torch.zeros_like(cos_a)], 1)
    above = torch.stack([-sin_e * cos_a, -sin_e * sin_a, cos_e], 1)
    return towards, cos_t * across - sin_t * above, cos_t * above + sin_t * across


def overlaps(seen: Tensor, mask: Tensor) -> Tensor:
    """IoU [n] of soft sets [n, SIDE, SIDE]; one mask serves for all."""
    return torch.minimum(seen, mask).sum((1, 2)) / torch.maximum(seen, mask).sum((1, 2))
