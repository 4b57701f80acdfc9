"""Where a mesh file says how its shape was made: the words that writers and readers share.

A recipe is a text of printable ASCII without spaces; what stands in it, the session knows.
"""

from __future__ import annotations

import re

RECIPE = "shapelab-recipe"  # begins a line of a recipe; also its name where things have names
PACKAGE_PART = "Metadata/shapelab-recipe.json"  # of a 3MF
MAX_RECIPE = 512 * 1024  # characters: that of a shape of 1024 numbers has 50,000
_LINE = 120  # characters of a recipe in a line; there are readers with short lines
_FOUND = re.compile(rb"(?m)^[^\S\n]*(?:#|comment)[^\S\n]+" + RECIPE.encode() + rb" ([!-~]+)\s*?$")
_WORD = re.compile(r"[!-~]*")


def recipe_lines(recipe: str) -> list[str]:
    """The lines that hold a recipe, to be put into comments; none for no recipe."""
    return [f"{RECIPE} {recipe[start : start + _LINE]}" for start in range(0, len(recipe), _LINE)]


def recipe_in(comments: bytes) -> tuple[str, bytes]:
    """The recipe in the comment lines of a file, empty if there is no sound one; and the rest."""
    words = _FOUND.findall(comments)
    return sound_recipe(b"".join(words).decode("ascii")), _FOUND.sub(b"", comments)


def sound_recipe(text: object) -> str:
    """A recipe as a file gives it, if it can be one at all; else an empty text."""
    sound = isinstance(text, str) and len(text) <= MAX_RECIPE and _WORD.fullmatch(text)
    return str(text) if sound else ""
