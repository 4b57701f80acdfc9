import numpy as np
import pytest

from shapelab.gui.plots.decimate import ThinLine


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
    thin_x, thin_y = ThinLine().of(x, y, low, high, 500)
    assert len(thin_x) == len(thin_y) <= 4 * 502
    assert (np.diff(thin_x) >= 0).all()
    all_columns, columns = columns_of(x, low, high, 500), columns_of(thin_x, low, high, 500)
    assert set(np.unique(columns)) == set(np.unique(all_columns))
    for column in np.unique(columns):
        before, after = y[all_columns == column], thin_y[columns == column]
        assert (before.min(), before.max()) == (after.min(), after.max())
        assert (before[0], before[-1]) == (after[0], after[-1])


def test_a_line_that_grew_is_that_of_the_whole(noisy):
    x, y = noisy
    low, high = x[3000], x[-2000]
    grown = ThinLine()
    for end in [100, 2007, 2008, 2009, 2010, 2999, 40_000, 40_001, 97_990, 98_001, 98_002, 100_000]:
        some = x[:end], y[:end]
        for got, want in zip(
            grown.of(*some, low, high, 500), ThinLine().of(*some, low, high, 500), strict=True
        ):
            assert np.array_equal(got, want)
    for got, want in zip(  # another range
        grown.of(x, y, low, x[50_000], 400), ThinLine().of(x, y, low, x[50_000], 400), strict=True
    ):
        assert np.array_equal(got, want)


def test_of_a_line_that_grew_only_its_last_column_is_looked_at(noisy):
    x, y = noisy
    grown = ThinLine()
    before = grown.of(x[:90_000], y[:90_000], x[0], x[-1], 500)
    unseen = np.where(np.arange(len(x)) < 89_500, np.nan, y)
    after = grown.of(x, unseen, x[0], x[-1], 500)
    assert np.isfinite(after[1]).all()
    assert np.array_equal(after[1][: len(before[1]) - 4], before[1][:-4])


def test_a_single_spike_stays(noisy):
    x, _ = noisy
    y = np.zeros(len(x))
    y[54_321] = 1e6
    _, thin_y = ThinLine().of(x, y, x[0], x[-1], 300)
    assert thin_y.max() == 1e6
    assert np.count_nonzero(thin_y) == 1


def test_a_short_curve_is_left_alone(noisy):
    x, y = (values[:100] for values in noisy)
    thin_x, thin_y = ThinLine().of(x, y, x[0], x[-1], 50)
    assert thin_x is x
    assert thin_y is y


def test_a_range_beside_the_curve_or_of_no_width_is_no_error(noisy):
    x, y = noisy
    for low, high in [(-100.0, -50.0), (x[-1] + 1, x[-1] + 2), (x[500], x[500])]:
        thin_x, thin_y = ThinLine().of(x, y, low, high, 100)
        assert (thin_y.min(), thin_y.max()) == (y.min(), y.max())
        assert (thin_x[0], thin_x[-1]) == (x[0], x[-1])
