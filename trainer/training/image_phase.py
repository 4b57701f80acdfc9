"""The image encoder's own phase: what the frozen networks teach, on real and synthetic shapes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from shapelab.core.errors import DataError, ExportError, RunError
from shapelab.core.runs.events import Event, Prepared

from ..data.batches.ahead import Ahead
from ..data.batches.batches import Batch, Batches
from ..data.store.prepared_store import Store, open_store
from ..evaluation.code_statistics import fit_density
from ..process.control import Control, Stopped
from ..updates.code_targets import CodeTargets
from ..updates.optimise import Metrics
from ..updates.schedule import in_image_phase
from ..updates.state import TrainState
from ..updates.steps import distil_step
from .synthetic_shapes import make_synthetic_shapes

TELL_EVERY_S = 2.0


class ImagePhase:
    """Holds what is made once from the frozen networks; ``forget`` it when they change."""

    def __init__(self, state: TrainState, store: Store, folder: Path) -> None:
        self._state = state
        self._store = store
        self._folder = folder
        self.forget()

    def forget(self) -> None:
        """The run went back: the generator and the voxel encoder may be others from now on."""
        self._targets = CodeTargets(self._store)
        self._sources: tuple[Batches, ...] = ()  # of real shapes, and of synthetic ones
        self._ready = False

    @property
    def must_prepare(self) -> bool:
        """Whether the phase is due and what it learns from is not there yet."""
        return in_image_phase(self._state.config, self._state.step) and not self._ready

    def prepare(self, control: Control) -> Iterator[Event]:
        """Makes the synthetic shapes, asks the voxel encoder; a stop leaves what is done for later.

        Raises:
            RunError: the disk refuses, or the generator makes nothing usable yet.
        """
        state, store, config = self._state, self._store, self._state.config
        if config.synthetic_shapes:
            try:
                with suppress(Stopped):
                    yield from state.processes.by_main(self._make_shapes(control))
            except (OSError, ExportError, DataError) as error:
                reason = str(error).rstrip(".")
                raise RunError(
                    f"The synthetic shapes cannot be written ({reason}); free some space and "
                    "resume."
                ) from error
            if not (self._folder / "index.json").exists():
                return
            synthetic, half = open_store(self._folder), config.image_batch // 2
            self._sources = (
                Batches(store, config, state.processes, half),
                Batches(synthetic, config, state.processes, half),
            )
            self._targets = CodeTargets(store, synthetic)
        with suppress(Stopped):
            self._targets.learn(state, control.check)
            self._ready = True

    def _make_shapes(self, control: Control) -> Iterator[Event]:
        state, config, device = self._state, self._state.config, self._state.processes.device
        encoder, generator = state.averages["voxel_encoder"], state.averages["generator"]
        if not (self._folder / "index.json").exists():
            yield Prepared(state.step, 0, config.synthetic_shapes)  # the first ones take a while
        density = fit_density(encoder, self._store, check=control.check)
        told = -TELL_EVERY_S
        for made in make_synthetic_shapes(
            self._folder,
            self._store,
            generator,
            density,
            config.synthetic_shapes,
            config.synthetic_stretched,
            config.seed,
            device,
            control.check,
        ):
            if time.monotonic() - told > TELL_EVERY_S or made.done == made.total:
                told = time.monotonic()
                yield Prepared(state.step, made.done, made.total)

    def batch(self, plain: Batches, ahead: Ahead) -> Batch:
        """The batch of this step, with pictures: half of it synthetic where there is such data.

        Pictures are composed for nearly as long as a step takes; hardly two cores are busy with
        either alone.
        """
        state = self._state
        if not self._sources:
            size = state.config.image_batch
            same = plain.size == size
            self._sources = (
                plain if same else Batches(self._store, state.config, state.processes, size),
            )
        now, after = (
            (self._made, (self._sources, step, state.rollbacks))
            for step in (state.step, state.step + 1)
        )
        return ahead.take(now, after if state.step + 1 < state.config.steps else None)

    def _made(self, sources: tuple[Batches, ...], step: int, attempt: int) -> Batch:
        first, *others = (batches(step, True, attempt) for batches in sources)
        for other in others:
            first = first.interleaved(other, len(self._store))
        return first

    def update(self, batch: Batch) -> Metrics:
        """One update of the image encoder alone."""
        return distil_step(self._state, batch, self._targets)
