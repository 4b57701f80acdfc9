"""Which updates a step takes, at which learning rates: the paper's order inside the run's phases.

A run has up to three phases: a warm start (a plain VAE), the adversarial phase of the paper (critic
and encoders at every batch, generator every 5th), and at the end the image encoder alone.
"""

from __future__ import annotations

import math

from shapelab.core.runs.run_config import RunConfig

MATRICES = "_matrices"  # ends the names of the optimisers of a network's matrices
RISE = 200  # first steps of the image encoder, with a lower learning rate: Adam's are too bold


def in_image_phase(config: RunConfig, step: int) -> bool:
    """Whether the generator and the voxel encoder are frozen by now."""
    return step >= config.main_steps


def learns_pictures(config: RunConfig, step: int, pictures: bool) -> bool:
    """Whether the image encoder is worth looking at: it learns from the start, or does by now.

    ``pictures`` says whether the store has any.
    """
    by_now = config.image_steps > 0 and step > config.main_steps
    return pictures and (bool(config.image_every) or by_now)


def updates(config: RunConfig, step: int, pictures: bool) -> list[str]:
    """Names of the updates of a step, in order; ``pictures`` says whether the store has any."""
    if in_image_phase(config, step):
        return ["distil"]
    adversarial = step >= config.warm_start
    names = ["critic"] if adversarial else []
    names.append("encoder")
    if pictures and config.image_every and step % config.image_every == 0:
        names.append("image")
    if adversarial and step % config.generator_every == 0:
        names.append("generator")
    return names


def _cosine(done: float, final: float) -> float:
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def learning_rates(config: RunConfig, step: int) -> dict[str, float]:
    """By optimiser: a cosine to ``final_learning_rate`` over the main and the image phase.

    The critic keeps its own: it must follow the generator to the end.
    """
    late = in_image_phase(config, step)
    start, length = (config.main_steps, config.image_steps) if late else (0, config.main_steps)
    factor = _cosine((step - start) / length, config.final_learning_rate)
    rise = min(1.0, (step - start + 1) / RISE) if config.image_loss == "distil" else 1.0
    muon = config.muon_learning_rate * factor
    return {
        "generator": config.learning_rate * factor,
        "generator" + MATRICES: muon,
        "voxel_encoder" + MATRICES: muon,
        "adversarial": min(config.learning_rate * factor, config.adversarial_learning_rate),
        "voxel_encoder": config.learning_rate * factor,
        "image_encoder": config.image_learning_rate * factor * rise,
        "critic": config.critic_learning_rate,
    }


def kl_weight(config: RunConfig, step: int) -> float:
    """Rises linearly from 0 to 1 over the first ``kl_warm_up`` share of the main phase."""
    ramp = config.kl_warm_up * config.main_steps
    return min(1.0, step / ramp) if ramp else 1.0
