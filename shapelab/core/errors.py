"""The errors that ShapeLab raises: each text is one sentence that the reader can act on."""

from __future__ import annotations


class ShapelabError(Exception):
    """Anything that a person can be told in one sentence and can mend."""


class InputError(ShapelabError):
    """A picture, mesh, voxel file or latent given by the user cannot be used."""


class ReaderBroke(InputError):
    """A file ended or garbled the process that read it."""


class ReaderLate(InputError):
    """A file took longer to read than is waited for."""


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
