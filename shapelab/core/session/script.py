"""What led to the shown shape, as Python; and the shape as a line for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shapelab.core.mesh.meshing import AUTOMATIC, SurfaceOptions
from shapelab.core.model.latent import TRUNCATION, Array
from shapelab.core.session.gallery import KeptShape
from shapelab.core.session.history import Step
from shapelab.core.session.session import Session
from shapelab.core.session.shape_file import AUTO, SHAPE_SUFFIX
from shapelab.core.session.shape_state import Morph, ShapeState, seeded_state
from shapelab.core.session.snapshot import Snapshot

#: Commands that go to a shape whatever was shown before: a script can begin with one of them.
ARRIVALS = {
    "start", "set_class", "set_seed", "show", "open", "restore", "go_to", "show_kept", "refine",
}  # fmt: skip
#: What they keep of before is the coefficients of locked directions.
SEEDED = {"set_class", "set_seed", "set_truncation"}
GALLERY = {
    "keep", "keep_all", "delete_kept", "move_kept", "rename_kept", "star_kept", "take_gallery",
}  # fmt: skip
IMPORTS = {  # by the word that needs them
    "np.": "import numpy as np",
    "Path(": "from pathlib import Path",
    "SurfaceOptions(": "from shapelab.core.mesh.meshing import SurfaceOptions",
    "ModelStamp(": "from shapelab.core.session.shape_file import ModelStamp",
    "named_shape(": "from shapelab.core.session.shape_sources import named_shape",
    "ShapeState(": "from shapelab.core.session.shape_state import ShapeState",
    "KeptShape(": "from shapelab.core.session.gallery import KeptShape",
    "Gallery(": "from shapelab.core.session.gallery import Gallery",
}


def python_script(session: Session) -> str:
    """A program that goes the way of the current line to the shown shape, to the bit.

    It begins where the shape came from last, unless pinned shapes are needed from further back;
    what happened to the gallery is left out. Files that were opened must lie where they lay.
    """
    history = session.history
    steps = [history[number] for number in history.behind()]
    first = len(steps) - 1
    while first and not _can_begin(steps[first]):
        first -= 1
    lines = [*_beginning(steps[first].value, session)]
    for before, after in zip(steps[first:], steps[first + 1 :], strict=False):
        if after.command.method not in GALLERY:
            lines += command_lines(after, before.value, session)
    imports = [line for word, line in IMPORTS.items() if any(word in each for each in lines)]
    standard = [line for line in imports if "shapelab" not in line and "numpy" not in line]
    own = [line for line in imports if "shapelab." in line]
    numpy = [line for line in imports if "numpy" in line]
    head = [*standard, "", *numpy, "import shapelab", *own, ""]
    load = f"model = shapelab.load_model({session.model.name!r})"
    return "\n".join([*head, load, *lines]).strip() + "\n"


def _can_begin(step: Step[Snapshot]) -> bool:
    return step.command.method in ARRIVALS and step.value.morph == Morph()


def _beginning(snapshot: Snapshot, session: Session) -> list[str]:
    """Makes a session that shows this, without any pin."""
    state, model = snapshot.state, session.model
    lines = ["session = shapelab.Session(model)"]
    if state.seed is not None and _is_sample(state, session) and not _has_offsets(state):
        fresh = Session(model, seed=state.seed)
        lines = [f"session = shapelab.Session(model, seed={state.seed})"]
        if state.truncation != fresh.state.truncation:
            lines.append(f"session.set_truncation({state.truncation!r})")
        if state.class_name != fresh.state.class_name:
            lines.append(f"session.set_class({state.class_name!r})")
        lines += _coefficients(state)
    else:
        lines.append(f"session.go_to({_state(state)}, {state.origin!r})")
    if snapshot.surface != AUTOMATIC:
        lines.append(f"session.surface = {_surface(snapshot.surface)}")
    return lines


def command_lines(step: Step[Snapshot], before: Snapshot, session: Session) -> list[str]:
    """One command as Python, for a session that shows what the step before shows."""
    command, after = step.command, step.value
    method, arguments = command.method, command.arguments
    if method in SEEDED and after.state.seed is not None and not _is_sample(after.state, session):
        method = "go_to"  # of an earlier stage of the model: its seeds are others now
    if method == "show" and arguments[1] is not None:
        return [
            f"shape = named_shape(model, {arguments[1]!r})",
            f"session.show(shape.base, {after.state.origin!r}, shape.class_name)",
        ]
    if method in ("go_to", "show", "restore", "show_kept", "start", "refine"):
        lines = [f"session.go_to({_state(after.state)}, {command.text!r})"]
        if after.surface != before.surface:
            lines.append(f"session.surface = {_surface(after.surface)}")
        return lines
    if method == "open":
        return [f"session.open(Path({arguments[0]!r}))"]
    if method == "set_surface":
        return [f"session.surface = {_surface(after.surface)}"]
    if method == "morph_through":
        keys = ", ".join(_state(key) for key in after.morph.keys)
        return [f"session.morph_through([{keys}])"]
    if method in GALLERY:
        return [_gallery_line(method, arguments, after)]
    line = f"session.{method}({', '.join(map(repr, arguments))})"
    if method in ("set_class", "set_seed", "reset_all"):
        return [line, *_coefficients(after.state)]
    return [line]


def _gallery_line(method: str, arguments: Sequence[Any], after: Snapshot) -> str:
    """A change of the gallery; shapes are found by their places in it."""
    if method == "keep":
        return f"session.keep({arguments[0]!r})"
    if method in ("keep_all", "take_gallery"):
        came = ", ".join(_kept(shape) for shape in (after.kept.came if after.kept else ()))
        return f"session.keep_all([{came}])"
    if method == "rename_kept":
        name, place = arguments
        return f"session.rename_kept(session.gallery.shapes[{place}].id, {name!r})"
    places = arguments if method == "delete_kept" else arguments[1:]
    ids = f"[session.gallery.shapes[at].id for at in ({', '.join(map(str, places))},)]"
    if method == "delete_kept":
        return f"session.delete_kept({ids})"
    return f"session.{method}({ids}, {arguments[0]!r})"


def command_line(session: Session) -> tuple[str, str]:
    """The shown shape, made and written by one line of a terminal.

    Returns:
        The line, and the file that it reads, to be saved first; empty if it reads none.
    """
    state = session.state
    options = _surface_options(session.surface)
    stem = state.class_name.replace(" ", "-")
    if state.seed is not None and _is_sample(state, session) and not _has_offsets(state):
        words = ["shapelab", "sample", "--class", state.class_name, "--seed", str(state.seed)]
        if state.truncation != TRUNCATION:
            words += ["--truncation", repr(state.truncation)]
        for place in np.flatnonzero(state.coefficients):
            words += ["--direction", f"{place + 1}={float(state.coefficients[place])!r}"]
        words += [*options, "--model", session.model.name, "-o", f"{stem}-{state.seed}.stl"]
        return shlex.join(words), ""
    name = f"{stem}{SHAPE_SUFFIX}"
    words = ["shapelab", "reconstruct", name, "-o", f"{stem}.stl"]
    return shlex.join(words), name


def _surface_options(surface: SurfaceOptions) -> list[str]:
    words: list[str] = []
    if surface.resolution != AUTOMATIC.resolution:
        words += ["--resolution", str(surface.resolution)]
    if surface.smoothing != AUTOMATIC.smoothing:
        words += ["--smoothing", str(surface.smoothing)]
    if surface.level != AUTOMATIC.level:
        words += ["--level", AUTO if surface.level is None else repr(surface.level)]
    if surface.largest_part != AUTOMATIC.largest_part:
        words += ["--all-parts"]
    return words


# --- values as Python ---------------------------------------------------------------------------


def _is_sample(state: ShapeState, session: Session) -> bool:
    """Whether the shape comes from its seed with the model as it is now."""
    if state.seed is None:
        return False
    fresh = seeded_state(session.model, state.class_name, state.seed, state.truncation)
    same: bool = fresh.base.tobytes() == state.base.tobytes()
    return same and fresh.origin == state.origin


def _has_offsets(state: ShapeState) -> bool:
    return bool(state.offsets.tobytes().strip(b"\0"))  # -0.0 counts too


def _coefficients(state: ShapeState) -> list[str]:
    places: Iterable[int] = map(int, np.flatnonzero(state.coefficients.view(np.uint32)))
    values = [(place, float(state.coefficients[place])) for place in places]
    return [f"session.set_coefficient({place}, {value!r})" for place, value in values]


def _state(state: ShapeState) -> str:
    arrays = ", ".join(
        f"{name}={_array(getattr(state, name))}" for name in ("base", "coefficients", "offsets")
    )
    return (
        f"ShapeState({arrays}, class_name={state.class_name!r}, seed={state.seed!r}, "
        f"truncation={state.truncation!r}, origin={state.origin!r})"
    )


def _array(values: Array) -> str:
    if not values.tobytes().strip(b"\0"):  # all 0.0, not -0.0
        return f"np.zeros({len(values)}, np.float32)"
    numbers = ", ".join(np.format_float_positional(x, unique=True, trim="0") for x in values)
    return f"np.array([{numbers}], np.float32)"


def _surface(surface: SurfaceOptions) -> str:
    return repr(surface)


def _kept(shape: KeptShape) -> str:
    """Without its look from other places: a frozen dataclass writes itself down but for arrays."""
    return (
        f"KeptShape({shape.id!r}, {shape.name!r}, {_state(shape.state)}, {shape.surface!r}, "
        f"{shape.model!r}, {shape.star!r})"
    )
