"""The model file: safetensors weights with a JSON header, verified before anything is used.

Layout of a model folder: ``model.safetensors`` (weights as float16, Gaussians and directions as
float32; metadata: format, version, spec, digest of all, and ``shapes``, the digest of what says
which shape a latent is) and ``card.json`` (what a person should know).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from shapelab.core import files_of_others
from shapelab.core.errors import ModelFileError
from shapelab.core.model.code_flow import MAX_LAYERS, MAX_WIDTH, CodeFlow
from shapelab.core.model.image_encoding import LatentFlip
from shapelab.core.model.latent import DIRECTIONS, LatentDensity, PrincipalDirections
from shapelab.core.model.model_summary import (
    BLIND,
    FORMAT,
    GENERATOR,
    PROCEDURAL,
    SHAPES,
    VERSION,
    metadata_of,
    read_card,
)
from shapelab.core.model.networks import Generator, ImageEncoder, VoxelEncoder
from shapelab.core.model.spec import IMAGE_FIELDS, ModelSpec

Network = TypeVar("Network", bound=nn.Module)

MAX_BYTES = 256 * 1024**2  # 128 million weights; the largest preset has half of that at 128^3
_MOST = 1e6  # of a density's numbers; those of latents are near 1
_TYPES = {torch.float16, torch.float32, torch.int64}  # what ``encode`` writes

_CHECKSUM_DIFFERS = "{} is damaged (its checksum differs); please get it again."
_OTHER_FURNITURE = "{} was made for the furniture of another ShapeLab; please get it again."

FLIP = "mirror.matrix"  # of all versions, from a time when flips were called so
FLOW = "density.flow"

PICTURES = "image_encoder"  # the one network that a model may lack

_NOT_OF_SHAPES = {*IMAGE_FIELDS, "encoder_width", "critic_width"}  # fields of a spec

NETWORKS: dict[str, type[nn.Module]] = {
    "generator": Generator,
    "voxel_encoder": VoxelEncoder,
    "image_encoder": ImageEncoder,
}


@dataclass(frozen=True)
class ModelParts:
    """What a model file holds.

    Attributes:
        networks: by the names of ``NETWORKS``; no ``image_encoder`` where the model has not learnt
            pictures. Those of a file are made anew each time that one is asked for. A procedural
            model has no ``voxel_encoder``, and a ``ParameterEncoder`` for pictures.
        digest: of what makes the shapes, by which they name their model; other encoders leave it.
        checksum: of the whole file; shapes of version 7 and older know their model by it.
    """

    spec: ModelSpec
    networks: Mapping[str, nn.Module]
    density: LatentDensity
    directions: PrincipalDirections
    card: dict[str, Any]
    digest: str
    checksum: str
    flip: LatentFlip | None = None  # models of a run's timeline, and older ones, have none


def _digest(tensors: dict[str, Tensor], spec: str) -> str:
    """SHA-256 over the spec's text, and over names, types, shapes and bytes in name order.

    Safetensors has no checksum of its own.
    """
    sha = hashlib.sha256(spec.encode())
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        sha.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        sha.update(tensor.numpy().tobytes())
    return sha.hexdigest()


def _shapes_digest(tensors: dict[str, Tensor], spec: ModelSpec, procedural: bool) -> str:
    """SHA-256 of what says which shape a latent is: generator, density, directions and classes."""
    making = {
        name: tensor
        for name, tensor in tensors.items()
        if name.startswith(("generator.", "density.", "directions."))
    }
    said = spec.model_dump_json(exclude=_NOT_OF_SHAPES, exclude_defaults=True)
    if procedural:
        from shapelab.core.furniture.families.family_table import EDITION

        said += f" {PROCEDURAL} {EDITION}"
    return _digest(making, said)


def _compact(tensor: Tensor) -> Tensor:
    floating = tensor.dtype.is_floating_point
    return tensor.detach().cpu().to(torch.float16 if floating else tensor.dtype).contiguous()


def encode(
    spec: ModelSpec,
    networks: Mapping[str, nn.Module],
    density: LatentDensity,
    directions: PrincipalDirections,
    flip: LatentFlip | None = None,
) -> bytes:
    """The bytes of ``model.safetensors``; network weights are rounded to float16.

    ``networks`` may lack the image encoder, and the model then does not see pictures. Of a
    procedural generator nothing is written.
    """
    procedural = not isinstance(networks["generator"], Generator)
    tensors = {
        f"{part}.{name}": _compact(value)
        for part in ((PICTURES,) if procedural else NETWORKS)
        if part in networks or part != PICTURES
        for name, value in networks[part].state_dict().items()
    }
    tensors |= {
        "density.means": torch.from_numpy(density.means.copy()),
        "density.factors": torch.from_numpy(density.factors.copy()),
        "directions.vectors": torch.from_numpy(directions.vectors.copy()),
        "directions.explained": torch.from_numpy(directions.explained.copy()),
    }
    if flip is not None:
        tensors[FLIP] = torch.from_numpy(flip.matrix.copy())
    if density.flow is not None:
        flow = density.flow.state_dict()
        tensors |= {f"{FLOW}.{name}": _compact(value) for name, value in flow.items()}
    described = spec.model_dump_json()
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "spec": described,
        "digest": _digest(tensors, described),
        SHAPES: _shapes_digest(tensors, spec, procedural),
    }
    if PICTURES not in networks:
        metadata[BLIND] = "yes"
    if procedural:
        metadata[GENERATOR] = PROCEDURAL
    return save_tensors(tensors, metadata)


class _WithoutDraws(TorchFunctionMode):
    """Nothing is drawn for weights that are about to be replaced."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return (kwargs or {}).get("tensor", *args[:1])
        return func(*args, **(kwargs or {}))


