"""The updates of Smith & Meger 2017, one function each, to be read beside the paper.

At every batch: ``critic_step``, ``encoder_step`` and ``image_step``; at every 5th:
``generator_step``. A warm start takes only the encoders' with the generator learning along, which
is a plain VAE. x^ comes from the prior in even rows of a batch and from an encoded shape or picture
in odd rows; ``critic_sees = "prior"`` keeps the critic from seeing the latter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import parametrize

from shapelab.core.model.networks import Guesses
from shapelab.core.runs.run_config import RunConfig

from ..data.batches.batches import Batch
from . import losses
from .code_targets import CodeTargets
from .optimise import Metrics, full_float32, update
from .schedule import kl_weight
from .state import ADVERSARIAL, TrainState

STEEP = 3.0  # logits a voxel where a signed distance is read as solid or empty
CAMERA_WEIGHT = 0.5  # beside the error of the latent, whose numbers have deviation 1 as well
CLASS_WEIGHT = 0.1  # of a cross entropy that begins at log 19 = 2.9

Heads = tuple[Tensor, Tensor]  # an encoder's two outputs, each [B, L]


def _sample(config: RunConfig, heads: Heads, noise: Tensor) -> Tensor:
    draw = losses.released_sample if config.vae == "released" else losses.sample_posterior
    return draw(*heads, noise)


def _kl(state: TrainState, heads: Heads) -> Tensor:
    if state.config.vae == "released":
        return losses.released_kl(*heads)
    return losses.kl_divergence(*heads, state.config.free_bits, state.processes.mean)


def _slabs(state: TrainState) -> Tensor | None:
    """The slabs across x [S] that the encoder's update of this step decodes; None for all."""
    config = state.config
    if config.slabs == 1:
        return None
    count = config.model.network_side
    rng = np.random.default_rng([config.seed, 6, state.step, state.rollbacks])
    chosen = rng.choice(count, max(1, round(config.slabs * count)), replace=False)
    return torch.from_numpy(np.sort(chosen)).to(state.processes.device)


def _in_slabs(config: RunConfig, grids: Tensor, slabs: Tensor | None) -> Tensor:
    """What of grids [B, 1, R, R, R] lies in the slabs, [B, 1, S * R / N, R, R] for S of N."""
    if slabs is None:
        return grids
    count = config.model.network_side
    return grids.unflatten(2, (count, -1))[:, :, slabs].flatten(2, 3)


def _reconstruction(
    config: RunConfig,
    logits: Tensor,
    batch: Batch,
    every: int = 1,
    slabs: Tensor | None = None,
) -> Tensor:
    """The reconstruction's loss of a batch's rows, or of the odd ones (``every`` is 2)."""
    rows = slice(every - 1, None, every)
    whole, kind, weight = batch.targets[rows], config.reconstruction, config.positive_weight
    target = _in_slabs(config, whole, slabs)
    logits = logits.to(target.dtype)
    if config.model.field == "occupancy":
        error = losses.reconstruction(logits, target, kind, weight)
    else:
        extra: Tensor | float = 0.0
        if config.thin_weight:  # of the whole grid: slabs have other neighbours
            thin = losses.thin_parts((whole > 0.5).to(whole))
            extra = config.thin_weight * _in_slabs(config, thin, slabs)
        error = losses.distance_reconstruction(
            logits, target, batch.measured[rows], kind, weight, extra
        )
        if config.slopes:
            slopes = losses.slopes_loss(logits, target, batch.measured[rows])
            error = error + config.slopes * slopes
    if config.overlap or config.centre_lines:
        solid, wanted = _solid(config, logits), (target > 0.5).to(target)
        if config.overlap:
            error = error + config.overlap * losses.soft_iou_loss(solid, wanted)
        if config.centre_lines:
            error = error + config.centre_lines * losses.centre_line_loss(solid, wanted)
    return error


def _solid(config: RunConfig, logits: Tensor) -> Tensor:
    """How likely cells are solid; of signed distances, with a step a third of a voxel wide."""
    return torch.sigmoid(logits if config.model.field == "occupancy" else STEEP * logits)


def _camera(micro_batch: Batch, guess: Tensor | None, metrics: Metrics) -> Tensor | float:
    """The weighted error of the cameras, noted in ``metrics``; 0 without such a head."""
    if guess is None or micro_batch.cameras is None:
        return 0.0
    error = losses.camera(guess.to(micro_batch.cameras.dtype), micro_batch.cameras)
    metrics["camera_error"] = error.detach()
    return CAMERA_WEIGHT * error


