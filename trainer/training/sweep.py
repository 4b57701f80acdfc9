"""A sweep: one run for each combination of the values that settings shall have."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from shapelab.core.errors import RunError

MOST_RUNS = 1000
LONGEST_NAME = 200  # bytes; systems take 255, and longer names lie beside a run
_ODD = re.compile(r"[^\w.+=,-]+")  # what no folder's name needs


@dataclass(frozen=True)
class SweptRun:
    """One run of a sweep: the name of its folder, and its settings as ``key=value`` texts."""

    name: str
    settings: tuple[str, ...]


def runs_of(given: Sequence[str]) -> list[SweptRun]:
    """The runs of a sweep; the last setting changes fastest.

    Args:
        given: ``key=value`` texts, or ``key=value,value,…`` for those that vary. Commas in brackets
            or quotes belong to one value.

    Raises:
        RunError: a text is none of these, nothing varies, or there are too many runs.
    """
    choices: dict[str, list[str]] = {}
    for text in given:
        key, separator, values = text.partition("=")
        if not separator or not key or not all(split := _split(values)):
            raise RunError(f"'{text}' is no setting; write it as key=value or key=value,value.")
        choices[key] = list(dict.fromkeys(split))
    varied = [key for key, values in choices.items() if len(values) > 1]
    if not varied:
        raise RunError("Nothing varies; give a setting several values, as --set delta=100,300.")
    if math.prod(map(len, choices.values())) > MOST_RUNS:
        raise RunError(f"These are more than {MOST_RUNS} runs; give fewer values.")
    combinations = itertools.product(*choices.values())
    made = [dict(zip(choices, each, strict=True)) for each in combinations]
    names = [_ODD.sub("_", ",".join(f"{key}={each[key]}" for key in varied)) for each in made]
    if len(set(names)) < len(names) or any(len(n.encode()) > LONGEST_NAME for n in names):
        names = [f"run-{place + 1:03d}" for place in range(len(made))]
    return [
        SweptRun(name, tuple(f"{key}={value}" for key, value in each.items()))
        for name, each in zip(names, made, strict=True)
    ]


def _split(values: str) -> list[str]:
    """The values of a text, at the commas outside brackets and quotes."""
    parts, depth, quoted = [""], 0, ""
    for letter in values:
        if quoted or letter in "\"'":
            quoted = "" if letter == quoted else quoted or letter
        else:
            depth += (letter in "[{") - (letter in "]}")
        if letter == "," and not quoted and depth <= 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
