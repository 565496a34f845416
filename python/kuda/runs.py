"""Training, and what a trained model says of a data set: the sentences of the program `kuda`, with its numbers."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ._native import _kuda
from .data import Dataset, as_dataset, place_of
from .errors import UsageError
from .progress import Step, listener_for

if TYPE_CHECKING:
    import pandas

Data: TypeAlias = "Dataset | str | os.PathLike[str]"


def folder_of(run: Any) -> Path:
    return run.folder if isinstance(run, Run) else Path(run)


def _value(value: Any) -> str:
    """A value of Python as TOML, in which --set reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) if not isinstance(item, str) else json.dumps(item) for item in value) + "]"
    if isinstance(value, float):
        return repr(value)
    return str(value)


# Arguments of train that make the configuration, beside the model and the keys; the first are files and folders.
_PLACES: dict[str, Callable[[Any], Any]] = {
    "data": place_of, "pretrain_data": place_of, "encoder": os.fspath, "pretrained": folder_of,
}
_OPTIONS = (*_PLACES, "config", "profile", "seed", "modalities", "device", "precision")


def choice_of(model: str, given: Mapping[str, Any], sets: Mapping[str, Any]) -> _kuda.RunChoice:
    """The options of `kuda train` as one object. `given`: arguments of train by name, None like absent ones; `sets`: keys
    as in docs/configuration.md, `__` for the dot."""
    options = {name: value for name, value in given.items() if value is not None}
    assignments = [f"model={model}"] if model else []
    if "precision" in options:
        assignments += [f"{stage}.precision={options['precision']}" for stage in ("train", "pretrain")]
    for name, key in (("device", "device"), ("modalities", "data.modalities")):
        if name in options:
            assignments.append(f"{key}={_value(options[name])}")
    assignments += [f"{key.replace('__', '.')}={_value(value)}" for key, value in sets.items()]
    if "seed" in options:
        assignments.append(f"seed={options['seed']}")
    places = {name: os.fspath(place(options[name])) for name, place in _PLACES.items() if name in options}
    return _kuda.RunChoice(options.get("config", ""), options.get("profile", ""), assignments, places)


def config(model: str = "", **options: Any) -> str:
    """The whole configuration as TOML, with the arguments of `train` that make it."""
    given = {name: options.pop(name) for name in _OPTIONS if name in options}
    return choice_of(model, given, options).to_toml()


def models() -> list[dict[str, Any]]:
    """The models, in the order of the paper's tables: name, title, paper, year, kind, text, profiles."""
    return _kuda.models()


