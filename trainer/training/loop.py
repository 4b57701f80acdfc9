"""fit(): the bookkeeping around the paper's updates; yields events, asks its control each step."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from shapelab.core.errors import ExportError, RunError
from shapelab.core.model import model_file
from shapelab.core.model.spec import IMAGE_FIELDS
from shapelab.core.paths import find_model
from shapelab.core.runs.events import (
    WAITING,
    Adjusted,
    Event,
    Finished,
    Paused,
    Previewed,
    Resumed,
    Saved,
    Started,
    StepDone,
    Validated,
    Warned,
)
from shapelab.core.runs.live_settings import adjusted, told
from shapelab.core.runs.run_config import RunConfig
from shapelab.core.runs.run_folder import RunFolder
from shapelab.core.runs.run_state import RunState
from shapelab.core.runs.store_mix import RunData

from ..checkpoints import checkpoint_store
from ..data.batches.ahead import Ahead, Request
from ..data.batches.batches import Batch, Batches
from ..data.store.joined_store import open_data
from ..data.store.prepared_store import Store
from ..evaluation.scoring import validation_scores
from ..process.control import Control, Stopped
from ..process.distributed import Processes
from ..report import previews
from ..updates.optimise import Metrics, NotFiniteError
from ..updates.schedule import in_image_phase, learning_rates, updates
from ..updates.state import AVERAGED, TrainState, new_state
from ..updates.steps import STEPS
from . import recovery, timeline
from .image_phase import ImagePhase
from .recovery import EventLog, Recovery

POLL_S = 0.2  # how often a paused run asks for requests
DISK_POLL_S = 2.0  # how often a run tries again to save on a disk that refused
FILL_FROM = 64  # shapes that say how much of the grid is solid
AGREE_EVERY = 100  # steps between two comparisons of the processes' weights


def fit(
    data: RunData,
    run: Path,
    control: Control | None = None,
    processes: Processes | None = None,
) -> Iterator[Event]:
    """Trains a started run from its newest checkpoint to its last step.

    Raises:
        RunError: another process trains it, it does not fit the data, or it cannot go on.
        DataError: the store cannot be used.
    """
    processes = Processes() if processes is None else processes
    folder = RunFolder(run)
    config, store = folder.read_config(), open_data(data)
    check_fit(config, store, processes)
    torch.set_num_threads(config.threads or processes.cores)
    with folder.locked() if processes.is_main else nullcontext():
        damaged = set(folder.checkpoints.glob("*.corrupt*"))
        state, before = _load(folder, config, processes, store)
        damaged = set(folder.checkpoints.glob("*.corrupt*")) - damaged
        training = Training(state, store, folder, Control() if control is None else control)
        log = EventLog(folder.events)
        warnings = _warnings(state.step, damaged, before not in (None, store.fingerprint))
        for event in chain(warnings, training.events()):
            if processes.is_main:
                log.write(event)
            yield event


def _reason(error: OSError | RunError) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return text.rstrip(".")


def _warnings(step: int, damaged: set[Path], other_data: bool) -> Iterator[Event]:
    if other_data:
        text = "The store is not the one of the last checkpoint; the run goes on with this one."
        yield Warned(step, "data", text)
    for path in sorted(damaged):
        text = f"{path.stem} is damaged and was set aside; training goes on from step {step}."
        yield Warned(step, "damaged", text)


def check_fit(config: RunConfig, store: Store, processes: Processes) -> None:
    """Raises RunError when these processes cannot train such a run on the store."""
    path, model = store.name, config.model
    if config.model.classes != store.classes or config.model.resolution != store.resolution:
        raise RunError(f"{path} has other classes or another resolution than this run.")
    bare = " and ".join(part.name for part, _ in store.parts if not part.has_pictures)
    if config.image_steps and bare:
        raise RunError(
            f"{bare} has no pictures to train the image encoder on; prepare it with --views 12, or "
            f"leave its steps out: --set image_steps=0 --set steps={config.main_steps}."
        )
    if model.field == "signed_distance" and not store.has_distances:
        raise RunError(f"{path} has no signed distances; prepare it again, into an empty folder.")
    side = store.picture_size
    if store.has_pictures and side < model.image_size:
        raise RunError(
            f"The pictures of {path} have {side} x {side} pixels and this run wants "
            f"{model.image_size} x {model.image_size}; prepare the data with --size "
            f"{model.image_size}, or use --set model.image_size={side}."
        )
    processes.slice(config.batch_size)
    processes.slice(config.image_batch)
    for part, rows in store.train_rows():
        if not len(rows):
            raise RunError(
                f"{part.folder} has no shapes to train on: all {len(part)} are kept for validation "
                "and tests; prepare another source."
            )


def starting_model(config: RunConfig) -> model_file.ModelParts:
    """The model that a run starts from.

    Raises:
        RunError: its shapes or classes are not those of the run.
        ModelFileError: there is no such model, or its file is damaged.
    """
    name = config.start_from
    model = model_file.read(find_model(name) / "model.safetensors")
    if "voxel_encoder" not in model.networks:
        raise RunError(f"This run cannot start from {name}, which was not trained.")
    for field in type(config.model).model_fields:
        old, new = getattr(model.spec, field), getattr(config.model, field)
        if old != new and field not in IMAGE_FIELDS:
            told = "other classes" if field == "classes" else f"model.{field} = {old}, not {new}"
            raise RunError(f"This run cannot start from {name}, which has {told}.")
    return model


def _load(
    folder: RunFolder, config: RunConfig, processes: Processes, store: Store
) -> tuple[TrainState, str | None]:
    """The newest verified state of a run, or a fresh one, and the fingerprint of its data.

    The main process reads for all.
    """
    state = new_state(config, processes)
    found = checkpoint_store.read_newest(folder.checkpoints) if processes.is_main else None
    found = processes.from_main(found)
    if found is None:
        train = store.indices("train")
        looked_at = train[np.linspace(0, len(train) - 1, min(len(train), FILL_FROM)).astype(int)]
        state.start_output_at(float(store.grids(looked_at).mean()))
        if config.start_from:
            state.start_with(starting_model(config))
        else:
            state.start_pictures()
        return state, None
    state.load(*found)
    if state.has_other_pictures(found[1]):
        if state.step > config.main_steps:
            raise RunError(
                "The image encoder is another one than before and learns from its beginning; add "
                f"--set steps={state.step + config.image_steps}."
            )
        state.start_pictures()
    return state, found[1].get("data")


class Training:
    """A run in progress: what it needs between two steps."""

    def __init__(
        self, state: TrainState, store: Store, folder: RunFolder, control: Control
    ) -> None:
        self.state = state
        self.config = state.config
        self.processes = state.processes
        self.store = store
        self.folder = folder
        self.control = control
        self.batches = Batches(store, state.config, state.processes)
        self.ahead = Ahead()
        self.image_phase = ImagePhase(state, store, folder.synthetic_shapes)
        self.recovery = Recovery()
        self._sums: dict[str, list[Tensor]] = defaultdict(list)
        self._since = (time.perf_counter(), state.step)
        self._saved = state.step  # the newest step on disk
        self._save_tried = time.monotonic()

    def events(self) -> Iterator[Event]:
        """Everything that happens until the run is complete or asked to stop, saved then."""
        state, config = self.state, self.config
        device = self.processes.device
        yield Started(state.step, config.steps, str(device), self.processes.count)
        try:
            yield from self._steps()
        finally:
            self.ahead.close()
        if self._saved != state.step:
            yield from self._save(last=True)
        complete = state.step >= config.steps
        yield Finished(state.step, RunState.COMPLETED if complete else RunState.STOPPED)

    def _steps(self) -> Iterator[Event]:
        """Until the last step, or until a stop is asked for."""
        state, stopped = self.state, False
        while state.step < self.config.steps and not stopped:
            stopped, save, sample, late = yield from self._requests()
            if self.image_phase.must_prepare and not stopped:
                yield from self._obey(save, sample)
                yield from self.image_phase.prepare(self.control)
            elif not stopped:
                yield from self.step()
                yield from self._every_so_often(save, sample, late)

    def _requests(self) -> Generator[Event, None, tuple[bool, ...]]:
        """Waits out a pause; returns whether to stop, save, sample, and whether a save is late.

        All processes agree on these, by one message.
        """
        control, paused = self.control, False
        while True:
            late = time.monotonic() - self._save_tried > 60 * self.config.save_minutes
            stop, pause, adjust, save, sample, late = self.processes.any(
                control.stop,
                control.paused,
                control.has_settings,
                control.was_asked("save"),
                control.was_asked("sample"),
                late,
            )
            waits = pause and not stop
            if waits and not paused:
                yield Paused(self.state.step)
            if adjust:
                yield from self._adjust()
            if not waits and (stop or not paused):
                return stop, save, sample, late
            yield from self._obey(save, sample)
            if waits:
                control.wait(POLL_S)
            else:  # who resumed it may have asked for more since
                self._since = (time.perf_counter(), self.state.step)
                yield Resumed(self.state.step)
            paused = waits

    def _adjust(self) -> Iterator[Event]:
        """Other settings from this step on, also after a resume, which begins here or later."""
        before, step = self.config, self.state.step
        asked = self.processes.from_main(self.control.take_settings())
        try:
            config = adjusted(before, asked)
        except RunError as error:
            yield Warned(step, "refused", f"The settings stay as they are. {error}")
            return
        if config == before:
            return
        if self._saved != step:
            yield from self._save()
        refused = self.processes.from_main(self._note(config) if self.processes.is_main else "")
        if refused:
            yield Warned(step, "refused", f"The settings stay as they are. {refused}")
            return
        self.config = self.state.config = config
        yield Adjusted(step, told(before, config))

    def _note(self, config: RunConfig) -> str:
        """Writes the run's settings; returns what stood against it."""
        try:
            self.folder.write_config(config)
        except ExportError as error:
            return str(error)
        return ""

    def _obey(self, save: bool, sample: bool) -> Iterator[Event]:
        if sample and self.processes.is_main:
            yield from self._preview()
        if save:
            yield from self._save()

    def step(self) -> Iterator[Event]:
        """One batch through the updates that are due; one that fails is skipped or tried again."""
        state, config, step = self.state, self.config, self.state.step
        due = updates(config, step, self.store.has_pictures)
        state.set_learning_rates(learning_rates(config, step))
        batch = self._batch(due)
        taken: Metrics = {}
        for name in due:
            statistics = state.buffers()
            while True:
                try:
                    taken |= self._update(name, batch)
                except NotFiniteError as error:
                    state.restore_buffers(statistics)
                    yield from self._skip(str(error))
                    return
                except (RuntimeError, MemoryError) as error:
                    if not recovery.is_out_of_memory(error):
                        raise
                    state.restore_buffers(statistics)
                    yield self._halve(batch)
                else:
                    break
        for key, value in taken.items():
            self._sums[key].append(value)
        self.recovery.step_done()
        state.step += 1
        state.average(("image_encoder",) if in_image_phase(config, step) else AVERAGED)

    def _batch(self, due: list[str]) -> Batch:
        if "distil" in due:
            return self.image_phase.batch(self.batches, self.ahead)
        step = self.state.step
        after = self._request(step + 1) if step + 1 < self.config.main_steps else None
        return self.ahead.take(self._request(step), after)

    def _request(self, step: int) -> Request:
        """The batch of a step of the main phase."""
        due = updates(self.config, step, self.store.has_pictures)
        blends = "critic" in due and self.config.prior == "blends"
        return self.batches, (step, "image" in due, self.state.rollbacks, blends)

    def _update(self, name: str, batch: Batch) -> Metrics:
        if name == "distil":
            return self.image_phase.update(batch)
        return STEPS[name](self.state, batch)

    def _skip(self, reason: str) -> Iterator[Event]:
        state = self.state
        event, must_go_back = self.recovery.step_skipped(state.step, reason)
        yield event
        state.step += 1
        if must_go_back:
            since, tries, pieces = state.step, state.rollbacks, state.micro_batches
            fresh, _ = _load(self.folder, self.config, self.processes, self.store)
            state.load(fresh.tensors(), fresh.position())
            # The checkpoint is older than the last return and the last shortage of memory.
            state.rollbacks, state.micro_batches = tries, max(pieces, state.micro_batches)
            self.image_phase.forget()
            self._sums.clear()
            self._since = (time.perf_counter(), state.step)
            yield self.recovery.went_back(state, since)

    def _halve(self, batch: Batch) -> Warned:
        """Memory ran out: the same batch in twice as many micro-batches, so its gradient stays."""
        if self.processes.count > 1:
            raise RunError(
                "Memory ran out in one of several processes; resume with a smaller batch_size."
            )
        state = self.state
        recovery.release_memory(self.processes.device)
        state.micro_batches = recovery.more_micro_batches(state.micro_batches, len(batch))
        return Warned(
            state.step,
            "memory",
            f"Memory ran out; each batch of {len(batch)} now goes through in "
            f"{state.micro_batches} micro-batches, which is slower and changes nothing but the "
            "statistics of batch normalisation.",
        )

    def _every_so_often(self, save: bool, sample: bool, late: bool) -> Iterator[Event]:
        state, config = self.state, self.config
        if state.step % config.log_every == 0 and self._sums:
            yield StepDone(state.step, self._scalars())
        if state.step % AGREE_EVERY == 0:
            self.processes.check_agreement(state.tensors().values())
        score, due = None, late or state.step % config.save_every == 0
        held_out = len(self.store.indices("validation"))  # a class of one shape may be all there is
        if held_out and state.step % config.validate_every == 0:
            scores = validation_scores(state, self.store, self.control.check)
            if scores:
                validated = Validated(state.step, scores)
                score = validated.score
                due = due or score > state.best
                state.best = max(state.best, score)
                yield validated
        if self.processes.is_main and (sample or state.step % config.preview_every == 0):
            yield from self._preview()
        # A run in trouble saves nothing by itself: it goes back to before the trouble.
        if save or (due and not self.recovery.skipped):
            yield from self._save(score)

    def _scalars(self) -> dict[str, float]:
        """Means since the last call, over all processes, with speed and memory."""
        state, now = self.state, time.perf_counter()
        metrics = {name: torch.stack(v).float().mean().item() for name, v in self._sums.items()}
        self._sums.clear()
        metrics = self.processes.average(metrics)
        clock, step = self._since
        self._since = (now, state.step)
        pictured = in_image_phase(self.config, state.step - 1)
        learning = state.optimisers["image_encoder" if pictured else "generator"]
        metrics["learning_rate"] = learning.param_groups[0]["lr"]
        size = self.config.image_batch if pictured else self.config.batch_size
        metrics["samples_per_second"] = (state.step - step) * size / (now - clock)
        return metrics | recovery.memory_used(self.processes.device)

    def _preview(self) -> Iterator[Event]:
        step = self.state.step
        try:
            rows = previews.preview_rows(self.state, self.store, self.control.check)
            path = previews.write(self.folder.previews, step, rows)
        except Stopped:
            return
        except (OSError, ExportError) as error:
            yield Warned(step, "disk", f"The preview could not be written: {error}.")
        else:
            yield Previewed(step, path.relative_to(self.folder.path).as_posix())

    def _save(self, score: float | None = None, last: bool = False) -> Iterator[Event]:
        """A checkpoint; waits while the disk refuses it, until a stop is asked for.

        Raises:
            RunError: this was the last chance.
        """
        since, told = time.perf_counter(), False
        while True:
            error = (yield from self._try_to_save(score)) if self.processes.is_main else None
            full = isinstance(error, OSError)
            # All wait here, and all know how it went.
            saved, full, stop = self.processes.any(
                self.processes.is_main and error is None, full, self.control.stop
            )
            if error is not None:
                step, why = self.state.step, _reason(error)
                text = f"Step {step} could not be saved ({why})"
                if last and (stop or not full):
                    raise RunError(
                        f"{text}; {'free some space and ' if full else ''}resume, which repeats "
                        f"what came after step {self._saved}."
                    ) from error
                if not full:
                    yield Warned(step, "unsaved", f"{text}; training goes on and tries again.")
                elif not told and not stop:
                    told = True
                    yield Warned(step, WAITING, f"{text}; training waits until the disk takes it.")
            if not full or stop:
                break
            self.control.wait(DISK_POLL_S)
        if saved:
            self._saved = self.state.step
        self._save_tried = time.monotonic()
        if told:  # waiting says nothing about the speed
            clock, step = self._since
            self._since = (clock + time.perf_counter() - since, step)

    def _try_to_save(
        self, score: float | None
    ) -> Generator[Event, None, OSError | RunError | None]:
        """Saves a checkpoint; returns what stood against it."""
        state, config = self.state, self.config
        meta = state.position() | {
            "data": self.store.fingerprint,
            "config": config.model_dump(mode="json"),
        }
        try:
            path, best = checkpoint_store.write(
                self.folder.checkpoints,
                state.step,
                state.tensors(),
                meta,
                keep_every=config.keep_every,
                score=score,
            )
        except (OSError, RunError) as error:
            return error
        timeline.keep(self.folder, path.name, state, self.store)
        yield Saved(state.step, path.relative_to(self.folder.path).as_posix(), best)
        return None
