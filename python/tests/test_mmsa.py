import ast
import csv
import json

import pytest
import torch

import kuda
from kuda import mmsa

SMALL = {"batch_size": 4, "early_stop": 1}


@pytest.fixture(scope="module")
def outcome(folder, tmp_path_factory):
    """Two seeds of LMF on the synthetic clips, as a user of MMSA calls it."""
    out = tmp_path_factory.mktemp("mmsa")
    results = mmsa.MMSA_run(
        "LMF", "SIMS", custom_feature=str(folder / "clips"), config=SMALL, seeds=[1111, 1112], verbose_level=0,
        model_save_dir=out / "models", res_save_dir=out / "results", log_dir=out / "logs", encoder=folder / "encoder",
    )
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


def test_keys_are_translated_or_refused_by_name(tmp_path):
    made = mmsa.translate("lmf", {"hidden_dims": [1, 2, 3], "dropouts": [0.1, 0.2, 0.3, 0.4], "rank": 5})
    assert made == {
        "lmf.text_hidden": 1, "lmf.audio_hidden": 2, "lmf.vision_hidden": 3,
        "lmf.dropout_audio": 0.1, "lmf.dropout_vision": 0.2, "lmf.dropout_text": 0.3, "lmf.rank": 5,
    }
    with pytest.raises(kuda.ConfigError, match="ranks"):
        mmsa.translate("lmf", {"ranks": 3})
    with pytest.raises(kuda.ConfigError, match="KeyEval"):
        mmsa.translate("lmf", {"KeyEval": "Corr"})
    with pytest.raises(kuda.ConfigError, match="optim"):
        mmsa.translate("mmim", {"optim": "SGD"})


@pytest.mark.parametrize("name", mmsa.MODELS)
@pytest.mark.parametrize("dataset", mmsa.DATASETS)
def test_every_key_that_is_translated_exists(name, dataset):
    settings = mmsa.get_config_regression(name, dataset)
    for key in [key for names in mmsa._KEYS[name].values() for key in ([names] if isinstance(names, str) else names or ())]:
        if key and key not in settings:
            settings[key] = None
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
