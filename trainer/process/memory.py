"""How much memory is used, and what to do when it runs out."""

from __future__ import annotations

import psutil
import torch

from shapelab.core.errors import RunError

MEGA = 1024**2
#: What torch's allocators say; a plain RuntimeError on the CPU.
_PHRASES = ("can't allocate memory", "out of memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, on a GPU or in the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(p in str(error).lower() for p in _PHRASES)


def used(device: torch.device) -> dict[str, float]:
    """Memory of this process in MB, and the most that the GPU held."""
    figures = {"memory_mb": psutil.Process().memory_info().rss / MEGA}
    if device.type == "cuda":
        figures["gpu_memory_mb"] = torch.cuda.max_memory_allocated(device) / MEGA
    return figures


def release(device: torch.device) -> None:
    """Gives cached blocks back before the next try."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def more_parts(parts: int, share: int) -> int:
    """Twice the parts for a batch share that did not fit; a part has at least two rows.

    Raises:
        RunError: it is cut as small as can be already.
    """
    if parts >= share // 2:
        free = psutil.virtual_memory().available / MEGA
        raise RunError(
            f"Even 2 shapes at a time do not fit into memory ({free:.0f} MB of the machine are "
            "free); close other programs or choose a smaller model, e.g. "
            "--set model.generator_width=64."
        )
    return min(2 * parts, share // 2)
