"""Where the trainer is: installed it is ``shapelab_trainer``, in a checkout ``trainer``."""

from __future__ import annotations

from importlib.util import find_spec

from shapelab.core.errors import RunError


def trainer_module() -> str:
    """What ``python -m`` must be given to start the trainer, which is not imported for that.

    Raises:
        RunError: there is none.
    """
    for name in ("shapelab_trainer", "trainer"):
        if find_spec(name) is not None:
            return name
    raise RunError("The trainer is not installed; run `pip install shapelab` again.")
