"""Fuzzy matching: how well some letters, in their order, name a command."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

WORD_START, NEXT, ANYWHERE = 10, 10, 1  # points of a letter: at a word's beginning, after the last
BY_TIP = 1  # score of a command whose explanation has the letters


@dataclass(frozen=True)
class Match:
    """How well it fits, and where the letters were found in the name."""

    score: float
    places: tuple[int, ...] = ()


def best_match(letters: str, name: str, tip: str = "") -> Match | None:
    """The best way to find the letters in a name, else the words in its tip; None if there is none.

    Each word of the letters must be found, in any order; no letters fit everything alike.
    """
    words = _plain(letters).split()
    plain = _plain(name)
    found = [_match_word(word, plain) for word in words]
    if all(found):
        matches = [match for match in found if match is not None]
        score = sum(match.score for match in matches) - 0.01 * len(name)
        places = {place for match in matches for place in match.places}
        return Match(score if words else 0.0, tuple(sorted(places)))
    explained = _plain(tip)
    return Match(BY_TIP) if all(word in explained for word in words) else None


def _match_word(word: str, name: str) -> Match | None:
    """The places of most points, letter by letter: ``best[i]`` ends with the letter at i."""
    best: dict[int, Match] = {}
    for number, letter in enumerate(word):
        here: dict[int, Match] = {}
        for i, other in enumerate(name):
            if other != letter:
                continue
            starts = i == 0 or not name[i - 1].isalnum()
            points = WORD_START if starts else ANYWHERE
            if number == 0:
                here[i] = Match(points, (i,))
                continue
            ways = [
                Match(match.score + (max(points, NEXT) if at == i - 1 else points), match.places)
                for at, match in best.items()
                if at < i
            ]
            if ways:
                way = max(ways, key=lambda each: each.score)
                here[i] = Match(way.score, (*way.places, i))
        best = here
        if not best:
            return None
    return max(best.values(), key=lambda each: each.score) if best else None


def _plain(text: str) -> str:
    """Small letters without accents, one for each letter of the text."""
    return "".join(unicodedata.normalize("NFD", letter)[0].lower()[0] for letter in text)
