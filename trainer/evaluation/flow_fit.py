"""How the flow of a density is learnt: by likelihood, then away from codes that decode to pieces.

The likelihood alone cannot do it. The codes of a class are too few to say where between them there
are shapes, and the networks break thin parts even of some of the codes themselves. So samples and
halfway points are decoded while the flow learns, a small network learns from them which codes give
one piece, and its opinion moves the flow (as in Engel et al. 2018, Latent Constraints). It hears of
new ones all the time: an old opinion would soon be fooled.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from shapelab.core.model.code_flow import CodeFlow
from shapelab.core.model.latent import HALFWAY, LatentDensity

from ..process.control import Check, Tell, never_stop, say_nothing

LAYERS, WIDTH = 8, 192
STEPS, BATCH = 500, 256  # by likelihood alone
GUIDED_STEPS, GUIDED_BATCH = 300, 128  # by both
RATE, GUIDED_RATE, DECAY, MOST_GRADIENT = 1e-3, 5e-4, 1e-2, 1.0
AVERAGED = 0.98  # share that the moving average of the weights keeps at a step
LOOK_EVERY = 50  # steps, at the likelihood of held-out shapes
#: The samples' density p nears p0 P(whole)^WHOLENESS, with p0 as likelihood alone has it.
WHOLENESS = 14.0
LEAST_TRUNCATION = 0.7  # of the samples that are judged; up to 1
JUDGED_FIRST, JUDGED, JUDGE_EVERY = 1500, 32, 2  # codes decoded before, and then every other step
JUDGE_WIDTH, JUDGE_DROPOUT, JUDGE_RATE, JUDGE_DECAY = 256, 0.2, 1e-3, 0.05
JUDGE_FIRST_STEPS, JUDGE_STEPS, RECENT = 300, 2, 2000
TOLD = "density of the codes"

Whole = Callable[[NDArray[np.float32]], NDArray[np.bool_]]  # of codes: which are in one piece


@dataclass(frozen=True)
class Posteriors:
    """What the voxel encoder says of shapes."""

    means: Tensor  # [n, latent]
    deviations: Tensor  # [n, latent], as drawn
    labels: Tensor  # [n] int64

    def drawn(self, rows: Tensor, rng: torch.Generator) -> Tensor:
        """A code [len(rows), latent] from the posterior of each row."""
        noise = torch.randn(len(rows), self.means.shape[1], generator=rng)
        return self.means[rows] + self.deviations[rows] * noise


class FlowFit:
    """A flow over the Gaussians of a density, learnt in float32; the same for the same seed."""

    def __init__(
        self, density: LatentDensity, known: Posteriors, held: Posteriors, seed: int = 0
    ) -> None:
        """Begins with the identity.

        Args:
            density: the Gaussians.
            known: the training shapes.
            held: held-out shapes, which say when likelihood is best; none: the training shapes do.
            seed: of the flow's orders, of its first weights and of all that is drawn.
        """
        self._known = known
        self._rng = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._flow = CodeFlow(density.latent_size, len(density.classes), LAYERS, WIDTH, seed)
            self._judge = _Judge(known, len(density.classes))
        self._average = copy.deepcopy(self._flow).requires_grad_(False)
        inverses = np.linalg.inv(density.factors.astype(np.float64)).astype(np.float32)
        self._means, self._factors, self._inverses = map(
            torch.from_numpy, (density.means, density.factors, inverses)
        )
        self._kinds = torch.eye(len(density.classes))
        sizes = torch.bincount(known.labels, minlength=len(density.classes))
        self._weights = sizes[known.labels].double().rsqrt()  # small classes are drawn more often
        self._present = torch.nonzero(sizes)[:, 0]
        self._own = [torch.nonzero(known.labels == k)[:, 0] for k in range(len(sizes))]
        judged = held if len(held.labels) else known
        rows = torch.arange(len(judged.labels))
        self._test = self._white(judged.drawn(rows, self._rng), judged.labels), judged.labels

    def result(self) -> CodeFlow:
        """What has been learnt, as a file has it."""
        return copy.deepcopy(self._average).half().float().eval()

    def by_likelihood(self, tell: Tell = say_nothing, check: Check = never_stop) -> None:
        """Follows the draws from the posteriors; ends with the best for held-out shapes."""
        optimiser = self._optimiser(RATE)
        best, least = copy.deepcopy(self._average.state_dict()), self._held_out()
        for step in range(STEPS):
            check()
            rows = torch.multinomial(self._weights, BATCH, True, generator=self._rng)
            self._update(optimiser, self._unlikely(rows), RATE, step / STEPS)
            if (step + 1) % LOOK_EVERY == 0:
                tell(TOLD, step + 1, STEPS + GUIDED_STEPS)
                if (cost := self._held_out()) < least:
                    best, least = copy.deepcopy(self._average.state_dict()), cost
        self._average.load_state_dict(best)
        self._flow.load_state_dict(best)

    def by_wholeness(
        self, whole: Whole, tell: Tell = say_nothing, check: Check = never_stop
    ) -> None:
        """Moves samples, and what lies between shapes of a class, to codes that give one piece.

        With the density p0 that was found by likelihood, and w the chance that a code gives one
        piece, the samples' cost KL(p | p0) - b E log w is least for p ~ p0 w^b: what was likely
        and is whole. Without the divergence nearly all samples would become alike, which the
        likelihood of the shapes hardly feels.
        """
        plain = copy.deepcopy(self._average)
        optimiser = self._optimiser(GUIDED_RATE)
        for start in range(0, JUDGED_FIRST, JUDGED):
            check()
            self._ask(whole, min(JUDGED, JUDGED_FIRST - start))
        self._judge.learn(JUDGE_FIRST_STEPS, self._rng)
        for step in range(GUIDED_STEPS):
            check()
            if step % JUDGE_EVERY == 0:
                self._ask(whole, JUDGED)
            self._judge.learn(JUDGE_STEPS, self._rng)
            rows = torch.multinomial(self._weights, GUIDED_BATCH, True, generator=self._rng)
            cost = self._unlikely(rows) + self._unwanted(plain)
            self._update(optimiser, cost, GUIDED_RATE, step / GUIDED_STEPS)
            tell(TOLD, STEPS + step + 1, STEPS + GUIDED_STEPS)

    def _unwanted(self, plain: CodeFlow) -> Tensor:
        """What samples and halfway points cost, a dimension: pieces, and for samples strangeness.

        A sample's noise is n, its white code x, and x's noise in the plain flow is n0. Of the
        divergence log p(x) - log p0(x), at a truncation s, |n|^2 / 2 s^2 does not depend on the
        flow.
        """
        labels, truncation = self._labels(GUIDED_BATCH), self._truncations(GUIDED_BATCH // 2)
        noise = torch.cat([truncation * self._noise(len(truncation)), self._between(labels)])
        white, log_det = self._flow.inverse(noise, self._kinds[labels])
        broken = nn.functional.softplus(-self._judge(self._codes(white, labels), labels)).mean()
        count = len(truncation)
        before, plain_det = plain(white[:count], self._kinds[labels[:count]])
        unlike = 0.5 * (before / truncation).square().sum(1) - plain_det - log_det[:count]
        return (unlike.mean() + WHOLENESS * broken) / white.shape[1]

    def _optimiser(self, rate: float) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self._flow.parameters(), rate, (0.9, 0.99), weight_decay=DECAY)

    def _update(
        self, optimiser: torch.optim.Optimizer, cost: Tensor, rate: float, done: float
    ) -> None:
        """One step; the rate rises over the first twentieth and then falls like a cosine."""
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, 20 * done + 0.02) * (0.51 + 0.49 * math.cos(math.pi * done))
        optimiser.zero_grad()
        cost.backward()
        nn.utils.clip_grad_norm_(self._flow.parameters(), MOST_GRADIENT)
        optimiser.step()
        with torch.no_grad():
            for slow, fast in zip(self._average.parameters(), self._flow.parameters(), strict=True):
                slow.lerp_(fast, 1 - AVERAGED)

    def _white(self, codes: Tensor, labels: Tensor) -> Tensor:
        apart = codes - self._means[labels]
        return torch.bmm(self._inverses[labels], apart[..., None])[..., 0]

    def _unlikely(self, rows: Tensor) -> Tensor:
        labels = self._known.labels[rows]
        white = self._white(self._known.drawn(rows, self._rng), labels)
        return _cost(self._flow, white, self._kinds[labels])

    def _held_out(self) -> float:
        white, labels = self._test
        return _cost(self._average, white, self._kinds[labels]).item()

    def _labels(self, count: int) -> Tensor:
        """Classes [count] that have shapes, each as often."""
        return self._present[torch.randint(len(self._present), (count,), generator=self._rng)]

    def _truncations(self, count: int) -> Tensor:
        shares = torch.rand(count, 1, generator=self._rng)
        return LEAST_TRUNCATION + (1 - LEAST_TRUNCATION) * shares

    def _noise(self, count: int) -> Tensor:
        return torch.randn(count, self._means.shape[1], generator=self._rng)

    def _codes(self, white: Tensor, labels: Tensor) -> Tensor:
        return self._means[labels] + torch.bmm(self._factors[labels], white[..., None])[..., 0]

    @torch.no_grad()
    def _between(self, labels: Tensor) -> Tensor:
        """Noise [n // 2, latent] between two shapes of each of the last classes, as paths go."""
        labels = labels[len(labels) // 2 :]
        ends = []
        for _ in range(2):
            places = torch.rand(len(labels), generator=self._rng)
            rows = torch.stack(
                [
                    self._own[k][int(place * len(self._own[k]))]
                    for k, place in zip(labels.tolist(), places, strict=True)
                ]
            )
            white = self._white(self._known.means[rows], labels)
            ends.append(self._flow(white, self._kinds[labels])[0])
        t = torch.rand(len(labels), 1, generator=self._rng)
        way = _slerp(ends[0], ends[1], t)
        typical = HALFWAY * way.shape[1] ** 0.5
        longer = 1 - typical / way.norm(dim=1, keepdim=True).clamp(min=typical)
        return way * (1 - 4 * t * (1 - t) * longer)

    @torch.no_grad()
    def _ask(self, whole: Whole, count: int) -> None:
        """Decodes samples and halfway points, as ``_unwanted`` draws them."""
        labels, truncation = self._labels(count), self._truncations(count // 2)
        noise = torch.cat([truncation * self._noise(len(truncation)), self._between(labels)])
        codes = self._codes(self._flow.inverse(noise, self._kinds[labels])[0], labels)
        self._judge.hear(codes, labels, torch.from_numpy(whole(codes.numpy())))


class _Judge(nn.Module):
    """Says of codes how likely they are to decode to one piece, from those it has heard of."""

    def __init__(self, known: Posteriors, classes: int) -> None:
        super().__init__()
        latent = known.means.shape[1]
        self._middle = known.means.mean(0)
        # With the posteriors' own spread: where nothing was encoded all means are alike.
        spread = known.means.var(0) + known.deviations.square().mean(0)
        self._scale = spread.sqrt().clamp(min=1e-3)
        self._kinds = torch.eye(classes)
        self._body = nn.Sequential(
            nn.Linear(latent + classes, JUDGE_WIDTH),
            nn.SiLU(),
            nn.Linear(JUDGE_WIDTH, JUDGE_WIDTH),
            nn.SiLU(),
            nn.Linear(JUDGE_WIDTH, 1),
        )
        self._optimiser = torch.optim.AdamW(
            self._body.parameters(), JUDGE_RATE, weight_decay=JUDGE_DECAY
        )
        self._codes = torch.zeros(0, latent)
        self._labels = torch.zeros(0, dtype=torch.int64)
        self._whole = torch.zeros(0)

    def forward(self, codes: Tensor, labels: Tensor) -> Tensor:
        """Logits [n] that codes [n, latent] give one piece."""
        seen = torch.cat([(codes - self._middle) / self._scale, self._kinds[labels]], 1)
        return self._body(seen).squeeze(1)

    def hear(self, codes: Tensor, labels: Tensor, whole: Tensor) -> None:
        self._codes = torch.cat([self._codes, codes])
        self._labels = torch.cat([self._labels, labels])
        self._whole = torch.cat([self._whole, whole.float()])

    def learn(self, steps: int, rng: torch.Generator) -> None:
        """Learns from all and, as often, from the newest."""
        for _ in range(steps):
            count = len(self._whole)
            old = torch.randint(count, (64,), generator=rng)
            new = torch.randint(max(0, count - RECENT), count, (64,), generator=rng)
            rows = torch.cat([old, new])
            kept = torch.rand(len(rows), self._codes.shape[1], generator=rng) > JUDGE_DROPOUT
            codes = torch.where(kept, self._codes[rows], self._middle)
            logits = self(codes, self._labels[rows])
            cost = nn.functional.binary_cross_entropy_with_logits(logits, self._whole[rows])
            self._optimiser.zero_grad()
            cost.backward()
            self._optimiser.step()


def _cost(flow: nn.Module, white: Tensor, kinds: Tensor) -> Tensor:
    """Mean negative log-likelihood a dimension, but for a constant."""
    noise, log_det = flow(white, kinds)
    return (0.5 * noise.square().sum(1) - log_det).mean() / white.shape[1]


def _slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """``latent.slerp`` of rows [n, latent], where no two are parallel."""
    lengths = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    one, other = a / lengths[0].clamp(min=1e-8), b / lengths[1].clamp(min=1e-8)
    angle = (one * other).sum(1, keepdim=True).clamp(-0.999, 0.999).acos()
    turned = ((1 - t) * angle).sin() * one + (t * angle).sin() * other
    return ((1 - t) * lengths[0] + t * lengths[1]) * turned / angle.sin()
