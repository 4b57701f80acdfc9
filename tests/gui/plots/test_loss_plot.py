"""The plots: what they draw of a run's events, how they follow it, and what the user does."""

import csv
import math
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest

from shapelab.core import formatting
from shapelab.core.errors import ExportError
from shapelab.core.runs.events import Adjusted, Saved, Started, StepDone, Validated, Warned
from shapelab.gui.base import theme
from shapelab.gui.plots.loss_plot import LossPlot
from shapelab.gui.plots.plot_axis import StepAxis, ValueAxis
from shapelab.gui.plots.scalar_groups import GROUPS, SERIES_DARK, SERIES_LIGHT, groups_of

LEFT = Qt.MouseButton.LeftButton


def events(steps, first=0, every=10, lowest=0.02):
    """A run that saves at every 100th step and is best at the 200th."""
    made = [Started(first, steps, "cpu", 1, time=float(first))]
    for step in range(first + every, steps + 1, every):
        metrics = {
            "kl": 300.0 + 5 * math.sin(step),
            "reconstruction": lowest + 0.5 * math.exp(-step / 100),
            "critic": -5 + math.sin(step),
            "penalty": 1 + 0.1 * math.cos(step),
            "learning_rate": 1e-3,
        }
        made.append(StepDone(step, metrics, time=float(step)))
        if step % 100 == 0:
            scores = {"iou": 0.8 - abs(step - 200) / 5000, "picture_iou": 0.5}
            made.append(Validated(step, scores, time=float(step)))
            made.append(Saved(step, f"checkpoints/step-{step}", time=float(step)))
    return made


@pytest.fixture
def plot(qtbot):
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(440, 860)
    with qtbot.waitExposed(plot):
        plot.show()
    return plot


@pytest.fixture
def filled(plot):
    plot.add_run("a", "first run")
    plot.append("a", events(1000))
    plot.redraw()
    return plot


def titles(plot):
    return [panel.group.title for panel in plot.grid.panels]


def panel_of(plot, title):
    return next(panel for panel in plot.grid.panels if panel.group.title == title)


def drawn(panel, nth=0, which="bold"):
    return getattr(panel._items[nth], which).getData()


def point_in(plot, panel, x):
    """The place of x in the middle of a panel, in the grid of panels."""
    (low, high) = panel.vb.viewRange()[1]
    place = panel.vb.mapViewToScene(QPointF(x, (low + high) / 2))
    return QPoint(*(round(v) for v in plot.grid.mapFromScene(place).toTuple()))


def test_without_a_run_it_says_what_to_do(plot):
    assert plot.empty.isVisible()
    assert plot.empty.text().startswith("No run is shown.")
    assert not plot.bar.isEnabled()
    plot.add_run("a", "first run")
    plot.redraw()
    assert plot.empty.text() == "Waiting for the first numbers of first run…"
    plot.append("a", events(100))
    plot.redraw()
    assert plot.empty.isHidden()
    assert plot.grid.isVisible()
    assert plot.bar.isEnabled()
    plot.remove_run("a")
    plot.remove_run("a")
    plot.redraw()
    assert plot.empty.text().startswith("No run is shown.")


def test_curves_of_a_unit_share_a_panel_and_rare_ones_wait_in_the_menu(filled):
    assert titles(filled) == ["Validation IoU", "Reconstruction", "KL, nats", "Critic"]
    critic = panel_of(filled, "Critic")
    assert list(critic.group.labels) == ["critic", "penalty"]
    offered = [action.text() for action in filled.bar.menu.actions()]
    assert offered == [*titles(filled), "Learning rate"]
    filled.bar.menu.actions()[-1].trigger()
    assert titles(filled)[-1] == "Learning rate"
    for action in filled.bar.menu.actions():
        action.setChecked(False)
    assert "under “Curves”" in filled.empty.text()
    assert filled.bar.isEnabled()


def test_unknown_scalars_get_a_panel_of_their_own():
    groups = groups_of(["new_thing", "kl"])
    assert [group.title for group in groups] == ["KL, nats", "New thing"]
    assert not groups[1].shown
    assert len({name for group in GROUPS for name in group.labels}) == sum(
        len(group.labels) for group in GROUPS
    )


