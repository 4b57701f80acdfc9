"""What the Picture panel and the cut-out editor do with the open document."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QDockWidget, QWidget

from shapelab.core.project.originals import Original
from shapelab.gui.base import theme
from shapelab.gui.base.action import Action
from shapelab.gui.base.labels import readable
from shapelab.gui.document.current_document import CurrentDocument
from shapelab.gui.document.document import ShapeSource
from shapelab.gui.document.shape_maker import ShownShape
from shapelab.gui.panels.image_panel import ImagePanel
from shapelab.gui.panels.photo_overlay import ViewRequest

if TYPE_CHECKING:
    from shapelab.core.inputs.depth.depth_object import DepthObject, Shot
    from shapelab.core.inputs.depth.depth_picture import DepthPicture
    from shapelab.core.inputs.images import PreparedImage
    from shapelab.core.inputs.reconstruct import Reconstruction
    from shapelab.core.model.shape_model import ShapeModel
    from shapelab.gui.cutout.cutout_dialog import CutoutDialog

NO_PICTURE = "This shape was not made from a picture."


class PictureLink(QObject):
    """Shows what a shape was made from, and takes what a person has against it."""

    def __init__(
        self,
        window: QWidget,
        panel: ImagePanel,
        current: CurrentDocument,
        correct: Action,
        dock: QDockWidget,
    ) -> None:
        """Args: correct: the menu's entry; dock: of the panel, shown where a picture needs it."""
        super().__init__(window)
        self._window, self._panel, self._current = window, panel, current
        self._correct, self._dock = correct, dock
        self._missing: tuple[str, PreparedImage] | None = None
        self.dialog: CutoutDialog | None = None
        correct.allow(False, NO_PICTURE)
        correct.triggered.connect(self.correct)
        panel.correct_requested.connect(self.correct)
        panel.dismissed.connect(self._dismiss)
        panel.doubt.class_told.connect(self._tell_class)
        panel.doubt.hypothesis_chosen.connect(self._choose)

    def stop(self) -> None:
        """Ends the threads of the panel and of an open editor."""
        self._panel.stop()
        if self.dialog is not None:
            self.dialog.reject()

    # --- showing ---------------------------------------------------------------------------------

    @Slot(object)
    def show_original(self, original: Original | None) -> None:
        """Shows what the shape that is seen was made from."""
        self._missing = None
        is_picture = original is not None and original.result.prepared is not None
        self._correct.allow(is_picture or _deep(original) is not None, NO_PICTURE)
        if original is None:
            self._panel.show_nothing()
            return
        self._panel.show_reconstruction(original.result, original.name)
        document = self._current.document
        if is_picture and document is not None:
            self._panel.doubt.show_doubt(document.model, original.result)
            shown = document.shown
            if shown is not None and np.array_equal(shown.request.latent, document.session.latent):
                self.follow(shown)  # else it is on its way

    @Slot(str, object)
    def show_missing(self, name: str, picture: PreparedImage) -> None:
        """Shows a picture in which no object was found; the shape stays what it is."""
        self._missing = name, picture
        self._correct.allow(True, "")
        self._panel.show_missing(name, picture)
        self._dock.show()
        self._dock.raise_()

    @Slot()
    def _dismiss(self) -> None:
        document = self._current.document
        self.show_original(None if document is None else document.original)

    def follow(self, shown: ShownShape) -> None:
        """Lays the shape that is shown over its photo."""
        document, original = self._current.document, self._original()
        if document is None or original is None or shown.request.guest is not None:
            self._panel.overlay.take_away()
            return
        hypothesis = original.result.hypothesis
        if hypothesis is None or not hypothesis.cameras:
            return
        colour = QColor(theme.colors().shape)
        request = shown.request
        self._panel.overlay.ask(
            ViewRequest(
                partial(document.occupancy, request),
                request.options,
                hypothesis.cameras[0],
                (colour.red(), colour.green(), colour.blue()),
            )
        )

    def _original(self) -> Original | None:
        """The picture that the shown shape was made from."""
        document = self._current.document
        original = None if document is None else document.original
        return original if original is not None and original.result.prepared is not None else None

    # --- arguing ---------------------------------------------------------------------------------

    @Slot()
    def correct(self) -> None:
        """Opens the editor of the picture that the panel shows."""
        document = self._current.document
        if self._missing is None and document is not None and document.original is not None:
            deep = _deep(document.original)
            if deep is not None:
                self._correct_depth(document.original, deep)
                return
        original = self._original()
        if self._missing is not None:
            name, picture = self._missing
            told = None
        elif original is not None and original.result.prepared is not None:
            name, picture = original.name, original.result.prepared
            told = original.result.told_class
        else:
            return
        self._open_editor(name, picture, partial(self._take, name, told))

    def _correct_depth(self, original: Original, deep: DepthObject) -> None:
        from shapelab.core.inputs.depth.depth_cutout import as_picture

        take = partial(self._take_depth, original.name, deep.picture)
        self._open_editor(original.name, as_picture(deep), take, deep)

    def _open_editor(
        self,
        name: str,
        picture: PreparedImage,
        take: Callable[[Any], None],
        deep: DepthObject | None = None,
    ) -> None:
        from shapelab.gui.cutout.cutout_dialog import CutoutDialog

        spec = self._current.require().model.spec
        self.dialog = CutoutDialog(picture, spec, name, self._window, deep)
        self.dialog.chosen.connect(take)
        self.dialog.finished.connect(self._forget)
        self.dialog.open()

    def _take_depth(self, name: str, picture: DepthPicture, shot: Shot) -> None:
        make = partial(_read_depth, name, picture, shot)
        source = ShapeSource(name, make=make, step=f"cut-out of {name}")
        self._current.require().open([source])

    def _take(self, name: str, told: str | None, picture: PreparedImage) -> None:
        self._current.require().open([_cut_out(name, picture, told)])

    @Slot()
    def _forget(self) -> None:
        self.dialog = None

    @Slot(str)
    def _tell_class(self, name: str) -> None:
        original = self._original()
        if original is not None:
            self._current.require().open([_told(original, name or None)])

    @Slot(str)
    def choose_class(self, name: str) -> None:
        """Shows a shape of another class: that of a picture, taken for one of it, else a seed's."""
        document = self._current.document
        if document is None:
            return
        if self._original() is None or document.guest is not None:
            document.session.set_class(name)
        elif name != document.session.state.class_name:
            self._tell_class(name)

    @Slot(int)
    def _choose(self, hypothesis: int) -> None:
        original = self._original()
        if original is not None:
            self._current.require().open([_other_shape(original, hypothesis)])


