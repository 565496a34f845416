"""The two metric families of the field, as docs/metrics.md defines them."""

from __future__ import annotations

from typing import Any

from ._native import _kuda


def evaluate(family: str, predictions: Any, labels: Any) -> dict[str, float]:
    """Every metric of a family ('mosi' or 'sims') by its name; fractions, NaN where a metric is not defined.

    `predictions`, `labels`: one number a clip, compared as float32 as the references do. Raises DataError.
    """
    return _kuda.evaluate_metrics(family, predictions, labels)


def score_class(family: str, classes: int, score: float) -> int:
    """The class of a score as the references count it: sims with 2, 3 or 5 classes, mosi with 2, 3, 5 or 7."""
    return _kuda.score_class(family, classes, score)
