"""Pickles of other people as plain values and arrays, without running anything. Needs numpy, not torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from . import _log, _pickle
from .errors import MissingFileError

_log.connect(_pickle)


@dataclass(frozen=True)
class LeftOut:
    """Stands in the result for an object that is not read (a date, a data frame of pandas): only its name is known."""

    name: str


def read_pickle(path: str | os.PathLike[str]) -> Any:
    """What `pickle.load` would give for plain values and arrays, of any protocol, without executing a byte of it.

    Arrays of numpy (and tensors of torch, as arrays) are read-only views of the mapped file where the protocol stores
    them raw, so a file of gigabytes opens at once; `array.copy()` gives one to write to. bfloat16 becomes float32.
    Harmless objects that no data need (dates, sets, objects of pandas) become `LeftOut`; anything else is refused.

    Raises FormatError naming file and byte; MissingFileError.
    """
    if not os.path.exists(path):
        raise MissingFileError(f"{os.fspath(path)}: there is no such file")
    return _pickle.read_pickle(path)