@torch.no_grad()
def _prior(state: TrainState, batch: Batch) -> Tensor:
    """Latents of the prior [B, L]: N(0, I), or blends of codes (after ACAI, Berthelot et al. 2018).

    What is blended are the codes of two shapes of a class; the critic so learns of halfway points.
    """
    if batch.partners is None:
        return batch.prior
    own = _sample(state.config, state.voxel_encoder(batch.grids), batch.noise)
    other = _sample(state.config, state.voxel_encoder(batch.partners), batch.image_noise)
    return torch.lerp(own, other, batch.blend).to(batch.prior)


def _classes(micro_batch: Batch, guess: Tensor | None, metrics: Metrics) -> Tensor | float:
    """The weighted error of the classes, noted in ``metrics``; 0 without such a head."""
    if guess is None or micro_batch.labels is None:
        return 0.0
    error = losses.classes(guess, micro_batch.labels)
    metrics["class_error"] = error.detach()
    return CLASS_WEIGHT * error


def _told(micro_batch: Batch, seen: Guesses, target: Heads) -> Heads:
    """The posterior that an image encoder guesses; where there is no object, that of the target.

    So an empty picture teaches nothing but that it is empty, and means are over whole batches.
    """
    heads = seen.mean, seen.log_variance
    if seen.classes is None or micro_batch.labels is None:
        return heads
    shown = (micro_batch.labels < seen.classes.shape[1] - 1)[:, None]
    mean, log_variance = (
        torch.where(shown, own.to(other), other) for own, other in zip(heads, target, strict=True)
    )
    return mean, log_variance


@torch.no_grad()
def _fake_latents(state: TrainState, batch: Batch) -> Tensor:
    """Latents of x^ [B, L]: of the prior in even rows, from encoded voxels in odd ones.

    Where the image encoder learns to reconstruct, as in the paper, every second of those comes from
    an encoded picture.
    """
    z = _prior(state, batch).clone()
    paper = state.config.image_loss == "vae" and batch.pictures is not None and len(batch) > 3
    rows = slice(1, None, 4 if paper else 2)
    z[rows] = _sample(state.config, state.voxel_encoder(batch.grids[rows]), batch.noise[rows]).to(z)
    if paper:
        assert batch.pictures is not None
        rows = slice(3, None, 4)
        heads = state.image_encoder(batch.pictures[rows])
        z[rows] = _sample(state.config, heads, batch.image_noise[rows]).to(z)
    return z


def shifted(grids: Tensor, by: Tensor) -> Tensor:
    """Grids moved by whole voxels for the critic (DiffAugment: Zhao et al. 2020), differentiably.

    What leaves is lost, what enters is empty.

    Args:
        grids: [B, 1, R, R, R].
        by: [B, 3] whole numbers, along x, y and z.
    """
    reach = int(by.abs().max())
    if reach == 0:
        return grids
    side = grids.shape[-1]
    wide = functional.pad(grids, (reach,) * 6)
    starts = (reach - by).tolist()
    moved = [
        one[:, x : x + side, y : y + side, z : z + side]
        for one, (x, y, z) in zip(wide, starts, strict=True)
    ]
    return torch.stack(moved)


def critic_step(state: TrainState, batch: Batch) -> Metrics:
    """L_D = E[D(x^)] - E[D(x)] + lambda GP; the penalty is always computed in float32."""

    def loss(micro_batch: Batch) -> tuple[Tensor, Metrics]:
        with torch.no_grad(), state.autocast():
            blind = state.config.critic_sees == "prior"
            latents = (_prior if blind else _fake_latents)(state, micro_batch)
            fake = torch.sigmoid(state.generator(latents))
        real = shifted(micro_batch.targets, micro_batch.shifts[:, 0])
        fake = shifted(fake.to(real.dtype), micro_batch.shifts[:, 1])
        with parametrize.cached():  # one spectral norm for all passes of a loss
            return state.critic_loss(real, fake, micro_batch.mix)

    with full_float32():
        return update(state, ("critic",), batch, loss)


def encoder_step(state: TrainState, batch: Batch) -> Metrics:
    """L_E = KL + delta recon. The generator learns the same recon where the preset says so."""
    config = state.config
    learns = config.reconstruct_every_batch or state.step < config.warm_start
    weight = config.delta if config.delta_in_encoder else 1.0
    fade = kl_weight(config, state.step)
    slabs = _slabs(state)

    def loss(micro_batch: Batch) -> tuple[Tensor, Metrics]:
        with state.autocast():
            heads = state.voxel_encoder(micro_batch.grids)
            logits = state.generator(_sample(config, heads, micro_batch.noise), slabs)
        recon = _reconstruction(config, logits, micro_batch, slabs=slabs)
        kl = _kl(state, heads)
        metrics = {"kl": kl.detach() * micro_batch.prior.shape[1], "reconstruction": recon.detach()}
        return fade * kl + weight * recon, metrics

    names = ("voxel_encoder", "generator") if learns else ("voxel_encoder",)
    return update(state, names, batch, loss)


