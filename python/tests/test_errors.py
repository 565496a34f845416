import concurrent.futures
import logging
import multiprocessing
import pickle

import pytest
import torch

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


def fail(kind, *arguments):
    """Raises here, or in another process."""
    import kuda

    if kind == "open":
        return kuda.open(*arguments)
    raise getattr(kuda, kind)(*arguments)


def halved(batch):
    return batch, batch.audio.values / 2


def test_they_and_batches_come_from_another_process(folder, tmp_path):
    broken = tmp_path / "broken.pkl"
    broken.write_bytes(b"no pickle")
    batch = kuda.Session("lmf", folder / "clips", encoder=folder / "encoder").batch([0, 1, 2])
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
        for kind, *arguments in (("ConfigError", "what", "do this"), ("Interrupted", "stopped"), ("open", broken)):
            with pytest.raises(kuda.Error) as here:
                fail(kind, *arguments)
            with pytest.raises(kuda.Error) as there:
                other.submit(fail, kind, *arguments).result()
            assert type(there.value) is type(here.value) and str(there.value) == str(here.value)
            assert (there.value.message, there.value.hint) == (here.value.message, here.value.hint)
        twin, half = other.submit(halved, batch).result()
    assert twin.ids == batch.ids and len(twin) == 3
    for one, two in ((twin.audio, batch.audio), (twin.vision, batch.vision)):
        assert torch.equal(one.values, two.values) and torch.equal(one.padding, two.padding)
        assert torch.equal(one.lengths, two.lengths)
    assert torch.equal(twin.text_ids, batch.text_ids) and torch.equal(half, batch.audio.values / 2)


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
