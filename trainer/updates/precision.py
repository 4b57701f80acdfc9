"""Where half precision is faster: on devices that multiply bfloat16 in hardware, by whole tiles."""

from __future__ import annotations

import torch

from shapelab.core.runs.run_config import RunConfig


def settled(config: RunConfig, device: torch.device) -> RunConfig:
    """The configuration with ``precision = "auto"`` decided, so that a run keeps to it."""
    if config.precision != "auto":
        return config
    return config.model_copy(update={"precision": "bf16" if has_bf16(device) else "fp32"})


def has_bf16(device: torch.device) -> bool:
    """Whether a device has matrix units for bfloat16.

    Processors with AMX have; others emulate it or gain nothing, and take longer than in float32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        return bool(torch.cpu.get_capabilities().get("amx_bf16", False))
    return False
