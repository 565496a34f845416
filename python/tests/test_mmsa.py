import ast
import csv
import json
import pickle

import numpy
import pytest
import torch

import kuda
from kuda import _mmsa_keys, mmsa

from conftest import CLIPS, write_features

SMALL = {"batch_size": 4, "early_stop": 1}


def call(out, *arguments, **options):
    """MMSA_run, with everything that it writes below `out`."""
    config = SMALL | options.pop("config", {})
    return mmsa.MMSA_run(*arguments, config=config, verbose_level=0, model_save_dir=out / "models",
                         res_save_dir=out / "results", log_dir=out / "logs", **options)


@pytest.fixture(scope="module")
def outcome(folder, tmp_path_factory):
    """Two seeds of LMF on the synthetic clips, as a user of MMSA calls it."""
    out = tmp_path_factory.mktemp("mmsa")
    results = call(out, "LMF", "SIMS", custom_feature=str(folder / "clips"), seeds=[1111, 1112],
                   encoder=folder / "encoder")
    return out, results


def test_the_table_is_that_of_mmsa(outcome):
    out, results = outcome
    rows = list(csv.DictReader((out / "results" / "normal" / "sims.csv").open()))
    columns = ["Model", "Mult_acc_2", "Mult_acc_3", "Mult_acc_5", "F1_score", "MAE", "Corr", "Loss"]
    assert list(rows[0]) == columns and rows[0]["Model"] == "lmf"
    mean, deviation = ast.literal_eval(rows[0]["MAE"])
    values = [result["MAE"] for result in results]
    assert mean == round(50 * sum(values), 2)
    assert deviation == pytest.approx(50 * abs(values[0] - values[1]), abs=0.01)


def test_weights_and_log_lie_where_mmsa_puts_them(outcome):
    out, _ = outcome
    state = torch.load(out / "models" / "lmf-sims.pth", weights_only=True)
    assert state and all(name.startswith("Model.") for name in state)
    log = (out / "logs" / "lmf-sims.log").read_text()
    assert " - MMSA [INFO] - Running with args:" in log and log.count("Program Start") == 1
    assert "TRAIN-(lmf) [1/1/2] >>  loss: " in log and log.count("TEST-(lmf) >>  Mult_acc_2: ") == 2


def test_keys_are_translated_or_refused_by_name(tmp_path):
    made = mmsa.translate("lmf", {"hidden_dims": [1, 2, 3], "dropouts": [0.1, 0.2, 0.3, 0.4], "rank": 5})
    assert made == {
        "lmf.text_hidden": 1, "lmf.audio_hidden": 2, "lmf.vision_hidden": 3,
        "lmf.dropout_audio": 0.1, "lmf.dropout_vision": 0.2, "lmf.dropout_text": 0.3, "lmf.rank": 5,
    }
    assert mmsa.translate("misa", {"grad_clip": -1.0}) == {"train.clip_value": 0.0}
    made = mmsa.translate("self_mm", {"need_data_aligned": True, "a_lstm_layers": 1})
    assert made == {"self_mm.lengths_of_text": True}
    with pytest.raises(kuda.ConfigError, match="ranks"):
        mmsa.translate("lmf", {"ranks": 3})


@pytest.mark.parametrize(
    "model, key, value",
    [
        ("lmf", "KeyEval", "Corr"),
        ("lmf", "train_mode", "classification"),
        ("lmf", "need_normalized", False),
        ("mult", "need_normalized", True),
        ("tfn", "use_bert", True),
        ("misa", "use_bert", False),
        ("mult", "need_model_aligned", True),
        ("mult", "transformers", "roberta"),
        ("self_mm", "v_lstm_layers", 2),
        ("self_mm", "save_labels", True),
        ("mmim", "optim", "SGD"),
        ("mmim", "use_finetune", False),
        ("tfn", "hidden_dims", [1, 2]),
        ("tfn", "dropouts", 0.5),
    ],
)
def test_a_value_that_kuda_would_ignore_is_refused(model, key, value):
    with pytest.raises(kuda.ConfigError, match=f"{key}: expected"):
        mmsa.translate(model, {key: value})


