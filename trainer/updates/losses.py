"""The losses of Smith & Meger 2017, each a pure function beside its formula.

x is a real grid, x^ a generated one, z the latent; mu and sigma^2 are the encoder's means and
variances, D the critic, G the generator.

    L_D = E[D(x^)] - E[D(x)] + lambda * E[(||grad D(x-)||_2 - 1)^2]
    L_E = KL(N(mu, sigma^2) || N(0, I)) + delta * recon(x, G(z))
    L_G = -E[D(x^)] + delta * recon(x, G(z))

delta stands in the encoder's loss too: without it a correctly written posterior collapses
(the released code leaves it out, and reads one head both as sigma and as log sigma; the functions
named ``released_*`` repeat that).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from shapelab.core.model.camera import AZIMUTHS

AZIMUTH_WEIGHT = 0.25  # of a cross entropy that begins at log 24 = 3.2, beside squares of 1
NEAR = 0.23  # of a squashed distance from its middle, which is one voxel: sigmoid(1) = 0.73
SLOPED = 0.38  # the same of two voxels
THINNING = 1  # voxels taken off both sides when centre lines are sought
VARIANCE_SHARE = 0.1  # variances share the network with the means, which matter more


def wasserstein(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """E[D(x^)] - E[D(x)] of scores [B], the critic's loss without its penalty."""
    return fake_scores.mean() - real_scores.mean()


def adversarial(fake_scores: Tensor) -> Tensor:
    """-E[D(x^)] of scores [B]."""
    return -fake_scores.mean()


def relativistic(better: Tensor, worse: Tensor) -> Tensor:
    """E[softplus(D(worse) - D(better))] of paired scores [B] (R3GAN: Huang et al. 2024, eq. 2).

    The critic's loss has the real grid as the better one, the generator's loss its own.
    """
    return functional.softplus(worse - better).mean()


