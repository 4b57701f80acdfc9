"""An evolutionary search for the parameters of a piece of furniture with a high score.

A table of drawn pieces of every class says where to begin, and the search goes on from the best of
some classes: pieces mixed and changed, of which the best are kept. See ``parameter_draws``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.model.latent import Array
from shapelab.core.model.procedural.parameter_draws import ParameterDraws

KNOWN = 24  # pieces of each class in the table
PARENTS, CHILDREN = 8, 12  # members that are kept, and those of a generation
SIFTING, GENERATIONS = 6, 40  # of each class that is begun with, and then of the best one


@dataclass(frozen=True)
class Found:
    """The best piece of a search: its latent (latent,), its score, and the place of its pose."""

    latent: Array
    score: float
    pose: int


@cache
def known_pieces() -> Array:
    """Latents (n, latent) of drawn pieces, ``KNOWN`` of each class, class after class."""
    draws = ParameterDraws()
    return np.stack([draws.drawn(kind) for kind in range(len(FAMILIES)) for _ in range(KNOWN)])


def best_found(
    told: NDArray[np.floating],
    score: Callable[[int, Array], float],
    moved: Callable[[Array], None],
    *,
    begun: int,
    class_name: str | None = None,
) -> Found:
    """The piece with the highest score in any pose, after a search of seconds.

    Args:
        told: (poses, n) scores of the known pieces in each pose of what is looked for.
        score: of a latent (latent,), in the pose of that place.
        moved: called with the best latents (1, latent) so far; what it raises ends the search.
        begun: classes that it begins with, in each of the two likeliest poses.
        class_name: of the piece, if it is known.
    """
    latents = known_pieces()
    moved(latents[None, int(told.max(0).argmax())])
    most = told.reshape(len(told), len(FAMILIES), KNOWN).max(2)
    if class_name is not None:
        most[:, [name != class_name for name in FAMILIES]] = -np.inf
    lines = []
    for place in (-most).argsort(axis=None, kind="stable")[: begun * min(2, len(told))].tolist():
        pose, kind = divmod(place, len(FAMILIES))
        own = slice(kind * KNOWN, (kind + 1) * KNOWN)
        members = list(zip(told[pose, own].tolist(), latents[own], strict=True))
        lines.append((Line(kind, _in_pose(score, pose), members), pose))

    def check() -> None:
        line, _ = max(lines, key=lambda each: each[0].score)
        moved(line.best[None])

    for line, _ in lines:
        line.evolve(SIFTING, check)
    line, pose = max(lines, key=lambda each: each[0].score)
    line.evolve(GENERATIONS, check)
    return Found(line.best, line.score, pose)


def _in_pose(score: Callable[[int, Array], float], pose: int) -> Callable[[Array], float]:
    return lambda latent: score(pose, latent)


class Line:
    """Pieces of a class, the best first, from which better ones come.

    Args:
        kind: the place of the class.
        score: of a latent (latent,): the higher, the better.
        members: scores and latents to begin with.
    """

    def __init__(
        self, kind: int, score: Callable[[Array], float], members: list[tuple[float, Array]]
    ) -> None:
        self._kind, self._score = kind, score
        self._draws, self._rng = ParameterDraws(), np.random.default_rng(0)
        self._members = sorted(members, key=lambda member: -member[0])[:PARENTS]

    @property
    def score(self) -> float:
        """Of the best one."""
        return self._members[0][0]

    @property
    def best(self) -> Array:
        """Its latent (latent,)."""
        return self._members[0][1]

    def evolve(self, generations: int, check: Callable[[], None]) -> None:
        """Goes on for some generations; ``check`` is called before each."""
        for _ in range(generations):
            check()
            for _ in range(CHILDREN):
                pair = self._rng.integers(len(self._members), size=2)
                first, second = (self._members[k][1] for k in pair)
                child = self._draws.child(self._kind, first, second)
                self._members.append((self._score(child), child))
            self._members.sort(key=lambda member: -member[0])
            del self._members[PARENTS:]