def _cut_out(name: str, picture: PreparedImage, told_class: str | None = None) -> ShapeSource:
    """The shape of a picture that was cut out by hand, and of a class if that was said."""
    make = partial(_read, name, picture, told_class)
    return ShapeSource(name, make=make, step=f"cut-out of {name}")


def _told(original: Original, class_name: str | None) -> ShapeSource:
    """The shape of a picture as one of a class; without one, the model guesses again."""
    picture = original.result.prepared
    assert picture is not None
    make = partial(_read, original.name, picture, class_name)
    words = "guessed" if class_name is None else readable(class_name).lower()
    return ShapeSource(original.name, make=make, step=f"{original.name} as {words}")


def _other_shape(original: Original, hypothesis: int) -> ShapeSource:
    """Another hypothesis of the fit that the shape came from."""
    make = partial(_choose, original.result, hypothesis)
    return ShapeSource(original.name, make=make, step=f"other shape of {original.name}")


def _read(
    name: str, picture: PreparedImage, told_class: str | None, model: ShapeModel, cancel: Event
) -> Reconstruction:
    from shapelab.core.inputs.picture_hints import PictureHints
    from shapelab.core.inputs.reconstruct import reconstruct
    from shapelab.core.inputs.untrusted_reader import ReadFile

    file = ReadFile("picture", picture, name, "")
    return reconstruct(model, file, cancel, PictureHints(class_name=told_class))


def _read_depth(
    name: str, picture: DepthPicture, shot: Shot, model: ShapeModel, cancel: Event
) -> Reconstruction:
    from shapelab.core.inputs.unseen.seen_again import seen_again

    return seen_again(model, picture, name, shot, cancel)


def _deep(original: Original | None) -> DepthObject | None:
    """The object of the depth picture that a shape was made from."""
    scan = None if original is None else original.result.scan
    return None if scan is None else scan.deep


def _choose(
    result: Reconstruction, hypothesis: int, model: ShapeModel, _cancel: Event
) -> Reconstruction:
    from shapelab.core.inputs.reconstruct import with_hypothesis

    return with_hypothesis(model, result, hypothesis)