def test_all_panels_share_the_x_axis_and_their_left_edge(filled):
    ranges = {tuple(panel.vb.viewRange()[0]) for panel in filled.grid.panels}
    assert len(ranges) == 1
    (low, high) = ranges.pop()
    assert low < 0 < 1000 < high
    assert len({panel.vb.sceneBoundingRect().left() for panel in filled.grid.panels}) == 1
    labelled = [panel.axis.style["showValues"] for panel in filled.grid.panels]
    assert labelled == [False, False, False, True]


def test_a_wide_plot_has_several_columns(qtbot, filled):
    filled.resize(1100, 500)
    qtbot.waitUntil(lambda: len({p.pos().x() for p in filled.grid.panels}) == 3)
    labelled = [panel.axis.style["showValues"] for panel in filled.grid.panels]
    assert labelled == [False, True, True, True]


def test_values_are_drawn_as_they_are(filled):
    filled.bar.log.setChecked(False)
    filled.bar.smoothing.setValue(0)
    x, y = drawn(panel_of(filled, "KL, nats"))
    curve = filled.curves("a").curves["kl"]
    np.testing.assert_array_equal(x, curve.steps)
    np.testing.assert_array_equal(y, curve.values)
    assert not panel_of(filled, "KL, nats")._items[0].raw.isVisible()


def test_log_scale_is_for_what_is_positive(filled):
    assert filled.bar.log.isChecked()
    filled.bar.smoothing.setValue(0)
    curves = filled.curves("a").curves
    np.testing.assert_allclose(
        drawn(panel_of(filled, "Reconstruction"))[1], np.log10(curves["reconstruction"].values)
    )
    np.testing.assert_array_equal(drawn(panel_of(filled, "Critic"))[1], curves["critic"].values)


def test_a_log_scale_leaves_out_what_has_no_logarithm(plot):
    plot.add_run("a", "run")
    plot.append("a", [StepDone(n, {"kl": float(n % 2)}) for n in range(1, 9)])
    plot.redraw()
    assert drawn(panel_of(plot, "KL, nats"))[0].tolist() == [1, 3, 5, 7]


def test_smoothing_shows_the_raw_curve_behind_and_spares_the_validation(filled):
    filled.bar.log.setChecked(False)
    filled.bar.smoothing.setValue(filled.bar.smoothing.maximum())
    assert filled.bar.factor.text() == "0.99"
    kl = panel_of(filled, "KL, nats")
    values = filled.curves("a").curves["kl"].values
    assert kl._items[0].raw.isVisible()
    np.testing.assert_array_equal(drawn(kl, which="raw")[1], values)
    assert np.ptp(drawn(kl)[1][10:]) < 0.2 * np.ptp(values)
    scores = panel_of(filled, "Validation IoU")
    assert not scores._items[0].raw.isVisible()
    np.testing.assert_array_equal(drawn(scores)[1], filled.curves("a").curves["iou"].values)


def test_smoothing_of_a_curve_that_grows_is_that_of_the_whole(plot):
    plot.bar.log.setChecked(False)
    whole = events(1000)
    plot.add_run("a", "run")
    for first in range(0, len(whole), 7):
        plot.append("a", whole[first : first + 7])
        plot.redraw()
    grown = drawn(panel_of(plot, "KL, nats"))[1]
    plot.remove_run("a")
    plot.add_run("b", "run")
    plot.append("b", whole)
    plot.redraw()
    np.testing.assert_allclose(grown, drawn(panel_of(plot, "KL, nats"))[1], rtol=1e-12)


def test_nan_is_a_mark_and_the_line_goes_on(plot):
    plot.add_run("a", "run")
    values = {10: 1.0, 20: math.nan, 30: 3.0, 40: math.inf, 50: 5.0}
    steps = [StepDone(step, {"critic": value}) for step, value in values.items()]
    plot.append("a", [*steps[:-1], Warned(44, "skipped", "Step 45 was skipped."), steps[-1]])
    plot.redraw()
    critic = panel_of(plot, "Critic")
    assert drawn(critic)[0].tolist() == [10, 30, 50]
    assert sorted(critic._troubles.getData()[0]) == [20, 40, 44]
    low, high = critic.vb.viewRange()[1]
    assert all(low < y < high for y in critic._troubles.getData()[1])


