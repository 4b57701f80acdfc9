"""Which scalars of a run share a panel of the plots, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from PySide6.QtGui import QColor

from shapelab.gui.base import theme

# Told apart by people with any colour vision, and 3:1 or better on the panel's background.
SERIES_LIGHT = ("#2468a8", "#c05f00", "#23764a", "#8a4fa3", "#b3362c", "#0d7d86")
SERIES_DARK = ("#5b9fdc", "#f0a35e", "#6cc893", "#c39be0", "#f0877c", "#58c4cc")


@dataclass(frozen=True)
class ScalarGroup:
    """One panel: scalars of the same unit."""

    title: str
    labels: dict[str, str] = field(hash=False)  # metric -> what it is called here
    positive: bool = False  # a log scale makes sense
    target: float | None = None  # a line at where the value should be
    smooths: bool = True  # noise can be averaged away
    shown: bool = True  # before the user chooses


GROUPS = (
    ScalarGroup("Validation IoU", {"iou": "shape", "picture_iou": "from picture"}, smooths=False),
    ScalarGroup(
        "Reconstruction",
        {"reconstruction": "shape", "image_reconstruction": "from picture"},
        positive=True,
    ),
    ScalarGroup("KL, nats", {"kl": "shape", "image_kl": "from picture"}, positive=True),
    ScalarGroup("Critic", {"critic": "loss", "wasserstein": "Wasserstein", "penalty": "penalty"}),
    ScalarGroup("Gradient norm", {"gradient_norm": "critic, mean"}, target=1.0),
    ScalarGroup("Generator", {"generator": "loss"}),
    ScalarGroup(
        "Picture encoder",
        {"image_error": "code error", "camera_error": "camera error", "image_overlap": "IoU"},
        positive=True,
    ),
    ScalarGroup(
        "Pull on the generator",
        {"gradient_ratio": "reconstruction : critic"},
        positive=True,
        shown=False,
    ),
    ScalarGroup("Learning rate", {"learning_rate": "rate"}, positive=True, shown=False),
    ScalarGroup("Speed", {"samples_per_second": "shapes a second"}, shown=False),
    ScalarGroup("Memory, MB", {"memory_mb": "process", "gpu_memory_mb": "GPU"}, shown=False),
)


def groups_of(names: Iterable[str]) -> list[ScalarGroup]:
    """The groups that have some of these scalars, with those; an unknown one has its own."""
    left = dict.fromkeys(names)
    groups = []
    for group in GROUPS:
        labels = {name: label for name, label in group.labels.items() if name in left}
        if labels:
            groups.append(replace(group, labels=labels))
        for name in labels:
            del left[name]
    for name in left:
        words = name.replace("_", " ")
        groups.append(ScalarGroup(words.capitalize(), {name: words}, shown=False))
    return groups


def one_each(groups: Iterable[ScalarGroup]) -> list[ScalarGroup]:
    """A panel for each scalar, so that colour can tell runs apart."""
    return [
        replace(group, title=f"{group.title}: {label}", labels={name: label})
        if len(group.labels) > 1
        else group
        for group in groups
        for name, label in group.labels.items()
    ]


def series(index: int) -> QColor:
    """The colour of a curve among others, in the scheme in use."""
    colors = SERIES_DARK if theme.is_dark() else SERIES_LIGHT
    return QColor(colors[index % len(colors)])
