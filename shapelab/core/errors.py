"""The errors that ShapeLab raises: each text is one sentence that the reader can act on."""

from __future__ import annotations

import re

MAX_LENGTH = 1000  # characters of a message, whatever a file is called or claims
# Control characters, those that turn the direction of a text, and halves of characters.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_LONG_NUMBER = re.compile(r"(\d{12})\d{28,}")
_LONG_NAME = re.compile(r"(\S{80})\S{200,}(\S{40})")  # which would hide what is said of it


def clean(text: str) -> str:
    """A text from a file on one line, fit for a message: nothing hidden and no endless number."""
    shown = _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", re.sub("[\t-\r]+", " ", text))
    shown = _LONG_NAME.sub(r"\1…\2", _LONG_NUMBER.sub(r"\1…", shown))
    return shown if len(shown) <= MAX_LENGTH else shown[: MAX_LENGTH - 2] + "…."


class ShapelabError(Exception):
    """Anything that a person can be told in one sentence and can mend."""

    def __str__(self) -> str:
        return clean(super().__str__())


class InputError(ShapelabError):
    """A picture, mesh, voxel file or latent given by the user cannot be used."""


class ReaderBroke(InputError):
    """A file ended or garbled the process that read it."""


class ReaderLate(InputError):
    """A file took longer to read than is waited for."""


class NoSightError(InputError):
    """A picture was given to a model that has learnt from none."""


class Cancelled(InputError):
    """Reading was called off; nobody needs to be told."""


class ModelFileError(ShapelabError):
    """A model file is missing, damaged, of a newer format or not a ShapeLab model."""


class MeshError(ShapelabError):
    """An occupancy grid or mesh cannot become a printable surface (empty, open, not manifold …)."""


class ExportError(ShapelabError):
    """A file could not be written."""


class NotPrintableError(ExportError):
    """What would stand in the file cannot be printed, or is not what was meant."""


class RunError(ShapelabError):
    """A training run cannot start, resume or be read."""


class DataError(ShapelabError):
    """A dataset cannot be used."""
