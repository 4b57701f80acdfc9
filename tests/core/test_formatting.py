"""Numbers, durations, sizes and dates as people read them."""

from __future__ import annotations

import time

import pytest

from shapelab.core import formatting

SPACE = "\N{NO-BREAK SPACE}"


def test_whole_numbers_come_in_groups_of_three() -> None:
    assert formatting.count(25000) == f"25{SPACE}000"
    assert formatting.count(-1234567.4) == f"-1{SPACE}234{SPACE}567"
    assert formatting.count(999) == "999"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-6.978, "-6.978"), (351.53, "351.5"), (25000.4, "25000"), (2e-5, "2e-05")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (41, "41 s"),
        (65.4, "1 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7265, "2 h 01 min"),
        (90000, "1 d 1 h"),
        (600000, "6 d 22 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (41, "41 s"),
        (750, "12 min"),
        (3 * 3600 + 1100, "3 h 20 min"),
        (7200, "2 h"),
        (5e5, "6 d"),
        (89, "1 min 29 s"),
        (172799, "2 d"),
    ],
)
def test_a_rough_duration_says_no_more_than_an_estimate_knows(seconds: float, text: str) -> None:
    assert formatting.duration(seconds, rough=True) == text


def test_things_are_counted_in_words() -> None:
    assert formatting.counted(0, "part") == "0 parts"
    assert formatting.counted(1, "part") == "1 part"
    assert formatting.counted(2500, "triangle") == f"2{SPACE}500 triangles"


def test_lengths_and_volumes_have_the_digits_that_a_printer_has() -> None:
    assert formatting.extents((10.0, 20.04, 80.0), "mm") == "10.0 × 20.0 × 80.0 mm"
    assert formatting.volume(61.23) == "61.2 mm³"
    assert formatting.volume(2_345_678.0) == f"2{SPACE}345.7 cm³"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (850, "850 bytes"),
        (12_345, "12 kB"),
        (1_234_567, "1.2 MB"),
        (131_400_000, "131 MB"),
        (999_700_000, "1.0 GB"),
        (3_840_000_000, "3.8 GB"),
    ],
)
def test_sizes_have_two_or_three_digits(size: float, text: str) -> None:
    assert formatting.file_size(size) == text


def test_a_date_of_another_year_is_whole() -> None:
    then = time.mktime((1999, 3, 4, 5, 6, 0, 0, 0, -1))
    assert formatting.date(then) == "1999-03-04"
    assert formatting.date(time.time())[2] == ":"


def test_a_timestamp_says_date_and_time() -> None:
    then = time.mktime((2026, 3, 1, 14, 5, 59, 0, 0, -1))
    assert formatting.timestamp(then) == "2026-03-01 14:05"
