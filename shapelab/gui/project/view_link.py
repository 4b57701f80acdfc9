"""How the window looks at its project, read and set as one value."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from shapelab.core.project.view_state import ViewState
from shapelab.gui.panels.morph_panel import MorphPanel
from shapelab.gui.viewport.orbit import Orbit
from shapelab.gui.viewport.viewport import Viewport
from shapelab.gui.window.actions import Actions
from shapelab.gui.window.variations import VariationsGrid

FLAGS = ("orthographic", "grid", "axes", "whole")  # the actions whose check marks count


class ViewLink(QObject):
    """Reads and sets camera, style and panels.

    Args:
        actions: whose check marks are options of the view.
        viewport: with the camera.
        morph: the panel with the way between two shapes.
        variations: the grid with its distance.
        moved: called after each change by hand.
    """

    def __init__(
        self,
        actions: Actions,
        viewport: Viewport,
        morph: MorphPanel,
        variations: VariationsGrid,
        moved: Callable[[], None],
    ) -> None:
        super().__init__(viewport)
        self._actions, self._viewport = actions, viewport
        self._morph, self._variations = morph, variations
        viewport.camera_changed.connect(moved)
        actions.styles.triggered.connect(lambda _action: moved())
        for name in FLAGS:
            actions[name].toggled.connect(lambda _checked: moved())
        morph.loop.toggled.connect(lambda _checked: moved())
        morph.speed.currentIndexChanged.connect(lambda _row: moved())
        variations.distance.changed.connect(lambda _distance: moved())

    def read(self) -> ViewState:
        """How things are looked at now."""
        orbit, actions = self._viewport.orbit, self._actions
        style = actions.styles.checkedAction()
        return ViewState(
            orbit.azimuth,
            orbit.elevation,
            orbit.distance,
            *orbit.target,
            fitted=self._viewport.fitted,
            orthographic=actions["orthographic"].isChecked(),
            grid=actions["grid"].isChecked(),
            axes=actions["axes"].isChecked(),
            style=style.data() if style else ViewState.style,
            prefer_whole=actions["whole"].isChecked(),
            morph_loop=self._morph.loop.isChecked(),
            morph_speed=float(self._morph.speed.currentData()),
            variation_distance=self._variations.distance.value(),
        )

    def set(self, view: ViewState) -> None:
        """Looks at things so."""
        actions = self._actions
        for name, checked in (
            ("orthographic", view.orthographic),
            ("grid", view.grid),
            ("axes", view.axes),
            ("whole", view.prefer_whole),
        ):
            actions[name].setChecked(checked)
        actions[f"style_{view.style}"].trigger()
        target = (view.target_x, view.target_y, view.target_z)
        orbit = Orbit(view.azimuth, view.elevation, view.distance, target, view.orthographic)
        self._viewport.look(orbit, view.fitted)
        self._morph.loop.setChecked(view.morph_loop)
        row = self._morph.speed.findData(view.morph_speed)
        self._morph.speed.setCurrentIndex(max(row, 0))
        self._variations.distance.set_value(view.variation_distance)