def test_changed_settings_are_a_line_in_every_panel_and_the_pointer_tells_which(filled):
    filled.append("a", [Adjusted(filled.curves("a").step, "delta 100 → 300")])
    step = filled.curves("a").step
    filled.redraw()
    for panel in filled.grid.panels:
        x, y = panel._adjusted.getData()
        assert x.tolist() == [step, step]
        np.testing.assert_allclose(y, panel.vb.viewRange()[1])
    filled._hover(float(step))
    assert "delta 100 → 300" in filled.where.text()
    filled._hover(step / 2)
    assert "delta" not in filled.where.text()


def test_a_resumed_run_replaces_what_was_taken_back(filled):
    resumed = events(700, first=600, lowest=9.0)
    filled.append("a", resumed)
    filled.redraw()
    curve = filled.curves("a").curves["reconstruction"]
    assert curve.steps.tolist() == [*range(10, 701, 10)]
    assert (curve.values[curve.steps > 600] > 9).all()
    filled.bar.log.setChecked(False)
    filled.bar.smoothing.setValue(0)
    x, y = drawn(panel_of(filled, "Reconstruction"))
    assert x[-1] == 700
    assert y[x <= 600].max() < 1 < 9 < y[x > 600].min()


def test_outliers_are_left_outside_and_counted(plot):
    plot.add_run("a", "run")
    values = [5.0 + 0.1 * math.sin(n) for n in range(200)]
    values[3], values[90] = 900.0, -900.0
    plot.append("a", [StepDone(n, {"critic": value}) for n, value in enumerate(values)])
    plot.redraw()
    critic = panel_of(plot, "Critic")
    assert critic.vb.viewRange()[1][1] > 900
    assert "outside" not in critic.header
    plot.bar.outliers.setChecked(True)
    low, high = critic.vb.viewRange()[1]
    assert 4 < low < 4.9 < 5.1 < high < 6
    assert critic.hidden == 2
    assert critic.header.endswith("2 outside")


def test_last_steps_and_zoom_and_back(filled):
    filled.bar.range.setCurrentIndex(2)
    assert filled.bar.range.currentData() == 1000
    filled.append("a", events(5000, first=1000))
    filled.redraw()
    critic = panel_of(filled, "Critic")
    low, high = critic.vb.viewRange()[0]
    assert (low, high) == pytest.approx((3990, 5030))
    assert not filled.bar.fit.isEnabled()
    critic.vb.setXRange(100, 200, padding=0)
    critic.vb.sigRangeChangedManually.emit([True, False])
    assert all(p.vb.viewRange()[0] == [100, 200] for p in filled.grid.panels)
    filled.append("a", events(6000, first=5000))
    filled.redraw()
    assert critic.vb.viewRange()[0] == [100, 200]  # who looks at a place is left there
    filled.bar.fit.click()
    assert critic.vb.viewRange()[0] == pytest.approx([4990, 6030])
    assert not filled.bar.fit.isEnabled()


def test_the_range_stays_until_the_newest_step_leaves_it(filled):
    critic = panel_of(filled, "Critic")
    shown = critic.vb.viewRange()[0]
    assert shown == pytest.approx([-10, 1030])
    filled.grab()
    labels = critic.axis.picture
    assert labels is not None
    filled.append("a", [StepDone(1020, {"critic": -5.0}, time=1020.0)])
    filled.redraw()
    assert critic.vb.viewRange()[0] == shown
    assert drawn(critic)[0][-1] == 1020
    assert critic.axis.picture is labels
    filled.append("a", [StepDone(1031, {"critic": -9.0}, time=1031.0)])
    filled.redraw()
    assert critic.vb.viewRange()[0] == pytest.approx([-10.31, 1031 * 1.03])
    assert critic.axis.picture is None
    assert critic.vb.viewRange()[1][0] < -9
    filled.append("a", [StepDone(500, {"critic": -5.0}, time=1100.0)])  # went back
    filled.redraw()
    assert critic.vb.viewRange()[0] == pytest.approx([-5, 515])


def turn_wheel(plot, panel, x, modifiers=Qt.KeyboardModifier.NoModifier):
    place = plot.grid.viewport().mapTo(plot, point_in(plot, panel, x))
    QTest.wheelEvent(plot.windowHandle(), QPointF(place), QPoint(0, 240), QPoint(), modifiers)


