import hashlib
import json
import os
import signal
import threading
import time

import pytest

import kuda

from conftest import SMALL, write_features


def digest(run):
    return [
        hashlib.sha256((run.folder / name).read_bytes()).hexdigest()
        for name in ("predictions.csv", "model/model.safetensors")
    ]


def test_a_run_is_that_of_the_program(run, folder, program):
    sets = [word for key, value in SMALL.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
    program("train", "-d", folder / "clips", "-m", "lmf", "--encoder", folder / "encoder", "-s", 3,
            "--out", folder / "by-program", *sets)
    assert digest(run) == digest(kuda.Run(folder / "by-program"))


def test_what_a_run_tells(run, data):
    assert set(run.metrics) == {"train", "valid", "test"} and run.metrics["test"]["MAE"] > 0
    assert [epoch["epoch"] for epoch in run.epochs] == [1, 2]
    report = kuda.evaluate(run, data)
    assert report.value("MAE") == run.metrics["test"]["MAE"]
    assert "MAE" in str(report)
    subsets = kuda.evaluate(run, data, by="conflict")["by_conflict"]["test"]
    assert "opposed" in subsets
    why = kuda.explain(run, data)
    assert len(why["clips"]) == 6 and "summary" in why


def test_a_feature_file_is_trained_on_and_scored(tmp_path):
    """Its frames stay in the file here, where the training reads them all at once."""
    file = write_features(tmp_path / "clips.pkl", 1)
    run = kuda.train(file, "lmf", out=tmp_path / "run", progress=None, train__epochs=1, train__batch_size=4)
    data = kuda.open(file)
    report = kuda.evaluate(run, data)
    assert report.value("MAE") == run.metrics["test"]["MAE"]
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert report["data_fingerprint"] == metrics["data_fingerprint"] == data.fingerprint
    assert "other data" not in json.dumps(report)


def test_training_refuses_what_its_file_does_not_hold(folder, tmp_path):
    data = kuda.open(write_features(tmp_path / "clips.pkl", 1))
    data.vision.values[0, 0] += 1
    with pytest.raises(kuda.DataError, match="vision of clip 'train.* differ") as refused:
        kuda.train(data, "lmf", out=tmp_path / "run", **SMALL)
    assert "save(folder)" in refused.value.hint and not (tmp_path / "run").exists()
    data = kuda.open(write_features(tmp_path / "clips.pkl", 1))
    write_features(tmp_path / "new.pkl", 2)
    (tmp_path / "new.pkl").replace(tmp_path / "clips.pkl")
    with pytest.raises(kuda.DataError, match="clips.pkl: .* differ"):
        kuda.train(data, "lmf", out=tmp_path / "run", **SMALL)
    with pytest.raises(kuda.UsageError, match="progress: expected 'auto'"):
        kuda.train(folder / "clips", "lmf", out=tmp_path / "run", progress=1, **SMALL)
    with pytest.raises(kuda.UsageError, match="on_epoch: expected None or a callable, found 1"):
        kuda.train(folder / "clips", "lmf", out=tmp_path / "run", on_epoch=1, **SMALL)


def test_steps_and_epochs_are_told(folder, data):
    steps, epochs = [], []
    kuda.train(data, "lmf", encoder=folder / "encoder", out=folder / "told", progress=steps.append,
               on_epoch=epochs.append, **SMALL)
    trained = [step for step in steps if step.epochs == 2]
    assert [(step.epoch, step.step, step.steps) for step in trained] == [(e, s, 3) for e in (1, 2) for s in (1, 2, 3)]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert [epoch["valid_mae"] for epoch in epochs] == [e["valid_MAE"] for e in kuda.Run(folder / "told").epochs]


class Pruned(Exception):
    pass


def test_what_a_callback_raises_arrives_and_the_run_goes_on(folder, data, run):
    def prune(step):
        if step.step == 2:
            raise Pruned("enough")

    options = dict(encoder=folder / "encoder", out=folder / "pruned", seed=3, **SMALL)
    with pytest.raises(Pruned, match="enough") as caught:
        kuda.train(data, "lmf", progress=prune, **options)
    assert any(entry.name == "prune" for entry in caught.traceback)
    with pytest.raises(kuda.UsageError):
        kuda.Run(folder / "pruned")
    assert digest(kuda.train(data, "lmf", progress=None, **options)) == digest(run)


def test_ctrl_c_saves_and_the_run_goes_on(folder, data, run):
    steps = []

    def press(step):
        steps.append(step)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        if len(steps) >= 2:
            time.sleep(0.06)  # signals are looked for twenty times a second

    options = dict(encoder=folder / "encoder", out=folder / "stopped", seed=3, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        kuda.train(data, "lmf", progress=press, **options)
    assert len(steps) < 6
    assert digest(kuda.train(data, "lmf", progress=None, **options)) == digest(run)


def test_ctrl_c_ends_scoring(data, run):
    predictor = kuda.Predictor(run, batch_size=1)
    clips = [{"text": "a fine film"}] * 20000
    began = time.monotonic()
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        predictor.score_many(clips)
        time.sleep(30)  # where scoring was not ended, this is
        pytest.fail("nothing was raised")
    assert time.monotonic() - began < 20


def test_compare(run, folder, data):
    other = kuda.train(data, "lmf", encoder=folder / "encoder", out=folder / "other", seed=4, progress=None, **SMALL)
    comparison = kuda.compare(run, other, data)
    assert str(comparison) and comparison["absolute_error"]["n"] == 6


def test_a_configuration_as_text(folder):
    text = kuda.config("lmf", train__epochs=7, modalities=["text", "audio"])
    assert "epochs = 7" in text and '"audio"' in text
    with pytest.raises(kuda.ConfigError):
        kuda.config("lmf", lmf__ranks=3)


def test_models():
    assert len(kuda.models()) == 13 and {"kuda", "lmf"} <= {model["name"] for model in kuda.models()}
    json.dumps(kuda.models())


def test_metrics_and_tests(run):
    predictions = [0.5, -1.0, 2.0, 0.0]
    values = kuda.metrics.evaluate("mosi", predictions, [1.0, -1.0, 1.0, 0.5])
    assert values["MAE"] == pytest.approx(0.5)
    assert kuda.stats.holm([0.01, 0.04]) == pytest.approx([0.02, 0.04])
    assert kuda.stats.mcnemar_test(5, 0) == pytest.approx(0.0625)
    assert kuda.stats.permutation_test([1.0, 1.0, 1.0, 1.0]) == pytest.approx(0.125)
    assert kuda.stats.summarise([1.0, 2.0, 3.0])["mean"] == 2
    with pytest.raises(kuda.DataError):
        kuda.metrics.evaluate("mosi", [1.0], [1.0, 2.0])


def test_the_console_script_and_its_exit_code(program):
    assert "kuda" in program("--version")
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", "import kuda_program; kuda_program.main()", "no-such-verb"],
                          capture_output=True, text=True)
    assert done.returncode == 2 and "no-such-verb" in done.stderr
