"""Figures of the benchmark: a table beside its goals and an earlier run, and their file."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shapelab.core import files_of_others
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import InputError

FORMAT, VERSION = "shapelab-bench", 1
MAX_BYTES = 2**20
HEAD = ("", "here", "goal", "", "earlier", "here / earlier")


@dataclass(frozen=True)
class Figure:
    """A number that was measured.

    Attributes:
        name: the same in every run.
        value: in ``unit``.
        unit: as it is printed: ms, s, MB, × and so on.
        goal: at most so much, or at least, where more is better; None where there is none.
        more_is_better: whether it is a speed.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    more_is_better: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it reaches its goal; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal


def percentile(values: Iterable[float], share: float) -> float:
    """The value that a share of them does not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered), math.ceil(share * len(ordered))) - 1] if ordered else math.nan


def table(figures: Sequence[Figure], earlier: Mapping[str, float] | None = None) -> list[str]:
    """Lines with a head; where they are compared, figures of both runs have a ratio."""
    before = earlier or {}
    rows = [HEAD]
    for each in figures:
        limit = "" if each.goal is None else f"{'≥' if each.more_is_better else '≤'} {each.goal:g}"
        verdict = {None: "", True: "met", False: "missed"}[each.met]
        old = before.get(each.name)
        then = "" if old is None else _number(old)
        ratio = f"{each.value / old:.2f}" if old else ""
        rows.append((each.name, f"{_number(each.value)} {each.unit}", limit, verdict, then, ratio))
    used = len(HEAD) if earlier is not None else HEAD.index("earlier")
    widths = [max(len(row[column]) for row in rows) for column in range(used)]
    return [
        "  ".join(
            row[column].ljust(width) if column in (0, 3) else row[column].rjust(width)
            for column, width in enumerate(widths)
        ).rstrip()
        for row in rows
    ]


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def save(path: Path, figures: Sequence[Figure], force: bool) -> None:
    """Writes figures, and what of the machine they depend on, as JSON.

    Raises:
        ExportError: the disk refuses, or a file is there already (unless ``force``).
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
            "load": os.getloadavg()[0] if sys.platform != "win32" else None,
        },
        "figures": {
            each.name: {"value": each.value, "unit": each.unit, "goal": each.goal}
            for each in figures
        },
    }
    atomic_write(path, (json.dumps(document, indent=1) + "\n").encode(), new=not force)


def read(path: Path) -> dict[str, float]:
    """The values in such a file by their names. Raises InputError where it is none."""
    try:
        document = files_of_others.json_of(files_of_others.read_bytes(path, MAX_BYTES))
        known = (document["format"], document["version"]) == (FORMAT, VERSION)
        found = {str(name): float(each["value"]) for name, each in document["figures"].items()}
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        known = False
    if not known:
        raise InputError(f"{path} holds no figures of `shapelab bench`.")
    return found
