import logging
import pickle

import pytest

import kuda


@pytest.mark.parametrize(
    "kind, code, also",
    [
        (kuda.UsageError, 2, ValueError),
        (kuda.ConfigError, 3, ValueError),
        (kuda.DataError, 4, ValueError),
        (kuda.ShapeError, 4, kuda.DataError),
        (kuda.MissingFileError, 4, FileNotFoundError),
        (kuda.CheckpointError, 5, RuntimeError),
        (kuda.Interrupted, 6, kuda.Error),
    ],
)
def test_errors_cross_processes(kind, code, also):
    error = pickle.loads(pickle.dumps(kind("what", "do this")))
    assert type(error) is kind and isinstance(error, also)
    assert (error.message, error.hint, error.exit_code) == ("what", "do this", code)
    assert str(error) == "what\n  hint: do this"


def test_the_library_raises_them(tmp_path, folder, data):
    with pytest.raises(kuda.MissingFileError):
        kuda.open(tmp_path / "absent.pkl")
    broken = tmp_path / "broken.pkl"
    broken.write_bytes(b"no pickle")
    with pytest.raises(kuda.FormatError, match="broken.pkl: byte 0"):
        kuda.open(broken)
    with pytest.raises(kuda.UsageError) as caught:
        kuda.train(data, "lmff", progress=None)
    assert "lmf" in caught.value.hint
    with pytest.raises(kuda.ConfigError, match="train.epoch"):
        kuda.train(data, "lmf", progress=None, train__epoch=1)
    with pytest.raises(kuda.CheckpointError):
        kuda.Predictor(tmp_path)


def test_messages_go_to_logging(caplog, folder, tmp_path):
    data = kuda.synthesize(train=3, valid=1, test=1)
    data.audio.values[0, 0] = float("nan")
    data.save(tmp_path / "clips")
    with caplog.at_level(logging.INFO, logger="kuda"):
        kuda.Session("lmf", tmp_path / "clips", encoder=folder / "encoder")
    assert any("1 NaN" in record.message for record in caplog.records), caplog.text