def _empty(
    build: Callable[[ModelSpec], Network],
    spec: ModelSpec,
    part: str,
    tensors: dict[str, Tensor],
    path: Path,
) -> Network:
    """A network that takes no memory, and whose weights are all among the tensors."""
    with torch.device("meta"), _WithoutDraws():
        module = build(spec)
    for name, value in module.state_dict().items():
        found = tensors.get(f"{part}.{name}")
        if found is None or found.shape != value.shape:
            raise ModelFileError(f"{path.name} does not fit its own description at {part}.{name}.")
    return module


def _filled(
    build: Callable[[ModelSpec], Network],
    spec: ModelSpec,
    part: str,
    tensors: dict[str, Tensor],
    path: Path,
) -> Network:
    """A network with its weights."""
    module = _empty(build, spec, part, tensors, path)
    weights = {
        name: tensors[f"{part}.{name}"].to(value.dtype)
        for name, value in module.state_dict().items()
    }
    module.load_state_dict(weights, assign=True)
    return module.eval().requires_grad_(False)


class _StoredNetworks(Mapping[str, nn.Module]):
    """The networks of a file, by name, each made anew when it is asked for.

    Half precision, as in the file, takes half the memory; and few ask for all of them.
    """

    def __init__(
        self,
        builders: Mapping[str, Callable[[ModelSpec], nn.Module]],
        spec: ModelSpec,
        tensors: dict[str, Tensor],
        path: Path,
    ) -> None:
        sees = any(name.startswith(PICTURES + ".") for name in tensors)
        self._builders, self._spec, self._path = builders, spec, path
        self._tensors = {
            part: {name: value for name, value in tensors.items() if name.startswith(part + ".")}
            for part in builders
            if part != PICTURES or sees
        }
        for part, own in self._tensors.items():
            _empty(builders[part], spec, part, own, path)

    def __getitem__(self, part: str) -> nn.Module:
        own = self._tensors[part]
        return _filled(self._builders[part], self._spec, part, own, self._path)

    def __contains__(self, part: object) -> bool:
        return part in self._tensors  # a mapping's own would make the network to answer

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def _flow(spec: ModelSpec, tensors: dict[str, Tensor], path: Path) -> CodeFlow | None:
    """The flow of the codes, if the file has one; its own arrays say how large it is."""
    if not any(name.startswith(FLOW) for name in tensors):
        return None
    orders, inner = tensors.get(f"{FLOW}.orders"), tensors.get(f"{FLOW}.couplings.0.second.bias")
    if (
        orders is None
        or inner is None
        or orders.dtype != torch.int64
        or orders.ndim != 2
        or inner.ndim != 1
        or not 1 <= len(orders) <= MAX_LAYERS
        or not 1 <= len(inner) <= MAX_WIDTH
    ):
        raise ModelFileError(f"{path.name} does not fit its own description at {FLOW}.")
    size = len(orders), len(inner)

    def build(spec: ModelSpec) -> CodeFlow:
        return CodeFlow(spec.latent_size, len(spec.classes), *size)

    flow = _filled(build, spec, FLOW, tensors, path)
    if not bool((flow.orders.sort(1).values == torch.arange(spec.latent_size)).all()):
        raise ModelFileError(f"{path.name} does not fit its own description at {FLOW}.orders.")
    return flow


