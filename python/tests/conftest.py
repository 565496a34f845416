"""A small data set, a tiny encoder and two trained runs, made once."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
SMALL = {
    "train__epochs": 2,
    "train__batch_size": 4,
    "train__schedule": "constant",
    "train__lr": 1e-3,
    "data__vision_length": 10,
    "data__audio_length": 12,
    "data__text_length": 16,
}
CLIPS = {"train": 12, "valid": 6, "test": 8}


def write_features(path, seed, change=lambda split: None):
    """A feature file of a few clips in the layout of MMSA; `change` is given the dict of each split."""
    import numpy

    random, content = numpy.random.default_rng(seed), {}
    for split, count in CLIPS.items():
        frames = {name: random.standard_normal((count, length, width), dtype=numpy.float32)
                  for name, length, width in (("text", 8, 6), ("audio", 10, 5), ("vision", 9, 4))}
        content[split] = frames | {
            "raw_text": ["a fine film"] * count, "id": [f"{split}$_${row}" for row in range(count)],
            "audio_lengths": [10] * count, "vision_lengths": [9] * count,
            "regression_labels": numpy.linspace(-0.9, 0.9, count, dtype=numpy.float32),
        }
        change(content[split])
    with open(path, "wb") as file:
        pickle.dump(content, file, protocol=4)
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """With clips/ (a prepared folder) and encoder/ (a BERT of random weights)."""
    import kuda
    from kuda._native import _kuda

    made = tmp_path_factory.mktemp("kuda")
    kuda.synthesize(train=12, valid=6, test=6).save(made / "clips")
    _kuda.write_small_encoder(made / "encoder", 12)
    return made


@pytest.fixture(scope="session")
def data(folder):
    import kuda

    return kuda.open(folder / "clips")


@pytest.fixture(scope="session")
def run(folder, data):
    """A trained lmf."""
    import kuda

    return kuda.train(data, "lmf", encoder=folder / "encoder", out=folder / "lmf", seed=3, progress=None, **SMALL)


@pytest.fixture(scope="session")
def program():
    """Runs the program `kuda`; returns what it wrote to stdout."""

    def call(*words, check=True) -> str:
        command = [sys.executable, "-c", "import kuda_program; kuda_program.main()", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    return call
