"""What a person noted about a run: tags and a text, kept in its folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapelab.core import files_of_others
from shapelab.core.atomic import atomic_write
from shapelab.core.errors import RunError, clean

FORMAT, VERSION = "shapelab-notes", 1
FILE = "notes.json"
MOST_TAGS, LONGEST_TAG, LONGEST_TEXT = 20, 40, 20_000  # tags, characters, characters
_MAX_BYTES = 256 * 2**10


@dataclass(frozen=True)
class RunNotes:
    """Tags are one word each, in the order in which they were given."""

    tags: tuple[str, ...] = ()
    text: str = ""


def noted(tags: Iterable[str], text: str) -> RunNotes:
    """Notes as they are kept: no tag twice, no ``#`` before it, no spaces around the text.

    Raises:
        RunError: there are too many, one is too long or no word.
    """
    words = dict.fromkeys(tag.strip().lstrip("#") for tag in tags)
    words.pop("", None)
    for word in words:
        if len(word.split()) != 1 or clean(word) != word or "," in word:
            raise RunError(f"'{clean(word)}' is no tag; a tag is one word.")
        if len(word) > LONGEST_TAG:
            raise RunError(f"The tag '{word}' is too long; {LONGEST_TAG} letters are possible.")
    if len(words) > MOST_TAGS:
        raise RunError(f"A run has {MOST_TAGS} tags at most.")
    if len(text) > LONGEST_TEXT:
        raise RunError(f"The note is too long; {LONGEST_TEXT} letters are possible.")
    return RunNotes(tuple(words), _readable(text.strip()))


def read_notes(run: Path) -> RunNotes:
    """What is noted in a run's folder; nothing where that cannot be read."""
    try:
        data = files_of_others.read_bytes(run / FILE, _MAX_BYTES)
        found: Any = files_of_others.json_of(data)
        if found["format"] != FORMAT or int(found["version"]) > VERSION:
            return RunNotes()
        return noted(map(str, found["tags"]), str(found["text"]))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RunError):
        return RunNotes()  # a note helps people; a run without one is a run


def write_notes(run: Path, notes: RunNotes) -> None:
    """Keeps notes in a run's folder. Raises ExportError when the disk refuses."""
    kept = {"format": FORMAT, "version": VERSION, "tags": notes.tags, "text": notes.text}
    atomic_write(run / FILE, json.dumps(kept, ensure_ascii=False, indent=1).encode())


def _readable(text: str) -> str:
    """The lines of a text without what is hidden in them."""
    return "\n".join(clean(line) for line in text.splitlines())
