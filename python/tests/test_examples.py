"""The examples run, each where the library that it is about is installed, and what they hand over is what kuda says."""

import importlib.util
import re
from pathlib import Path

import pytest

import kuda

from conftest import SMALL

SHORT = {key: value for key, value in SMALL.items() if key.startswith("data__")}


def example(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "examples" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_has_a_test():
    examples = {path.stem for path in (Path(__file__).parent.parent / "examples").glob("*.py")}
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")} - {"every_example_has_a_test"}
    with_ray = set(re.findall(r'example\("(\w+)"\)', (Path(__file__).parent / "test_ray.py").read_text()))
    assert examples == tested | with_ray


def test_sklearn_estimator(folder):
    pytest.importorskip("sklearn")
    assert len(example("sklearn_estimator").main(folder / "clips", folder / "encoder")) == 3


def test_optuna_search(folder):
    optuna = pytest.importorskip("optuna")
    study = example("optuna_search").main(folder / "clips", folder / "encoder", folder / "search", 2,
                                          **{k: v for k, v in SMALL.items() if k != "train__lr"})
    assert [trial.state for trial in study.trials] == [optuna.trial.TrialState.COMPLETE] * 2
    assert study.best_value == min(kuda.Run(folder / "search" / str(n)).metrics["valid"]["MAE"] for n in range(2))


def test_own_model(folder):
    assert set(example("own_model").main(folder / "clips", folder / "encoder", folder / "table", **SMALL)) == {
        "mean_of_frames", "lmf"}


def test_why_this_score(folder, run):
    assert example("why_this_score").main(run, folder / "clips").by_removal in ("text", "vision", "audio")


def test_tensorboard_log(folder):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = example("tensorboard_log").main(folder / "clips", folder / "encoder", folder / "tensorboard", **SMALL)
    events = EventAccumulator(str(run.folder))
    events.Reload()
    told = [(event.step, event.value) for event in events.Scalars("lmf/valid_mae")]
    assert told == [(epoch["epoch"], pytest.approx(epoch["valid_MAE"], rel=1e-6)) for epoch in run.epochs]


def test_wandb_log(folder, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = example("wandb_log").main(folder / "clips", folder / "encoder", folder / "wandb", **SMALL)
    wandb.teardown()  # its process writes the rest
    file, = (folder / "wandb" / "wandb").glob("offline-run-*/*.wandb")
    kept = file.read_bytes()  # records of protobuf, numbers as JSON
    for value in (*(epoch["valid_MAE"] for epoch in run.epochs), run.metrics["test"]["MAE"]):
        assert repr(value).encode() in kept


def test_mlflow_log(folder):
    mlflow = pytest.importorskip("mlflow")
    run, name = example("mlflow_log").main(folder / "clips", folder / "encoder", folder / "mlflow", **SMALL)
    client = mlflow.MlflowClient()
    told = [(point.step, point.value) for point in client.get_metric_history(name, "valid_mae")]
    assert told == [(epoch["epoch"], epoch["valid_MAE"]) for epoch in run.epochs]
    assert client.get_run(name).data.metrics["test_MAE"] == run.metrics["test"]["MAE"]
    assert [file.path for file in client.list_artifacts(name)] == ["metrics.json"]


def test_pandas_tables(folder, run):
    pytest.importorskip("pandas")
    table = example("pandas_tables").main(run, folder / "clips")
    assert table["error"].mean() == pytest.approx(run.metrics["test"]["MAE"], rel=1e-6) and len(table) == 6


def test_huggingface_datasets(folder, run, data):
    pytest.importorskip("datasets")
    scored = example("huggingface_datasets").main(run, folder / "clips")
    columns = kuda.predict(run, data, split="test")
    assert scored["id"][:] == columns["id"]
    assert scored["score"][:] == pytest.approx(columns["prediction"], abs=1e-6)  # neighbours in a batch: float32 rounding


def test_lightning_module(folder):
    pytest.importorskip("lightning")
    main = example("lightning_module").main
    module, trainer = main(folder / "clips", folder / "encoder", folder / "lightning", epochs=2, **SHORT)
    session = kuda.Session("lmf", folder / "clips", encoder=folder / "encoder", **SHORT)
    batch = session.batch(session.rows("valid"))
    error = (module.model.eval()(batch).score - batch.label).abs().mean().item()
    assert trainer.callback_metrics["valid_mae"].item() == pytest.approx(error, rel=1e-5)
    fresh = kuda.nn.Model(session, seed=1).state_dict()
    assert any(not value.equal(fresh[name]) for name, value in module.model.state_dict().items())
