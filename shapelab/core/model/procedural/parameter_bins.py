"""Parameters as choices: each style or count is one, and a number's range is cut into a few.

What a picture tells of a style are chances of each, which no mean and variance could say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import Parameter, parameters
from shapelab.core.model.latent import Array
from shapelab.core.model.procedural.procedural_generator import PARAMETERS

NUMBERS = 12  # choices of a number, as likely as one another


@dataclass(frozen=True)
class ParameterBins:
    """The choices of each of P parameters of K classes, at most C, the others masked.

    Attributes:
        places: (K, P, C) float32, the numbers of the latent in the middle of each.
        widths: (K, P, C) float32, how far the numbers of one lie apart, 0 for styles and counts.
        exist: (K, P, C) bool.
        number: (K, P, C) int64, counted through; 0 where there is none.
        count: of all choices.
    """

    places: Array
    widths: Array
    exist: NDArray[np.bool_]
    number: NDArray[np.int64]
    count: int

    def chosen(self, kind: int, shares: NDArray[np.float64]) -> NDArray[np.int64]:
        """The choices (P,) that shares (parameters,) of the ranges fall into; 0 beyond."""
        found = np.zeros(PARAMETERS, np.int64)
        declared = parameters(list(FAMILIES.values())[kind])
        for i, (parameter, share) in enumerate(zip(declared, shares.tolist(), strict=True)):
            if parameter.options:
                found[i] = _names(parameter).index(str(parameter.at(share)))
            else:
                found[i] = int(share * _count(parameter))
        return found


def _count(parameter: Parameter) -> int:
    """How many choices a number or count has."""
    return parameter.steps if 0 < parameter.steps <= NUMBERS else NUMBERS


def _names(parameter: Parameter) -> list[str]:
    return list(dict.fromkeys(parameter.options))


def _ranges(parameter: Parameter) -> list[tuple[float, float]]:
    """The shares of a parameter's range that each choice takes, of a style the first ones."""
    options = parameter.options
    if not options:
        count = _count(parameter)
        return [(k / count, (k + 1) / count) for k in range(count)]
    found = []
    for name in _names(parameter):
        first = last = options.index(name)
        while last + 1 < len(options) and options[last + 1] == name:
            last += 1
        found.append((first / len(options), (last + 1) / len(options)))
    return found


@cache
def parameter_bins() -> ParameterBins:
    """Those of all families."""
    table = [[_ranges(p) for p in parameters(family)] for family in FAMILIES.values()]
    most = max(len(ranges) for row in table for ranges in row)
    shape = (len(table), PARAMETERS, most)
    places, widths = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    exist, number = np.zeros(shape, bool), np.zeros(shape, np.int64)
    quantile, count = NormalDist().inv_cdf, 0
    for k, family in enumerate(FAMILIES.values()):
        for i, parameter in enumerate(parameters(family)):
            ranges = table[k][i]
            here = (k, i, slice(len(ranges)))
            places[here] = [quantile((a + b) / 2) for a, b in ranges]
            if len(ranges) != parameter.steps and not parameter.options:
                ends = np.clip(np.linspace(0, 1, len(ranges) + 1), 0.01, 0.99).tolist()
                widths[here] = np.diff([quantile(end) for end in ends])
            exist[here] = True
            number[here] = count + np.arange(len(ranges))
            count += len(ranges)
    return ParameterBins(places, widths, exist, number, count)
