"""The calls of MMSA 2.2.1 over kuda: a user changes the import, and scripts, files and tables stay.

    from kuda.mmsa import MMSA_run
    MMSA_run("lmf", "mosi", custom_feature="unaligned_50.pkl", seeds=[1111, 1112], res_save_dir="results")

Settings begin with those of MMSA for the model and data set (configs/); keys of its configuration are translated, and a
key that kuda does not know is refused by name. Files are written where MMSA writes them, with its columns. The results
are returned too, a dict a seed. `bench/mmsa_compare.py` runs both on one file and compares.
"""

from __future__ import annotations

import csv
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import metrics
from ._mmsa_features import joined
from ._mmsa_keys import DATASETS, MODELS, OTHER_MODELS, reads_words, translate
from ._mmsa_tune import LISTS, STAY, draw
from .data import Dataset, as_dataset
from .errors import ConfigError, MissingFileError, UsageError
from .predictor import Predictor
from .runs import Run, predict, train

_HOME = Path.home() / "MMSA"
_MOSI = ("Has0_acc_2", "Has0_F1_score", "Non0_acc_2", "Non0_F1_score", "Mult_acc_5", "Mult_acc_7", "MAE", "Corr")
_SIMS = ("Mult_acc_2", "Mult_acc_3", "Mult_acc_5", "F1_score", "MAE", "Corr")
# Where MMSA differs from the presets: it trains until the early stop, chooses epochs by its Loss, takes lengths from the
# file and loses the batches that fill no step.
_AS_MMSA = {"train.select_by": "task_loss", "train.epochs": 1000, "data.text_length": 0, "train.leftover": "drop"}


def _known(model_name: str, dataset_name: str) -> tuple[str, str]:
    model, dataset = model_name.lower(), dataset_name.lower()
    if model not in MODELS:
        why = "kuda has not got this model of MMSA" if model in OTHER_MODELS else "unknown model"
        raise UsageError(f"{model_name}: {why}", "of MMSA's models kuda has " + ", ".join(MODELS))
    if dataset not in DATASETS:
        raise UsageError(f"{dataset_name}: unknown data set", "MMSA knows " + ", ".join(DATASETS))
    return model, dataset


def _defaults(model: str, dataset: str) -> Path:
    return Path(__file__).parent / "configs" / f"{model}_{dataset}.toml"


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
    return flat


def get_config_regression(model_name: str, dataset_name: str, config_file: str = "") -> dict[str, Any]:
    """The settings of a run as keys of kuda: kuda.train(..., **{key.replace(".", "__"): value}).

    It may be changed, also by keys of MMSA, and given as `config`. `config_file`: a JSON file in the layout of MMSA,
    whose keys are translated.
    """
    model, dataset = _known(model_name, dataset_name)
    settings = _flat(tomllib.loads(_defaults(model, dataset).read_text())) | _AS_MMSA
    if not config_file:
        return settings
    return settings | translate(model, _sections(model, dataset, config_file)[0])


