"""The updates of Smith & Meger 2017, one function each, to be read beside the paper.

At every batch: ``critic_step`` and ``encoder_step``; at every 5th: ``generator_step``. A warm start
takes only ``encoder_step`` with the generator learning along, which is a plain VAE.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer import losses
from trainer.batches import Batch
from trainer.state import TrainState

Metrics = dict[str, Tensor]
Posterior = tuple[Tensor, Tensor]  # means and log-variances, each [B, L]


def _fake_latents(state: TrainState, batch: Batch) -> Tensor:
    """Latents of x^: the first half from the prior, the second from encoded shapes, [B, L]."""
    half = len(batch.prior) // 2
    with torch.no_grad():
        mean, log_variance = state.voxel_encoder(batch.grids[half:])
        encoded = losses.sample_posterior(mean, log_variance, batch.noise[half:])
    return torch.cat([batch.prior[:half], encoded])


def critic_step(state: TrainState, batch: Batch) -> Metrics:
    """L_D = E[D(x^)] - E[D(x)] + lambda GP, on x^ from the prior and from encoded shapes."""
    with torch.no_grad():
        fake = torch.sigmoid(state.generator(_fake_latents(state, batch)))
    optimiser = state.optimisers["critic"]
    optimiser.zero_grad(set_to_none=True)
    loss, distance, norms = state.critic_loss(batch.grids, fake, batch.mix)
    loss.backward()
    optimiser.step()
    return {"critic": loss.detach(), "wasserstein": distance, "gradient_norm": norms.mean()}


def encoder_step(state: TrainState, batch: Batch, kl_weight: float) -> Metrics:
    """L_E = KL + delta recon. The generator learns the same recon where the preset says so."""
    config = state.config
    learns = config.reconstruct_every_batch or state.step < config.warm_start
    state.generator.requires_grad_(learns)
    names = ["voxel_encoder", "generator"] if learns else ["voxel_encoder"]
    for name in names:
        state.optimisers[name].zero_grad(set_to_none=True)
    mean, log_variance = state.voxel_encoder(batch.grids)
    z = losses.sample_posterior(mean, log_variance, batch.noise)
    recon = losses.reconstruction(
        state.generator(z), batch.grids, config.reconstruction, config.positive_weight
    )
    kl = losses.kl_divergence(mean, log_variance, config.free_bits)
    (kl_weight * kl + config.delta * recon).backward()
    for name in names:
        state.optimisers[name].step()
    state.generator.requires_grad_(True)
    return {"kl": kl.detach() * mean.shape[1], "reconstruction": recon.detach()}


def generator_step(state: TrainState, batch: Batch) -> Metrics:
    """L_G = -E[D(x^)] + delta recon, x^ from the prior and from encoded shapes."""
    config = state.config
    optimiser = state.optimisers["generator"]
    rate = optimiser.param_groups[0]["lr"]
    optimiser.param_groups[0]["lr"] = min(rate, config.adversarial_rate)
    optimiser.zero_grad(set_to_none=True)
    half = len(batch.prior) // 2
    logits = state.generator(_fake_latents(state, batch))
    state.critic.requires_grad_(False)
    adversarial = losses.adversarial(state.critic(torch.sigmoid(logits)))
    state.critic.requires_grad_(True)
    recon = losses.reconstruction(
        logits[half:], batch.grids[half:], config.reconstruction, config.positive_weight
    )
    (config.adversarial * adversarial + config.delta * recon).backward()
    optimiser.step()
    optimiser.param_groups[0]["lr"] = rate
    return {"generator": adversarial.detach()}


def image_step(state: TrainState, batch: Batch, teacher: Posterior | None = None) -> Metrics:
    """Teaches the image encoder the voxel encoder's posterior, and what it decodes to.

    Args:
        state: the run.
        batch: with pictures.
        teacher: the frozen averaged encoder's means and log-variances [B, L] of the batch, when
            the image encoder learns alone; it then also learns the reconstruction through the
            averaged generator, on half of the batch since decoding is the larger cost. Without,
            the voxel encoder of this moment teaches its posterior.
    """
    if batch.pictures is None:
        return {}
    config = state.config
    if teacher is None:
        with torch.no_grad():
            target_mean, target_log_variance = state.voxel_encoder(batch.grids)
    else:
        target_mean, target_log_variance = teacher
    optimiser = state.optimisers["image_encoder"]
    optimiser.zero_grad(set_to_none=True)
    mean, log_variance = state.image_encoder(batch.pictures)
    loss = losses.kl_between(target_mean, target_log_variance, mean, log_variance)
    metrics = {"image_kl": loss.detach()}
    if teacher is not None:
        half = len(mean) // 2
        recon = losses.reconstruction(
            state.averages["generator"](mean[:half]),
            batch.grids[:half],
            config.reconstruction,
            config.positive_weight,
        )
        loss = loss + config.image_weight * config.delta * recon
        metrics["image_reconstruction"] = recon.detach()
    loss.backward()
    optimiser.step()
    return metrics
