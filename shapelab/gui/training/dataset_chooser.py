"""Chooses what a run learns from: a prepared store, or shapes that are prepared first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QSpinBox, QVBoxLayout, QWidget

from shapelab.core.errors import DataError
from shapelab.core.runs.store_card import StoreCard, is_store, read_card
from shapelab.core.runs.training_plan import Preparation, free_name
from shapelab.gui.base import theme
from shapelab.gui.base.labels import LabelledRows, muted

RESOLUTIONS = (32, 64, 128)
VIEWS = 8
STORE, FOLDER, FILE = "store", "folder", "file"
ASKED = (
    (STORE, "Open a prepared dataset…"),
    (FOLDER, "Prepare a folder of shapes…"),
    (FILE, "Prepare a file of shapes…"),
)
NOTHING = "Choose shapes to learn from: a folder of meshes or voxels, or a prepared dataset."


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
        self.options = LabelledRows()
        self.options.add("Grid", self.grid)
        self.options.add("Pictures", self.pictures)
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
        if choice.preparation is not None:
            self.grid.setCurrentIndex(self.grid.findData(choice.preparation.resolution))
            self.pictures.setValue(choice.preparation.views)
        self._describe()
        self._fill()
        self.changed.emit()

    def choice(self) -> DatasetChoice:
        """What is chosen. Raises DataError when nothing usable is."""
        if self._store is None:
            raise DataError(NOTHING)
        if self._source is not None:
            made = Preparation(self._source, self.resolution, self.views)
            return DatasetChoice(self._store, made)
        read_card(self._store)
        return DatasetChoice(self._store)

    # --- inside ----------------------------------------------------------------------------

    def _describe(self) -> None:
        self.card = None
        preparing = self._source is not None
        self.options.setVisible(preparing)
        if preparing:
            self.about.setText("It is prepared first: checked, cut into cells and pictured.")
        elif self._store is not None:
            try:
                self.card = read_card(self._store)
            except DataError as error:
                self.about.setText(str(error))
            else:
                self.about.setText(self.card.describe() + ".")

    def _fill(self) -> None:
        """Known stores, the chosen one first of all, then the ways to others."""
        known = sorted(
            (path.parent for path in self._stores.glob("*/index.json")),
            key=lambda path: -(path / "index.json").stat().st_mtime,
        )
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
        self.box.setCurrentIndex(self.box.findData(self._store) if self._store else -1)

    @Slot(int)
    def _activated(self, index: int) -> None:
        chosen = self.box.itemData(index)
        if isinstance(chosen, Path):
            if self._source is None or chosen != self._store:
                self.choose(DatasetChoice(chosen))
            return
        self.box.setCurrentIndex(self.box.findData(self._store) if self._store else -1)
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
            made = Preparation(str(path), self.resolution, self.views)
            self.choose(DatasetChoice(store, made))
