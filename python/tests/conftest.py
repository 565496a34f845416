"""A small data set, a tiny encoder and two trained runs, made once."""

import os
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
