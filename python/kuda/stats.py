"""Intervals and paired tests behind the tables of results."""

from __future__ import annotations

from typing import Any

from ._native import _kuda


def permutation_test(differences: Any, *, count: int = 10000, seed: int = 1) -> float:
    """Two-sided p of "the two systems of each clip could be exchanged", from the mean of their differences."""
    return _kuda.permutation_test(differences, count, seed)


def mcnemar_test(only_first: int, only_second: int) -> float:
    """McNemar's exact test: clips that only the first or only the second system classifies correctly."""
    return _kuda.mcnemar_test(only_first, only_second)


def holm(p_values: Any, *, family: int = 0) -> list[float]:
    """Holm's step-down correction; `family`: number of hypotheses these are taken from, if there are more."""
    return _kuda.holm(p_values, family)


def summarise(values: Any) -> dict[str, float]:
    """Values of several seeds: n, mean, deviation, and the 95 % interval low to high by Student's t."""
    return _kuda.summarise(values)
