"""The calls of MMSA 2.2.1 over kuda: a user changes the import, and scripts, files and tables stay.

    from kuda.mmsa import MMSA_run
    MMSA_run("lmf", "mosi", custom_feature="unaligned_50.pkl", seeds=[1111, 1112], res_save_dir="results")

Settings begin with those of MMSA for the model and data set (configs/); keys of its configuration are translated, and a
key that kuda does not know is refused by name. Files are written where MMSA writes them, with its columns. The results
are returned too, a dict a seed.
"""

from __future__ import annotations

import csv
import json
import logging
import math
import os
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .data import as_dataset
from .errors import ConfigError, MissingFileError, UsageError
from .predictor import Predictor
from .runs import Run, predict, train

MODELS = ("tfn", "lmf", "mult", "misa", "self_mm", "mmim")
_OTHERS = ("lf_dnn", "ef_lstm", "mfn", "graph_mfn", "mfm", "bert_mag", "mlf_dnn", "mtfn", "mlmf")
DATASETS = ("mosi", "mosei", "sims")
_HOME = Path.home() / "MMSA"
_MOSI = ("Has0_acc_2", "Has0_F1_score", "Non0_acc_2", "Non0_F1_score", "Mult_acc_5", "Mult_acc_7", "MAE", "Corr")
_SIMS = ("Mult_acc_2", "Mult_acc_3", "Mult_acc_5", "F1_score", "MAE", "Corr")