def test_the_settings_may_be_changed_and_given_back(tmp_path):
    """As MMSA's README shows it."""
    config = mmsa.get_config_regression("lmf", "mosi")
    config["rank"] = 5
    config["featurePath"] = str(write_features(tmp_path / "features.pkl", 1))
    made = mmsa.translate("lmf", config)
    assert made["lmf.rank"] == 5 and made["train.select_by"] == "task_loss"
    results = call(tmp_path, "lmf", "mosi", config=config, seeds=[1])
    state = torch.load(tmp_path / "models" / "lmf-mosi.pth", weights_only=True)
    assert state["Model.text_factor"].shape[0] == 5
    assert list(results[0]) == [*mmsa._MOSI, "Loss"] and all(value == value for value in results[0].values())


def test_a_modality_from_another_file(tmp_path):
    base, other = write_features(tmp_path / "base.pkl", 1), write_features(tmp_path / "other.pkl", 2)
    contents = [pickle.loads(path.read_bytes()) for path in (base, other)]
    for split in CLIPS:
        contents[0][split]["audio"] = contents[1][split]["audio"]
    (tmp_path / "by-hand.pkl").write_bytes(pickle.dumps(contents[0]))
    joined = call(tmp_path, "lmf", "sims", custom_feature=base, feature_A=other, seeds=[1])
    assert joined == call(tmp_path, "lmf", "sims", custom_feature=tmp_path / "by-hand.pkl", seeds=[1])
    # The name that the call gives the data set decides on the metrics, whatever the file looks like.
    assert kuda.open(base).family == "mosi" and list(joined[0]) == [*mmsa._SIMS, "Loss"]
    assert joined != call(tmp_path, "lmf", "sims", custom_feature=base, seeds=[1])


@pytest.mark.parametrize(
    "letter, change, found",
    [
        ("V", lambda split: split.pop("vision"), "feature_V: .*other.pkl: train.vision: the key is missing"),
        ("A", lambda split: split.update(audio=split["audio"][1:]), "train.audio: expected 12 clips, .* found 11"),
        ("T", lambda split: split["id"].reverse(), r"train.id: clip 0: expected train\$_\$0, .* found train\$_\$11"),
    ],
)
def test_a_file_of_other_clips_is_refused(tmp_path, letter, change, found):
    base = write_features(tmp_path / "base.pkl", 1)
    other = write_features(tmp_path / "other.pkl", 1, change)
    with pytest.raises(kuda.DataError, match=found):
        call(tmp_path, "lmf", "sims", custom_feature=base, seeds=[1], **{f"feature_{letter}": other})


def test_words_of_another_file_need_word_pieces(tmp_path):
    base = write_features(tmp_path / "base.pkl", 1)
    with pytest.raises(kuda.DataError, match="train.text_bert: the key is missing"):
        call(tmp_path, "misa", "sims", custom_feature=base, feature_T=base, seeds=[1])
    with pytest.raises(kuda.UsageError, match="found a folder"):
        call(tmp_path, "lmf", "sims", custom_feature=tmp_path, feature_A=base, seeds=[1])


def tune(out, times, **options):
    """A search among two sets."""
    file = out / "tune.json"
    file.write_text(json.dumps({
        "datasetCommonParams": {"dataset_root_dir": str(out), "sims": {"unaligned": {"featurePath": "features.pkl"}}},
        "lmf": {"commonParams": {"need_data_aligned": False, "early_stop": 1},
                "debugParams": {"d_paras": ["rank", "hidden_dims"], "rank": [2, 3], "hidden_dims": [[8, 4, 8]],
                                "batch_size": 4}},
    }))
    return call(out, "lmf", "sims", config_file=file, is_tune=True, tune_times=times, seeds=[7], **options)