def interpolate(real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """x- = x + a (x^ - x), a in [0, 1] of shape [B, 1, 1, 1, 1], one per sample."""
    return real + mix * (fake - real)


def gradient_norm(gradient: Tensor, per: str) -> Tensor:
    """L2 norms: [B] per sample (the paper's text), or per column as the released code does.

    The release reduces over one axis of [B, 32, 32, 32] only, which drives each of 1024 columns
    to norm 1 and the sample's norm to about 32.
    """
    if per == "column":
        return torch.sqrt(gradient.square().sum(2) + 1e-12)
    return torch.sqrt(gradient.flatten(1).square().sum(1) + 1e-12)


def penalty(norms: Tensor) -> Tensor:
    """E[(||grad D|| - 1)^2]."""
    return (norms - 1).square().mean()


def sample_posterior(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Draws z = mu + sigma * noise, all [B, L] (Kingma & Welling 2014)."""
    return mean + torch.exp(0.5 * log_variance) * noise


def kl_divergence(
    mean: Tensor,
    log_variance: Tensor,
    free_bits: float = 0.0,
    across: Callable[[Tensor], Tensor] = lambda value: value,
) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, I)) in nats, mean over dimensions as in the released code.

    Args:
        mean: [B, L].
        log_variance: [B, L].
        free_bits: nats per dimension that cost nothing (Kingma et al. 2016), on the batch mean.
        across: mean over the processes of a [L] tensor; the clamp needs the whole batch's mean.
    """
    per_dimension = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0)
    return across(per_dimension).clamp_min(free_bits).mean() if free_bits else per_dimension.mean()


def released_sample(mean: Tensor, head: Tensor, noise: Tensor) -> Tensor:
    """Draws z = mu + s * noise with s = tanh(head), which the release calls sigma, all [B, L]."""
    return mean + torch.tanh(head) * noise


def released_kl(mean: Tensor, head: Tensor) -> Tensor:
    """The release's KL, which reads the same s as log sigma; its optimum s = 0 is no noise."""
    s = torch.tanh(head)
    return (-s + 0.5 * (-1 + torch.exp(2 * s) + mean.square())).mean()


def distillation(
    mean: Tensor, log_variance: Tensor, target_mean: Tensor, target_log_variance: Tensor
) -> Tensor:
    """How far a posterior is from another encoder's, all [B, L]; mean over batch and dimensions.

    The means learn by squared error alone. The variances learn by KL(target || own) with the means
    held fixed: they then say how far off the means are, and cannot buy themselves a smaller error.
    """
    error = (mean - target_mean).square()
    spread = target_log_variance.exp() + error.detach()
    own = 0.5 * (spread / log_variance.exp() - 1 + log_variance - target_log_variance)
    return error.mean() + VARIANCE_SHARE * own.mean()


def camera(guess: Tensor, target: Tensor) -> Tensor:
    """How far guesses [B, 30] are from cameras' codes [B, 8], mean over the batch.

    Cross entropy of the azimuth, whose true place lies between two of those that are told apart,
    and squared error of the rest; 0 where the target is NaN.
    """
    known = target.isfinite().all(1)
    target = target.nan_to_num()
    place = torch.atan2(target[:, 1], target[:, 0]) / (2 * torch.pi) * AZIMUTHS
    below = place.floor()
    rest = place - below
    likely = torch.log_softmax(guess[:, :AZIMUTHS], 1)
    sides = torch.stack([below, below + 1], 1).long() % AZIMUTHS
    near, far = likely.gather(1, sides).T
    azimuth = -((1 - rest) * near + rest * far)
    others = (guess[:, AZIMUTHS:] - target[:, 2:]).square().mean(1)
    return torch.where(known, AZIMUTH_WEIGHT * azimuth + others, 0.0).mean()


def classes(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of logits [B, classes + 1] with labels [B], the last for no object."""
    return functional.cross_entropy(logits.float(), labels)


def reconstruction(logits: Tensor, target: Tensor, kind: str, positive_weight: float) -> Tensor:
    """recon(x, x^), mean over batch and voxels.

    Args:
        logits: generator's output [B, 1, R, R, R].
        target: [B, 1, R, R, R] in {0, 1}.
        kind: "squared" is (x - x^)^2 / 2 of the released code; "bce" is binary cross entropy.
        positive_weight: weight of solid voxels in "bce", since few voxels are solid.
    """
    if kind == "squared":
        return 0.5 * (torch.sigmoid(logits) - target).square().mean()
    weight = logits.new_tensor(positive_weight)
    return functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight)


def distance_reconstruction(
    logits: Tensor,
    target: Tensor,
    measured: Tensor,
    kind: str,
    solid_weight: float,
    extra: Tensor | float,
) -> Tensor:
    """recon(x, x^) of signed distances d, mean over batch and voxels; 0 where the logits are -d.

    Args:
        logits: generator's output [B, 1, R, R, R].
        target: [B, 1, R, R, R], sigmoid(-d).
        measured: [B] bool; what is solid and what is empty is all that the others teach.
        kind: "bce" is binary cross entropy less its least value, which is KL(target || own);
            "squared" is half the squared error of the sigmoids; "distance" is their absolute error
            and, within a voxel of the surface, what "bce" is.
        solid_weight: weight of solid voxels.
        extra: more weight of each voxel [B, 1, R, R, R], or of all.
    """
    with torch.no_grad():
        solid = (target > 0.5).to(target)
        weight = 1 + (solid_weight - 1) * solid + extra
        known = measured.view(-1, 1, 1, 1, 1)
        wanted = torch.where(known, target, solid)
        near = ((target - 0.5).abs() < NEAR) | ~known
    return _SquashedError.apply(logits, wanted, near, known, weight, kind)  # type: ignore[no-untyped-call]


class _SquashedError(torch.autograd.Function):
    """``distance_reconstruction`` with its gradient in closed form: half of a step without it.

    With s = sigmoid(x), KL(t || s) has the gradient s - t, |s - t| has sign(s - t) s (1 - s).
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, wanted: Tensor, near: Tensor, known: Tensor, weight: Tensor, kind: str
    ) -> Tensor:
        own = torch.sigmoid(x)
        off = own - wanted
        if kind == "bce":
            error, slope = _divergence(x, wanted), off
        else:
            bend = own.mul_(1 - own)
            if kind == "squared":
                error, slope = 0.5 * off.square(), off * bend
            else:
                error, slope = known * off.abs(), bend.mul_(off.sign()).mul_(known)
                few = near.flatten().nonzero().squeeze(1)  # a tenth of the voxels
                more = _divergence(x.flatten()[few], wanted.flatten()[few])
                error.flatten().index_add_(0, few, more)
                slope.addcmul_(off, near.to(off))
        ctx.save_for_backward(slope.mul_(weight).div_(x.numel()))
        return error.mul_(weight).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return slope * outer[0], None, None, None, None, None


def _divergence(x: Tensor, wanted: Tensor) -> Tensor:
    """KL(t || sigmoid(x)) = t log t + (1 - t) log(1 - t) + softplus(x) - t x."""
    return (
        torch.xlogy(wanted, wanted)
        + torch.xlogy(1 - wanted, 1 - wanted)
        + functional.softplus(x)
        - wanted * x
    )


def _dilated(x: Tensor) -> Tensor:
    """The largest value of 3^3 voxels about each, one axis after the other."""
    for kernel in ((3, 1, 1), (1, 3, 1), (1, 1, 3)):
        x = functional.max_pool3d(x, kernel, 1, tuple(k // 2 for k in kernel))
    return x


def _eroded(x: Tensor) -> Tensor:
    return -_dilated(-x)


def thin_parts(solid: Tensor) -> Tensor:
    """Where solids [B, 1, R, R, R] in {0, 1} hold no block of 3^3 voxels, and one voxel about.

    In whole bits, by shifts: pooling takes ten times as long on a CPU, half of a step.
    """
    inside = solid > 0.5
    thick = _shifted_or(~_shifted_or(~inside))
    return _shifted_or(inside & ~thick).to(solid)


def _shifted_or(x: Tensor) -> Tensor:
    """Bits [B, 1, R, R, R] that are set in one of the 3^3 voxels about each."""
    for axis in (2, 3, 4):
        wide = x.clone()
        size = x.shape[axis]
        wide.narrow(axis, 1, size - 1).logical_or_(x.narrow(axis, 0, size - 1))
        wide.narrow(axis, 0, size - 1).logical_or_(x.narrow(axis, 1, size - 1))
        x = wide
    return x


def centre_line_loss(solid: Tensor, target: Tensor) -> Tensor:
    """1 - soft clDice (Shit et al. 2021), mean over the batch: centre lines must be covered.

    With S the soft centre lines, T = sum(S(own) target) / sum S(own) says how much of the own ones
    is right, and R = sum(S(target) own) / sum S(target) how much of the target's is there; clDice
    is 2 T R / (T + R).

    Args:
        solid: [B, 1, R, R, R] in [0, 1].
        target: [B, 1, R, R, R] in {0, 1}.
    """
    with torch.no_grad():
        wanted = _centre_lines(target)
    own = _centre_lines(solid)
    right = _share(own, target)
    there = _share(wanted, solid)
    return (1 - 2 * right * there / (right + there).clamp_min(1e-6)).mean()


def _centre_lines(x: Tensor) -> Tensor:
    """Soft centre lines of parts up to ``2 * THINNING + 2`` voxels thick; thicker have none."""
    lines = functional.relu(x - _dilated(_eroded(x)))
    for _ in range(THINNING):
        x = _eroded(x)
        more = functional.relu(x - _dilated(_eroded(x)))
        lines = lines + functional.relu(more - lines * more)
    return lines


def _share(weights: Tensor, values: Tensor) -> Tensor:
    """Weighted means [B] of grids."""
    total = weights.flatten(1).sum(1)
    return ((weights * values).flatten(1).sum(1) + 1e-3) / (total + 1e-3)


def slopes_loss(logits: Tensor, target: Tensor, measured: Tensor) -> Tensor:
    """Mean absolute error of the slopes of signed distances, along y and z, near the surface.

    Cell by cell a face that is a little too high is as wrong as one with ripples; only its slopes
    tell them apart. Along x the slabs of an update have no neighbours.

    Args:
        logits: generator's output [B, 1, X, R, R], in voxels, positive inside.
        target: [B, 1, X, R, R], sigmoid(-d).
        measured: [B] bool; the other shapes teach no slopes.
    """
    with torch.no_grad():
        near = ((target - 0.5).abs() < SLOPED) & measured.view(-1, 1, 1, 1, 1)
        wanted = torch.logit(target, 1e-3)
    total, count = logits.new_zeros(()), 0
    for axis in (3, 4):
        last = near.shape[axis] - 1
        both = near.narrow(axis, 0, last) & near.narrow(axis, 1, last)
        off = logits.diff(dim=axis) - wanted.diff(dim=axis)
        total, count = total + (off.abs() * both).sum(), count + int(both.sum())
    return total / max(count, 1)


def soft_iou_loss(solid: Tensor, target: Tensor) -> Tensor:
    """1 - IoU with probabilities for sets (Rahman & Wang 2016), mean over the batch.

    Args:
        solid: [B, 1, R, R, R] in [0, 1].
        target: [B, 1, R, R, R] in {0, 1}.
    """
    return _SoftIou.apply(solid.flatten(1), target.flatten(1))  # type: ignore[no-untyped-call]


class _SoftIou(torch.autograd.Function):
    """Of sets s and t, with i = sum s t and u = sum s + sum t - i, in few passes over the grids.

    d(i / u) / ds = t / u - (1 - t) i / u^2.
    """

    @staticmethod
    def forward(ctx: Any, solid: Tensor, target: Tensor) -> Tensor:
        both = torch.linalg.vecdot(solid, target)
        either = (solid.sum(1) + target.sum(1) - both).clamp_min(1e-6)
        ctx.save_for_backward(target, both, either)
        return (1 - both / either).mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        target, both, either = ctx.saved_tensors
        share = outer[0] / len(target)
        beside = (share * both / either**2).unsqueeze(1)
        within = (share / either).unsqueeze(1)
        return torch.addcmul(beside, target, -(beside + within)), None