# Key of MMSA: key of kuda, several for a list of numbers in its order, or None for what changes nothing here (the data
# say it, or MMSA itself reads it nowhere). "" in a list: a number that MMSA reads nowhere.
_COMMON: dict[str, Any] = {
    "batch_size": "train.batch_size",
    "learning_rate": "train.lr",
    "early_stop": "train.early_stop",
    "model_name": None,
    "dataset_name": None,
    "featurePath": None,
    "feature_dims": None,
    "seq_lens": None,
    "train_samples": None,
    "num_classes": None,
    "language": None,
    "missing_rate": None,
    "missing_seed": None,
    "need_data_aligned": None,
    "need_model_aligned": None,
    "need_normalized": None,
    "transformers": None,
    "pretrained": None,
    "train_mode": None,
    "device": None,
    "KeyEval": None,
    "use_bert": None,
    "use_finetune": None,
    "use_bert_finetune": None,
    "cur_seed": None,
    "model_save_path": None,
    "custom_feature": None,
    "feature_T": None,
    "feature_A": None,
    "feature_V": None,
}
_KEYS: dict[str, dict[str, Any]] = {
    "tfn": {
        "hidden_dims": ("tfn.text_hidden", "tfn.audio_hidden", "tfn.vision_hidden"),
        "dropouts": ("tfn.dropout_audio", "tfn.dropout_vision", "tfn.dropout_text", "tfn.dropout_fusion"),
        "text_out": "tfn.text_out",
        "post_fusion_dim": "tfn.post_fusion",
    },
    "lmf": {
        "hidden_dims": ("lmf.text_hidden", "lmf.audio_hidden", "lmf.vision_hidden"),
        "dropouts": ("lmf.dropout_audio", "lmf.dropout_vision", "lmf.dropout_text", ""),
        "rank": "lmf.rank",
        "factor_lr": "lmf.factor_lr",
        "weight_decay": "train.weight_decay",
    },
    "mult": {
        "dst_feature_dim_nheads": ("mult.width", "mult.heads"),
        "nlevels": "mult.levels",
        "conv1d_kernel_size_l": "mult.kernel_text",
        "conv1d_kernel_size_a": "mult.kernel_audio",
        "conv1d_kernel_size_v": "mult.kernel_vision",
        "text_dropout": "mult.dropout_text",
        "attn_dropout": "mult.dropout_attention",
        "attn_dropout_a": "mult.dropout_attention_audio",
        "attn_dropout_v": "mult.dropout_attention_vision",
        "relu_dropout": "mult.dropout_relu",
        "embed_dropout": "mult.dropout_embedding",
        "res_dropout": "mult.dropout_residual",
        "output_dropout": "mult.dropout_output",
        "attn_mask": "mult.causal_mask",
        "use_bert": "mult.use_bert",
        "use_finetune": "mult.finetune_bert",
        "grad_clip": "train.clip_value",
        "patience": "train.patience",
        "update_epochs": "train.accumulate",
        "weight_decay": None,
    },
    "misa": {
        "hidden_size": "misa.width",
        "rnncell": "misa.recurrent",
        "dropout": "misa.dropout",
        "diff_weight": "misa.diff_weight",
        "sim_weight": "misa.sim_weight",
        "recon_weight": "misa.recon_weight",
        "reverse_grad_weight": "misa.reverse_grad_weight",
        "use_finetune": "misa.finetune_bert",
        "grad_clip": "train.clip_value",
        "update_epochs": "train.accumulate",
        "sp_weight": None,
        "weight_decay": None,
    },
    "self_mm": {
        "learning_rate_bert": "self_mm.lr_text",
        "learning_rate_audio": "self_mm.lr_audio",
        "learning_rate_video": "self_mm.lr_vision",
        "learning_rate_other": "self_mm.lr_other",
        "weight_decay_bert": "self_mm.decay_text",
        "weight_decay_audio": "self_mm.decay_audio",
        "weight_decay_video": "self_mm.decay_vision",
        "weight_decay_other": "self_mm.decay_other",
        "a_lstm_hidden_size": "self_mm.audio_hidden",
        "v_lstm_hidden_size": "self_mm.vision_hidden",
        "audio_out": "self_mm.audio_out",
        "video_out": "self_mm.vision_out",
        "a_lstm_dropout": "self_mm.dropout_audio_lstm",
        "v_lstm_dropout": "self_mm.dropout_vision_lstm",
        "post_fusion_dim": "self_mm.fusion_width",
        "post_text_dim": "self_mm.text_width",
        "post_audio_dim": "self_mm.audio_width",
        "post_video_dim": "self_mm.vision_width",
        "post_fusion_dropout": "self_mm.dropout_fusion",
        "post_text_dropout": "self_mm.dropout_text",
        "post_audio_dropout": "self_mm.dropout_audio",
        "post_video_dropout": "self_mm.dropout_vision",
        "H": "self_mm.label_limit",
        "excludeZero": "self_mm.exclude_zero",
        "use_finetune": "self_mm.finetune_text",
        "update_epochs": "train.accumulate",
        "save_labels": None,
        "text_out": None,
        "t_bert_dropout": None,
    },
    "mmim": {
        "d_ah": "mmim.audio_hidden",
        "d_vh": "mmim.vision_hidden",
        "d_aout": "mmim.audio_out",
        "d_vout": "mmim.vision_out",
        "d_prjh": "mmim.fusion_width",
        "n_layer": "mmim.layers",
        "bidirectional": "mmim.bidirectional",
        "dropout_a": "mmim.dropout_audio",
        "dropout_v": "mmim.dropout_vision",
        "dropout_prj": "mmim.dropout_fusion",
        "cpc_layers": "mmim.contrast_layers",
        "add_va": "mmim.vision_audio",
        "contrast": "mmim.contrast",
        "alpha": "mmim.alpha",
        "beta": "mmim.beta",
        "mem_size": "mmim.memory",
        "lr_bert": "mmim.lr_text",
        "lr_main": "mmim.lr_main",
        "lr_mmilb": "mmim.lr_bound",
        "weight_decay_bert": "mmim.decay_text",
        "weight_decay_main": "mmim.decay_main",
        "weight_decay_mmilb": "mmim.decay_bound",
        "grad_clip": "train.clip_norm",
        "when": "train.patience",
        "update_epochs": None,
    },
}
#: What MMSA names and kuda has one of: any other value is refused.
_ONLY: dict[tuple[str, str], dict[Any, Any]] = {
    ("misa", "use_cmd_sim"): {True: ("misa.similarity", "cmd"), False: ("misa.similarity", "adversarial")},
    ("mmim", "mmilb_mid_activation"): {"ReLU": None, "Tanh": ("mmim.bound_activation", "tanh")},
    ("mmim", "mmilb_last_activation"): {"Tanh": None},
    ("mmim", "cpc_activation"): {"Tanh": None, "ReLU": ("mmim.contrast_activation", "relu")},
    ("mmim", "optim"): {"Adam": None},
}