class Run:
    """A finished run in its folder."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not _kuda.is_finished(self.folder):
            raise UsageError(f"{self.folder}: there is no finished run", "kuda.train makes one, and continues one")

    @property
    def metrics(self) -> dict[str, dict[str, float | None]]:
        """Metrics of the model by split: run.metrics["test"]["MAE"]; None where a metric is not defined."""
        splits = json.loads((self.folder / "metrics.json").read_text())["splits"]
        return {
            split: {name: entry["value"] for name, entry in rows["model"]["values"].items()}
            for split, rows in splits.items()
            if "model" in rows
        }

    @property
    def report(self) -> dict[str, Any]:
        """metrics.json as it stands: also the predictors that know less, and the intervals."""
        return json.loads((self.folder / "metrics.json").read_text())

    @property
    def epochs(self) -> list[dict[str, Any]]:
        """One dict an epoch: lr, loss and its terms, validation scores, seconds."""
        return [json.loads(line) for line in (self.folder / "epochs.jsonl").read_text().splitlines()]

    @property
    def predictions(self) -> "pandas.DataFrame":
        """predictions.csv: every clip with its score, label and the scores of each modality."""
        import pandas

        return pandas.read_csv(self.folder / "predictions.csv", dtype={"id": str})

    def __fspath__(self) -> str:
        return os.fspath(self.folder)

    def __repr__(self) -> str:
        return f"Run('{self.folder}')"


def train(
    data: Data,
    model: str = "",
    *,
    out: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    profile: str = "",
    encoder: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    modalities: Sequence[str] | None = None,
    device: str | None = None,
    precision: str | None = None,
    pretrained: Any = None,
    pretrain_data: Any = None,
    progress: "str | bool | None | Callable[[Step], Any]" = "auto",
    on_epoch: Callable[[dict[str, Any]], Any] | None = None,
    restart: bool = False,
    **sets: Any,
) -> Run:
    """Trains a model into a run folder, with the numbers of `kuda train`; stage 1 first where the model has one.

    `data`: a file or folder, or an open data set, which must hold what its file holds: training opens that by itself.
    `sets`: any key of docs/configuration.md, with `__` for the dot: train__epochs=20, lmf__rank=5.
    `progress`: 'auto' or True (a bar where somebody looks), None or False, or a callable that gets each Step.
    `on_epoch`: gets a dict after each epoch: task, epoch, epochs, lr, loss, valid_mae, valid_corr, valid_loss, is_best,
    seconds. What a callable raises, and Ctrl-C, stop the training after its step; the state is saved, and the same call
    continues it to the same bytes. `restart`: begin again where the folder holds a run with other options.
    Raises ConfigError, DataError, CheckpointError.
    """
    given = {name: value for name, value in locals().items() if name in _OPTIONS}
    choice = choice_of(model, given, sets)
    if out is None:
        out = Path("runs") / f"{choice.model}-{Path(data.source if isinstance(data, Dataset) else data).stem}-{choice.seed}"
    listener = listener_for(progress, on_epoch)
    try:
        _kuda.train(choice, out, listener, restart)
    finally:
        listener.close()
    return Run(out)


def _scoring(
    run: Any, data: Data, modalities: Sequence[str], batch_size: int, device: str, precision: str
) -> _kuda.Scoring:
    return _kuda.Scoring(folder_of(run), as_dataset(data), list(modalities), batch_size, device, precision)


def predict(
    run: Any,
    data: Data,
    *,
    split: str = "all",
    clips: Sequence[str] = (),
    modalities: Sequence[str] = (),
    level: float = 0.9,
    interval: str = "split",
    batch_size: int = 32,
    device: str = "cpu",
    precision: str = "fp32",
) -> dict[str, list[Any]]:
    """Scores of clips as columns, equal to those of `kuda predict` to the last bit; `pandas.DataFrame(...)` makes a table.

    Columns: id, split, label, prediction, prediction_T, _V, _A (of each modality's decoder), low and high (the interval
    of probability `level`), ratio_T ..., part_T ..., outside_range. NaN stands for "none".
    """
    columns = _scoring(run, data, modalities, batch_size, device, precision).predict(
        split, list(clips), level, interval
    )
    for name in ("low", "high"):  # infinite where there were too few clips for the level
        if name in columns:
            columns[name] = [bound if math.isfinite(bound) else math.nan for bound in columns[name]]
    return columns


class Report(dict):
    """A report as `kuda evaluate --json` gives it; printed as its table."""

    table: str = ""

    def __str__(self) -> str:
        return self.table

    def value(self, metric: str, split: str = "test") -> float | None:
        """One metric of the model."""
        return self["splits"][split]["model"]["values"][metric]["value"]


def evaluate(
    run: Any,
    data: Data,
    *,
    split: str = "test",
    by: str | None = None,
    modalities: Sequence[str] = (),
    batch_size: int = 32,
    device: str = "cpu",
    precision: str = "fp32",
) -> Report:
    """Metrics of a model on one split, beside predictors that look at less or at nothing.

    `by="conflict"`: also where unimodal labels agree or oppose each other, under the key "by_conflict". What was written
    to the tensors of an open data set is seen; "data_fingerprint" is that of the data as they were opened.
    """
    if by not in (None, "conflict"):
        raise UsageError(f"by: expected None or 'conflict', found {by!r}")
    scoring = _scoring(run, data, modalities, batch_size, device, precision)
    values, table, subsets, subset_table = scoring.evaluate(split, by is not None)
    report = Report(json.loads(values))
    report.table = table
    if by is not None:
        report["by_conflict"] = {split: json.loads(subsets)}
        report.table += "\nby conflict\n" + subset_table
    return report


class Comparison(dict):
    """A comparison as `kuda compare --json` gives it; printed as its table."""

    table: str = ""

    def __str__(self) -> str:
        return self.table


def compare(
    first: Any,
    second: Any,
    data: Data,
    *,
    split: str = "test",
    modalities: Sequence[str] = (),
    batch_size: int = 32,
    device: str = "cpu",
    precision: str = "fp32",
) -> Comparison:
    """Two models on the same clips: metrics, their difference with its interval over clips, the clips that differ most."""
    dataset = as_dataset(data)
    scorings = [_scoring(run, dataset, modalities, batch_size, device, precision) for run in (first, second)]
    names = [str(folder_of(run)) for run in (first, second)]
    values, table = _kuda.compare(names[0], scorings[0], names[1], scorings[1], split)
    comparison = Comparison(json.loads(values))
    comparison.table = table
    return comparison


def explain(
    run: Any,
    data: Data,
    *,
    split: str = "test",
    clips: Sequence[str] = (),
    attention: bool = False,
    modalities: Sequence[str] = (),
    batch_size: int = 32,
    device: str = "cpu",
    precision: str = "fp32",
) -> dict[str, Any]:
    """Which modality decided each score, and whether that holds: {"clips": [...], "summary": {...}} of `kuda explain`."""
    scoring = _scoring(run, data, modalities, batch_size, device, precision)
    return json.loads(scoring.explain(split, list(clips), attention))
