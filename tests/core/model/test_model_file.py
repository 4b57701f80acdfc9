"""The model file: exact to float16, and no damage goes unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from shapelab.core.errors import InputError, ModelFileError
from shapelab.core.model import model_file
from shapelab.core.model.code_flow import CodeFlow
from shapelab.core.model.image_encoding import LatentFlip
from shapelab.core.model.model_summary import metadata_of
from shapelab.core.model.shape_model import ShapeModel
from tests.small_models import SPEC, small_parts


@pytest.fixture(scope="module")
def parts() -> model_file.ModelParts:
    return small_parts()


@pytest.fixture(scope="module")
def data(parts: model_file.ModelParts) -> bytes:
    return model_file.encode(SPEC, parts.networks, parts.density, parts.directions)


def _read(folder: Path, data: bytes) -> model_file.ModelParts:
    path = folder / "model.safetensors"
    path.write_bytes(data)
    return model_file.read(path)


def _refused(folder: Path, data: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        _read(folder, data)
    said = str(caught.value)
    assert said.startswith("model.safetensors ")
    assert said.endswith(".")
    assert "\n" not in said
    return said


def _split(data: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    length = int.from_bytes(data[:8], "little")
    return load_tensors(data), json.loads(data[8 : 8 + length])["__metadata__"]


def _signed(tensors: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
    """A file whose checksum is right, whatever it holds."""
    return save_tensors(
        tensors, metadata | {"digest": model_file._digest(tensors, metadata.get("spec", ""))}
    )


def test_round_trip_is_exact_to_float16(
    parts: model_file.ModelParts, data: bytes, tmp_path: Path
) -> None:
    again = _read(tmp_path, data)
    assert again.spec == SPEC
    for name, network in parts.networks.items():
        twin = again.networks[name].state_dict()
        for key, value in network.state_dict().items():
            rounded = value.half().to(value.dtype) if value.is_floating_point() else value
            assert torch.equal(twin[key], rounded), f"{name}.{key}"
        assert not again.networks[name].training
        assert not any(p.requires_grad for p in again.networks[name].parameters())
    np.testing.assert_array_equal(again.density.means, parts.density.means)
    np.testing.assert_array_equal(again.density.factors, parts.density.factors)
    np.testing.assert_array_equal(again.directions.vectors, parts.directions.vectors)
    np.testing.assert_array_equal(again.directions.explained, parts.directions.explained)
    assert again.density.classes == again.directions.classes == SPEC.classes


def test_a_flip_is_kept_and_must_fit(parts: model_file.ModelParts, tmp_path: Path) -> None:
    def encoded(shape: tuple[int, int]) -> bytes:
        matrix = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        return model_file.encode(
            SPEC, parts.networks, parts.density, parts.directions, LatentFlip(matrix)
        )

    again = _read(tmp_path, encoded((9, 8))).flip
    assert again is not None
    expected = np.random.default_rng(0).standard_normal((9, 8)).astype(np.float32)
    np.testing.assert_array_equal(again.matrix, expected)
    assert "mirror.matrix" in _refused(tmp_path, encoded((8, 8)))


def test_writing_what_was_read_gives_the_same_digest(data: bytes, tmp_path: Path) -> None:
    first = _read(tmp_path, data)
    second = _read(
        tmp_path, model_file.encode(first.spec, first.networks, first.density, first.directions)
    )
    assert first.digest == second.digest
    assert len(first.digest) == 64


def test_shapes_know_a_model_by_what_makes_them(
    parts: model_file.ModelParts, data: bytes, tmp_path: Path
) -> None:
    def named(networks: dict[str, nn.Module], **changed: object) -> tuple[str, str]:
        made = replace(parts, **changed)  # type: ignore[arg-type]
        encoded = model_file.encode(made.spec, networks, made.density, made.directions, made.flip)
        found = _read(tmp_path, encoded)
        assert found.checksum == _split(encoded)[1]["digest"]
        return found.digest, found.checksum

    own, others = dict(parts.networks), dict(small_parts(2).networks)
    digest, checksum = named(own)
    flip = LatentFlip(np.eye(9, 8, dtype=np.float32))
    other_eyes = named(others | {"generator": own["generator"]}, flip=flip)
    assert other_eyes[0] == digest
    assert other_eyes[1] != checksum
    larger = parts.spec.model_copy(update={"image_size": 64, "camera": True})
    unseeing = {key: own[key] for key in ("generator", "voxel_encoder")}
    assert named(unseeing, spec=larger)[0] == digest
    assert named(own | {"generator": others["generator"]})[0] != digest
    assert named(own, density=small_parts(2).density)[0] != digest
    assert named(own, directions=small_parts(2).directions)[0] != digest
    renamed = parts.spec.model_copy(update={"classes": ("bed", "sofa")})
    assert named(own, spec=renamed)[0] != digest


def test_older_files_are_known_by_their_checksum(data: bytes, tmp_path: Path) -> None:
    tensors, metadata = _split(data)
    del metadata[model_file.SHAPES]
    old = _read(tmp_path, save_tensors(tensors, metadata | {"version": "7"}))
    assert old.digest == old.checksum == metadata["digest"]
    assert "checksum" in _refused(tmp_path, save_tensors(tensors, metadata))
    wrong = metadata | {model_file.SHAPES: "0" * 64}
    assert "checksum" in _refused(tmp_path, save_tensors(tensors, wrong))


def test_the_digest_of_the_same_numbers_is_fixed_for_ever() -> None:
    tensors = {
        "b": torch.arange(6, dtype=torch.float32).reshape(2, 3),
        "a": torch.ones(2, dtype=torch.float16),
        "n": torch.tensor(3),
    }
    golden = "bc628b0c0f1717e5cb0450234f48ad0581f7f09cd082ce21a259b3410a247bc3"
    assert model_file._digest(tensors, '{"resolution":32}') == golden


def test_the_card_is_read_and_may_be_missing_or_odd(data: bytes, tmp_path: Path) -> None:
    assert _read(tmp_path, data).card == {}
    card = tmp_path / "card.json"
    card.write_text('{"data": "ModelNet10"}')
    assert _read(tmp_path, data).card == {"data": "ModelNet10"}
    for odd in ("[1]", "{", ""):
        card.write_text(odd)
        assert _read(tmp_path, data).card == {}


def test_another_spec_of_the_same_sizes_is_seen(data: bytes, tmp_path: Path) -> None:
    assert b"chair" in data
    assert "checksum" in _refused(tmp_path, data.replace(b"chair", b"choir"))


def test_files_of_the_first_version_are_read(data: bytes, tmp_path: Path) -> None:
    tensors, metadata = load_tensors(data), metadata_of(data, tmp_path / "model.safetensors")
    old = metadata | {"version": "1", "digest": model_file._digest(tensors, "")}
    assert _read(tmp_path, save_tensors(tensors, old)).spec == SPEC


def test_every_flipped_bit_is_seen(data: bytes, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    header = 8 + int.from_bytes(data[:8], "little")
    end_of_json = data.rindex(b"}", 0, header) + 1  # then blanks, which pad the header
    places = [
        *range(8),
        *rng.integers(8, end_of_json, 15).tolist(),
        *rng.integers(header, len(data), 15).tolist(),
        len(data) - 1,
    ]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        said = _refused(tmp_path, bytes(damaged))
        assert said, f"byte {place}"


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 9, 100, 0.3, 0.9, -1])
def test_a_file_cut_short_is_refused(data: bytes, tmp_path: Path, keep: float) -> None:
    length = int(keep * len(data)) if 0 < keep < 1 else int(keep)
    assert "damaged" in _refused(tmp_path, data[:length])


@pytest.mark.parametrize(
    "foreign",
    [
        b"not a model at all, only words",
        b"\x89PNG\r\n\x1a\n" + bytes(64),
        (2**63).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}" + bytes(10),
        (2).to_bytes(8, "little") + b"[]" + bytes(10),
        (40_000).to_bytes(8, "little") + b"[" * 40_000,
    ],
)
def test_foreign_files_are_refused(tmp_path: Path, foreign: bytes) -> None:
    _refused(tmp_path, foreign)


def test_another_programs_safetensors_are_named_as_such(tmp_path: Path) -> None:
    foreign = save_tensors({"weight": torch.zeros(3)}, {"format": "pt"})
    assert "no ShapeLab model" in _refused(tmp_path, foreign)


@pytest.mark.parametrize("version", [str(model_file.VERSION + 1), "99"])
def test_a_newer_file_is_refused_by_its_number(data: bytes, tmp_path: Path, version: str) -> None:
    tensors, metadata = _split(data)
    said = _refused(tmp_path, _signed(tensors, metadata | {"version": version}))
    assert f"newer ShapeLab (format {version}" in said


def test_a_missing_or_wrong_checksum_is_refused(data: bytes, tmp_path: Path) -> None:
    tensors, metadata = _split(data)
    assert "checksum" in _refused(tmp_path, save_tensors(tensors, metadata | {"digest": "0" * 64}))
    del metadata["digest"]
    assert "checksum" in _refused(tmp_path, save_tensors(tensors, metadata))


@pytest.mark.parametrize("spec", ["{", "{}x", '{"resolution": 48}', '{"surprise": 1}', "null"])
def test_an_odd_spec_is_refused(data: bytes, tmp_path: Path, spec: str) -> None:
    tensors, metadata = _split(data)
    assert "damaged" in _refused(tmp_path, _signed(tensors, metadata | {"spec": spec}))


@pytest.mark.parametrize(
    "name", ["generator.dense.weight", "density.means", "directions.vectors", "density.factors"]
)
def test_missing_misshapen_and_infinite_tensors_are_refused(
    data: bytes, tmp_path: Path, name: str
) -> None:
    tensors, metadata = _split(data)
    missing = {key: value for key, value in tensors.items() if key != name}
    assert name in _refused(tmp_path, _signed(missing, metadata))
    flat = tensors | {name: tensors[name].flatten()[:4].contiguous()}
    assert name in _refused(tmp_path, _signed(flat, metadata))
    deeper = tensors | {name: tensors[name][..., None].contiguous()}
    assert name in _refused(tmp_path, _signed(deeper, metadata))
    shorter = tensors | {name: tensors[name][..., 0].contiguous()}
    assert name in _refused(tmp_path, _signed(shorter, metadata))
    infinite = tensors[name].clone()
    infinite.view(-1)[0] = float("inf")
    assert "not finite" in _refused(tmp_path, _signed(tensors | {name: infinite}, metadata))


@pytest.fixture(scope="module")
def with_flow(parts: model_file.ModelParts) -> bytes:
    torch.manual_seed(2)
    flow = CodeFlow(8, 2, layers=3, width=5, seed=4)
    for value in flow.parameters():
        torch.nn.init.normal_(value, 0, 0.3)
    density = replace(parts.density, flow=flow)
    return model_file.encode(SPEC, parts.networks, density, parts.directions)


def test_a_flow_comes_back_exact_to_float16(
    with_flow: bytes, parts: model_file.ModelParts, data: bytes, tmp_path: Path
) -> None:
    assert _read(tmp_path, data).density.flow is None
    density = _read(tmp_path, with_flow).density
    assert density.flow is not None
    tensors, _ = _split(with_flow)
    for name, value in density.flow.state_dict().items():
        assert torch.equal(value, tensors[f"density.flow.{name}"].to(value.dtype))
    np.testing.assert_array_equal(density.flow.orders, CodeFlow(8, 2, 3, 5, seed=4).orders)
    noise = np.ones((2, 8), np.float32)
    np.testing.assert_allclose(
        density.noise_of(density.place(noise, "chair"), "chair"), noise, atol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("orders", None),
        ("orders", torch.zeros(3, 8, dtype=torch.int64)),
        ("orders", torch.zeros(3, 8)),
        ("orders", torch.zeros(0, 8, dtype=torch.int64)),
        ("orders", torch.arange(4, dtype=torch.int64)),
        ("orders", torch.arange(24, dtype=torch.int64).reshape(3, 8)),
        ("orders", torch.arange(7, dtype=torch.int64).repeat(3, 1)),
        ("orders", torch.arange(8, dtype=torch.int64).repeat(33, 1)),
        ("orders", torch.arange(8, dtype=torch.int64).repeat(4, 1)),  # a coupling is missing
        ("couplings.0.second.bias", None),
        ("couplings.0.second.bias", torch.zeros(4)),
        ("couplings.0.second.bias", torch.tensor(1.0)),
        ("couplings.0.second.bias", torch.zeros(1025)),
        ("couplings.2.last.weight", None),
        ("couplings.2.last.weight", torch.zeros(2, 5)),
        ("couplings.1.first.weight", torch.full((5, 6), torch.nan)),
    ],
)
def test_a_damaged_flow_is_refused(
    with_flow: bytes, tmp_path: Path, name: str, wrong: Tensor | None
) -> None:
    tensors, metadata = _split(with_flow)
    del tensors[f"density.flow.{name}"]
    if wrong is not None:
        tensors[f"density.flow.{name}"] = wrong
    said = _refused(tmp_path, _signed(tensors, metadata))
    assert "density.flow" in said or "not finite" in said


def test_a_spec_of_another_width_does_not_fit(data: bytes, tmp_path: Path) -> None:
    tensors, metadata = _split(data)
    wider = SPEC.model_copy(update={"generator_width": 32}).model_dump_json()
    said = _refused(tmp_path, _signed(tensors, metadata | {"spec": wider}))
    assert "does not fit its own description at generator." in said


def test_missing_file_and_folder_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        model_file.read(tmp_path / "none.safetensors")
    with pytest.raises(ModelFileError, match="cannot be read"):
        model_file.read(tmp_path)


def test_a_file_of_absurd_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.truncate(model_file.MAX_BYTES + 1)  # sparse: takes no room
    with pytest.raises(ModelFileError, match="larger than"):
        model_file.read(path)


def test_a_model_may_have_learnt_no_pictures(parts: model_file.ModelParts, tmp_path: Path) -> None:
    seeing = {k: v for k, v in parts.networks.items() if k != model_file.PICTURES}
    data = model_file.encode(SPEC, seeing, parts.density, parts.directions)
    read = _read(tmp_path, data)
    assert set(read.networks) == {"generator", "voxel_encoder"}
    assert not [name for name in _split(data)[0] if name.startswith(model_file.PICTURES)]
    model = ShapeModel("mine", read)
    assert not model.sees_pictures
    picture = np.zeros((2, 32, 32), np.float32)
    mask = np.ones((32, 32), np.float32)
    said = r"model mine was trained without pictures .* open one that can, such as \w+\.$"
    for see in (model.encode_image, model.picture_classes, lambda p: model.fit_image(p, mask)):
        with pytest.raises(InputError, match=said):
            see(picture)
    assert ShapeModel("all", parts).encode_image(picture).shape == (8,)
    assert np.isfinite(model.decode(model.sample("bed"))).all()


def test_what_a_model_takes_is_told_without_making_a_network(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ShapeModel("mine", _read(tmp_path, data))
    made: list[str] = []
    monkeypatch.setattr(model_file, "_filled", lambda *given: made.append(given[2]))
    assert model.sees_pictures
    assert not made
    model._networks["voxel_encoder"]
    assert made == ["voxel_encoder"]


def test_half_an_image_encoder_is_damage(parts: model_file.ModelParts, tmp_path: Path) -> None:
    tensors, metadata = _split(
        model_file.encode(SPEC, parts.networks, parts.density, parts.directions)
    )
    first = next(name for name in sorted(tensors) if name.startswith(model_file.PICTURES))
    del tensors[first]
    assert model_file.PICTURES in _refused(tmp_path, _signed(tensors, metadata))
