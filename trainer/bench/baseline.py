"""The plain port that the benchmark compares with: 3D-IWGAN's released networks and losses.

Written as one would from the released TensorFlow code (EdwardSmith1884/3D-IWGAN 56d2154) and the
paper, with nothing but stock PyTorch: contiguous NCDHW, one critic pass each for real grids,
generated grids and the penalty's points, the penalty by double backward, three plain Adams. It does
the same mathematics as updates.steps, and each update differentiates only towards the weights it
changes, as TensorFlow's ``minimize(var_list=...)`` does; so the ratio compares like with like.
Parameters bear the same names as in core.model.networks, so either loads the other's weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Adam

from shapelab.core.runs.run_config import RunConfig

from ..data.batches.batches import Batch


class Generator(nn.Module):
    """Latent [B, 200] -> logits [B, 1, 32, 32, 32]: dense to 2^3 x 256, four doublings."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.dense = nn.Linear(latent, width * 8, bias=False)
        self.dense_norm = nn.BatchNorm1d(width * 8)
        layers: list[nn.Module] = []
        for inputs in (width, width // 2, width // 4):
            layers += [
                nn.ConvTranspose3d(inputs, inputs // 2, 4, 2, 1, bias=False),
                nn.BatchNorm3d(inputs // 2),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers)
        self.head = nn.ConvTranspose3d(width // 8, 1, 4, 2, 1)

    def forward(self, z: Tensor) -> Tensor:
        h = functional.relu(self.dense_norm(self.dense(z)))
        return self.head(self.body(h.view(-1, self.width, 2, 2, 2)))


class Critic(nn.Module):
    """Grid [B, 1, 32, 32, 32] -> score [B]: four convolutions 4^3, LeakyReLU 0.2, no norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [1, width, 2 * width, 4 * width, 8 * width]
        self.convs = nn.ModuleList(nn.Conv3d(widths[i], widths[i + 1], 4, 2, 1) for i in range(4))
        self.dense = nn.Linear(widths[-1] * 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = functional.leaky_relu(conv(x), 0.2)
        return self.dense(x.flatten(1)).squeeze(1)


class VoxelEncoder(nn.Module):
    """Grid [B, 1, 32, 32, 32] -> means and log-variances [B, 200]: a critic with norms."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        widths = [1, width, 2 * width, 4 * width, 8 * width]
        layers: list[nn.Module] = []
        for i in range(4):
            layers.append(nn.Conv3d(widths[i], widths[i + 1], 4, 2, 1))
            if i:
                layers.append(nn.BatchNorm3d(widths[i + 1]))
            layers.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*layers)
        self.heads = nn.Linear(widths[-1] * 8, 2 * latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.heads(self.body(x).flatten(1)).chunk(2, dim=1)
        return mean, log_variance


@dataclass
class Baseline:
    """The three networks and their optimisers."""

    config: RunConfig
    generator: Generator
    critic: Critic
    encoder: VoxelEncoder
    optimisers: dict[str, Adam]


def new_baseline(
    config: RunConfig, weights: dict[str, dict[str, Tensor]], dtype: torch.dtype = torch.float32
) -> Baseline:
    """The port with given weights: state dicts of "generator", "critic" and "voxel_encoder"."""
    spec = config.model
    generator = Generator(spec.latent_size, spec.generator_width).to(dtype)
    critic = Critic(spec.critic_width).to(dtype)
    encoder = VoxelEncoder(spec.latent_size, spec.encoder_width).to(dtype)
    networks = {"generator": generator, "critic": critic, "voxel_encoder": encoder}
    for name, network in networks.items():
        network.load_state_dict(weights[name])
    optimisers = {
        "generator": Adam(generator.parameters(), config.adversarial_learning_rate, config.betas),
        "critic": Adam(critic.parameters(), config.critic_learning_rate, config.critic_betas),
        "voxel_encoder": Adam(encoder.parameters(), config.learning_rate, config.betas),
    }
    return Baseline(config, generator, critic, encoder, optimisers)


def generate(port: Baseline, batch: Batch) -> Tensor:
    """Logits of x^: from the prior in even rows, from encoded shapes in odd ones."""
    z = batch.prior.clone()
    with torch.no_grad():
        mean, log_variance = port.encoder(batch.grids[1::2])
        z[1::2] = mean + torch.exp(log_variance / 2) * batch.noise[1::2]
    return port.generator(z)


def critic_step(port: Baseline, batch: Batch) -> Tensor:
    """L_D = E[D(x^)] - E[D(x)] + lambda E[(||grad D(x-)|| - 1)^2], the norm per sample."""
    with torch.no_grad():
        fake = torch.sigmoid(generate(port, batch))
    points = (batch.grids + batch.mix * (fake - batch.grids)).requires_grad_(True)
    (gradient,) = torch.autograd.grad(port.critic(points).sum(), points, create_graph=True)
    norms = torch.sqrt(gradient.flatten(1).square().sum(1) + 1e-12)
    distance = port.critic(fake).mean() - port.critic(batch.grids).mean()
    return _update(
        port,
        "critic",
        port.critic,
        distance + port.config.penalty_weight * ((norms - 1) ** 2).mean(),
    )


def encoder_step(port: Baseline, batch: Batch) -> Tensor:
    """L_E = KL(N(mu, sigma^2) || N(0, I)) + delta recon(x, G(z))."""
    mean, log_variance = port.encoder(batch.grids)
    z = mean + torch.exp(log_variance / 2) * batch.noise
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    recon = _reconstruction(port.generator(z), batch.grids)
    return _update(port, "voxel_encoder", port.encoder, kl + port.config.delta * recon)


def generator_step(port: Baseline, batch: Batch) -> Tensor:
    """L_G = -E[D(x^)] + delta recon(x, x^), the latter on x^ from encoded shapes."""
    logits = generate(port, batch)
    adversarial = -port.critic(torch.sigmoid(logits)).mean()
    recon = _reconstruction(logits[1::2], batch.grids[1::2])
    loss = port.config.adversarial * adversarial + port.config.delta * recon
    return _update(port, "generator", port.generator, loss)


def _reconstruction(logits: Tensor, grids: Tensor) -> Tensor:
    return ((grids - torch.sigmoid(logits)) ** 2).mean() / 2


def _update(port: Baseline, name: str, network: nn.Module, loss: Tensor) -> Tensor:
    optimiser = port.optimisers[name]
    optimiser.zero_grad()
    loss.backward(inputs=list(network.parameters()))
    optimiser.step()
    return loss.detach()
