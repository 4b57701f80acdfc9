"""What a run will ask of the machine: its parameters, its memory and its time, before it starts.

Everything is counted layer by layer from the settings, without torch. The constants are measured:
``tests/core/runs/test_estimate.py`` shows what is exact; memory and time are rough.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from shapelab.core.model.camera import GUESS
from shapelab.core.model.spec import LITE0_LAST, LITE0_STAGES, LITE0_STEM, ModelSpec
from shapelab.core.runs.run_config import RunConfig

MEGA = 1024**2
BYTES = 4  # of a float32
BASE_MB = 420  # torch, numpy and the interpreter
KEPT = 2.5  # copies of an activation between a forward and its backward pass
SPARE = 1.25  # what allocators keep over what is asked
PASSES = 3  # forward, gradient of the inputs, gradient of the weights
CRITIC_PASSES = 10  # of the critic's update: see trainer/bench/training_bench.py
EFFICIENCY = 0.45  # of a training step, against the rate of a large matrix product
MATRIX = 768  # side of the product that the machine is measured by


@dataclass(frozen=True)
class Layer:
    """A dense layer, or a convolution on so many cells; ``taps`` weights for each pair."""

    inputs: int
    outputs: int
    taps: int = 1
    cells: int = 1  # where the products are summed: a transposed convolution's coarse side
    kept: int = 1  # cells of the output
    extra: int = 0  # parameters beside the weights: biases, norms

    @property
    def parameters(self) -> int:
        return self.inputs * self.outputs * self.taps + self.extra

    @property
    def flops(self) -> int:
        """Of one sample forward; a multiply and an add count two."""
        return 2 * self.inputs * self.outputs * self.taps * self.cells


def generator_layers(spec: ModelSpec) -> list[Layer]:
    """As ``networks.Generator`` builds them."""
    width = spec.generator_width
    if spec.decoder == "planes":
        return list(_plane_layers(spec))
    layers = [Layer(spec.latent_size, 8 * width, kept=1, extra=16 * width)]
    for i in range(spec.doublings - 1):
        side = 2 << i
        half = width // 2
        layers.append(Layer(width, half, 64, side**3, (2 * side) ** 3, extra=2 * half))
        width, side = half, 2 * side
        if side in spec.residual_sides:
            layers += 2 * [Layer(width, width, 27, side**3, side**3, extra=2 * width)]
    side, channels = 2**spec.doublings, spec.cell_channels
    return [*layers, Layer(width, channels, 64, side**3, (2 * side) ** 3, extra=channels)]


def _plane_layers(spec: ModelSpec) -> Iterator[Layer]:
    """As ``plane_decoder.PlaneDecoder`` builds them; each plane's layers stand for all three."""
    widths, features, side = spec.plane_widths, spec.plane_features, spec.network_side
    first = 3 * 16 * widths[0]
    yield Layer(spec.latent_size, first, extra=2 * first)
    for i, (a, b) in enumerate(pairwise(widths)):
        cells = (4 << i) ** 2
        yield from 3 * [Layer(a, b, 16, cells, 4 * cells, extra=2 * b)]
    yield from 3 * [Layer(widths[-1], features, 9, side**2, side**2, extra=features)]
    yield Layer(features, features, 1, side**3, 2 * side**3, extra=features)
    yield Layer(features, spec.cell_channels, 1, side**3, side**3, extra=spec.cell_channels)


def _down(spec: ModelSpec, first: int, norms: bool) -> Iterator[Layer]:
    widths = [spec.cell_channels] + [first * 2**i for i in range(spec.doublings)]
    for i, (a, b) in enumerate(pairwise(widths)):
        cells = (2 ** (spec.doublings - i)) ** 3
        yield Layer(a, b, 64, cells, cells, extra=b + (2 * b if norms and i else 0))


def critic_layers(spec: ModelSpec) -> list[Layer]:
    """As ``networks.Critic`` builds them."""
    convolutions = list(_down(spec, spec.critic_width, norms=False))
    return [*convolutions, Layer(8 * convolutions[-1].outputs, 1, extra=1)]


def voxel_encoder_layers(spec: ModelSpec) -> list[Layer]:
    """As ``networks.VoxelEncoder`` builds them."""
    convolutions = list(_down(spec, spec.encoder_width, norms=True))
    heads = 2 * spec.latent_size
    return [*convolutions, Layer(8 * convolutions[-1].outputs, heads, extra=heads)]


