"""Work that writes for people, to be killed at it: each goes on and on, and can be looked at."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import trimesh

from shapelab.core.mesh import formats
from shapelab.core.mesh.tri_mesh import TriMesh
from tests.small_models import small_model
from tests.trainer.conftest import make_grids
from trainer.checkpoints import checkpoint_store
from trainer.data.prepare import preparation
from trainer.evaluation import model_folder


class Work(Protocol):
    """What a child does until it is killed. ``done`` counts what was acknowledged so far."""

    def go_on(self, done: int) -> Iterator[None]:
        """Yields once something more is on the disk for good, for ever."""
        ...

    def half_done(self) -> bool:
        """Whether the child was killed in the middle of something."""
        ...

    def check(self, done: int) -> int:
        """Asserts that all is whole and nothing acknowledged is lost; gives how much is done."""
        ...


class Exports:
    """Parts of three sizes, written over each other in the five formats."""

    SUFFIXES = tuple(formats.WRITERS)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts = []
        for number in range(3):  # of other sizes, so that a mixture of two would be seen
            ball = trimesh.creation.icosphere(3, radius=20 + 5 * number)
            vertices = (ball.vertices - ball.bounds[0]).astype("float32")
            self._parts.append(TriMesh(vertices, ball.faces.astype("int32")))
        self._wanted = {s: [formats.encode(p, s) for p in self._parts] for s in self.SUFFIXES}

    def _place(self, count: int) -> Path:
        return self._folder / f"part{self.SUFFIXES[count % len(self.SUFFIXES)]}"

    def go_on(self, done: int) -> Iterator[None]:
        for count in itertools.count(done):
            path = self._place(count)
            # The end of formats.write: what comes before, making and judging, touches no file.
            formats.atomic_write(path, self._wanted[path.suffix][count % 3])
            yield

    def half_done(self) -> bool:
        drafts = list(self._folder.glob(".*.tmp"))
        for draft in drafts:
            draft.unlink()
        return bool(drafts)

    def check(self, done: int) -> int:
        """Each file is the last that was acknowledged for it, or the next one, whole."""
        for count in range(max(0, done - len(self.SUFFIXES)), done):
            path = self._place(count)
            allowed = [self._wanted[path.suffix][count % 3]]
            if count == done - len(self.SUFFIXES):  # its turn was next
                allowed.append(self._wanted[path.suffix][done % 3])
            assert path.read_bytes() in allowed, f"{path.name} after {done}"
        return done


class Checkpoints:
    """The newest three of a run, and the best."""

    TENSORS, WIDTH = 6, 2000

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def _score(step: int) -> float:
        """Goes up and down, so that the best is often an old one."""
        return step * 7919 % 997 / 997

    def go_on(self, done: int) -> Iterator[None]:
        for step in itertools.count(done + 1):
            tensors = {str(k): torch.full((self.WIDTH,), float(step)) for k in range(self.TENSORS)}
            score = self._score(step)
            checkpoint_store.write(self._folder, step, tensors, {"note": step}, score=score)
            yield

    def half_done(self) -> bool:
        return any(self._folder.glob(".tmp-*"))

    def whole(self, found: tuple[dict[str, torch.Tensor], dict[str, object]] | None) -> int:
        """The step of a checkpoint, after a look that it is whole and of one step."""
        assert found is not None
        tensors, meta = found
        step = meta["step"]
        assert isinstance(step, int)
        assert len(tensors) == self.TENSORS
        assert all(value.tolist() == [step] * self.WIDTH for value in tensors.values())
        assert (meta["note"], meta["score"]) == (step, self._score(step))
        return step

    def check(self, done: int) -> int:
        found = checkpoint_store.read_newest(self._folder)
        newest = 0 if found is None else self.whole(found)
        assert newest in (done, done + 1), (newest, done)
        if newest:
            best = self.whole(checkpoint_store.read_best(self._folder))
            assert self._score(best) == max(map(self._score, range(1, newest + 1)))
        assert not list(self._folder.glob("*.corrupt*"))
        return newest


class Models:
    """A model with its card, exported over itself; a note of the user's lies in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._weights = folder / "mine", [small_model(seed) for seed in range(3)]
        self._noted = False

    def go_on(self, done: int) -> Iterator[None]:
        for count in itertools.count(done):
            place = model_folder.free_folder(str(self._folder), force=True)
            model_folder.write(place, {"count": count}, self._weights[count % 3], force=True)
            yield

    def half_done(self) -> bool:
        return any(self._folder.parent.glob(".*.tmp"))

    def check(self, done: int) -> int:
        """Card and weights are of the same export: the last acknowledged one, or the next."""
        place = model_folder.free_folder(str(self._folder), force=True)
        assert list(self._folder.parent.iterdir()) == [place] * bool(done)
        if not done:
            return 0
        count = json.loads((place / "card.json").read_text())["count"]
        assert count in (done - 1, done)
        assert (place / "model.safetensors").read_bytes() == self._weights[count % 3]
        assert (place / "note.txt").exists() == self._noted
        (place / "note.txt").touch()
        self._noted = True
        return count + 1


class Preparations:
    """Stores of one source, one after the other: each shape counts, and each finished store."""

    SHAPES = 22  # an empty one and one that is there twice among them

    def __init__(self, folder: Path) -> None:
        # As it is on one core, but without a process more for each child; test_prepare kills those.
        preparation.run = lambda task, items, *_: ((n, task(item)) for n, item in items)
        grids, labels = make_grids(self.SHAPES - 2)
        grids = np.concatenate([grids, np.zeros_like(grids[:1]), grids[:1]])
        self._source, self._folder = folder / "shapes.npz", folder / "stores"
        names = np.array(["ball", "box"])
        np.savez(self._source, voxels=grids, labels=[*labels, 0, 0], classes=names)
        whole = folder / "whole"
        for _ in preparation.prepare(self._source, whole, views=0):
            pass
        self._whole = self._content(whole)

    def _place(self, number: int) -> Path:
        return self._folder / f"{number:04d}"

    @staticmethod
    def _content(store: Path) -> dict[str, str]:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in store.iterdir()
            if path.name != "lock"
        }

    def go_on(self, done: int) -> Iterator[None]:
        first, told = divmod(done, self.SHAPES + 1)
        for number in itertools.count(first):
            for event in preparation.prepare(self._source, self._place(number), views=0):
                while told < event.done:
                    told += 1
                    yield
            told = 0
            yield

    def half_done(self) -> bool:
        return any(not (store / "index.json").exists() for store in self._folder.glob("*"))

    def check(self, done: int) -> int:
        number, told = divmod(done, self.SHAPES + 1)
        if number:
            found, whole = self._content(self._place(number - 1)), self._whole
            odd = {name for name, _ in found.items() ^ whole.items()}
            assert not odd, f"{odd} of store {number - 1} of {done}"
        if self._place(number).exists():
            events = preparation.prepare(self._source, self._place(number), views=0)
            with closing(events):  # type: ignore[type-var]
                assert next(events).done >= told
        return done


WORKS: dict[str, Callable[[Path], Work]] = {
    "export": Exports,
    "checkpoint": Checkpoints,
    "model": Models,
    "prepare": Preparations,
}
