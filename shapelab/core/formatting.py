"""How numbers, durations, sizes and dates are written for people, the same everywhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import pairwise

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_SPACE = "\N{NO-BREAK SPACE}"  # in every font and code page, unlike the narrow one


def count(value: float) -> str:
    """A whole number in groups of three digits: ``25 000``."""
    return f"{value:,.0f}".replace(",", _SPACE)


def words(key: str) -> str:
    """A key of a file, such as a class, as people write it: 'night stand' of 'night_stand'."""
    return key.replace("_", " ").strip()


def number(value: float) -> str:
    """Four digits, without a power of ten where people would write none."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.4g}"


def counted(value: int, noun: str) -> str:
    """``1 part``, ``25 000 parts``."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def extents(sides: Iterable[float], unit: str) -> str:
    """Width, depth and height: ``52.0 × 48.1 × 80.0 mm``."""
    return f"{' × '.join(f'{side:.1f}' for side in sides)} {unit}"


def volume(cubic_mm: float) -> str:
    """In cm³, below a tenth of that in mm³: three digits are enough there."""
    if cubic_mm < 100:
        return f"{cubic_mm:.3g} mm³"
    return f"{cubic_mm / 1000:,.1f} cm³".replace(",", _SPACE)


def duration(seconds: float, rough: bool = False) -> str:
    """The two largest units: ``40 s``, ``4 min 05 s``, ``1 h 05 min``, ``2 d 3 h``.

    A rough one says no more than an estimate knows: ``12 min``, ``3 h 20 min``, ``5 d``.
    """
    if rough:
        grain = 1 if seconds < 90 else 60 if seconds < 90 * 60 else 600
        seconds = (
            round(seconds / grain) * grain
            if seconds < 48 * 3600
            else round(seconds / 86400) * 86400
        )
    whole = max(0, round(seconds))
    for (size, unit), (smaller, smaller_unit) in pairwise(_UNITS):
        if whole >= size:
            rest = whole % size // smaller
            if rough and not rest:
                return f"{whole // size} {unit}"
            digits = 1 if unit == "d" else 2
            return f"{whole // size} {unit} {rest:0{digits}d} {smaller_unit}"
    return f"{whole} s"


def file_size(size: float) -> str:
    """Bytes as ``850 bytes``, ``12 kB``, ``1.2 MB`` or ``3.2 GB``; 1 kB is 1000 bytes."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale * 0.9995:
            share = size / scale
            return f"{share:.1f} {unit}" if share < 9.95 and unit != "kB" else f"{share:.0f} {unit}"
    return f"{size:.0f} bytes"


def timestamp(seconds: float) -> str:
    """Date and time of day, of seconds since 1970: ``2026-03-01 14:05``."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def date(seconds: float) -> str:
    """The time of today, the day of this year, or the date, of seconds since 1970."""
    then, now = time.localtime(seconds), time.localtime()
    if then[:3] == now[:3]:
        return time.strftime("%H:%M", then)
    return time.strftime("%d %b" if then.tm_year == now.tm_year else "%Y-%m-%d", then)
