"""Who made what a model learnt from, as its card keeps it: works alike in all but title as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEY = "attributions"  # of a card


@dataclass(frozen=True)
class Credit:
    """Works of one author under one licence."""

    titles: tuple[str, ...]
    author: str
    licence: str
    licence_url: str
    source: str
    changes: str

    def __str__(self) -> str:
        parts = [
            f"{', '.join(self.titles)} by {self.author or 'an unnamed author'}",
            f"{self.licence} ({self.licence_url})" if self.licence_url else self.licence,
            self.source,
            f"changed: {self.changes}" if self.changes else "",
        ]
        return "; ".join(filter(None, parts))


def credits_of(card: Mapping[str, Any]) -> list[Credit]:
    """What a card says; a card may come from anywhere, so what is no text counts as nothing."""
    given = card.get(KEY)
    found = []
    for row in given if isinstance(given, list) else ():
        if isinstance(row, dict):
            titles = row.get("titles")
            names = tuple(map(str, titles)) if isinstance(titles, list) else ()
            fields = ("author", "licence", "licence_url", "source", "changes")
            found.append(Credit(names, *(str(row.get(name, "")) for name in fields)))
    return found
