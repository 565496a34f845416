"""kuda: multimodal sentiment analysis from text, audio and vision. docs/python.md is the guide.

    import kuda
    data = kuda.open("unaligned_50.pkl")
    run = kuda.train(data, "lmf", out="runs/lmf", train__epochs=20)
    print(kuda.evaluate(run, data))

Names are imported when they are first used: `kuda.read_pickle` needs numpy only, everything else brings torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .errors import (
    CheckpointError,
    ConfigError,
    DataError,
    Error,
    FormatError,
    Interrupted,
    MissingFileError,
    ShapeError,
    UsageError,
)
from ._log import verbose

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import metrics, mmsa, nn, stats
    from .data import Dataset, inspect, open, synthesize
    from .nn import Session
    from .pickles import LeftOut, read_pickle
    from .predictor import Explanation, Interval, Predictor, Score, VideoScore
    from .runs import Comparison, Report, Run, compare, config, evaluate, explain, models, predict, train
    from .video import ExtractedClip, Extractor, Word

_PLACES = {
    "data": ["Dataset", "inspect", "open", "synthesize"],
    "nn": ["Session"],
    "pickles": ["LeftOut", "read_pickle"],
    "predictor": ["Explanation", "Interval", "Predictor", "Score", "VideoScore"],
    "runs": ["Comparison", "Report", "Run", "compare", "config", "evaluate", "explain", "models", "predict", "train"],
    "video": ["ExtractedClip", "Extractor", "Word"],
}
_MODULES = ["metrics", "mmsa", "nn", "stats"]
_PLACE_OF = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [
    "CheckpointError",
    "ConfigError",
    "DataError",
    "Error",
    "FormatError",
    "Interrupted",
    "MissingFileError",
    "ShapeError",
    "UsageError",
    "verbose",
    *_PLACE_OF,
    *_MODULES,
]


def __getattr__(name: str):
    if name in _PLACE_OF:
        value = getattr(importlib.import_module(f".{_PLACE_OF[name]}", __name__), name)
    elif name in _MODULES:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module 'kuda' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
