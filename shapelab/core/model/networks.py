"""The four networks of Smith & Meger 2017, built from a ModelSpec.

Sizes follow the authors' released code (3D-IWGAN) where the spec has its default widths. Grids are
[B, 1, X, Y, Z]; the generator gives logits, whose sigmoid is the occupancy.

Where the spec's field is the signed distance d of a cell's middle, in cells and negative inside,
the logit is -d. So both fields are read alike: the surface is where the sigmoid is 0.5, and about
there the sigmoid is so straight, 0.5 - d / 4, that it is found where d is 0.
"""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from shapelab.core.model.camera import GUESS
from shapelab.core.model.convolutions import Convolution, TransposedConvolution
from shapelab.core.model.lite0 import Lite0, same_padding
from shapelab.core.model.patch_convolution import MOST_PIXELS, PatchConv2d
from shapelab.core.model.plane_decoder import PLANES, SIDE, PlaneDecoder
from shapelab.core.model.spec import ModelSpec

LEAK = 0.2  # slope of every LeakyReLU in the released code
INITIAL_STD = 0.02  # released: weights N(0, 0.02), batch-norm scale N(1, 0.02)


def initialise(module: nn.Module) -> None:
    """Draws the released code's initial weights for one layer; use with ``Module.apply``."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d):
        nn.init.normal_(module.weight, 0.0, INITIAL_STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
        nn.init.normal_(module.weight, 1.0, INITIAL_STD)
        nn.init.zeros_(module.bias)


def initialise_he(module: nn.Module) -> None:
    """Draws one layer's weights by fan-in (He et al. 2015); use with ``Module.apply``.

    Where batch normalisation makes a layer's scale free, its rate of change is the learning rate
    over the weights' size: with 0.02 the image encoder is too restless at a rate of 1e-3.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, LEAK)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def parted(grid: Tensor) -> Tensor:
    """Takes 2^3 cells for 8 channels: [B, 1, 2N, 2N, 2N] -> [B, 8, N, N, N], channels last."""
    b, n = len(grid), grid.shape[2] // 2
    cells = grid.reshape(b, n, 2, n, 2, n, 2).permute(0, 1, 3, 5, 2, 4, 6)
    return cells.reshape(b, n, n, n, 8).permute(0, 4, 1, 2, 3)


def joined(cells: Tensor) -> Tensor:
    """The inverse of ``parted``, a pixel shuffle (Shi et al. 2016) in three dimensions."""
    b, _, x, y, z = cells.shape
    places = cells.permute(0, 2, 3, 4, 1).reshape(b, x, y, z, 2, 2, 2)
    return places.permute(0, 1, 4, 2, 5, 3, 6).reshape(b, 1, 2 * x, 2 * y, 2 * z)


