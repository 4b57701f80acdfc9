"""The status bar: what is shown, how large it is, and how long it took."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QStatusBar

from shapelab.core import formatting
from shapelab.core.session.shape_state import ShapeState
from shapelab.gui.document.shape_maker import ShownShape

EDGE = 8  # device-independent pixels beside each text


class StatusBar(QStatusBar):
    """Origin of the shape at the left; size, triangles and times at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.origin = QLabel()
        self.origin.setContentsMargins(EDGE, 0, EDGE, 0)
        self.addWidget(self.origin, 1)
        self.extents = self._figure_label("888.8 × 888.8 × 888.8 of 888³ cells")
        self.extents.setToolTip("Width × depth × height of the shape in cells of the model's grid")
        self.triangles = self._figure_label("8 888 888 triangles")
        self.times = self._figure_label("decode 8 888 ms · surface 8 888 ms")
        self.times.setToolTip("Time to decode the latent and to build the surface")

    def _figure_label(self, widest: str) -> QLabel:
        """A label at the right; of fixed size, so that a new text does not lay out the window."""
        label = QLabel(widest)
        label.setProperty("muted", True)
        label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        label.setContentsMargins(EDGE, 0, EDGE, 0)
        self.addPermanentWidget(label)
        label.ensurePolished()
        label.setFixedSize(label.sizeHint())
        label.clear()
        return label

    def show_text(self, text: str) -> None:
        """What is going on, or where a shape comes from that has no state."""
        self.origin.setText(text)

    def show_state(self, state: ShapeState) -> None:
        """Where the shape comes from."""
        text = state.origin[:1].upper() + state.origin[1:]
        moved = bool(state.coefficients.any() or state.offsets.any())
        self.origin.setText(f"{text} · changed" if moved else text)

    def show_shape(self, shown: ShownShape | None) -> None:
        """Size, triangles and times of a surface; nothing where there is none."""
        if shown is None:
            for label in (self.extents, self.triangles, self.times):
                label.clear()
            return
        sides, unit = shown.mesh.extents * shown.cells, f"of {shown.cells}³ cells"
        self.extents.setText(formatting.extents(sides, unit))
        self.triangles.setText(formatting.counted(len(shown.mesh.faces), "triangle"))
        self.times.setText(f"decode {shown.decode_ms:.0f} ms · surface {shown.surface_ms:.0f} ms")
