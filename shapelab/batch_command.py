"""``shapelab reconstruct`` of many files: a line about each, a sheet of all, a watched folder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from shapelab import __version__
from shapelab.core import formatting
from shapelab.core.errors import ExportError
from shapelab.output import FolderNames, ShapeWriter, base_name, check_free, make_folder

if TYPE_CHECKING:
    from shapelab.core.batch.batch import BatchObject, BatchWriter, Failed, Made
    from shapelab.core.inputs.picture_hints import PictureHints
    from shapelab.core.inputs.scan import Stance
    from shapelab.core.model.shape_model import ShapeModel

_SHEET_S, _SHEET_TIMES = 5.0, 20  # between two sheets: seconds, and times as long as one takes
_TOLD_FROM = 3  # objects from which on is said how long the others will take


@dataclass(frozen=True)
class BatchOptions:
    """What a person says of a batch."""

    folder: Path
    file_format: str
    jobs: int = 1
    sheet: Path | None = None
    watch: Path | None = None
    stance: Stance | None = None  # of what is no picture


def batch_folder(out: str, plate: bool) -> Path:
    """The folder that a person means after -o. Raises BadParameter for one file, or a plate."""
    folder = Path(out).expanduser()
    if plate:
        raise typer.BadParameter("--plate holds shapes of one go; leave it out of a batch.")
    if folder.suffix and not (out.endswith(("/", "\\")) or os.path.isdir(folder)):
        raise typer.BadParameter(f"A batch goes into a folder; let {out} end in /.")
    return folder


class BatchRun:
    """A batch in a terminal."""

    def __init__(
        self,
        options: BatchOptions,
        writer: ShapeWriter,
        hints: PictureHints,
        complain: Callable[[BaseException], None],
    ) -> None:
        """Checks the options.

        Args:
            options: of the batch.
            writer: makes the files.
            hints: what the pictures show, and where.
            complain: says what is wrong with an object.

        Raises:
            ExportError: the sheet or the files may not be where they are meant.
        """
        from shapelab.core.batch.batch_sheet import check_sheet

        self._options, self._writer, self._hints = options, writer, hints
        self._complain = complain
        self._names = FolderNames(options.folder, options.file_format)
        if options.sheet is not None:
            check_sheet(options.sheet, writer.force)
        watch = options.watch
        if watch is not None and watch.resolve() == options.folder.resolve():
            raise ExportError(
                f"What is made would itself come into the folder that is watched, {watch}; name "
                "another folder after -o."
            )
        self._events: dict[int, Made | Failed] = {}
        self._begun = self._drawn = time.monotonic()
        self._cost = 0.0  # seconds that the last sheet took

    def run(
        self,
        model: ShapeModel,
        objects: Sequence[Sequence[str]],
        wait: Callable[[float], bool],
    ) -> bool:
        """Makes all shapes; whether nothing failed.

        Args:
            model: makes the shapes.
            objects: the files of each one that is named.
            wait: waits so many seconds for files in the watched folder; whether to end.

        Raises:
            ShapelabError: nothing can be made at all.
        """
        from shapelab.core.batch.batch import run_batch

        make_folder(self._options.folder)
        if self._hints.class_name is not None:
            model.density.index(self._hints.class_name)  # one error, not one for each file
        named = [[Path(file).expanduser() for file in files] for files in objects]
        total = len(named) if self._options.watch is None else None
        meant = self._objects(named, wait)
        writer = self._batch_writer(model, [path for files in named for path in files])
        try:
            with closing(run_batch(model, meant, writer, self._options.jobs)) as events:
                for event in events:
                    self._events[event.which.place] = event
                    self._say(event, total)
                    if time.monotonic() - self._drawn > max(_SHEET_S, _SHEET_TIMES * self._cost):
                        self._draw(model, total, running=True)
        except KeyboardInterrupt:
            if self._options.watch is None:
                print("Stopped; the same line goes on.")
                raise
        finally:
            self._draw(model, total, running=False)
            self._sum_up()
        return self._failed == 0

    @property
    def _failed(self) -> int:
        from shapelab.core.batch.batch import Failed

        return sum(isinstance(event, Failed) for event in self._events.values())

    def _objects(
        self, named: Sequence[Sequence[Path]], wait: Callable[[float], bool]
    ) -> Iterator[BatchObject | None]:
        """The objects that are named, then those that come into the watched folder."""
        from shapelab.core.batch.watched_folder import watched

        for files in named:
            yield self._object(files)
        if self._options.watch is not None:
            for path in watched(self._options.watch, wait):
                yield None if path is None else self._object([path])

    def _object(self, files: Sequence[Path]) -> BatchObject:
        from shapelab.core.batch.batch import BatchObject
        from shapelab.core.inputs.reconstruct import GUESSED

        out = self._names.path(f"{base_name(str(files[0]))}-shape")
        place, stance = self._names.count - 1, self._options.stance or GUESSED
        return BatchObject(tuple(files), out, self._hints, place, stance)

    def _batch_writer(self, model: ShapeModel, named: list[Path]) -> BatchWriter:
        from shapelab.core.batch.batch import BatchWriter
        from shapelab.core.session.recipe import sidecar

        writer = self._writer
        mask = self._hints.mask
        inputs = named if mask is None else [*named, mask]

        def check(path: Path) -> None:
            beside = bool(writer.recipe) and path.suffix.lower() == ".stl"
            check_free([path, *([sidecar(path)] if beside else [])], inputs, writer.force)

        options = writer.recipe, writer.mend
        said = (__version__, writer.size_mm, sorted(writer.surface.items()), *options)
        return BatchWriter(lambda shape, path: writer.written(model, shape, path), check, said)

    def _say(self, event: Made | Failed, total: int | None) -> None:
        from shapelab.core.batch.batch import Failed

        done = len(self._events)
        head = f"[{done}]" if total is None else f"[{done}/{total}{self._left(total)}]"
        if isinstance(event, Failed):
            print(f"{head} {event.which.name}: failed")
            self._complain(event.error)
            return
        record = event.record
        agrees = "" if record.agreement is None else f"; agreement {record.agreement:.0%}"
        again = "; was there already" if event.again else ""
        print(f"{head} {event.which.out}: {record.line}{agrees}{again}", flush=True)

    def _left(self, total: int) -> str:
        """How long the others will take, where that can be said."""
        from shapelab.core.batch.batch import Made

        done = len(self._events)
        made = sum(isinstance(e, Made) and not e.again for e in self._events.values())
        if made < _TOLD_FROM or done == total:
            return ""
        seconds = (time.monotonic() - self._begun) / made * (total - done)
        return f", about {formatting.duration(seconds, rough=True)} left"

    def _draw(self, model: ShapeModel, total: int | None, running: bool) -> None:
        """Writes the sheet, if one is wanted."""
        from shapelab.core.batch.batch_sheet import SheetFacts, write_sheet

        sheet = self._options.sheet
        if sheet is None:
            return
        begun = time.monotonic()
        write_sheet(sheet, SheetFacts(model.name, total, running), self._events)
        self._drawn = time.monotonic()
        self._cost = self._drawn - begun

    def _sum_up(self) -> None:
        from shapelab.core.batch.batch import Made

        again = sum(isinstance(e, Made) and e.again for e in self._events.values())
        made = len(self._events) - again - self._failed
        words = [f"{formatting.count(made)} made"]
        words += [f"{formatting.count(again)} there already"] if again else []
        words += [f"{formatting.count(self._failed)} failed"] if self._failed else []
        took = formatting.duration(time.monotonic() - self._begun)
        sheet = "" if self._options.sheet is None else f"; sheet {self._options.sheet}"
        print(f"{', '.join(words)} in {took}{sheet}")
