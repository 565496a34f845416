"""The examples run, each where the library that it is about is installed."""

import importlib.util
from pathlib import Path

import pytest

from conftest import SMALL


def example(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sklearn_estimator(folder):
    pytest.importorskip("sklearn")
    assert len(example("sklearn_estimator").main(folder / "clips", folder / "encoder")) == 3


def test_optuna_search(folder):
    optuna = pytest.importorskip("optuna")
    study = example("optuna_search").main(folder / "clips", folder / "encoder", folder / "search", 2,
                                          **{k: v for k, v in SMALL.items() if k != "train__lr"})
    assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.COMPLETE] * 2


def test_own_model(folder):
    assert set(example("own_model").main(folder / "clips", folder / "encoder", folder / "table", **SMALL)) == {
        "mean_of_frames", "lmf"}


def test_why_this_score(folder, run):
    assert example("why_this_score").main(run, folder / "clips").by_removal in ("text", "vision", "audio")
