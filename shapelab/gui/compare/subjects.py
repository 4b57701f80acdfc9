"""What can be compared: the shown shape, what it was made from, kept shapes and earlier steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from shapelab.core.mesh import meshing
from shapelab.core.mesh.meshing import SurfaceOptions
from shapelab.core.mesh.sharpening import Distance
from shapelab.core.mesh.tri_mesh import TriMesh
from shapelab.core.model.latent import Array
from shapelab.core.project.originals import Original
from shapelab.core.session.gallery import KeptShape
from shapelab.core.session.shape_comparison import SOLID
from shapelab.core.session.snapshot import Snapshot
from shapelab.gui.document.document import Document
from shapelab.gui.panels.thumbnails import Portrait

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.core.session.history import Step

NOW, SOURCE, PHOTO = "now", "source", "photo"
KEPT, STEP = "kept ", "step "  # and the id, or the number
MOST_STEPS = 40  # of the history that are listed; those with a name or a star always are


@dataclass(frozen=True, eq=False)
class Subject:
    """One thing that a pane can show.

    Attributes:
        key: its own among all of them, and the same as long as it means the same.
        name: for people.
        group: under which it is listed.
        occupancy: (R, R, R), made on a worker's thread; None: it has no surface.
        options: of its surface.
        content: equal for what has the same surface; None: ask anew each time.
        portrait: of which there are thumbnails.
        ready: its surface itself, where that is at hand.
        photo: the original of a photo.
        lacks: why it cannot be shown.
        distance: to the true surface, of shapes that have one; see `meshing.surface`.
    """

    key: str
    name: str
    group: str
    occupancy: Callable[[], Array] | None
    options: SurfaceOptions = SOLID
    content: bytes | None = None
    portrait: Portrait | None = None
    ready: Callable[[], TriMesh] | None = None
    photo: Original | None = None
    lacks: str = ""
    distance: Callable[[], Distance | None] | None = None

    def surface(self) -> TriMesh | None:
        """Its surface; on a worker's thread. Raises MeshError for an empty shape."""
        if self.ready is not None:
            return self.ready()
        if self.occupancy is None:
            return None
        distance = None if self.distance is None else self.distance()
        return meshing.surface(self.occupancy(), self.options, distance)


def subjects(
    document: Document, model_of: Callable[[str], ShapeModel | None]
) -> dict[str, Subject]:
    """All that can be compared now, by key, in the order of a list.

    Args:
        document: the one that is shown.
        model_of: the loaded model of a digest.
    """
    found = [now(document), *_made_from(document)]
    found += [_kept(shape, model_of(shape.model.digest)) for shape in document.session.gallery]
    found += _steps(document)
    return {subject.key: subject for subject in found}


def now(document: Document) -> Subject:
    """What the viewport shows."""
    session, asked = document.session, document.asked
    guest = document.guest is not None
    return Subject(
        NOW,
        "Shown now",
        "",
        partial(document.occupancy, asked),
        asked.options,
        portrait=None if guest else Portrait(session.state, asked.options, document.model.digest),
        ready=lambda: document.surface_for(asked.options).mesh,  # the viewport's own
    )


def _made_from(document: Document) -> list[Subject]:
    original = document.original
    if original is None or document.guest is not None:
        return []
    group, result = "Made from", original.result
    if result.voxels is not None:
        solid, content = np.asarray(result.voxels, np.float32), original.digest.encode()
        return [Subject(SOURCE, original.name, group, lambda: solid, SOLID, content)]
    hypothesis = result.hypothesis
    if result.prepared is None or hypothesis is None or not hypothesis.cameras:
        return []
    return [Subject(PHOTO, f"Photo {original.name}", group, None, photo=original)]


def _kept(shape: KeptShape, model: ShapeModel | None) -> Subject:
    name = f"★ {shape.name}" if shape.star else shape.name
    portrait = Portrait(shape.state, shape.surface, shape.model.digest)
    lacks = "" if model is not None else f"Its model, {shape.model.name}, is not open."
    return _of_portrait(KEPT + shape.id, name, "Gallery", model, portrait, lacks)


def _steps(document: Document) -> list[Subject]:
    history = document.session.history
    marked = {step.number for step in history if step.name or step.starred}
    newest = [step.number for step in history][-MOST_STEPS:]
    numbers = sorted(marked.union(newest), reverse=True)
    return [_step(document.model, history[number]) for number in numbers]


def _step(model: ShapeModel, step: Step[Snapshot]) -> Subject:
    value = step.value
    words = step.name or step.text or value.state.origin
    name = f"{step.number}. {'★ ' if step.starred else ''}{words[:1].upper()}{words[1:]}"
    portrait = Portrait(value.state, value.surface, model.digest)
    return _of_portrait(f"{STEP}{step.number}", name, "History", model, portrait)


def _of_portrait(
    key: str,
    name: str,
    group: str,
    model: ShapeModel | None,
    portrait: Portrait,
    lacks: str = "",
) -> Subject:
    found = Subject(key, name, group, None, portrait.surface, portrait.key, portrait, lacks=lacks)
    if model is None:
        return found
    state = portrait.state
    return replace(
        found,
        occupancy=lambda: model.decode(state.latent(model)),
        distance=lambda: model.distance(state.latent(model)),
    )


def first_choice(listed: dict[str, Subject], document: Document, count: int) -> list[str]:
    """Keys of what is compared unless somebody chooses: what there is to hold the shape against."""
    history = document.session.history
    before = history.behind()[-2:-1]
    wanted = [
        *(NOW, SOURCE),
        *(key for key in reversed(listed) if key.startswith(KEPT)),
        *(f"{STEP}{number}" for number in before),
        *(key for key in listed if key.startswith(STEP)),
    ]
    seen: set[bytes] = set()
    chosen = []
    for key in wanted:
        subject = listed.get(key)
        if subject is None or subject.occupancy is None:
            continue
        looks = subject.portrait.key if subject.portrait else key.encode()
        if looks not in seen:
            seen.add(looks)
            chosen.append(key)
    return (chosen + [NOW] * count)[:count]
