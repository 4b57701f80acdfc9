import numpy as np
import pytest

from shapelab.gui.plots.decimate import decimate


@pytest.fixture
def noisy():
    random = np.random.default_rng(0)
    x = np.cumsum(random.integers(1, 40, 100_000)).astype(float)
    return x, random.normal(size=len(x)) ** 3


def columns_of(x, low, high, columns):
    return np.floor((x - low) / (high - low) * columns).clip(-1, columns)


@pytest.mark.parametrize("share", [(0.0, 1.0), (0.2, 0.7)])
def test_every_pixel_column_keeps_its_first_lowest_highest_and_last_value(noisy, share):
    x, y = noisy
    low, high = (x[0] + part * (x[-1] - x[0]) for part in share)
    high += 1e-6  # so that the last point is inside
    thin_x, thin_y = decimate(x, y, low, high, 500)
    assert len(thin_x) == len(thin_y) <= 4 * 502
    assert (np.diff(thin_x) >= 0).all()
    all_columns, columns = columns_of(x, low, high, 500), columns_of(thin_x, low, high, 500)
    assert set(np.unique(columns)) == set(np.unique(all_columns))
    for column in np.unique(columns):
        before, after = y[all_columns == column], thin_y[columns == column]
        assert (before.min(), before.max()) == (after.min(), after.max())
        assert (before[0], before[-1]) == (after[0], after[-1])


def test_a_single_spike_stays(noisy):
    x, _ = noisy
    y = np.zeros(len(x))
    y[54_321] = 1e6
    _, thin_y = decimate(x, y, x[0], x[-1], 300)
    assert thin_y.max() == 1e6
    assert np.count_nonzero(thin_y) == 1


def test_a_short_curve_is_left_alone(noisy):
    x, y = (values[:100] for values in noisy)
    thin_x, thin_y = decimate(x, y, x[0], x[-1], 50)
    assert thin_x is x
    assert thin_y is y


def test_a_range_beside_the_curve_or_of_no_width_is_no_error(noisy):
    x, y = noisy
    for low, high in [(-100.0, -50.0), (x[-1] + 1, x[-1] + 2), (x[500], x[500])]:
        thin_x, thin_y = decimate(x, y, low, high, 100)
        assert (thin_y.min(), thin_y.max()) == (y.min(), y.max())
        assert (thin_x[0], thin_x[-1]) == (x[0], x[-1])
