"""Command: one change of the document as plain data, with its words and its call from Python."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from shapelab.core.errors import InputError, clean

Argument = str | int | float | bool | None

MAX_TEXT = 300  # characters of a text, a name or an argument

#: Every method of a session that changes the document, and of what kind its arguments are.
ARGUMENTS: dict[str, tuple[type, ...]] = {
    "start": (),
    "set_class": (str,),
    "set_seed": (int,),
    "set_truncation": (float,),
    "show": (str, str),  # a name to keep it by, and the file that it was made of
    "open": (str, str),  # the file of a saved shape, and a name to keep it by
    "restore": (str,),  # a name to keep it by
    "go_to": (),
    "set_coefficient": (int, float),
    "set_raw": (int, float),
    "reset_direction": (int,),
    "reset_raw": (int,),
    "reset_all": (),
    "mend": (),
    "refine": (),
    "set_surface": (int, int, bool, float),  # as in SurfaceOptions; no level finds it
    "pin_a": (),
    "pin_b": (),
    "morph_through": (int,),  # how many
    "set_morph": (float,),
    "set_morph_mode": (str,),
    "keep": (str,),
    "keep_all": (int,),  # how many
    "show_kept": (int,),  # where it lies in the gallery
    "delete_kept": (int,),
    "move_kept": (int, int),  # to where, from where
    "rename_kept": (str, int),
    "star_kept": (bool, int),
    "take_gallery": (),
}
OPTIONAL = {"show", "set_surface"}  # whose last argument may be None
REPEATED = {"delete_kept", "move_kept", "star_kept"}  # whose last argument may come more often


@dataclass(frozen=True, slots=True)
class Command:
    """What was done: a method of ``Session`` with its arguments, and words for menus.

    How it is taken back is the history's: it keeps the value before. What it does is the
    session's; ``script`` writes it down as Python.
    """

    text: str  # "seed 7"; empty for the beginning
    method: str  # of ARGUMENTS
    arguments: tuple[Argument, ...] = ()

    def to_plain(self) -> list[Argument]:
        """Text, method and arguments, fit for JSON."""
        return [self.text, self.method, *self.arguments]

    @classmethod
    def from_plain(cls, data: Any) -> Command:
        """The inverse of ``to_plain``. Raises InputError for anything else."""
        if not isinstance(data, list) or len(data) < 2:
            raise damaged("a command is no list")
        text, method, *arguments = data
        kinds = ARGUMENTS.get(method) if isinstance(method, str) else None
        if kinds is not None and method in REPEATED and 0 < len(kinds) < len(arguments):
            kinds += kinds[-1:] * (len(arguments) - len(kinds))
        if kinds is None or len(kinds) != len(arguments):
            raise damaged(f"there is no command {json.dumps(method)[:40]}")
        for place, (kind, argument) in enumerate(zip(kinds, arguments, strict=True), 1):
            may_lack = method in OPTIONAL and place == len(kinds)
            if not (may_lack and argument is None) and not _fits(kind, argument):
                raise damaged(f"argument {place} of {method} is odd")
        return cls(plain_text(text), method, tuple(arguments))


def plain_text(text: Any) -> str:
    """A text of a file, on one line and not endless. Raises InputError for anything else."""
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise damaged("a text is missing or too long")
    return clean(text)


def _fits(kind: type, argument: Any) -> bool:
    if kind is float:
        number = isinstance(argument, int | float) and not isinstance(argument, bool)
        return number and math.isfinite(argument)
    if kind is int:
        return isinstance(argument, int) and not isinstance(argument, bool)
    if kind is str:
        return isinstance(argument, str) and len(argument) <= 16 * MAX_TEXT  # a path
    return isinstance(argument, kind)


def damaged(what: str) -> InputError:
    """The error that says what is odd in a history that was read."""
    return InputError(f"The saved history is damaged: {what}.")