def test_the_wheel_zooms_and_a_double_click_shows_all_again(qtbot, filled):
    critic = panel_of(filled, "Critic")
    whole = critic.vb.viewRange()
    turn_wheel(filled, critic, 700)
    low, high = critic.vb.viewRange()[0]
    assert whole[0][0] < low < 700 < high < whole[0][1]
    assert all(panel.vb.viewRange()[0] == [low, high] for panel in filled.grid.panels)
    place = point_in(filled, critic, 700)
    qtbot.mouseDClick(filled.grid.viewport(), LEFT, pos=place)
    qtbot.mouseRelease(filled.grid.viewport(), LEFT, pos=place)
    assert critic.vb.viewRange()[0] == whole[0]


def test_where_panels_scroll_the_wheel_scrolls_and_zooms_with_ctrl(qtbot, filled):
    filled.resize(440, 400)
    critic = panel_of(filled, "Reconstruction")
    bar = filled.grid.parentWidget().parentWidget().verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and not filled._stale)
    assert all(panel.axis.style["showValues"] for panel in filled.grid.panels)
    bar.setValue(20)
    whole = critic.vb.viewRange()
    turn_wheel(filled, critic, 700)
    assert critic.vb.viewRange() == whole
    assert bar.value() < 20
    turn_wheel(filled, critic, 700, Qt.KeyboardModifier.ControlModifier)
    assert critic.vb.viewRange()[0] != whole[0]


def test_time_axis_counts_training_only(filled):
    filled.bar.axis.setCurrentIndex(1)
    late = [Started(1000, 2000, "cpu", 1, time=1e6), StepDone(1010, {"kl": 1.0}, time=1e6 + 50)]
    filled.append("a", late)
    filled.redraw()
    x, _ = drawn(panel_of(filled, "KL, nats"))
    assert x[-2:].tolist() == [1000.0, 1050.0]
    assert filled.where.text().endswith("17 min 30 s")


def test_checkpoints_are_marked_once_and_the_best_score_has_a_dot(filled):
    first, second = filled.grid.panels[:2]
    assert first._checkpoints.getData()[0].tolist() == [*range(100, 1001, 100)]
    assert len(second._checkpoints.getData()[0]) == 0
    best = first._items[0].best
    assert best.isVisible()
    assert [float(v[0]) for v in best.getData()] == [200.0, 0.8]
    assert not second._items[0].best.isVisible()


def test_a_click_moves_the_cursor_to_the_checkpoint_beside_it(qtbot, filled):
    critic = panel_of(filled, "Critic")
    told = []
    filled.cursor_moved.connect(told.append)
    qtbot.mouseClick(filled.grid.viewport(), LEFT, pos=point_in(filled, critic, 306))
    assert told == [300]
    assert filled.cursor_step == 300
    assert all(panel.cursor.value() == 300 for panel in filled.grid.panels)
    qtbot.mouseClick(filled.grid.viewport(), LEFT, pos=point_in(filled, critic, 448))
    assert 440 < told[-1] < 456


def test_set_cursor_is_not_told_back(filled):
    told = []
    filled.cursor_moved.connect(told.append)
    filled.set_cursor(500)
    assert filled.cursor_step == 500
    assert all(panel.cursor.isVisible() for panel in filled.grid.panels)
    assert filled.where.text().startswith("step 500")
    filled.bar.axis.setCurrentIndex(1)
    assert filled.grid.panels[0].cursor.value() == 500.0  # seconds: a step takes one
    filled.set_cursor(None)
    assert not any(panel.cursor.isVisible() for panel in filled.grid.panels)
    assert told == []


def test_dragging_the_cursor_tells_each_step(filled):
    told = []
    filled.cursor_moved.connect(told.append)
    filled.set_cursor(500)
    line = panel_of(filled, "KL, nats").cursor
    line.setValue(650)
    line.sigDragged.emit(line)
    line.setValue(5000)
    line.sigDragged.emit(line)
    assert told == [650, 1000]  # not beyond the newest step


def test_the_pointer_reads_values_in_all_panels(qtbot, filled):
    filled.bar.smoothing.setValue(0)
    critic, kl = panel_of(filled, "Critic"), panel_of(filled, "KL, nats")
    newest = kl.header
    filled.grid.scene().sigMouseMoved.emit(filled.grid.mapToScene(point_in(filled, critic, 500)))
    assert kl.pointer.isVisible()
    curve = filled.curves("a").curves["kl"]
    at = np.argmin(np.abs(curve.steps - kl.pointer.value()))
    assert formatting.number(curve.values[at]) in kl.header
    assert filled.where.text().startswith(f"step {round(kl.pointer.value())}")
    filled.grid.hovered.emit(None)
    assert not kl.pointer.isVisible()
    assert kl.header == newest


