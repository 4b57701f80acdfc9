"""Model folders that somebody made to do harm, by what is wrong with them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attacks import DEEP, DIGITS, ESCAPE, Case, fifo, later, sparse, unchanged
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from shapelab.core.model import model_file
from shapelab.describe import describe
from tests.small_models import SPEC, small_model

Tensors = dict[str, Tensor]
FIRST = "generator.dense.weight"


def write(folder: Path, data: bytes) -> None:
    (folder / "model.safetensors").write_bytes(data)


def header(data: bytes) -> dict[str, Any]:
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def signed(tensors: Tensors, **metadata: str) -> bytes:
    """A model whose checksum is right, whatever it holds."""
    known = header(small_model())["__metadata__"] | metadata
    try:
        known["digest"] = model_file._digest(tensors, known["spec"])
    except TypeError:  # numpy has no such numbers
        known["digest"] = "0" * 64
    return save_tensors(tensors, known)


def with_tensor(name: str, change: Callable[[Tensor], Tensor]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        tensors = load_tensors(small_model())
        tensors[name] = change(tensors[name])
        write(folder, signed(tensors))

    return make


def without(name: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        tensors = load_tensors(small_model())
        del tensors[name]
        write(folder, signed(tensors))

    return make


def said(**metadata: str) -> Callable[[Path], None]:
    return lambda folder: write(folder, signed(load_tensors(small_model()), **metadata))


def spec(**changes: Any) -> Callable[[Path], None]:
    return said(spec=json.dumps(SPEC.model_dump(mode="json") | changes))


def raw(data: bytes | Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda folder: write(folder, data if isinstance(data, bytes) else data())


def headed(text: bytes, body: bytes = b"") -> Callable[[Path], None]:
    return raw(struct.pack("<Q", len(text)) + text + body)


def claims(shape: list[int], offsets: list[int]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        data = small_model()
        claimed = header(data)
        claimed[FIRST] |= {"shape": shape, "data_offsets": offsets}
        text = json.dumps(claimed).encode()
        end = 8 + int.from_bytes(data[:8], "little")
        write(folder, struct.pack("<Q", len(text)) + text + data[end:])

    return make


def card(data: bytes) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        write(folder, small_model())
        (folder / "card.json").write_bytes(data)

    return make


def odd_card(make_odd: Callable[[Path], None]) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        write(folder, small_model())
        make_odd(folder / "card.json")

    return make


def at(make_odd: Callable[[Path], None]) -> Callable[[Path], None]:
    return lambda folder: make_odd(folder / "model.safetensors")


def linked(folder: Path) -> None:
    (folder / "other").write_bytes(small_model())
    (folder / "model.safetensors").symlink_to(folder / "other")


def use(folder: Path) -> Iterator[Callable[[], object]]:
    """What the app does with a model: opens it, shows it, tells of it."""
    from shapelab.core.model.shape_model import ShapeModel

    def open_and_draw() -> None:
        model = ShapeModel("a", model_file.read(folder / "model.safetensors"))
        latent = model.sample("chair" if "chair" in model.classes else None, 1)[0]
        assert model.decode(latent).shape == model.spec.grid
        assert model.density.nearest_class(latent) in model.classes

    yield open_and_draw
    yield lambda: [unchanged(line) for line in describe(str(folder))]


def refused() -> Iterator[Case]:
    for kind in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float64", "int8", "bool"):
        dtype = getattr(torch, kind)
        yield f"weights as {kind}", with_tensor(FIRST, lambda t, d=dtype: t.to(d))
    yield (
        "all in bfloat16",
        lambda f: write(
            f, signed({n: t.to(torch.bfloat16) for n, t in load_tensors(small_model()).items()})
        ),
    )
    for version in ("5" * 5000, "²", "٣", "-1", "1e9", "", "999999", "3.0", " 3"):
        yield f"version {version[:6]!r}", said(version=version)
    yield "another format", said(format="shapelab-run")
    yield "header too deep", headed(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)
    yield "metadata too deep", headed(b'{"__metadata__":' + DEEP.encode()[:400_000] + b"}")
    yield "metadata a list", headed(b'{"__metadata__":[1]}')
    yield "header a list", headed(b"[1,2]")
    yield "header of digits", headed(b'{"__metadata__":{"version":' + DIGITS.encode() + b"}}")
    yield "header with a null", headed(b'{"__metadata__":{"for\0mat":"a"}}')
    yield "header not text", headed(b"\xff" * 100)
    yield "header of 2 MB", headed(b" " * 2**21)
    yield (
        "header of 10,000 tensors",
        headed(
            b"{%s}"
            % b",".join(
                b'"a%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i for i in range(10_000)
            )
        ),
    )
    yield "header longer than the file", raw(struct.pack("<Q", 2**63) + b"{}")
    yield "no header", raw(struct.pack("<Q", 0) + b"{}")
    yield "empty", raw(b"")
    yield "seven bytes", raw(b"shapela")
    yield "noise", raw(np.random.default_rng(0).bytes(100_000))
    yield "zeros", later(lambda: raw(bytes(2**20)))
    yield "cut off", raw(lambda: small_model()[:-1000])
    yield "with a tail", raw(lambda: small_model() + bytes(1000))
    yield "a flipped bit", raw(lambda: small_model()[:-9] + b"\x41" + small_model()[-8:])
    yield "10 GB of nothing", at(lambda p: sparse(p, 10 * 2**30))
    yield "1 GB behind a header", at(lambda p: sparse(p, 2**30, small_model()))
    yield "a pipe", at(fifo)
    yield "a link to a device", at(lambda p: p.symlink_to("/dev/zero"))
    yield "a link", linked
    yield "a link to itself", at(lambda p: p.symlink_to(p))
    yield "a folder", at(Path.mkdir)
    yield "no file", lambda _: None
    yield "no classes", spec(classes=[])
    yield "a class twice", spec(classes=["bed", "bed"])
    yield "a class without name", spec(classes=["", "chair"])
    yield "a class with an escape", spec(classes=[ESCAPE, "chair"])
    yield "a class of 100,000 letters", spec(classes=["a" * 100_000, "chair"])
    yield "50,000 classes", spec(classes=[f"a{i}" for i in range(50_000)])
    yield "an absurd generator", spec(generator_width=2048, latent_size=1024, resolution=128)
    yield "an absurd encoder", spec(image_convs=[[2048, 15, 1]] * 24, image_size=512)
    yield "a latent without end", spec(latent_size=10**30)
    yield "a resolution of none", spec(resolution=33)
    yield "an unknown setting", spec(colour="red")
    yield "a spec too deep", said(spec=DEEP)
    yield "a spec that is none", said(spec="[]")
    yield "weights that are missing", without(FIRST)
    yield "weights turned", with_tensor(FIRST, lambda t: t.T.contiguous())
    yield "weights that are infinite", with_tensor(FIRST, lambda t: t + float("inf"))
    yield "no density", without("density.means")
    yield "no directions", without("directions.vectors")
    yield "density of another shape", with_tensor("density.means", lambda t: t[:1].clone())
    yield "singular density", with_tensor("density.factors", torch.zeros_like)
    yield "negative density", with_tensor("density.factors", lambda t: -t)
    yield "density turned over", with_tensor("density.factors", lambda t: t.mT.contiguous())
    yield "means that are none", with_tensor("density.means", lambda t: t * float("nan"))
    yield "means out of the world", with_tensor("density.means", lambda t: t + 1e30)
    yield "directions out of the world", with_tensor("directions.vectors", lambda t: t + 1e30)
    yield "tensors over each other", claims([128, 8], [0, 2048])
    yield "tensors past the end", claims([128, 8], [0, 2**60])
    yield "shape that overflows", claims([2**62, 4], [0, 2048])
    yield "shape below nothing", claims([-128, 8], [0, 2048])


def allowed() -> Iterator[Case]:
    """A card informs; a model whose card is odd still works."""
    yield "a card that expands", later(lambda: card(b"[" + b"[]," * 7_000_000 + b"[]]"))
    yield "a card of 10 GB", odd_card(lambda p: sparse(p, 10 * 2**30))
    yield "a card too deep", card(b'{"a":' + DEEP.encode() + b"}")
    yield "a card of digits", card(b'{"a":' + DIGITS.encode() + b"}")
    yield "a card of escapes", card(json.dumps({ESCAPE: ESCAPE, "data": {ESCAPE: 1}}).encode())
    yield "a card as a list", card(b"[1]")
    yield "a card of numbers that are none", card(b'{"a": NaN, "b": -Infinity}')
    yield "a card as a pipe", odd_card(fifo)
    yield "a card as a folder", odd_card(Path.mkdir)
    yield "a card that links to a device", odd_card(lambda p: p.symlink_to("/dev/zero"))
    rows = [1, None, {"titles": 7, "author": [ESCAPE]}, {"titles": [[[1]]], "licence": {"a": 1}}]
    yield "a card that thanks oddly", card(json.dumps({"attributions": rows}).encode())
    yield "a card not text", card(os.urandom(1000))
    yield "markup for a class", spec(classes=["<b>bed</b>", "chair"])