class ResidualBlock(nn.Module):
    """Two convolutions 3^3 beside the identity (He et al. 2016), which it is at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first: nn.Module = nn.Conv3d(width, width, 3, padding=1, bias=False)
        self.first_norm: nn.Module = nn.BatchNorm3d(width)
        self.second: nn.Module = nn.Conv3d(width, width, 3, padding=1, bias=False)
        self.second_norm: nn.Module = nn.BatchNorm3d(width)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(x + self.second_norm(self.second(h)))

    def fold(self) -> None:
        """Makes each batch norm part of its convolution, for good."""
        first, first_norm, second, second_norm = (cast("Any", m) for m in self.children())
        self.first, self.first_norm = fuse_conv_bn_eval(first, first_norm), nn.Identity()
        self.second, self.second_norm = fuse_conv_bn_eval(second, second_norm), nn.Identity()


class Generator(nn.Module):
    """Latent [B, latent_size] -> logits [B, 1, R, R, R]."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        width = spec.generator_width
        self.width = width
        self.sub_cells = spec.sub_cells
        self.has_planes = spec.decoder == "planes"
        first = width * (PLANES * SIDE**2 if self.has_planes else 8)
        self.dense = nn.Linear(spec.latent_size, first, bias=False)
        self.dense_norm: nn.Module = nn.BatchNorm1d(first)
        self.body: nn.Module
        self.head: nn.Module
        if self.has_planes:
            self.body = PlaneDecoder(spec)
            self.head = nn.Linear(spec.plane_features, spec.cell_channels)
            return
        layers: list[nn.Module] = []
        for i in range(spec.doublings - 1):
            layers += [
                TransposedConvolution(width, width // 2, bias=False),
                nn.BatchNorm3d(width // 2),
                nn.ReLU(inplace=True),
            ]
            width //= 2
            if 4 << i in spec.residual_sides:
                layers.append(ResidualBlock(width))
        self.body = nn.Sequential(*layers)
        self.head = TransposedConvolution(width, spec.cell_channels, bias=True)
        self.apply(initialise)
        for layer in layers:
            if isinstance(layer, ResidualBlock):
                nn.init.zeros_(cast("nn.BatchNorm3d", layer.second_norm).weight)

    def first_activation(self, z: Tensor) -> Tensor:
        """The dense layer's output [B, 8 * width], on which principal directions are computed."""
        return self.dense_norm(self.dense(z))

    @property
    def memory_format(self) -> torch.memory_format:
        """The fast layout of its weights."""
        return torch.channels_last if self.has_planes else torch.channels_last_3d

    def forward(self, z: Tensor, slabs: Tensor | None = None) -> Tensor:
        """Logits of the whole grid, or, with planes, of the ``slabs`` of ``PlaneDecoder`` alone."""
        h = torch.relu(self.first_activation(z))
        if self.has_planes:
            logits = self.head(self.body(h, slabs)).movedim(-1, 1)
        else:
            h = h.view(-1, self.width, 2, 2, 2).to(memory_format=torch.channels_last_3d)
            logits = self.head(self.body(h))
        return joined(logits) if self.sub_cells else logits


def folded(generator: Generator) -> Generator:
    """A copy that only decodes, a fifth faster: each batch norm is part of the layer before it."""
    fast = copy.deepcopy(generator).eval().requires_grad_(False)
    first: Any = fast.dense_norm
    fast.dense = fuse_linear_bn_eval(fast.dense, first)
    fast.dense_norm = nn.Identity()
    if isinstance(fast.body, PlaneDecoder):
        fast.body.fold()
    else:
        fast.body = _folded_grids(cast("nn.Sequential", fast.body))
    # The activations' own layout: otherwise every call would reorder the weights.
    return fast.to(memory_format=fast.memory_format)  # type: ignore[call-overload]


def _folded_grids(body: nn.Sequential) -> nn.Sequential:
    layers: list[Any] = []
    for layer in body:
        if isinstance(layer, nn.BatchNorm3d):
            layers[-1] = fuse_conv_bn_eval(layers[-1], layer, transpose=True)
        else:
            if isinstance(layer, ResidualBlock):
                layer.fold()
            layers.append(layer)
    return nn.Sequential(*layers)


def coarse(generator: Generator) -> Generator:
    """A copy for gradients by latents, whose weights stay; of sub-cells it gives the mean logit.

    Half as wide a grid says as much to a silhouette, in half the time.
    """
    plain = copy.deepcopy(generator).eval().requires_grad_(False)
    if plain.sub_cells:
        head, joint = cast("nn.Linear | TransposedConvolution", plain.head), 1 - plain.has_planes
        assert head.bias is not None
        head.weight = nn.Parameter(head.weight.mean(joint, keepdim=True), requires_grad=False)
        head.bias = nn.Parameter(head.bias.mean(0, keepdim=True), requires_grad=False)
        plain.sub_cells = False
    return plain


class Critic(nn.Module):
    """Grid [B, 1, R, R, R] in [0, 1] -> score [B]. No normalisation, as the penalty asks."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        widths = [spec.critic_width * 2**i for i in range(spec.doublings)]
        widths = [spec.cell_channels, *widths]
        self.sub_cells = spec.sub_cells
        self.convs = nn.ModuleList(Convolution(a, b) for a, b in pairwise(widths))
        self.dense = nn.Linear(widths[-1] * 8, 1)
        self.apply(initialise)

    def forward(self, x: Tensor) -> Tensor:
        x = parted(x) if self.sub_cells else x
        for conv in self.convs:
            x = nn.functional.leaky_relu(conv(x), LEAK)
        return self.dense(x.flatten(1)).squeeze(1)


class VoxelEncoder(nn.Module):
    """Grid [B, 1, R, R, R] -> means and log-variances, each [B, latent_size]."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        widths = [spec.encoder_width * 2**i for i in range(spec.doublings)]
        widths = [spec.cell_channels, *widths]
        self.sub_cells = spec.sub_cells
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise(widths)):
            layers.append(Convolution(a, b))
            if i:  # the released encoder normalises all but the first layer
                layers.append(nn.BatchNorm3d(b))
            layers.append(nn.LeakyReLU(LEAK, inplace=True))
        self.body = nn.Sequential(*layers)
        self.heads = nn.Linear(widths[-1] * 8, 2 * spec.latent_size)
        self.apply(initialise)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = parted(x) if self.sub_cells else x
        mean, log_variance = self.heads(self.body(x).flatten(1)).chunk(2, dim=1)
        return mean, log_variance


class Guesses(NamedTuple):
    """All that an image encoder says of pictures."""

    mean: Tensor  # [B, latent_size]
    log_variance: Tensor  # [B, latent_size]
    camera: Tensor | None  # [B, 30], see ``core.model.camera``, where the spec has one
    classes: Tensor | None  # logits [B, classes + 1], the last for no object; of backbones


class ImageEncoder(nn.Module):
    """Picture [B, C, S, S] in [0, 1] -> means and log-variances, each [B, latent_size].

    ``guesses`` also tells the camera and the class.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.body: nn.Module
        if spec.has_backbone:
            self.body = Lite0(spec.image_channels)
            features = self.body.features(spec.image_size)
        else:
            self.body, features = _convolutions(spec)
        self.heads = nn.Linear(features, 2 * spec.latent_size)
        self.camera = nn.Linear(features, GUESS) if spec.camera else None
        self.classes = nn.Linear(features, len(spec.classes) + 1) if spec.has_backbone else None
        self.apply(initialise)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self._heads(self._features(image))

    def guesses(self, image: Tensor) -> Guesses:
        features = self._features(image)
        return Guesses(
            *self._heads(features),
            None if self.camera is None else self.camera(features),
            None if self.classes is None else self.classes(features),
        )

    def folded(self) -> ImageEncoder:
        """One that only looks: a copy whose backbone is folded, or itself without a backbone."""
        if not isinstance(self.body, Lite0):
            return self
        fast = copy.deepcopy(self).eval().requires_grad_(False)
        fast.body = self.body.folded()
        return fast

    def _features(self, image: Tensor) -> Tensor:
        return self.body(image).flatten(1)

    def _heads(self, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.heads(features).chunk(2, dim=1)
        return mean, log_variance


def _convolutions(spec: ModelSpec) -> tuple[nn.Sequential, int]:
    """The layers of ``image_convs``, and how many numbers they make of a picture."""
    layers: list[nn.Module] = []
    channels, side = spec.image_channels, spec.image_size
    for i, (width, kernel, stride) in enumerate(spec.image_convs):
        out, before, after = same_padding(side, kernel, stride)
        layers += [nn.ZeroPad2d((before, after, before, after))] if before != after else []
        padding = before if before == after else 0
        kind = PatchConv2d if out**2 <= MOST_PIXELS else nn.Conv2d
        layers.append(kind(channels, width, kernel, stride, padding))
        if i:
            layers.append(nn.BatchNorm2d(width))
        layers.append(nn.LeakyReLU(LEAK, inplace=True))
        channels, side = width, out
    return nn.Sequential(*layers), channels * side * side
