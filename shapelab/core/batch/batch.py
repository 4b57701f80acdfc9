"""A batch as an iterator of events: objects become files, some at a time, whatever fails."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shapelab.core import formatting
from shapelab.core.batch.object_pictures import tile_of_picture, tiles_of
from shapelab.core.batch.object_record import (
    ObjectRecord,
    Tile,
    digest_of,
    key_of,
    read_record,
    records_of,
    write_record,
)
from shapelab.core.errors import ExportError
from shapelab.core.inputs.images import NoObject
from shapelab.core.inputs.picture_hints import PictureHints
from shapelab.core.inputs.reconstruct import GUESSED, NO_HINTS, Reconstruction, iou
from shapelab.core.inputs.scan import Stance
from shapelab.core.mesh import meshing
from shapelab.core.mesh.ray_picture import LEVEL
from shapelab.core.session import shape_sources
from shapelab.core.session.shape_file import SavedShape, shape_document

if TYPE_CHECKING:
    from shapelab.core.model.shape_model import ShapeModel

_LIKELY, _LEAST = 3, 0.01  # classes that are named: how many at most, and how likely at least
_METHODS = {
    "alpha": "the picture's own transparency",
    "plain background": "its plain background",
    "grabcut": "a guess of its background",
    "corrected": "what was said of it",
}


@dataclass(frozen=True)
class BatchObject:
    """One object: what it is made from, and the file that is made of it."""

    sources: tuple[Path, ...]  # several are pictures of it
    out: Path
    hints: PictureHints = NO_HINTS
    place: int = 0  # in the batch
    stance: Stance = GUESSED  # of what is no picture

    @property
    def name(self) -> str:
        """Of its files, for people."""
        return ", ".join(path.name for path in self.sources)


@dataclass(frozen=True)
class Made:
    """A file was made of an object, or was there already."""

    which: BatchObject
    record: ObjectRecord
    again: bool = False  # it was there already


@dataclass(frozen=True)
class Failed:
    """Nothing could be made of an object."""

    which: BatchObject
    error: BaseException
    tiles: tuple[Tile, ...] = ()


@dataclass(frozen=True)
class BatchWriter:
    """How the shapes of a batch become files.

    Attributes:
        write: writes a shape to a file, and returns it with the surface that was meant and what
            is said of the file. Raises ShapelabError.
        check: raises ShapelabError where a file may not be written.
        said: all that makes files differ beside what they are made from, for their keys.
    """

    write: Callable[[SavedShape, Path], tuple[SavedShape, str]]
    check: Callable[[Path], None]
    said: tuple[object, ...] = ()


def run_batch(
    model: ShapeModel,
    objects: Iterable[BatchObject | None],
    writer: BatchWriter,
    jobs: int = 1,
) -> Generator[Made | Failed, None, None]:
    """Makes the files of all objects; what is finished first comes first.

    An object whose file is there already, made from the same things and unchanged since, is passed
    over. Closing the iterator calls off what is under way.

    Args:
        model: makes and encodes the shapes.
        objects: in order; None says that there is none at the moment.
        writer: makes the files.
        jobs: how many objects are worked on at a time.
    """
    cancel = threading.Event()
    under_way: dict[Future[Made], BatchObject] = {}

    def finished(most: int, patient: bool = True) -> Iterator[Made | Failed]:
        """Events until at most so many objects are under way; else those that are there."""
        while len(under_way) > most:
            done = wait(under_way, None if patient else 0, FIRST_COMPLETED).done
            if not done:
                return
            for future in sorted(done, key=list(under_way).index):
                yield _event(under_way.pop(future), future)

    with ThreadPoolExecutor(jobs, "batch") as threads:
        try:
            for which in objects:
                if which is None:
                    yield from finished(0, patient=False)
                    continue
                under_way[threads.submit(_made, model, which, writer, cancel)] = which
                yield from finished(jobs - 1)
            yield from finished(0)
        finally:
            cancel.set()


def _event(which: BatchObject, future: Future[Made]) -> Made | Failed:
    error = future.exception()
    if error is None:
        return future.result()
    picture = error.picture if isinstance(error, NoObject) else None
    return Failed(which, error, () if picture is None else (tile_of_picture(picture),))


def _made(
    model: ShapeModel, which: BatchObject, writer: BatchWriter, cancel: threading.Event
) -> Made:
    """The file of an object, on a thread. Raises ShapelabError where there can be none."""
    begun = time.perf_counter()
    folder, hints = which.out.parent, which.hints
    masks = () if hints.mask is None else (hints.mask,)
    stance = (which.stance.up, which.stance.turns)
    # Its mask counts by its content.
    said = (model.checksum, replace(hints, mask=None), *stance, *writer.said)
    key = key_of([*which.sources, *masks], said)
    record = read_record(folder, which.out.name)
    if record is not None and record.key == key and record.stands(folder):
        return Made(which, record, again=True)
    taken = None
    try:
        writer.check(which.out)
    except ExportError as error:
        if record is not None:
            raise
        taken = error  # a kill may have left the file without its record
    sourced = _sourced(model, which, cancel)
    meant, line, digest = _written(writer, sourced.saved, which.out, taken)
    surface = meant.surface or meshing.AUTOMATIC
    shown = meshing.shown_occupancy(model.decode(meant.state.latent(model)), surface)
    record = ObjectRecord(
        name=which.name,
        key=key or "",  # a source that went away since is read again next time
        made=which.out.name,
        digest=digest,
        line=line,
        agreement=None if sourced.found is None else agreement(sourced.found),
        facts=tuple(_facts(meant, sourced.found)),
        tiles=tiles_of(shown, sourced.found),
        shape=json.dumps(shape_document(meant.state, model, surface), indent=1),
        seconds=time.perf_counter() - begun,
    )
    write_record(folder, record)
    return Made(which, record)


def _written(
    writer: BatchWriter, shape: SavedShape, out: Path, taken: ExportError | None
) -> tuple[SavedShape, str, str]:
    """The shape as it was meant, what is said of its file, and the file's digest.

    A file in the way is not touched: it counts if it is the very one that would be written. Raises
    ``taken`` if it is not.
    """
    if taken is None:
        meant, line = writer.write(shape, out)
        digest = digest_of(out)
        if digest is None:
            raise ExportError(f"{out} was written, but somebody has taken it away.")
        return meant, line, digest
    with tempfile.TemporaryDirectory(dir=records_of(out.parent)) as scratch:
        meant, line = writer.write(shape, Path(scratch, out.name))
        digest = digest_of(Path(scratch, out.name))
    if digest is None or digest != digest_of(out):
        raise taken
    return meant, line, digest


def _sourced(
    model: ShapeModel, which: BatchObject, cancel: threading.Event
) -> shape_sources.SourcedShape:
    if len(which.sources) > 1:
        return shape_sources.shape_of_views(model, which.sources, which.hints.class_name, cancel)
    said = None if which.hints == NO_HINTS else which.hints
    stance = None if which.stance == GUESSED else which.stance
    return shape_sources.shape_of_file(model, which.sources[0], said, cancel, stance)


def agreement(found: Reconstruction) -> float | None:
    """IoU of a shape with the silhouettes or cells that it was made from; None without any."""
    if found.voxels is not None:
        return iou(found.occupancy >= LEVEL, found.voxels)
    hypothesis = found.hypothesis
    return hypothesis.overlap if hypothesis is not None and hypothesis.cameras else None


def _facts(meant: SavedShape, found: Reconstruction | None) -> Iterator[tuple[str, str]]:
    state = meant.state
    yield "Class", formatting.words(state.class_name)
    if found is None:
        yield "Made", f"as {state.origin}"
        return
    likely = [guess for guess in found.guesses[:_LIKELY] if (guess.share or 0) >= _LEAST]
    if found.told_class is not None:
        yield "Class is", "what was said"
    elif likely:
        words = (f"{formatting.words(each.name)} {each.share:.0%}" for each in likely)
        yield "Guesses", ", ".join(words)
    if found.prepared is not None:
        pictures = (found.prepared, *found.others)
        methods = dict.fromkeys(_METHODS[picture.method] for picture in pictures)
        yield "Cut out by", "; ".join(methods)
        if found.fit is not None and found.fit.best.cameras:
            yield "Before the fit", f"{found.fit.before:.0%} of the silhouette"
    else:
        yield "Pose", found.note
