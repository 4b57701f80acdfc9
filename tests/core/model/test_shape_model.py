"""The networks against the released sizes, and ShapeModel's encode, decode and sample."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

import shapelab
from shapelab.core import paths
from shapelab.core.errors import InputError, ModelFileError
from shapelab.core.model import model_file
from shapelab.core.model.camera import flipped_guesses
from shapelab.core.model.image_encoding import LatentFlip, encode_images
from shapelab.core.model.latent import DIRECTIONS, LatentDensity, PrincipalDirections
from shapelab.core.model.networks import (
    Critic,
    Generator,
    ImageEncoder,
    ResidualBlock,
    VoxelEncoder,
    coarse,
    folded,
    joined,
    parted,
)
from shapelab.core.model.shape_model import BATCH, ShapeModel, load_model
from shapelab.core.model.spec import ModelSpec

SMALL = ModelSpec(
    latent_size=16,
    generator_width=16,
    encoder_width=4,
    critic_width=4,
    image_size=32,
    image_mode="LA",
    image_convs=((8, 5, 4), (16, 3, 2)),
    classes=("bed", "chair"),
)


def _parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def tiny_parts(spec: ModelSpec = SMALL) -> model_file.ModelParts:
    torch.manual_seed(0)
    networks = {name: build(spec).eval() for name, build in model_file.NETWORKS.items()}
    classes, size = len(spec.classes), spec.latent_size
    rng = np.random.default_rng(0)
    means = rng.standard_normal((classes, size)).astype(np.float32)
    factors = np.stack([np.eye(size, dtype=np.float32)] * classes)
    vectors = rng.standard_normal((classes, DIRECTIONS, size)).astype(np.float32)
    explained = np.ones((classes, DIRECTIONS), np.float32)
    return model_file.ModelParts(
        spec,
        networks,
        LatentDensity(spec.classes, means, factors),
        PrincipalDirections(spec.classes, vectors, explained),
        {},
        "digest",
        "checksum",
    )


@pytest.fixture(scope="module")
def model() -> ShapeModel:
    return ShapeModel("tiny", tiny_parts())


def test_released_parameter_counts_at_32() -> None:
    spec = ModelSpec()
    assert _parameters(Generator(spec)) == pytest.approx(3.17e6, abs=0.005e6)
    assert _parameters(Critic(spec)) == pytest.approx(2.76e6, abs=0.005e6)


def test_released_image_encoder_gives_400_numbers_from_256_rgb() -> None:
    encoder = ImageEncoder(ModelSpec()).eval()
    with torch.inference_mode():
        mean, log_variance = encoder(torch.zeros(1, 3, 256, 256))
    assert (mean.shape, log_variance.shape) == ((1, 200), (1, 200))
    # SAME padding: 256 / 4 / 4 / 2 / 2 / 1 leaves 4 x 4 cells of 400 channels.
    assert encoder.heads.in_features == 400 * 4 * 4


@pytest.mark.parametrize("resolution", [32, 64])
@pytest.mark.parametrize("sub_cells", [False, True])
def test_network_shapes(resolution: int, sub_cells: bool) -> None:
    spec = SMALL.model_copy(update={"resolution": resolution, "sub_cells": sub_cells})
    grid = torch.rand(2, 1, resolution, resolution, resolution)
    with torch.inference_mode():
        logits = Generator(spec).eval()(torch.randn(2, 16))
        score = Critic(spec)(grid)
        mean, log_variance = VoxelEncoder(spec).eval()(grid)
    assert logits.shape == grid.shape
    assert score.shape == (2,)
    assert mean.shape == log_variance.shape == (2, 16)


def test_critic_normalises_nothing_across_the_batch() -> None:
    critic = Critic(SMALL)  # in training mode: batch norm would mix the rows
    grids = torch.rand(3, 1, 32, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(critic(grids)[:1], critic(grids[:1]), rtol=1e-4, atol=1e-6)
    assert not [m for m in critic.modules() if "Norm" in type(m).__name__]


def test_initial_weights_are_the_released_ones() -> None:
    torch.manual_seed(0)
    weight = Generator(ModelSpec()).dense.weight.detach()
    assert float(weight.std()) == pytest.approx(0.02, rel=0.01)
    assert float(weight.mean()) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    "values",
    [
        {"resolution": 48},
        {"latent_size": 1},
        {"generator_width": 36},
        {"image_convs": ((8, 99, 1),)},
        {"image_convs": ()},
        {"colour": "blue"},
    ],
)
def test_impossible_specs_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ModelSpec.model_validate(values)


def test_spec_json_round_trip() -> None:
    assert ModelSpec.model_validate_json(SMALL.model_dump_json()) == SMALL


def test_decode_gives_probabilities_one_by_one_or_many(model: ShapeModel) -> None:
    latents = model.sample("chair", 3, BATCH + 2)
    fields = model.decode(latents)
    assert fields.shape == (BATCH + 2, 32, 32, 32)
    assert fields.dtype == np.float32
    assert 0 <= fields.min() <= fields.max() <= 1
    single = model.decode(latents[-1])
    assert single.shape == (32, 32, 32)
    np.testing.assert_allclose(single, fields[-1], atol=1e-5)
    np.testing.assert_array_equal(single, model.decode(latents[-1]))


def test_cells_parted_into_channels_keep_their_place() -> None:
    grid = torch.arange(2 * 4**3).reshape(2, 1, 4, 4, 4)
    cells = parted(grid)
    assert cells.shape == (2, 8, 2, 2, 2)
    assert cells.is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(cells[1, :, 1, 0, 1], grid[1, 0, 2:4, 0:2, 2:4].flatten())
    assert torch.equal(joined(cells), grid)


def test_a_residual_block_changes_nothing_at_first() -> None:
    block_spec = SMALL.model_copy(update={"residual_sides": (8, 16)})
    torch.manual_seed(0)
    with_blocks = Generator(block_spec).eval()
    plain = Generator(SMALL).eval()
    own = [layer for layer in with_blocks.body if not isinstance(layer, ResidualBlock)]
    assert len(own) == len(with_blocks.body) - 2
    plain.dense, plain.dense_norm = with_blocks.dense, with_blocks.dense_norm
    plain.body, plain.head = nn.Sequential(*own), with_blocks.head
    z = torch.randn(2, 16)
    with torch.inference_mode():
        torch.testing.assert_close(with_blocks(z), plain(z))


NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
PLANES = {"decoder": "planes", "generator_width": 24}


@pytest.mark.parametrize("sub_cells", [False, True])
def test_planes_give_a_cell_the_sum_of_what_they_say_of_its_place(sub_cells: bool) -> None:
    torch.manual_seed(2)
    generator = Generator(SMALL.model_copy(update=PLANES | {"sub_cells": sub_cells})).eval()
    seen: list[torch.Tensor] = []
    for plane in generator.body.planes:
        plane.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    z = torch.randn(2, SMALL.latent_size)
    with torch.no_grad():
        logits = generator(z)
        assert logits.shape == (2, 1, 32, 32, 32)
        x, y, k = 3, 11, 5
        xy, xz, yz = seen
        own = torch.relu(xy[:, :, x, y] + xz[:, :, x, k] + yz[:, :, y, k])
        own = generator.head(torch.relu(generator.body.mix(own)))
        size = 2 if sub_cells else 1
        place = tuple(slice(size * at, size * at + size) for at in (x, y, k))
        torch.testing.assert_close(own, logits[:, 0][(slice(None), *place)].flatten(1))
        slabs = torch.tensor([0, x, 9])
        cells = (size * slabs[:, None] + torch.arange(size)).flatten()
        torch.testing.assert_close(generator(z, slabs), logits[:, :, cells])


@pytest.mark.parametrize("extra", [{}, PLANES])
def test_the_coarse_generator_gives_the_mean_logit_of_sub_cells(extra: dict[str, object]) -> None:
    torch.manual_seed(4)
    fine = Generator(SMALL.model_copy(update={"sub_cells": True} | extra)).eval()
    z = torch.randn(2, SMALL.latent_size)
    with torch.no_grad():
        expected = nn.functional.avg_pool3d(fine(z), 2)
        torch.testing.assert_close(coarse(fine)(z), expected)
        assert fine(z).shape[-1] == 32  # the generator itself stays


@pytest.mark.parametrize("extra", [{}, {"sub_cells": True, "residual_sides": (4, 8)}, PLANES])
def test_the_folded_generator_decodes_as_the_trained_one(extra: dict[str, object]) -> None:
    torch.manual_seed(1)
    plain = Generator(SMALL.model_copy(update=extra))
    with torch.no_grad():
        for norm in plain.modules():
            if isinstance(norm, NORMS):
                norm.weight.uniform_(0.5, 3.0)
                norm.bias.normal_()
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.1, 4.0)
        plain.eval()
        fast = folded(plain)
        assert not any(isinstance(part, NORMS) for part in fast.modules())
        latents = torch.randn(3, SMALL.latent_size)
        logits = plain(latents)
        torch.testing.assert_close(
            fast(latents), logits, rtol=0.0, atol=1e-5 * float(logits.abs().max())
        )


def test_encode_gives_one_or_many_latents(model: ShapeModel) -> None:
    voxels = np.zeros((3, 32, 32, 32), bool)
    voxels[:, 8:24, 8:24, 4:28] = True
    many = model.encode_voxels(voxels)
    one = model.encode_voxels(voxels[0].astype(np.float32))
    assert many.shape == (3, 16)
    np.testing.assert_allclose(one, many[0], atol=1e-5)
    pictures = np.random.default_rng(0).random((2, 2, 32, 32), dtype=np.float32)
    assert model.encode_image(pictures).shape == (2, 16)
    np.testing.assert_allclose(
        model.encode_image(pictures[1]), model.encode_image(pictures)[1], atol=1e-5
    )


def test_a_flipped_picture_gives_flipped_latents() -> None:
    signs = np.where(np.arange(16) % 2, 1, -1).astype(np.float32)
    matrix = np.concatenate([np.diag(signs), np.zeros((1, 16), np.float32)])
    twice = ShapeModel("tiny", replace(tiny_parts(), flip=LatentFlip(matrix)))
    pictures = np.random.default_rng(0).random((2, 2, 32, 32), dtype=np.float32)
    seen = twice.encode_image(pictures)
    np.testing.assert_allclose(twice.encode_image(pictures[..., ::-1]), seen * signs, atol=1e-5)
    once = ShapeModel("tiny", tiny_parts())
    both = once.encode_image(pictures) + signs * once.encode_image(pictures[..., ::-1])
    np.testing.assert_allclose(seen, both / 2, atol=1e-5)


def test_the_flipped_picture_says_where_the_camera_stands_too() -> None:
    signs = np.where(np.arange(16) % 2, 1, -1).astype(np.float32)
    matrix = np.concatenate([np.diag(signs), np.zeros((1, 16), np.float32)])
    encoder = tiny_parts(SMALL.model_copy(update={"camera": True})).networks["image_encoder"]
    pictures = np.random.default_rng(0).random((2, 2, 32, 32), dtype=np.float32)
    seen = encode_images(encoder, LatentFlip(matrix), pictures)
    other = encode_images(encoder, LatentFlip(matrix), np.ascontiguousarray(pictures[..., ::-1]))
    assert seen.cameras is not None
    assert other.cameras is not None
    np.testing.assert_allclose(other.cameras, flipped_guesses(seen.cameras), atol=1e-5)
    assert encode_images(encoder, None, pictures).cameras is not None


def test_a_picture_is_fitted_to_its_silhouette_where_cameras_are_known(model: ShapeModel) -> None:
    pictures = np.random.default_rng(0).random((2, 2, 32, 32), dtype=np.float32)
    masks = np.zeros((2, 32, 32), np.float32)
    masks[:, 8:24, 8:24] = 1
    np.testing.assert_array_equal(
        model.fit_image(pictures, masks), model.encode_image(pictures)
    )  # it has learnt no cameras
    seeing = ShapeModel("tiny", tiny_parts(SMALL.model_copy(update={"camera": True})))
    fitted = seeing.fit_image(pictures, masks)
    assert fitted.shape == (2, 16)
    assert not np.allclose(fitted, seeing.encode_image(pictures))
    joint = seeing.fit_silhouettes(pictures, masks, views=2)
    assert len(joint) == 1
    assert len(joint[0].best.cameras) == 2
    for name in seeing.classes:
        told = seeing.fit_silhouettes(pictures[:1], masks[:1], class_name=name)[0]
        kinds = [seeing.density.nearest_class(each.latent) for each in told.hypotheses]
        assert kinds == sorted(kinds, key=lambda kind: kind != name)


@pytest.mark.parametrize("field", ["occupancy", "signed_distance"])
def test_a_coarse_generator_gives_the_mean_of_sub_cells(field: str) -> None:
    spec = SMALL.model_copy(update={"resolution": 64, "sub_cells": True, "field": field})
    generator = tiny_parts(spec).networks["generator"].eval()
    latents = torch.randn(2, spec.latent_size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = torch.nn.functional.avg_pool3d(generator(latents), 2)
    found = coarse(generator)(latents.requires_grad_())
    assert torch.allclose(found, expected, atol=1e-5)
    found.sum().backward()
    assert latents.grad is not None
    assert latents.grad.abs().sum() > 0
    assert generator.head.weight.grad is None


@pytest.mark.parametrize(
    "act",
    [
        lambda m: m.decode(np.zeros(15, np.float32)),
        lambda m: m.decode(np.zeros((1, 1, 16), np.float32)),
        lambda m: m.decode(np.full(16, np.nan, np.float32)),
        lambda m: m.encode_voxels(np.zeros((30, 30, 30), bool)),
        lambda m: m.encode_image(np.zeros((3, 32, 32), np.float32)),
        lambda m: m.fit_image(np.zeros((3, 32, 32), np.float32), np.zeros((32, 32))),
        lambda m: m.fit_image(np.zeros((2, 32, 32), np.float32), np.full((32, 32), np.inf)),
        lambda m: m.fit_image(np.zeros((2, 2, 32, 32), np.float32), np.zeros((3, 32, 32))),
        lambda m: m.fit_silhouettes(
            np.zeros((3, 2, 32, 32), np.float32), np.zeros((3, 32, 32)), views=2
        ),
        lambda m: m.sample("spoon"),
        lambda m: m.sample("chair", -1),
    ],
)
def test_odd_arguments_get_one_sentence(model: ShapeModel, act: object) -> None:
    assert callable(act)
    with pytest.raises(InputError, match=r"\.$"):
        act(model)


def test_samples_do_not_depend_on_how_many_are_drawn(model: ShapeModel) -> None:
    np.testing.assert_array_equal(model.sample("bed", 5, 4)[:2], model.sample("bed", 5, 2))
    np.testing.assert_array_equal(model.sample(None, 5, 4)[:2], model.sample(None, 5, 2))
    np.testing.assert_array_equal(model.sample("bed", 5, 1, 0.0)[0], model.density.means[0])


def test_the_classes_that_seeds_draw_are_fixed_for_ever() -> None:
    parts = tiny_parts(SMALL.model_copy(update={"classes": tuple("abcdefghij")}))
    model = ShapeModel("ten classes", parts)
    for seed, drawn in {0: "fijf", 7: "ihib", 123456: "ecbb"}.items():
        names = map(model.density.nearest_class, model.sample(None, seed, 4, 0.0))
        assert "".join(names) == drawn


def test_decoding_from_two_threads_gives_the_same(model: ShapeModel) -> None:
    from concurrent.futures import ThreadPoolExecutor

    latents = model.sample("chair", 0, 6)
    alone = [model.decode(z) for z in latents]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(model.decode, latents))
    np.testing.assert_array_equal(alone, together)


def test_a_model_is_found_by_folder_by_file_and_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = tiny_parts()
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    file = folder / "model.safetensors"
    file.write_bytes(model_file.encode(parts.spec, parts.networks, parts.density, parts.directions))
    monkeypatch.setattr(paths, "user_folder", lambda: tmp_path)
    digests = {load_model(name).digest for name in ("tiny", folder, file, str(folder))}
    assert len(digests) == 1
    assert load_model("tiny").name == "tiny"
    with pytest.raises(ModelFileError, match=r"no model 'spoon'; the ones .*: .*tiny"):
        load_model("spoon")


def test_a_loaded_model_takes_little_more_memory_than_its_file() -> None:
    """What only pictures and voxels need is kept as the file has it, until there are any."""

    def weights() -> dict[int, int]:
        found = [o for o in gc.get_objects() if type(o) in (torch.Tensor, nn.Parameter)]
        kept = [t.untyped_storage() for t in found]  # of which views are many
        return {each.data_ptr(): each.nbytes() for each in kept}

    size = (paths.find_model(paths.DEFAULT_MODEL) / "model.safetensors").stat().st_size
    gc.collect()
    before = weights()
    loaded = load_model()
    held = sum(bytes_ for place, bytes_ in weights().items() if place not in before)
    assert size * 0.9 < held < size * 1.8  # with what a drag computes in
    spec = loaded.spec
    picture = np.zeros((spec.image_channels, spec.image_size, spec.image_size), np.float32)
    loaded.encode_image(picture)
    assert sum(weights().values()) - sum(before.values()) > size * 1.7


def test_public_names_resolve_lazily() -> None:
    assert shapelab.load_model is load_model
    assert shapelab.ShapeModel is ShapeModel
    with pytest.raises(AttributeError, match="nonsense"):
        _ = shapelab.nonsense


def test_of_a_few_seeds_the_best_is_in_one_piece_and_leaves_the_least_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = load_model()
    grids = np.zeros((4, 32, 32, 32), np.float32)
    grids[:, 1:4, 1:4, 1:4] = 1
    grids[0, 5, 5, 5] = 1  # a loose bit
    grids[1, 4, 1:4, 1:4] = 0.4  # nine doubtful cells
    grids[2, 4, 1:3, 1:3] = 0.4  # four
    grids[3, 4, 1:4, 1:3] = 0.6  # six
    monkeypatch.setattr(model, "decode", lambda latents: seen.append(latents) or grids)
    seen: list[np.ndarray] = []
    moved = np.full(model.latent_size, 0.25, np.float32)
    assert model.whole_seed("chair", 40, 0.5, moved) == 42
    assert len(seen) == 1  # one of four is whole: no others are looked at
    for k, latent in enumerate(seen[0]):
        np.testing.assert_array_equal(latent, model.sample("chair", 40 + k, 1, 0.5)[0] + moved)
    grids[1:, 5, 5, 5] = 1  # none is whole: the least doubt
    grids[1:, 4] = 0
    grids[3, 4, 1, 1] = 0.5
    seen.clear()
    assert model.whole_seed("chair", 40, 0.5, moved) == 40
    assert len(seen) == 3  # and no more
    whole = grids.copy()
    whole[1, 5, 5, 5] = 0
    answers = [grids, whole, grids]
    monkeypatch.setattr(model, "decode", lambda _: answers.pop(0))
    assert model.whole_seed("chair", 40, 0.5) == 45
    assert len(answers) == 1
