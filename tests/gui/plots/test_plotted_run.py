"""A curve that grows: what was prepared of it stays, and the new end costs what it is long."""

import numpy as np

from shapelab.core.runs.curves import Curve
from shapelab.gui.plots.plotted_run import PlotOptions, Trace


def test_a_curve_that_grows_is_prepared_at_its_end_alone():
    values = np.random.default_rng(0).normal(size=3000)
    values[[5, 1200, 2999]] = np.nan
    whole = Curve()
    whole.extend([(step, 0.1 * step, value) for step, value in enumerate(values)])
    for options in (PlotOptions(), PlotOptions(smoothing=0.9), PlotOptions(log=True)):
        at_once = Trace(whole)
        at_once.prepare(options)
        curve, rooms = Curve(), set()
        trace = Trace(curve)
        for step, value in enumerate(values):
            curve.add(step, 0.1 * step, value)
            before, copy = trace.y, trace.y.copy()
            trace.prepare(options)
            assert np.array_equal(before, copy)  # what a drawing holds does not change under it
            rooms.add(id(trace.y.base))
        assert len(rooms) < 12  # copied a few times, not at each point
        for name in ("x", "y", "smooth", "gaps"):
            np.testing.assert_allclose(getattr(trace, name), getattr(at_once, name), rtol=1e-12)
        assert list(trace.gaps) == [5, 1200, 2999]


def test_another_option_or_a_step_back_begins_anew():
    curve = Curve()
    curve.extend([(step, step, float(step)) for step in range(100)])
    trace = Trace(curve)
    trace.prepare(PlotOptions())
    first = trace.y
    trace.prepare(PlotOptions(smoothing=0.5))
    assert trace.smooth is not trace.y
    curve.drop_after(49)
    trace.prepare(PlotOptions(smoothing=0.5))
    assert len(trace.x) == len(trace.smooth) == 50
    assert np.array_equal(first, np.arange(100.0))
