"""What is known of the parameters of stored shapes.

Those of ``procedural:COUNT:SEED`` exactly, and of others those of the piece most like each.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from shapelab.core.atomic import atomic_write
from shapelab.core.errors import DataError
from shapelab.core.furniture.families.family_table import FAMILIES
from shapelab.core.furniture.furniture import parameters, random_shares
from shapelab.core.model.procedural.parameter_bins import parameter_bins
from shapelab.core.model.procedural.parameter_match import matched
from shapelab.core.model.procedural.procedural_generator import PARAMETERS, normal_share

from ..data.store.prepared_store import Store

UNKNOWN = -1  # instead of a choice
LIKE = 0.4  # IoU from which on a piece says what parameters a shape has
_SAVE_EVERY = 25  # shapes


def is_procedural(store: Store) -> bool:
    """Whether a store was prepared from ``procedural:COUNT:SEED``."""
    return str(store.index["reader"]) == "procedural"


def known_choices(store: Store) -> NDArray[np.int64]:
    """The class of all shapes of a procedural store, and the choices of its parameters, (n, 1 + P).

    Raises:
        DataError: the store was not prepared from ``procedural:COUNT:SEED``.
    """
    source = str(store.index["source"])
    match = re.fullmatch(r"procedural(?::\d+)?(?::(\d+))?", source)
    if match is None:
        raise DataError(
            f"{store.folder} was made of {source}; name a store of procedural:COUNT:SEED, whose "
            "parameters are known."
        )
    seed, bins, labels = int(match[1] or 0), parameter_bins(), list(FAMILIES)
    found = np.zeros((len(store), 1 + PARAMETERS), np.int64)
    for row, name in enumerate(store.ids):
        label, number = name.split("/")
        kind = labels.index(label)
        shares = random_shares(FAMILIES[label], int(number), seed)
        found[row] = kind, *bins.chosen(kind, shares)
    return found


def alike_choices(store: Store, folder: Path) -> NDArray[np.int64]:
    """Those of the pieces most like the shapes of another store, (n, 1 + P).

    Args:
        store: of shapes in any of the classes of procedural furniture.
        folder: where they are kept, since they take seconds each.

    Returns:
        ``UNKNOWN`` for what is not trained on, and for the parameters of shapes like no piece.

    Raises:
        DataError: a class is none of procedural furniture.
    """
    strange = [name for name in store.classes if name not in FAMILIES]
    if strange:
        raise DataError(
            f"{store.folder} has the class {strange[0]}, of which there is no procedural "
            f"furniture; leave it out. There are {', '.join(FAMILIES)}."
        )
    path = folder / f"alike-{store.fingerprint[:16]}.npy"
    labels, bins = list(FAMILIES), parameter_bins()
    if path.is_file():
        found = np.load(path)
    else:
        found = np.full((len(store), 1 + PARAMETERS), UNKNOWN, np.int64)
    rows = [row for row in store.indices("train").tolist() if found[row, 0] == UNKNOWN]
    for done, row in enumerate(track(rows, f"Pieces like those of {store.name}"), 1):
        label = store.classes[store.labels[row]]
        kind = labels.index(label)
        grid = store.grids(np.array([row]))[0].astype(np.float32)
        latent, likeness = matched(grid, class_name=label)
        found[row, 0] = kind
        if likeness >= LIKE:
            count = len(parameters(FAMILIES[label]))
            shares = [normal_share(z) for z in latent[:count].tolist()]
            found[row, 1:] = bins.chosen(kind, np.array(shares))
        if done % _SAVE_EVERY == 0 or done == len(rows):
            data = io.BytesIO()
            np.save(data, found)
            atomic_write(path, data.getvalue())
    return found
