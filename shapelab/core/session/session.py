"""Session: the shape a person is looking at, its history and its morph; knows nothing of Qt."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shapelab.core.errors import InputError
from shapelab.core.formatting import words
from shapelab.core.mesh.meshing import AUTOMATIC, SurfaceOptions
from shapelab.core.model.latent import (
    DIRECTIONS,
    MAX_TRUNCATION,
    PATHS,
    Array,
    PathMode,
    seed_noise,
)
from shapelab.core.model.wholeness import CANDIDATES
from shapelab.core.session.command import Command
from shapelab.core.session.gallery import kept_shape
from shapelab.core.session.gallery_commands import GalleryCommands
from shapelab.core.session.mending import Mending
from shapelab.core.session.refining import Refining, ShapeStroke
from shapelab.core.session.shape_file import SavedShape, check_fits, read_shape, write_shape
from shapelab.core.session.shape_state import (
    VARIATION,
    Draw,
    Morph,
    ShapeState,
    plain_state,
    seeded_state,
    short_origin,
)
from shapelab.core.session.snapshot import Snapshot
from shapelab.core.session.undoable import ChangeSignal

if TYPE_CHECKING:
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.model.shape_model import ShapeModel

START_CLASS = "chair"
RANDOM_SEEDS = 1_000_000  # short enough to be read out and typed


class Session(GalleryCommands):
    """The document of one window or one command. Use it from one thread.

    Beside the signals of ``Undoable`` there are ``locked_changed(indices)`` and
    ``model_changed(model)``.
    """

    def __init__(self, model: ShapeModel, seed: int | None = None) -> None:
        class_name = START_CLASS if START_CLASS in model.classes else model.classes[0]
        seed = model.first_seed(class_name) if seed is None else seed
        first = seeded_state(model, class_name, seed)
        super().__init__(model, Snapshot(first, Morph(), AUTOMATIC))
        self.locked_changed: ChangeSignal[[frozenset[int]]] = ChangeSignal()
        self.model_changed: ChangeSignal[[ShapeModel]] = ChangeSignal()
        self._locked: frozenset[int] = frozenset()

    # --- what is shown -----------------------------------------------------------------------

    @property
    def latent(self) -> Array:
        """(latent,) float32 of the shown shape: base + coefficients @ directions + offsets."""
        return self.state.latent(self.model)

    @property
    def locked(self) -> frozenset[int]:
        """Directions whose coefficient survives randomise, a new class, a new seed and reset."""
        return self._locked

    # --- the model ---------------------------------------------------------------------------

    def replace_model(self, model: ShapeModel) -> None:
        """Goes on with another stage of the same training: latents, sliders and history stay.

        Raises:
            InputError: the model's latents or classes are others, so that nothing could stay.
        """
        old = self.model
        if (model.latent_size, model.classes) != (old.latent_size, old.classes):
            raise InputError(
                f"{model.name} has other classes or another number of latent values than "
                f"{old.name}, so this shape cannot be shown with it; open it as a new model."
            )
        self.model = model
        self._history.map(lambda snapshot: snapshot.carried(old, model))
        self._now = self._history.current
        self.model_changed(model)
        self.morph_changed(self.morph)  # its pins show other shapes now
        self._set_gallery(self.gallery.carried(old, model))

    # --- where the shape comes from ----------------------------------------------------------

    def set_class(self, name: str) -> None:
        """Goes to the current seed's shape of another class. Raises InputError for no class."""
        self.model.density.index(name)
        if name != self.state.class_name:
            self._resample(Command(f"class {words(name)}", "set_class", (name,)), class_name=name)

    def set_seed(self, seed: int) -> None:
        """Goes to the shape of a seed (whole number >= 0; else InputError)."""
        self._resample(Command(f"seed {seed}", "set_seed", (seed,)), seed=seed)

    def randomise(self, whole: bool = True) -> None:
        """Goes to a new seed; locked directions keep their coefficient, others return to 0.

        Of a few seeds the best is taken, unless ``whole`` is False: one that is in one piece.
        """
        draw = self.draw()
        self.accept(draw, draw.best() if whole else draw.first)

    def draw(self) -> Draw:
        """What ``randomise`` would do, for a thread that looks for the best seed."""
        state = self.state
        first = random.randrange(RANDOM_SEEDS)
        while state.seed is not None and first <= state.seed < first + CANDIDATES:
            first = random.randrange(RANDOM_SEEDS)
        kept = self._kept_coefficients() @ self.model.directions.of(state.class_name)
        return Draw(self.model, state.class_name, first, state.truncation, kept)

    def accept(self, draw: Draw, seed: int) -> None:
        """Goes to the seed that was found, unless another class or model was chosen meanwhile."""
        if draw.model is self.model and draw.class_name == self.state.class_name:
            self._resample(Command("randomise", "set_seed", (seed,)), seed=seed)

    def set_truncation(self, truncation: float) -> None:
        """Brings a sampled shape nearer to its class's mean, or away; sliders stay.

        What comes from a picture or a file does not change. Raises InputError out of range.
        """
        if not 0 <= truncation <= MAX_TRUNCATION:
            raise InputError(f"Truncation lies between 0 and {MAX_TRUNCATION:g}.")
        old = self.state
        if old.seed is None:
            state = replace(old, truncation=truncation)
        else:
            base = self.model.sample(old.class_name, old.seed, 1, truncation)[0]
            state = replace(old, base=base, truncation=truncation)
        command = Command("truncation", "set_truncation", (float(truncation),))
        self._set_state(state, command, "truncation")

    def show(
        self,
        latent: Array,
        origin: str,
        class_name: str | None = None,
        keep: str = "",
        file: Path | None = None,
        text: str = "",
    ) -> None:
        """Shows a latent (latent,) exactly, as one step.

        Args:
            latent: the shape.
            origin: where it comes from, in words.
            class_name: whose sliders it gets; without one, its most likely class.
            keep: with a name, the same step puts it into the gallery.
            file: what it was made of, for the script.
            text: words for the step; without them, the origin.

        Raises:
            InputError: it does not fit the model, or the gallery is full.
        """
        latent = np.asarray(latent, np.float32)
        if latent.shape != (self.model.latent_size,) or not np.isfinite(latent).all():
            raise InputError(f"A shape of this model is {self.model.latent_size} finite numbers.")
        name = self.model.density.nearest_class(latent) if class_name is None else class_name
        self.model.density.index(name)
        state = plain_state(latent, name, self.state.truncation, origin)
        command = Command(text or origin, "show", (keep, None if file is None else str(file)))
        self._arrive(state, self.surface, command, keep)

    def variations(self, seed: int, distance: float, count: int = 8) -> list[ShapeState]:
        """Neighbours of the shown shape, to go to; locked directions keep their coefficient.

        Args:
            seed: draws them; the same seed gives the same neighbours.
            distance: 0 (the shape itself) to 1 (any of its class); else InputError.
            count: how many.
        """
        if not 0 <= distance <= 1:
            raise InputError("The distance of variations lies between 0 and 1.")
        old, model, kept = self.state, self.model, self._kept_coefficients()
        locked = kept @ model.directions.of(old.class_name)
        noise = seed_noise(seed, model.latent_size, count)
        bases = model.density.neighbours(self.latent - locked, old.class_name, noise, distance)
        origin = VARIATION + short_origin(old.origin)
        states = [plain_state(base, old.class_name, old.truncation, origin) for base in bases]
        return [replace(state, coefficients=kept) for state in states]

    def go_to(self, state: ShapeState, text: str) -> None:
        """Shows a shape of this model as it is; the text names the step of the history."""
        self._set_state(state, Command(text, "go_to"))

    # --- sliders -----------------------------------------------------------------------------

    def set_coefficient(self, index: int, sigma: float) -> None:
        """Sets a principal direction (0 … 11), in standard deviations of the class."""
        name = self.model.directions.name(self.state.class_name, index)
        command = Command(name, "set_coefficient", (index, float(sigma)))
        self._set_number("coefficients", index, sigma, command)

    def set_raw(self, index: int, value: float) -> None:
        """Sets one number of the latent itself, by way of its offset."""
        state = self.state
        moved = state.coefficients @ self.model.directions.of(state.class_name)
        without = state.base[index] + moved[index]  # whatever the offset was: so a drag has no past
        command = Command(f"latent number {index + 1}", "set_raw", (index, float(value)))
        self._set_number("offsets", index, value - float(without), command)

    def reset_direction(self, index: int) -> None:
        self.finish_edit()
        name = self.model.directions.name(self.state.class_name, index)
        command = Command(f"reset {name}", "reset_direction", (index,))
        self._set_number("coefficients", index, 0.0, command)
        self.finish_edit()

    def reset_raw(self, index: int) -> None:
        self.finish_edit()
        command = Command(f"reset latent number {index + 1}", "reset_raw", (index,))
        self._set_number("offsets", index, 0.0, command)
        self.finish_edit()

    def reset_all(self) -> None:
        """Returns all directions that are not locked, and all offsets, to 0."""
        offsets = np.zeros(self.model.latent_size, np.float32)
        kept = self._kept_coefficients()
        state = replace(self.state, coefficients=kept, offsets=offsets)
        self._set_state(state, Command("reset all", "reset_all"))

    def mend(self) -> None:
        """Goes to the whole shape most like this one. Raises InputError when none is found."""
        broken = self.mending()
        self.accept_mended(broken, broken.best())

    def mending(self) -> Mending:
        """What ``mend`` would do, for a thread that looks for the whole shape."""
        return Mending(self.model, self.state)

    def accept_mended(self, broken: Mending, whole: ShapeState) -> None:
        """Goes to the whole shape that was found, unless another one is shown meanwhile."""
        if broken.model is self.model and broken.state == self.state:
            self._set_state(whole, Command("mend", "mend"))

    def refine(
        self, strokes: Sequence[ShapeStroke], original: Reconstruction | None = None
    ) -> None:
        """Gives the shape more or less where strokes say so, see ``Refining``.

        Args:
            strokes: on its surface.
            original: what its pictures were made into, if it comes from some.

        Raises:
            InputError: the strokes lie beside the shape.
        """
        wanted = self.refining(strokes, original)
        self.accept_refined(wanted, wanted.best())

    def refining(
        self, strokes: Sequence[ShapeStroke], original: Reconstruction | None = None
    ) -> Refining:
        """What ``refine`` would do, for a thread."""
        return Refining(self.model, self.state, tuple(strokes), original)

    def accept_refined(self, wanted: Refining, refined: ShapeState) -> None:
        """Goes to the shape that was found, unless another one is shown meanwhile."""
        if wanted.model is self.model and wanted.state == self.state:
            self._set_state(refined, Command("reshape", "refine"))

    def set_locked(self, index: int, locked: bool) -> None:
        """Locks or frees a direction. Not a step of the history: the shape stays the same."""
        new = self._locked | {index} if locked else self._locked - {index}
        if new != self._locked:
            self._locked = new
            self.locked_changed(new)

    # --- morph -------------------------------------------------------------------------------

    def pin_a(self) -> None:
        """Makes the shown shape the start of a path without keyframes between."""
        morph = replace(self.morph, a=self.state, t=0.0, between=())
        self._commit(replace(self._now, morph=morph), Command("pin A", "pin_a"))

    def pin_b(self) -> None:
        """Makes the shown shape the end of a path without keyframes between."""
        morph = replace(self.morph, b=self.state, t=1.0, between=())
        self._commit(replace(self._now, morph=morph), Command("pin B", "pin_b"))

    def morph_through(self, states: Sequence[ShapeState]) -> None:
        """Lays the path through two or more shapes of this model and goes to its start.

        Raises:
            InputError: there are fewer than two, or one does not fit the model.
        """
        if len(states) < 2:
            raise InputError("A morph needs two shapes or more; choose some of one model.")
        for state in states:
            check_fits(state, self.model)
        first, *between, last = states
        morph = replace(self.morph, a=first, b=last, t=0.0, between=tuple(between))
        command = Command(f"morph through {len(states)} shapes", "morph_through", (len(states),))
        self._commit(replace(self._now, morph=morph, state=first), command)

    def set_morph(self, t: float) -> None:
        """Moves the shape to t in [0, 1] on the path from A to B, if both are pinned."""
        morph = replace(self.morph, t=min(max(float(t), 0.0), 1.0))
        state = morph.state(self.model) or self.state
        command = Command("morph", "set_morph", (morph.t,))
        self._commit(replace(self._now, morph=morph, state=state), command, "morph")

    def set_morph_mode(self, mode: PathMode) -> None:
        """Chooses the kind of path; the shape follows if it stands on the path now."""
        if mode not in PATHS:
            raise InputError(f"A path is one of: {', '.join(PATHS)}.")
        on_path = self.morph.state(self.model) == self.state
        morph = replace(self.morph, mode=mode)
        state = (morph.state(self.model) if on_path else None) or self.state
        command = Command(f"{mode} path", "set_morph_mode", (mode,))
        self._commit(replace(self._now, morph=morph, state=state), command)

    # --- files -------------------------------------------------------------------------------

    def save(self, path: Path, force: bool = False) -> None:
        """Writes the shown shape and its surface's options; ``force`` replaces a file."""
        write_shape(path, self.state, self.model, self.surface, force)

    def open(self, path: Path, keep: str = "") -> None:
        """Shows a shape from a ``.shape.json`` file, and keeps it as ``show`` does.

        Raises:
            InputError: it cannot be used, or the gallery is full.
        """
        saved = read_shape(path, self.model)
        self._restore(saved, Command(f"open {path.name}", "open", (str(path), keep)), keep)

    def restore(self, saved: SavedShape, text: str, keep: str = "") -> None:
        """Shows a saved shape of this model with its surface, and keeps it as ``show`` does."""
        self._restore(saved, Command(text, "restore", (keep,)), keep)

    def show_kept(self, shape_id: str) -> None:
        """Goes to a kept shape and its surface. Raises InputError for one of another model."""
        shape = self.gallery.find(shape_id)
        if shape is None:
            raise InputError("This shape is in the gallery no more.")
        if shape.model.digest != self.model.digest:
            raise InputError(
                f"'{shape.name}' was made with another model ('{shape.model.name}') than "
                f"{self.model.name}; open that one first."
            )
        command = Command(f"show {shape.name}", "show_kept", self._places([shape]))
        self._restore(shape.saved, command)

    # --- inside ------------------------------------------------------------------------------

    def _restore(self, saved: SavedShape, command: Command, keep: str = "") -> None:
        check_fits(saved.state, self.model)
        self._arrive(saved.state, saved.surface or self.surface, command, keep)

    def _arrive(
        self, state: ShapeState, surface: SurfaceOptions, command: Command, keep: str
    ) -> None:
        """One step to a shape from outside, which may be kept under a name."""
        gallery = self.gallery
        if keep:
            shape = kept_shape(state, surface, self.model, keep)
            gallery = gallery if gallery.twin(shape) else gallery.added([shape])
        shown = replace(self._now, state=state, surface=surface)
        self._commit(shown, command, gallery=gallery)

    def _resample(
        self, command: Command, class_name: str | None = None, seed: int | None = None
    ) -> None:
        old = self.state
        name = old.class_name if class_name is None else class_name
        number = (old.seed or 0) if seed is None else seed
        if (name, number) != (old.class_name, old.seed):
            fresh = seeded_state(self.model, name, number, old.truncation)
            self._set_state(replace(fresh, coefficients=self._kept_coefficients()), command)

    def _kept_coefficients(self) -> Array:
        kept = np.zeros(DIRECTIONS, np.float32)
        locked = sorted(self._locked)
        kept[locked] = self.state.coefficients[locked]
        return kept

    def _set_number(self, field: str, index: int, value: float, command: Command) -> None:
        if not math.isfinite(value):
            raise InputError("A slider takes finite numbers only.")
        numbers: Array = getattr(self.state, field).copy()
        numbers[index] = value
        changed: dict[str, Array] = {field: numbers}
        state = replace(self.state, **changed)  # type: ignore[arg-type]
        self._set_state(state, command, (field, index))

    def _set_state(
        self, state: ShapeState, command: Command, control: Hashable | None = None
    ) -> None:
        self._commit(replace(self._now, state=state), command, control)
