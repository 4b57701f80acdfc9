"""The figures of a model, and how they are printed."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Report:
    """All figures of a model, on the store's validation shapes."""

    shapes: int
    iou: float  # voxels -> latent -> voxels, mean over shapes at 0.5
    iou_by_class: dict[str, float]
    class_iou: float  # mean over classes, which a balanced test set would have
    picture_iou: float  # the same three from pictures, all views, by the encoder alone
    picture_iou_by_class: dict[str, float]
    picture_class_iou: float
    fitted_iou: float  # and fitted to the pictures' outlines, as in the app; some views
    fitted_iou_by_class: dict[str, float]
    fitted_class_iou: float
    sample_1nna: float  # mean over classes; equal numbers of samples and validation shapes
    sample_mmd: float
    sample_cov: float
    sample_one_part: float  # share of samples without loose bits
    real_one_part: float  # the same for the validation shapes
    truncation: float
    prior_1nna: float  # for N(0, I) instead of the fitted densities, all classes pooled


def describe(report: Report) -> str:
    """The report as aligned lines for a terminal."""
    lines = []
    for name, value in asdict(report).items():
        if isinstance(value, dict):
            lines += [f"  {name} {key:12s} {part:.3f}" for key, part in value.items()]
        else:
            lines.append(
                f"{name:22s} {value:.3f}" if isinstance(value, float) else f"{name:22s} {value}"
            )
    return "\n".join(lines)
