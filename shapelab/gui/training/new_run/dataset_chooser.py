"""Chooses what a run learns from: a prepared store, or shapes that are prepared first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QSpinBox, QVBoxLayout, QWidget

from shapelab.core.errors import DataError
from shapelab.core.inputs.images import PICTURE_SUFFIXES
from shapelab.core.inputs.mesh_reader import MESH_SUFFIXES
from shapelab.core.inputs.voxel_files import VOXEL_SUFFIXES
from shapelab.core.runs.store_card import StoreCard, is_store, read_card
from shapelab.core.runs.training_plan import Preparation, free_name
from shapelab.gui.base import theme
from shapelab.gui.base.labels import LabelledRows, muted

RESOLUTIONS = (32, 64, 128)
VIEWS = 8
FRONTS = (
    ("as its makers had it", ""),
    ("towards −y", "-y"),
    ("towards +y", "+y"),
    ("towards −x", "-x"),
    ("towards +x", "+x"),
)
STORE, FOLDER, FILE = "store", "folder", "file"
ASKED = (
    (STORE, "Open a prepared dataset…"),
    (FOLDER, "Prepare a folder of shapes…"),
    (FILE, "Prepare a file of shapes…"),
)
SHAPE_SUFFIXES = {*MESH_SUFFIXES, *VOXEL_SUFFIXES, ".zip"}
MOST_FILES = 20_000  # that are looked at, which takes a blink
NOTHING = "Choose shapes to learn from: a folder of meshes or voxels, or a prepared dataset."


def _why_useless(source: Path) -> str:
    """A sentence about a folder or file in which no file can be a shape; '' where one may be."""
    if not os.path.exists(source):  # 'procedural:120'
        return ""
    if os.path.isfile(source):
        names = iter([source.name])
    else:
        names = (name for _, _, files in os.walk(source) for name in files)
    seen = pictures = 0
    for name in islice(names, MOST_FILES):
        suffix = Path(name).suffix.lower()
        if suffix in SHAPE_SUFFIXES:
            return ""
        seen += 1
        pictures += suffix in PICTURE_SUFFIXES
    if seen == MOST_FILES:
        return ""
    what = "only pictures" if pictures else "no meshes and no voxel files"
    return f"{source.name} holds {what}; a model learns from shapes, such as STL, OBJ or binvox."


@dataclass(frozen=True)
class DatasetChoice:
    """A store, and how it is made where it is not there yet."""

    store: Path
    preparation: Preparation | None = None


class DatasetChooser(QWidget):
    """A box of the stores that are known, and of ways to others; what was chosen is described."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.card: StoreCard | None = None  # of the chosen store, where it is prepared
        self._stores = Path()
        self._source: str | None = None
        self._store: Path | None = None
        self._fault = ""  # why nothing can be learnt from the source
        self.box = QComboBox()
        self.box.setAccessibleName("Data")
        self.box.setMinimumContentsLength(8)
        self.box.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.about = muted(NOTHING)
        self.grid = QComboBox()
        for side in RESOLUTIONS:
            self.grid.addItem(f"{side}³ cells", side)
        self.grid.setToolTip("Cells along each side; twice as many take eight times the work.")
        self.pictures = QSpinBox()
        self.pictures.setRange(0, 64)
        self.pictures.setValue(VIEWS)
        self.pictures.setSpecialValueText("none")
        self.pictures.setSuffix(" of each shape")
        self.pictures.setToolTip(
            "Pictures rendered of each shape, so that the model can rebuild shapes from pictures."
        )
        self.front = QComboBox()
        for words, front in FRONTS:
            self.front.addItem(words, front)
        self.front.setToolTip(
            "Side that shapes show to a person in front of them, where not as their makers had it."
        )
        self.classes = QComboBox()
        self.classes.addItem("as found in the source", "")
        self.classes.addItem("Open a table…", FILE)
        self.classes.setToolTip(
            "A CSV table of path and class; else a table beside the shapes, or their folders."
        )
        self.sellable = QCheckBox("Only what is free to sell")
        self.sellable.setToolTip(
            "Leaves out shapes that the LICENSES.csv beside them notes something against."
        )
        self.options = LabelledRows()
        self.options.add("Grid", self.grid)
        self.options.add("Pictures", self.pictures)
        self.options.add("Front", self.front)
        self.options.add("Classes", self.classes)
        self.options.add("", self.sellable)
        self.options.hide()
        top = LabelledRows()
        top.add("Data", self.box, self.about)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_SMALL)
        column.addWidget(top)
        column.addWidget(self.options)
        self.box.activated.connect(self._activated)
        self.grid.currentIndexChanged.connect(self.changed)
        self.pictures.valueChanged.connect(self.changed)
        self.front.currentIndexChanged.connect(self.changed)
        self.classes.activated.connect(self._ask_for_classes)
        self.sellable.toggled.connect(self.changed)
        self._fill()

    # --- what others use -------------------------------------------------------------------

    @property
    def resolution(self) -> int:
        """Cells along a side of what is prepared."""
        return int(self.grid.currentData())

    @property
    def views(self) -> int:
        """Pictures of each shape that is prepared."""
        return self.pictures.value()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is chosen."""
        return self._store is None

    @property
    def known(self) -> list[Path]:
        """The prepared datasets that are listed, the newest first."""
        return sorted(
            (path.parent for path in self._stores.glob("*/index.json")),
            key=lambda path: -(path / "index.json").stat().st_mtime,
        )

    def list_stores(self, stores: Path) -> None:
        """Lists the prepared stores in a folder; takes the newest where nothing is chosen."""
        self._stores = stores
        self._fill()
        known = [self.box.itemData(i) for i in range(self.box.count())]
        found = [path for path in known if isinstance(path, Path)]
        if self._store is None and found:
            self.choose(DatasetChoice(found[0]))

    def choose(self, choice: DatasetChoice) -> None:
        """Takes a store, or shapes to prepare."""
        self._store = choice.store
        self._source = choice.preparation.source if choice.preparation else None
        self._fault = "" if self._source is None else _why_useless(Path(self._source))
        if choice.preparation is not None:
            self.grid.setCurrentIndex(self.grid.findData(choice.preparation.resolution))
            self.pictures.setValue(choice.preparation.views)
            self.front.setCurrentIndex(max(0, self.front.findData(choice.preparation.front)))
            self._set_classes(choice.preparation.classes)
            self.sellable.setChecked(choice.preparation.only_sellable)
        self._describe()
        self._fill()
        self.changed.emit()

    def choice(self) -> DatasetChoice:
        """What is chosen. Raises DataError when nothing usable is."""
        if self._store is None:
            raise DataError(NOTHING)
        if self._fault:
            raise DataError(self._fault)
        if self._source is not None:
            return DatasetChoice(self._store, self._preparation(self._source))
        read_card(self._store)
        return DatasetChoice(self._store)

    # --- inside ----------------------------------------------------------------------------

    def _describe(self) -> None:
        self.card = None
        preparing = self._source is not None
        self.options.setVisible(preparing)
        if preparing:
            self.about.setText(
                self._fault or "It is prepared first: checked, cut into cells and pictured."
            )
        elif self._store is not None:
            try:
                self.card = read_card(self._store)
            except DataError as error:
                self.about.setText(str(error))
            else:
                self.about.setText(self.card.describe() + ".")

    def _fill(self) -> None:
        """Known stores, the chosen one first of all, then the ways to others."""
        known = self.known
        self.box.clear()
        if self._store is None:
            self.box.setPlaceholderText("Choose…")
        elif self._source is not None:
            self.box.addItem(Path(self._source).name, self._store)
        elif self._store not in known:
            self.box.addItem(self._store.name, self._store)
        for path in known:
            self.box.addItem(path.name, path)
        if self.box.count():
            self.box.insertSeparator(self.box.count())
        for way, words in ASKED:
            self.box.addItem(words, way)
        self._show_chosen()

    def _show_chosen(self) -> None:
        # ``findData`` compares paths by identity.
        rows = range(self.box.count())
        self.box.setCurrentIndex(
            next((i for i in rows if self._store and self.box.itemData(i) == self._store), -1)
        )

    @Slot(int)
    def _activated(self, index: int) -> None:
        chosen = self.box.itemData(index)
        if isinstance(chosen, Path):
            if self._source is None or chosen != self._store:
                self.choose(DatasetChoice(chosen))
            return
        self._show_chosen()
        self.ask(chosen)

    def ask(self, way: str) -> None:
        """Opens the dialog of one of the ``ASKED`` ways."""
        if way == FILE:
            name, _ = QFileDialog.getOpenFileName(self, "Shapes to prepare")
        else:
            title = "Prepared dataset" if way == STORE else "Folder of shapes to prepare"
            name = QFileDialog.getExistingDirectory(self, title)
        if name:
            self.choose_path(Path(name))

    def choose_path(self, path: Path) -> None:
        """Takes a store as it is, and everything else as shapes to prepare."""
        if is_store(path):
            self.choose(DatasetChoice(path))
        else:
            store = self._stores / free_name(self._stores, path.stem)
            self.choose(DatasetChoice(store, self._preparation(str(path))))

    @Slot(int)
    def _ask_for_classes(self, index: int) -> None:
        table = str(self.classes.itemData(index))
        if table == FILE:
            table, _ = QFileDialog.getOpenFileName(
                self, "Table of path and class", filter="Tables (*.csv *.json)"
            )
        self._set_classes(table)
        self.changed.emit()

    def _set_classes(self, table: str) -> None:
        """Chooses a table, or with "" none."""
        if table and self.classes.findData(table) < 0:
            self.classes.insertItem(1, Path(table).name, table)
        self.classes.setCurrentIndex(self.classes.findData(table))

    def _preparation(self, source: str) -> Preparation:
        return Preparation(
            source,
            self.resolution,
            self.views,
            self.front.currentData(),
            self.classes.currentData(),
            self.sellable.isChecked(),
        )