def _known(model_name: str, dataset_name: str) -> tuple[str, str]:
    model, dataset = model_name.lower(), dataset_name.lower()
    if model not in MODELS:
        why = "kuda has not got this model of MMSA" if model in _OTHERS else "unknown model"
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


def translate(model: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of MMSA's configuration as those of kuda. Raises ConfigError naming a key or value that has no counterpart."""
    known = {**_COMMON, **_KEYS[model]}
    made: dict[str, Any] = {}
    for key, value in config.items():
        if (choices := _ONLY.get((model, key))) is not None:
            if value not in choices:
                raise ConfigError(f"{key}: expected {' or '.join(map(repr, choices))}, found {value!r}")
            if choices[value]:
                made[choices[value][0]] = choices[value][1]
        elif key not in known:
            raise ConfigError(f"{key}: MMSA's {model} has no such key that kuda knows",
                              "known: " + ", ".join(sorted(known)))
        elif key == "KeyEval" and value != "Loss":
            raise ConfigError(f"KeyEval: expected 'Loss', found {value!r}", "kuda chooses epochs by Loss or by MAE")
        elif isinstance(known[key], tuple):
            if len(value) != len(known[key]):
                raise ConfigError(f"{key}: expected {len(known[key])} numbers, found {len(value)}")
            made |= {name: part for name, part in zip(known[key], value) if name}
        elif known[key] is not None:
            made[known[key]] = value
    return made


def get_config_regression(model_name: str, dataset_name: str, config_file: str = "") -> dict[str, Any]:
    """The settings of a run as keys of kuda: kuda.train(..., **{key.replace(".", "__"): value}).

    `config_file`: a JSON file in the layout of MMSA, whose keys are translated.
    """
    model, dataset = _known(model_name, dataset_name)
    settings = _flat(tomllib.loads(_defaults(model, dataset).read_text()))
    settings |= {"train.select_by": "task_loss", "train.epochs": 1000}  # MMSA: until the early stop
    if not config_file:
        return settings
    common, its_own = _sections(model, dataset, config_file)
    return settings | translate(model, common | its_own)


def _sections(model: str, dataset: str, config_file: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if not os.path.isfile(config_file):
        raise MissingFileError(f"{config_file}: there is no such file")
    everything = json.loads(Path(config_file).read_text())
    try:
        of_data, of_model = everything["datasetCommonParams"][dataset], everything[model]
        is_aligned = of_model["commonParams"]["need_data_aligned"] and "aligned" in of_data
        common = dict(of_data["aligned" if is_aligned else "unaligned"])
        common["featurePath"] = os.path.join(everything["datasetCommonParams"]["dataset_root_dir"], common["featurePath"])
        return common, of_model["commonParams"] | of_model["datasetParams"][dataset]
    except KeyError as error:
        raise ConfigError(f"{config_file}: no key {error} for {model} on {dataset}") from None


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


def _results(model: str, dataset: str, run: Run, data: Any, batch_size: int) -> dict[str, float]:
    values = run.metrics["test"]
    names = _SIMS if dataset == "sims" else _MOSI
    found = {name: math.nan if (value := values[name]) is None else round(value, 4) for name in names}
    return found | {"Loss": round(_loss(model, run, data, batch_size), 4)}


def _loss(model: str, run: Run, data: Any, batch_size: int) -> float:
    """Mean over batches of the error of the score, as MMSA counts it; its batches are shuffled, ours stand in order."""
    columns = predict(run, data, split="test")
    errors = [a - b for a, b in zip(columns["prediction"], columns["label"])]
    sizes = [error * error if model == "misa" else abs(error) for error in errors]
    return statistics.fmean(statistics.fmean(sizes[i : i + batch_size]) for i in range(0, len(sizes), batch_size))


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
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


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
    gpu_ids: Sequence[int] = (),
    num_workers: int = 4,
    verbose_level: int = 1,
    model_save_dir: str | os.PathLike[str] | None = None,
    res_save_dir: str | os.PathLike[str] | None = None,
    log_dir: str | os.PathLike[str] | None = None,
    *,
    encoder: str | os.PathLike[str] | None = None,
) -> list[dict[str, float]]:
    """Trains and tests a model with each seed, and writes what MMSA writes: the weights, one row of the table, the log.

    `encoder` is kuda's own argument: the folder of the text encoder, for models that read words (misa, self_mm, mmim).
    `num_workers` changes nothing here; `gpu_ids` with an entry asks for that GPU where there is one.
    Refused: `is_tune` (docs/python.md shows Optuna), `feature_T`, `feature_A`, `feature_V`.
    """
    model, dataset = _known(model_name, dataset_name)
    for name, value in (("feature_T", feature_T), ("feature_A", feature_A), ("feature_V", feature_V)):
        if value:
            raise UsageError(f"{name}: kuda reads all modalities from one place",
                             "`kuda data import` joins an array file for each modality (docs/data-formats.md)")
    if is_tune:
        raise UsageError("is_tune: kuda.mmsa does not tune", "docs/python.md shows the same search with Optuna")
    settings = get_config_regression(model, dataset)
    given: dict[str, Any] = {}
    if config_file is not None:
        common, its_own = _sections(model, dataset, config_file)
        given = common | its_own
    given |= config or {}
    if given.get("model_name", model) != model:
        raise ConfigError(f"model_name: expected {model!r}, found {given['model_name']!r}")
    settings |= translate(model, given)
    place = custom_feature or given.get("featurePath")
    if not place:
        raise UsageError("no feature file is named", "custom_feature=, or featurePath in the configuration")
    data = as_dataset(place)

    weights, tables, logs = (
        Path(given_dir) if given_dir is not None else _HOME / name
        for given_dir, name in ((model_save_dir, "saved_models"), (res_save_dir, "results"), (log_dir, "logs"))
    )
    for place in (weights, tables / "normal", logs):
        place.mkdir(parents=True, exist_ok=True)
    logger = _logger(logs, f"{model}-{dataset}", verbose_level)
    seeds = list(seeds) or [1111, 1112, 1113, 1114, 1115]
    logger.info("======================================== Program Start ========================================")
    logger.info("Running with args:")
    logger.info(settings)
    logger.info(f"Seeds: {seeds}")
    sets = {key.replace(".", "__"): value for key, value in settings.items() if key not in ("model", "encoder")}
    options: dict[str, Any] = dict(encoder=encoder, device=_device(gpu_ids), progress="auto" if verbose_level else None)
    results = []
    with tempfile.TemporaryDirectory(prefix="kuda-mmsa-") as folder:
        for number, seed in enumerate(seeds, 1):
            logger.info(f"{'-' * 30} Running with seed {seed} [{number}/{len(seeds)}] {'-' * 30}")
            run = train(data, model, seed=seed, out=Path(folder) / str(seed), **options, **sets)
            results.append(_results(model, dataset, run, data, settings["train.batch_size"]))
            logger.info(f"Result for seed {seed}: {results[-1]}")
            _save_weights(run, weights / f"{model}-{dataset}.pth")
    row: dict[str, Any] = {"Model": model}
    for name in results[0]:
        values = [result[name] for result in results]
        row[name] = (round(statistics.fmean(values) * 100, 2), round(statistics.pstdev(values) * 100, 2))
    path = tables / "normal" / f"{dataset}.csv"
    _append(path, row)
    logger.info(f"Results saved to {path}.")
    return results


def _device(gpu_ids: Sequence[int]) -> str:
    import torch

    return f"cuda:{gpu_ids[0]}" if len(gpu_ids) > 0 and torch.cuda.is_available() else "cpu"


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