def test_the_pointer_reads_nothing_where_a_curve_has_ended(filled):
    filled.append("a", [StepDone(5000, {"image_error": 1.0}, time=5000.0)])
    filled.redraw()
    filled.grid.hovered.emit(4000.0)
    assert panel_of(filled, "KL, nats").header == "KL, nats   ● shape –"


def test_several_runs_have_a_colour_each_and_a_panel_for_each_curve(filled):
    filled.add_run("b", "second <run>")
    filled.append("b", events(2000, lowest=0.04))
    filled.redraw()
    assert titles(filled) == [
        "Validation IoU: shape",
        "Validation IoU: from picture",
        "Reconstruction",
        "KL, nats",
        "Critic: loss",
        "Critic: penalty",
    ]
    items = panel_of(filled, "KL, nats")._items
    colors = [item.bold.pen.color().name() for item in items]
    assert colors == [*SERIES_LIGHT[:2]]
    assert "second &lt;run&gt;" in filled.names.text()
    assert filled.grid.panels[0].vb.viewRange()[0][1] > 2000
    filled.remove_run("b")
    filled.redraw()
    assert titles(filled)[0] == "Validation IoU"


def test_events_are_drawn_at_most_five_times_a_second_and_only_when_seen(qtbot, filled):
    drawings = []
    original = filled.redraw
    filled.redraw = lambda: (drawings.append(1), original())
    for first in range(1000, 2000, 10):
        filled.append("a", events(first + 10, first=first))
    assert drawings == []
    assert filled._timer.interval() == 200
    qtbot.waitUntil(lambda: len(drawings) == 1)
    assert not filled._timer.isActive()
    filled.hide()
    filled.append("a", events(3000, first=2000))
    assert not filled._timer.isActive()
    assert drawings == [1]
    filled.show()
    qtbot.waitUntil(lambda: len(drawings) >= 2)
    assert drawn(panel_of(filled, "KL, nats"))[0][-1] == 3000


def test_colours_follow_the_theme(qapp, qtbot, filled):
    try:
        theme.apply(qapp, dark=True)
        qtbot.waitUntil(lambda: not filled._timer.isActive() and not filled._stale)
        kl = panel_of(filled, "KL, nats")
        assert kl._items[0].bold.pen.color().name() == SERIES_DARK[0]
        assert kl.vb.background.brush().color().name() == theme.DARK.base
        assert filled.grid.backgroundBrush().color().name() == theme.DARK.window
    finally:
        theme.apply(qapp, dark=False)
        qapp.setStyleSheet("")