def _sections(
    model: str, dataset: str, config_file: Any, is_tune: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a file of MMSA says of a model on a data set, and what it draws from when it tunes."""
    if not os.path.isfile(config_file):
        raise MissingFileError(f"{os.fspath(config_file)}: there is no such file")
    everything = json.loads(Path(config_file).read_text())
    try:
        of_data, of_model = everything["datasetCommonParams"][dataset], everything[model]
        is_aligned = of_model["commonParams"]["need_data_aligned"] and "aligned" in of_data
        found = of_data["aligned" if is_aligned else "unaligned"] | of_model["commonParams"]
        found |= of_model.get("datasetParams", {}).get(dataset, {}) if is_tune else of_model["datasetParams"][dataset]
        found["featurePath"] = os.path.join(everything["datasetCommonParams"]["dataset_root_dir"], found["featurePath"])
        lists = dict(of_model["debugParams"]) if is_tune else {}
        drawn = lists.pop("d_paras") if is_tune else []
        stay = {key: value for key, value in lists.items() if key not in drawn}
        return found | stay, {key: lists[key] for key in drawn}
    except KeyError as error:
        raise ConfigError(f"{os.fspath(config_file)}: no key {error} for {model} on {dataset}") from None


def _logger(log_dir: Path, name: str, verbose_level: int) -> logging.Logger:
    logger = logging.getLogger("MMSA")
    for handler in list(logger.handlers):  # those of the call before: else each line comes twice, three times, ...
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(logging.DEBUG)
    file = logging.FileHandler(log_dir / f"{name}.log")
    file.setFormatter(logging.Formatter("%(asctime)s - %(name)s [%(levelname)s] - %(message)s"))
    stream = logging.StreamHandler()
    stream.setLevel({0: logging.ERROR, 1: logging.INFO, 2: logging.DEBUG}[verbose_level])
    stream.setFormatter(logging.Formatter("%(name)s - %(message)s"))
    for handler in (file, stream):
        logger.addHandler(handler)
    return logger


def _listed(values: Mapping[str, float | None]) -> str:
    return "".join(f" {name}: {value:.4f} " for name, value in values.items() if value is not None)


def _epoch_lines(logger: logging.Logger, model: str, number: int) -> Callable[[dict[str, Any]], None]:
    """The lines of MMSA's log after an epoch, with what kuda knows by then."""
    best = 0

    def told(at: dict[str, Any]) -> None:
        nonlocal best
        epoch = at["epoch"]
        logger.info(f"TRAIN-({model}) [{epoch - best}/{epoch}/{number}] >> {_listed({'loss': at['loss']})}")
        if at["is_best"]:
            best = epoch
        found = {"MAE": at["valid_mae"], "Corr": at["valid_corr"], "Loss": at["valid_loss"]}
        logger.info(f"VAL-({model}) >> {_listed(found)}")

    return told


def _results(model: str, dataset: str, run: Run, data: Dataset, batch_size: int) -> dict[str, float]:
    """MMSA's metrics of the test split, by the name of the data set whatever the file looks like."""
    columns = predict(run, data, split="test")
    pairs = [(a, b) for a, b in zip(columns["prediction"], columns["label"]) if b == b]
    scores, labels = [a for a, _ in pairs], [b for _, b in pairs]
    values = metrics.evaluate("sims" if dataset == "sims" else "mosi", scores, labels)
    # Mean over batches of the error of the score, as MMSA counts it; its batches are shuffled, ours stand in order.
    errors = [(a - b) ** 2 if model == "misa" else abs(a - b) for a, b in pairs]
    loss = statistics.fmean(statistics.fmean(errors[i : i + batch_size]) for i in range(0, len(errors), batch_size))
    return {name: round(values[name], 4) for name in (_SIMS if dataset == "sims" else _MOSI)} | {"Loss": round(loss, 4)}


def _save_weights(run: Run, path: Path) -> None:
    """As MMSA saves them: names begin with Model."""
    program = [sys.executable, "-c", "import kuda_program; kuda_program.main()"]
    done = subprocess.run(
        [*program, "convert", os.fspath(run.folder), os.fspath(path), "--prefix", "Model."],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    if done.returncode:
        raise UsageError(f"{path}: the weights cannot be written: {done.stderr.strip()}")


def _append(path: Path, row: dict[str, Any]) -> None:
    is_new = not path.exists()
    if not is_new:
        with path.open(newline="") as file:
            header = next(csv.reader(file), [])
        if header != list(row):
            raise UsageError(f"{path}: expected the columns {', '.join(row)}, found {', '.join(header)}",
                             "move the table of another call away")
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


@dataclass
class _Call:
    """What the runs of one call of MMSA_run share."""

    model: str
    dataset: str
    data: Dataset
    folder: Path  # runs lie here while they are needed
    options: dict[str, Any]
    logger: logging.Logger

    def result(
        self, settings: Mapping[str, Any], seed: int, number: int, weights: Path | None = None
    ) -> dict[str, float]:
        if reads_words(self.model, settings) and self.data.has_token_ids:
            settings = {"data.text_source": "tokens", **settings}  # those of the file, as MMSA
        sets = {key.replace(".", "__"): value for key, value in settings.items() if key not in ("model", "encoder")}
        out = self.folder / f"run-{number}"
        on_epoch = _epoch_lines(self.logger, self.model, number)
        run = train(self.data, self.model, seed=seed, out=out, on_epoch=on_epoch, **self.options, **sets)
        result = _results(self.model, self.dataset, run, self.data, settings["train.batch_size"])
        self.logger.info(f"TEST-({self.model}) >> {_listed(result)}")
        if weights is not None:
            _save_weights(run, weights)
        shutil.rmtree(out)
        return result


def _run(call: _Call, settings: dict[str, Any], seeds: list[int], weights: Path, table: Path) -> list[dict[str, float]]:
    """Every seed, and one row of the table."""
    call.logger.info("Running with args:")
    call.logger.info(settings)
    call.logger.info(f"Seeds: {seeds}")
    results = []
    for number, seed in enumerate(seeds, 1):
        call.logger.info(f"{'-' * 30} Running with seed {seed} [{number}/{len(seeds)}] {'-' * 30}")
        results.append(call.result(settings, seed, number, weights))
        call.logger.info(f"Result for seed {seed}: {results[-1]}")
    row: dict[str, Any] = {"Model": call.model}
    for name in results[0]:
        values = [result[name] for result in results]
        row[name] = (round(statistics.fmean(values) * 100, 2), round(statistics.pstdev(values) * 100, 2))
    _append(table, row)
    call.logger.info(f"Results saved to {table}.")
    return results


def _tune(
    call: _Call, lists: Mapping[str, Any], with_drawn: Callable[[dict[str, Any]], dict[str, Any]], seed: int, times: int,
    table: Path,
) -> list[dict[str, Any]]:
    """Sets drawn from lists, each with one seed, a row each; what stands in the table already is not run again."""
    done = set()
    if table.exists():
        with table.open(newline="") as file:
            done = {tuple(row.get(key) for key in lists) for row in csv.DictReader(file)}
    call.logger.info(f"Tuning with seed {seed}")
    rows = []
    for number in range(1, times + 1):
        call.logger.info(f"{'-' * 30} Tuning [{number}/{times}] {'-' * 30}")
        args = with_drawn(draw(lists, seed, number))
        drawn = {key: args[key] for key in lists}
        call.logger.info(f"Args: {args}")
        if (key := tuple(map(str, drawn.values()))) in done:
            call.logger.info("This set of parameters has been run. Skip.")
            continue
        settings = get_config_regression(call.model, call.dataset) | translate(call.model, args)
        rows.append(drawn | call.result(settings, seed, number))
        done.add(key)
        _append(table, rows[-1])
        call.logger.info(f"Results saved to {table}.")
    return rows


def MMSA_run(
    model_name: str,
    dataset_name: str,
    config_file: str | None = None,
    config: Mapping[str, Any] | None = None,
    seeds: Sequence[int] = (),
    is_tune: bool = False,
    tune_times: int = 50,
    custom_feature: str | None = None,
    feature_T: str | None = None,
    feature_A: str | None = None,
    feature_V: str | None = None,
    gpu_ids: Sequence[int] = (0,),
    num_workers: int = 4,
    verbose_level: int = 1,
    model_save_dir: str | os.PathLike[str] | None = None,
    res_save_dir: str | os.PathLike[str] | None = None,
    log_dir: str | os.PathLike[str] | None = None,
    *,
    encoder: str | os.PathLike[str] | None = None,
) -> list[dict[str, Any]]:
    """Trains and tests a model with each seed, and writes what MMSA writes: the weights, one row of the table, the log.

    `encoder` is kuda's own argument: the folder of the text encoder, for models that read words (misa, self_mm, mmim);
    a folder as `pretrained` in a configuration does too. `feature_T`, `feature_A`, `feature_V` take one modality from
    another feature file, whose clips must be the same in the same order. `num_workers` changes nothing here. Where
    there is no GPU, the CPU works.

    `is_tune`: `tune_times` sets drawn from MMSA's lists (or those of `config_file`) with the first seed, a row each in
    res_save_dir/tune/DATASET-MODEL.csv, which is what is returned too. The same call draws the same sets, and goes on
    where it was stopped. As in MMSA the table shows the test split: what is chosen by it is no result.
    """
    model, dataset = _known(model_name, dataset_name)
    of_file, lists = (STAY.get(model, {}), LISTS[model]) if is_tune else ({}, {})
    if config_file is not None:
        of_file, lists = _sections(model, dataset, config_file, is_tune)
    config = dict(config or {})
    given = of_file | config
    for key in ("model_name", "model"):
        if given.get(key, model) != model:
            raise ConfigError(f"{key}: expected {model!r}, found {given[key]!r}")
    place = given.get("custom_feature") or custom_feature or given.get("featurePath")
    if not place:
        raise UsageError("no feature file is named", "custom_feature=, or featurePath in the configuration")
    place = os.path.expanduser(place)
    settings = get_config_regression(model, dataset) | translate(model, given)
    parts = {"T": feature_T, "A": feature_A, "V": feature_V}
    parts = {letter: given.get(f"feature_{letter}") or path for letter, path in parts.items()}
    if encoder is None and os.path.isdir(given.get("pretrained") or ""):
        encoder = given["pretrained"]

    weights, tables, logs = (
        Path(given_dir) if given_dir is not None else _HOME / name
        for given_dir, name in ((model_save_dir, "saved_models"), (res_save_dir, "results"), (log_dir, "logs"))
    )
    tables /= "tune" if is_tune else "normal"
    for folder in (weights, tables, logs):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = list(seeds) or [1111, 1112, 1113, 1114, 1115]
    device = str(given.get("device") or _device(gpu_ids))
    with tempfile.TemporaryDirectory(prefix="kuda-mmsa-") as name:
        parts = {letter: path for letter, path in parts.items() if path}
        data = as_dataset(joined(place, parts, Path(name), reads_words(model, settings)) if parts else place)
        logger = _logger(logs, f"{model}-{dataset}", verbose_level)
        logger.info("======================================== Program Start ========================================")
        options = dict(encoder=encoder, device=device, progress="auto" if verbose_level else None)
        call = _Call(model, dataset, data, Path(name), options, logger)
        if is_tune:
            table = tables / f"{dataset}-{model}.csv"
            return _tune(call, lists, lambda drawn: of_file | drawn | config, seeds[0], tune_times, table)
        weights = Path(given.get("model_save_path") or weights / f"{model}-{dataset}.pth")
        return _run(call, settings, seeds, weights, tables / f"{dataset}.csv")


def _device(gpu_ids: Sequence[int]) -> str:
    """The first that is named; without one that with the most free memory, as MMSA; the CPU where there is none."""
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    free = range(torch.cuda.device_count())
    return f"cuda:{gpu_ids[0] if len(gpu_ids) > 0 else max(free, key=lambda n: torch.cuda.mem_get_info(n)[0])}"


def MMSA_test(config: Any, weights_path: Any, feature_path: Any, gpu_id: int = -1) -> float:
    """The score of one clip: `weights_path` is a run or a checkpoint of kuda, `feature_path` a pickle of MMSA-FET.

    Weights of MMSA become a checkpoint by `kuda convert` (docs/published-weights.md), which needs the data set that
    they were trained on; `config` is not read, because a checkpoint holds its own.
    """
    if not os.path.isdir(weights_path):
        raise UsageError(f"{weights_path}: expected a run or checkpoint folder of kuda",
                         "kuda convert WEIGHTS.pth FOLDER -m MODEL -d DATA (docs/published-weights.md)")
    clips = as_dataset(feature_path)
    if len(clips) != 1:
        raise UsageError(f"{feature_path}: expected one clip, found {len(clips)}", "kuda.predict scores several")
    device = "cpu" if gpu_id < 0 else f"cuda:{gpu_id}"
    predictor = Predictor(weights_path, device=device, data=os.fspath(feature_path))
    return predictor.score(clip=predictor.clips[0]).score


def SENA_run(*args: Any, **options: Any) -> None:
    """Refused: it needs MMSA's own data base."""
    raise UsageError("SENA_run works on the data base of M-SENA, which kuda does not read")