def read(path: Path) -> ModelParts:
    """Reads and verifies a model file.

    Raises:
        ModelFileError: missing, damaged, too new, of unknown shape, or with non-finite numbers.
    """
    try:
        data = files_of_others.read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise ModelFileError(f"{path.name} cannot be read: {error.strerror}.") from None
    metadata = metadata_of(data, path)
    try:
        spec = ModelSpec.model_validate_json(metadata["spec"])
        tensors = load_tensors(data)
        del data
    except (SafetensorError, ValidationError, KeyError, ValueError, TypeError):
        raise ModelFileError(f"{path.name} is damaged; please get it again.") from None
    if not spec.classes:
        raise ModelFileError(f"{path.name} has no classes; it cannot be used.")
    if not all(tensor.dtype in _TYPES for tensor in tensors.values()):
        raise ModelFileError(f"{path.name} holds numbers of a kind that no ShapeLab model has.")
    covered = "" if metadata["version"] == "1" else metadata["spec"]
    if _digest(tensors, covered) != metadata.get("digest"):
        raise ModelFileError(_CHECKSUM_DIFFERS.format(path.name))
    if not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
        raise ModelFileError(f"{path.name} holds numbers that are not finite; it cannot be used.")
    networks = _networks(metadata.get(GENERATOR), spec, tensors, path)
    latent, classes = spec.latent_size, len(spec.classes)
    arrays: dict[str, Any] = {}
    for name, shape in {
        "density.means": (classes, latent),
        "density.factors": (classes, latent, latent),
        "directions.vectors": (classes, DIRECTIONS, latent),
        "directions.explained": (classes, DIRECTIONS),
    }.items():
        value = tensors.get(name)
        if value is None or tuple(value.shape) != shape:
            raise ModelFileError(f"{path.name} does not fit its own description at {name}.")
        arrays[name] = np.asarray(value.numpy(), np.float32)
    _check_density(arrays, path)
    matrix = tensors.get(FLIP)
    if matrix is not None and tuple(matrix.shape) != (latent + 1, latent):
        raise ModelFileError(f"{path.name} does not fit its own description at {FLIP}.")
    directions = PrincipalDirections(
        spec.classes, arrays["directions.vectors"], arrays["directions.explained"]
    )
    if GENERATOR in metadata:
        from shapelab.core.model.procedural.procedural_generator import named

        directions = named(directions)
    return ModelParts(
        spec,
        networks,
        LatentDensity(
            spec.classes,
            arrays["density.means"],
            arrays["density.factors"],
            _flow(spec, tensors, path),
        ),
        directions,
        read_card(path.parent),
        _checked_shapes(metadata, spec, tensors, path),
        metadata["digest"],
        None if matrix is None else LatentFlip(np.asarray(matrix.numpy(), np.float32)),
    )


def _networks(
    made: str | None, spec: ModelSpec, tensors: dict[str, Tensor], path: Path
) -> Mapping[str, nn.Module]:
    if made is None:
        return _StoredNetworks(NETWORKS, spec, tensors, path)
    if made != PROCEDURAL:
        raise ModelFileError(
            f"{path.name} has a generator of a kind that this ShapeLab does not know; please "
            "update ShapeLab."
        )
    from shapelab.core.furniture.families.family_table import FAMILIES
    from shapelab.core.model.procedural.parameter_encoder import ParameterEncoder
    from shapelab.core.model.procedural.procedural_generator import LATENT_SIZE, ProceduralGenerator

    if spec.classes != tuple(FAMILIES) or spec.latent_size != LATENT_SIZE:
        raise ModelFileError(_OTHER_FURNITURE.format(path.name))
    builders = {
        "generator": lambda spec: ProceduralGenerator(spec.resolution),
        PICTURES: ParameterEncoder,
    }
    return _StoredNetworks(builders, spec, tensors, path)


def _checked_shapes(
    metadata: dict[str, str], spec: ModelSpec, tensors: dict[str, Tensor], path: Path
) -> str:
    """The digest of what makes the shapes of a file whose checksum is right."""
    procedural = GENERATOR in metadata
    if int(metadata["version"]) < 8 and not procedural:
        return metadata["digest"]
    digest = _shapes_digest(tensors, spec, procedural)
    if metadata.get(SHAPES) != digest:  # of a procedural one the furniture is no part of the file
        raise ModelFileError(
            (_OTHER_FURNITURE if procedural else _CHECKSUM_DIFFERS).format(path.name)
        )
    return digest


def _check_density(arrays: dict[str, Any], path: Path) -> None:
    """Factors of Cholesky are lower triangles that can be inverted."""
    factors = arrays["density.factors"]
    diagonals = np.diagonal(factors, axis1=1, axis2=2)
    if not (diagonals > 0).all() or np.triu(factors, 1).any():
        raise ModelFileError(f"{path.name} holds a density that cannot be; it cannot be used.")
    if any(np.abs(values).max() > _MOST for values in arrays.values()):
        raise ModelFileError(f"{path.name} holds absurdly large numbers; it cannot be used.")
