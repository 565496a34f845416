"""Frames of one clip from whatever holds them, without a copy; or a refusal with the line that makes them fit."""

from __future__ import annotations

import sys
from typing import Any

import numpy

from .errors import ShapeError


def frames(value: Any, name: str) -> numpy.ndarray:
    """[frames, width] float32 in C order. Takes arrays of numpy (read-only ones too), tensors of torch, DLPack."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        if value.device.type != "cpu":
            raise ShapeError(f"{name}: expected a tensor on the CPU, found {value.device}", f"{name}.cpu()")
        if value.dtype != torch.float32:
            raise ShapeError(f"{name}: expected float32, found {value.dtype}", f"{name}.float()")
        array = value.detach().numpy()
    elif isinstance(value, numpy.ndarray):
        array = value
    elif hasattr(value, "__dlpack__"):
        array = numpy.from_dlpack(value)
    else:
        raise ShapeError(
            f"{name}: expected an array [frames, width] float32, found {type(value).__name__}",
            f"np.asarray({name}, dtype=np.float32)",
        )
    if array.ndim != 2:
        raise ShapeError(
            f"{name}: expected [frames, width], found {list(array.shape)}",
            f"{name}[None, :] for one frame" if array.ndim == 1 else "one clip at a time; score_many takes several",
        )
    if array.dtype != numpy.float32 or not array.flags.c_contiguous or not array.flags.aligned:
        raise ShapeError(
            f"{name}: expected float32 in C order, found {array.dtype}"
            + ("" if array.flags.c_contiguous else " in another order")
            + ("" if array.flags.aligned else ", not aligned"),
            f"np.require({name}, np.float32, ['C', 'A'])",
        )
    return array