def image_step(state: TrainState, batch: Batch) -> Metrics:
    """The image encoder's own L_E, or what the voxel encoder of this moment says of the shape."""
    config = state.config
    weight = config.delta if config.delta_in_encoder else 1.0
    fade = kl_weight(config, state.step)

    def own(micro_batch: Batch) -> tuple[Tensor, Metrics]:
        assert micro_batch.pictures is not None
        with state.autocast():
            seen = state.image_encoder.guesses(micro_batch.pictures)
            heads = seen.mean, seen.log_variance
            logits = state.generator(_sample(config, heads, micro_batch.image_noise))
        recon, kl = _reconstruction(config, logits, micro_batch), _kl(state, heads)
        metrics = {
            "image_kl": kl.detach() * micro_batch.prior.shape[1],
            "image_reconstruction": recon.detach(),
        }
        error = fade * kl + weight * recon + _camera(micro_batch, seen.camera, metrics)
        return error + _classes(micro_batch, seen.classes, metrics), metrics

    def told(micro_batch: Batch) -> tuple[Tensor, Metrics]:
        assert micro_batch.pictures is not None
        with state.autocast():
            with torch.no_grad():
                target = state.voxel_encoder(micro_batch.grids)
            seen = state.image_encoder.guesses(micro_batch.pictures)
            error = losses.distillation(*_told(micro_batch, seen, target), *target)
        metrics = {"image_error": error.detach()}
        error = error + _camera(micro_batch, seen.camera, metrics)
        return error + _classes(micro_batch, seen.classes, metrics), metrics

    return update(state, ("image_encoder",), batch, own if config.image_loss == "vae" else told)


def distil_step(state: TrainState, batch: Batch, targets: CodeTargets) -> Metrics:
    """The image encoder alone: codes of the frozen voxel encoder, and what they decode to.

    Every second row is decoded, through the averaged generator, since decoding is the larger cost;
    the same ones however the batch is shared out.
    """
    config = state.config

    def loss(micro_batch: Batch) -> tuple[Tensor, Metrics]:
        assert micro_batch.pictures is not None
        with state.autocast():
            known = targets.posterior(state, micro_batch)
            seen = state.image_encoder.guesses(micro_batch.pictures)
            mean, log_variance = _told(micro_batch, seen, known)
            error = losses.distillation(mean, log_variance, *known)
            logits = state.averages["generator"](mean[::2])
        target = micro_batch.targets[::2]
        solid = _solid(config, logits.to(target.dtype))
        overlap = losses.soft_iou_loss(solid, (target > 0.5).to(target))
        metrics = {"image_error": error.detach(), "image_overlap": 1 - overlap.detach()}
        error = error + _camera(micro_batch, seen.camera, metrics)
        error = error + _classes(micro_batch, seen.classes, metrics)
        return error + config.image_weight * overlap, metrics

    return update(state, ("image_encoder",), batch, loss)


def generator_step(state: TrainState, batch: Batch) -> Metrics:
    """L_G = -E[D(x^)] + delta recon, x^ from the prior and from encoded shapes.

    Both terms' gradients at the generator's output are taken apart first: their ratio tells how
    delta must be tuned, and costs nothing.
    """
    config = state.config

    def loss(micro_batch: Batch) -> tuple[Tensor, Metrics]:
        with state.autocast():
            logits = state.generator(_fake_latents(state, micro_batch))
        output = logits.detach().to(micro_batch.grids.dtype).requires_grad_(True)
        seen = slice(0, None, 2 if config.critic_sees == "prior" else 1)
        fake = shifted(torch.sigmoid(output[seen]), micro_batch.shifts[seen, 1])
        with parametrize.cached():
            scores = state.critic(fake)
            if config.loss == "r3":
                grids = shifted(micro_batch.targets[seen], micro_batch.shifts[seen, 0])
                with torch.no_grad():
                    real = state.critic(grids)
                adversarial = losses.relativistic(scores, real)
            else:
                adversarial = losses.adversarial(scores)
        recon = _reconstruction(config, output[1::2], micro_batch, every=2)
        (pull,) = torch.autograd.grad(config.adversarial * adversarial, output)
        (hold,) = torch.autograd.grad(config.delta * recon, output)
        metrics = {
            "generator": adversarial.detach(),
            "gradient_ratio": hold.norm() / pull.norm().clamp_min(1e-20),
        }
        return (logits * (pull + hold).to(logits)).sum(), metrics  # has exactly that gradient

    # An Adam of its own: the momentum of the critic's pull must not come back in the updates of the
    # reconstruction, at their higher learning rate.
    return update(state, ("generator",), batch, loss, optimisers=(ADVERSARIAL,))


STEPS: dict[str, Callable[[TrainState, Batch], Metrics]] = {
    "critic": critic_step,
    "encoder": encoder_step,
    "image": image_step,
    "generator": generator_step,
}