def test_tuning_writes_a_row_a_set_and_goes_on(tmp_path):
    write_features(tmp_path / "features.pkl", 1)
    rows = tune(tmp_path, 6)
    assert sorted(row["rank"] for row in rows) == [2, 3]  # six draws of two sets: the others are skipped
    table = tmp_path / "results" / "tune" / "sims-lmf.csv"
    written = list(csv.DictReader(table.open()))
    assert list(written[0]) == ["rank", "hidden_dims", *mmsa._SIMS, "Loss"]
    assert [(row["rank"], row["hidden_dims"], float(row["MAE"])) for row in written] == [
        (str(row["rank"]), "[8, 4, 8]", row["MAE"]) for row in rows]  # not times 100, as in the other table
    assert not list((tmp_path / "models").iterdir())
    before = table.read_bytes()
    assert tune(tmp_path, 6) == [] and table.read_bytes() == before
    # What a set gives is what an ordinary run with it gives, and `config` stands above what is drawn.
    plain = call(tmp_path, "lmf", "sims", custom_feature=tmp_path / "features.pkl", seeds=[7],
                 config={"rank": rows[0]["rank"], "hidden_dims": [8, 4, 8]})[0]
    assert plain.items() <= rows[0].items()
    assert [row["rank"] for row in tune(tmp_path, 2, config={"rank": 4})] == [4]


def test_a_table_of_other_columns_is_left_alone(tmp_path):
    write_features(tmp_path / "features.pkl", 1)
    (tmp_path / "results" / "tune").mkdir(parents=True)
    (tmp_path / "results" / "tune" / "sims-lmf.csv").write_text("rank,MAE\n3,0.5\n")
    with pytest.raises(kuda.UsageError, match="expected the columns rank, hidden_dims"):
        tune(tmp_path, 1)


@pytest.mark.parametrize("name", mmsa.MODELS)
@pytest.mark.parametrize("dataset", mmsa.DATASETS)
def test_every_key_that_is_translated_exists(name, dataset):
    settings = mmsa.get_config_regression(name, dataset)
    for names in _mmsa_keys._KEYS[name].values():
        settings |= {key: None for key in ([names] if isinstance(names, str) else names or ()) if key}
    for (owner, _), choices in _mmsa_keys._ONLY.items():
        settings |= {pair[0]: None for pair in choices.values() if pair and owner == name}
    known = kuda.config(name)
    section, keys = "", set()
    for line in known.splitlines():
        if line.startswith("["):
            section = line.strip("[]") + "."
        elif " = " in line:
            keys.add(section + line.split(" = ")[0])
    assert set(settings) <= keys, set(settings) - keys


def test_a_configuration_file_of_mmsa(tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({
        "datasetCommonParams": {"dataset_root_dir": "/data", "mosi": {"unaligned": {
            "featurePath": "mosi.pkl", "seq_lens": [50, 500, 375], "KeyEval": "Loss"}}},
        "lmf": {"commonParams": {"need_data_aligned": False, "early_stop": 3},
                "datasetParams": {"mosi": {"rank": 7, "learning_rate": 0.5}}},
    }))
    settings = mmsa.get_config_regression("lmf", "mosi", str(file))
    assert (settings["lmf.rank"], settings["train.lr"], settings["train.early_stop"]) == (7, 0.5, 3)
    with pytest.raises(kuda.ConfigError, match="sims"):
        mmsa.get_config_regression("lmf", "sims", str(file))


@pytest.mark.parametrize(
    "arguments, found",
    [
        (("mfn", "mosi"), "has not got"),
        (("lmff", "mosi"), "unknown model"),
        (("lmf", "imdb"), "unknown data set"),
        (("lmf", "mosi"), "no feature file"),
    ],
)
def test_what_is_not_there_is_refused(arguments, found):
    with pytest.raises(kuda.UsageError, match=found):
        mmsa.MMSA_run(*arguments)


def test_one_clip(run, folder):
    clips = kuda.open(folder / "clips")
    with pytest.raises(kuda.UsageError, match="one clip"):
        mmsa.MMSA_test({}, run.folder, folder / "clips")
    with pytest.raises(kuda.UsageError, match="kuda convert"):
        mmsa.MMSA_test({}, "lmf-mosi.pth", folder / "clips")
    assert len(clips) == 24