def image_encoder_layers(spec: ModelSpec) -> list[Layer]:
    """As ``networks.ImageEncoder`` builds them."""
    heads = 2 * spec.latent_size + GUESS * spec.camera
    layers, channels, side = [], spec.image_channels, spec.image_size
    if spec.has_backbone:
        heads += len(spec.classes) + 1
        features = LITE0_LAST * (-(-side // 32)) ** 2
        return [*_lite0(channels, side), Layer(features, heads, extra=heads)]
    for i, (width, kernel, stride) in enumerate(spec.image_convs):
        side = -(-side // stride)
        extra = width + (2 * width if i else 0)
        layers.append(Layer(channels, width, kernel**2, side**2, side**2, extra=extra))
        channels = width
    return [*layers, Layer(channels * side**2, heads, extra=heads)]


def _lite0(channels: int, side: int) -> Iterator[Layer]:
    """As ``lite0.Lite0`` builds them; a depthwise layer has one input for each output."""

    def layer(inputs: int, outputs: int, taps: int = 1) -> Layer:
        return Layer(inputs, outputs, taps, side**2, side**2, extra=2 * outputs)

    side = -(-side // 2)
    yield layer(channels, LITE0_STEM, 9)
    width = LITE0_STEM
    for count, kernel, stride, expand, outputs in LITE0_STAGES:
        for i in range(count):
            wide = width * expand
            if expand > 1:
                yield layer(width, wide)
            side = side if i else -(-side // stride)
            yield layer(1, wide, kernel**2)
            yield layer(wide, outputs)
            width = outputs
    yield layer(width, LITE0_LAST)


def _parameters(layers: list[Layer]) -> int:
    return sum(layer.parameters for layer in layers)


def _flops(layers: list[Layer]) -> int:
    return sum(layer.flops for layer in layers)


def _activations(layers: list[Layer]) -> int:
    return sum(layer.outputs * layer.kept for layer in layers)


@dataclass(frozen=True)
class Estimate:
    """What a run will need; memory and time are rough."""

    parameters: int  # of the four networks
    memory_mb: float
    flops: float  # of the whole run

    def seconds(self, rate: float) -> float:
        """Time for the whole run on a machine of so many FLOP/s (see ``machine_rate``)."""
        return self.flops / (EFFICIENCY * rate)


def estimate(config: RunConfig, pictures: bool = True) -> Estimate:
    """Counts a run.

    Args:
        config: its settings.
        pictures: whether the store has any, for the image encoder.
    """
    spec, batch = config.model, config.batch_size
    generator, critic = generator_layers(spec), critic_layers(spec)
    voxels, images = voxel_encoder_layers(spec), image_encoder_layers(spec)
    averaged = [*generator, *voxels, *images]
    # Weights, gradients and Adam's two moments; a second copy of what is averaged.
    weights = 4 * _parameters([*averaged, *critic]) + _parameters(averaged)
    together = (
        batch * _activations([*generator, *voxels]),  # the encoder's update
        max(batch, config.image_batch) * _activations(images),
        batch * (_activations(generator) + 3 * _activations(critic)),  # real, generated, between
    )
    memory = BYTES * (weights + KEPT * max(together)) * SPARE / MEGA + BASE_MB
    adversarial = config.main_steps - min(config.warm_start, config.main_steps)
    g, c, v, i = (_flops(layers) for layers in (generator, critic, voxels, images))
    encoder = PASSES * (v + g)
    work: float = config.main_steps * encoder
    if pictures and config.image_every:
        image = PASSES * (i + (0 if config.image_loss == "distil" else g))
        work += config.main_steps // config.image_every * image
    work += adversarial * (CRITIC_PASSES * c + g + v)
    work += adversarial / config.generator_every * (PASSES * g + 2 * c + v)
    if config.image_steps:
        weighted = 2 * g if config.image_weight else 0
        share = config.image_batch / batch
        work += config.image_steps * share * (PASSES * i + v + weighted)
    return Estimate(_parameters([*averaged, *critic]), memory, work * batch)


def machine_rate() -> float:
    """FLOP/s of a matrix product here and now; takes about a tenth of a second."""
    matrix = np.ones((MATRIX, MATRIX), np.float32)
    best = float("inf")
    for _ in range(12):
        start = time.perf_counter()
        matrix @ matrix
        best = min(best, time.perf_counter() - start)
    return 2 * MATRIX**3 / best