@pytest.mark.parametrize(
    ("colors", "c"), [(SERIES_LIGHT, theme.LIGHT), (SERIES_DARK, theme.DARK)], ids=["light", "dark"]
)
def test_series_stand_out_from_the_panel(colors, c):
    def luminance(color):
        parts = [QColor(color).redF(), QColor(color).greenF(), QColor(color).blueF()]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for color in colors:
        high, low = sorted((luminance(color), luminance(c.base)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 3.0


def test_save_as_picture_drawing_and_numbers(filled, tmp_path):
    filled.add_run("b", "first run")
    filled.append("b", [StepDone(10, {"kl": math.nan}, time=0.0)])
    for name in ("plot.png", "plot.SVG", "plot.csv"):
        filled.save(tmp_path / name)
    image = QImage(str(tmp_path / "plot.png"))
    assert image.width() == pytest.approx(2 * filled.grid.width(), abs=2)
    colors = {image.pixelColor(x, y).name() for x in range(0, image.width(), 2) for y in (300, 700)}
    assert len(colors) > 3
    drawing = (tmp_path / "plot.SVG").read_text("utf-8")
    assert "<svg" in drawing
    assert "Reconstruction" in drawing
    assert SERIES_LIGHT[0] in drawing
    assert "<image" not in drawing
    with (tmp_path / "plot.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    curves = filled.curves("a").curves
    assert len(rows) == sum(map(len, curves.values())) + 1
    assert [float(r["value"]) for r in rows if (r["run"], r["metric"]) == ("first run", "kl")] == (
        curves["kl"].values.tolist()
    )
    other = [row for row in rows if row["run"] == "first run (b)"]
    assert other == [
        {"run": "first run (b)", "metric": "kl", "step": "10", "seconds": "0.000", "value": ""}
    ]


def test_save_under_another_suffix_is_refused(filled, tmp_path):
    with pytest.raises(ExportError, match=r"saved as \.png, \.svg or \.csv"):
        filled.save(tmp_path / "plot.pdf")
    with pytest.raises(ExportError, match="does not exist"):
        filled.save(tmp_path / "missing" / "plot.csv")
    assert list(tmp_path.iterdir()) == []


def test_the_save_button_asks_where(qtbot, filled, tmp_path, monkeypatch):
    from PySide6.QtWidgets import QFileDialog, QMessageBox

    answers = [("", ""), (str(tmp_path / "mine"), "Drawing (*.svg)")]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: answers.pop(0))
    qtbot.mouseClick(filled.bar.export, LEFT)
    assert list(tmp_path.iterdir()) == []
    qtbot.mouseClick(filled.bar.export, LEFT)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.svg"]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    (tmp_path / "mine.svg").write_text("the only copy")
    answers.append((str(tmp_path / "mine"), "Drawing (*.svg)"))
    qtbot.mouseClick(filled.bar.export, LEFT)
    assert not answers
    assert (tmp_path / "mine.svg").read_text() == "the only copy"


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.018, 0.45, ["0.02", "0.03", "0.05", "0.1", "0.2", "0.3"]),
        (1e-6, 1e3, ["1e-06", "0.0001", "0.01", "1", "100"]),
        (251.0, 262.0, ["252", "254", "256", "258", "260", "262"]),
    ],
)
def test_log_axis_labels_round_values_with_room_between(qtbot, low, high, labels):
    axis = ValueAxis()
    axis.setLogMode(x=False, y=True)
    ((_, ticks),) = axis.tickValues(math.log10(low), math.log10(high), 130)
    texts = axis.tickStrings(ticks, 1.0, 1.0)
    assert set(texts) & set(labels), texts
    assert 2 <= len(texts) <= 8
    gaps = np.diff(ticks) * 130 / math.log10(high / low)
    assert gaps.min() >= 17


def test_time_axis_labels_hours_or_minutes(qtbot):
    axis = StepAxis()
    axis.by_time = True
    assert axis.tickSpacing(0, 2 * 3600, 400)[0][0] == 1800
    assert axis.tickStrings([0, 5400, 93600], 1.0, 1800) == ["0:00", "1:30", "26:00"]
    assert axis.tickSpacing(0, 100, 400)[0][0] == 30
    assert axis.tickStrings([0, 30, 90], 1.0, 30) == ["0:00", "0:30", "1:30"]
    axis.by_time = False
    assert axis.tickStrings([-5000, 25000], 1.0, 5000) == ["", "25\N{NO-BREAK SPACE}000"]


def test_the_window_starts_without_pyqtgraph_and_the_plots_end_in_peace(qapp):
    code = """
import sys
from shapelab.gui import app
import shapelab.gui.main_window
assert "pyqtgraph" not in sys.modules
application = app.application()
from shapelab.core.runs.events import StepDone
from shapelab.gui.plots.loss_plot import LossPlot
plot = LossPlot()
plot.add_run("a", "run")
plot.append("a", [StepDone(step, {"kl": 1.0, "critic": 2.0}) for step in range(50)])
plot.show()
application.processEvents()
plot.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_over_the_curves_it_is_told_what_the_mouse_does(filled):
    assert "zoom" not in filled.where.text()
    filled.grid.hovered.emit(500.0)
    assert filled.where.text().endswith("wheel: zoom, drag: move")
    filled.grid.panels[0].range_moved.emit(100.0, 200.0)
    assert filled.where.text().endswith("double click: all steps")
    filled.grid.hovered.emit(None)
    assert "click" not in filled.where.text()


def test_where_the_wheel_scrolls_ctrl_is_told_too(qtbot, filled):
    filled.resize(440, 400)
    qtbot.waitUntil(lambda: filled.grid.scrolls)
    filled.grid.hovered.emit(500.0)
    assert filled.where.text().endswith("Ctrl+wheel: zoom, drag: move")
