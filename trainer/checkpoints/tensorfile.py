"""Tensors as the bytes of a safetensors file, part by part: no second copy of a training state.

The library's ``save`` gives the whole file as one object, and its ``save_file`` gives no bytes to
hash on their way to the disk; both want contiguous tensors, and ours lie channels last. Either way
a save would copy the whole state. Reading is the library's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import torch
from torch import Tensor

_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def parts(tensors: dict[str, Tensor]) -> Iterator[bytes | memoryview]:
    """The file's header, then one part a tensor; strides and devices do not matter.

    Raises:
        KeyError: a tensor's type is none that a training state has.
    """
    # As the library does: wide types first, so that each tensor is aligned to its own width.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header, end = {}, 0
    for name in names:
        tensor, start = tensors[name], end
        end += tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in names:
        plain = tensors[name].detach().cpu().contiguous()
        yield plain.reshape(-1).view(torch.uint8).numpy().data
