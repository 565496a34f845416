import gc
import hashlib

import numpy
import pytest
import torch

import kuda

from conftest import write_features


def test_columns_and_clips(data):
    assert len(data) == 24 and len(data.rows("train")) == 12
    assert data.splits.count("valid") == 6 and data.is_synthetic
    clip = data[0]
    assert clip["id"] == data.ids[0] and clip["text"] == data.texts[0]
    assert clip["label"] == data.labels[0]
    assert torch.equal(clip["audio"], data.audio.clip(0))
    assert data[-1]["id"] == data.ids[-1]
    with pytest.raises(IndexError):
        data[24]


def test_features_are_tensors_over_the_file(folder):
    data = kuda.open(folder / "clips")
    feature = data.audio
    values = feature.values
    assert values.shape == (feature.offsets[-1], feature.width)
    assert values.data_ptr() == data.audio.values.data_ptr()
    first = values[0].clone()
    del data, feature
    gc.collect()
    assert torch.equal(values[0], first)


def test_a_write_stays_in_the_process(folder):
    file = folder / "clips" / "features.safetensors"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    data = kuda.open(folder / "clips")
    was = data.audio.values.clone()
    data.audio.values.add_(1)
    assert torch.equal(data.audio.values, was + 1)
    assert torch.equal(kuda.open(folder / "clips").audio.values, was)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_what_is_saved_names_what_was_written(folder, tmp_path):
    data = kuda.open(folder / "clips")
    data.save(tmp_path / "same")
    assert kuda.open(tmp_path / "same").fingerprint == data.fingerprint
    data.audio.values[0, 0] = float("inf")
    data.save(tmp_path / "other")
    other = kuda.open(tmp_path / "other")
    assert other.fingerprint != data.fingerprint
    assert [finding["name"] for finding in other.check().findings].count("not_finite") == 1


def test_the_fingerprint_of_a_feature_file_is_that_of_the_program(tmp_path, program):
    file = write_features(tmp_path / "clips.pkl", 1)
    data = kuda.open(file)
    assert f"fingerprint {data.fingerprint}" in program("data", "check", file)
    assert [(finding["name"], finding["modality"]) for finding in kuda.open(file).check().findings] == [
        (finding["name"], finding["modality"]) for finding in data.check().findings]
    kuda.open(file).save(tmp_path / "ours")
    program("data", "import", file, tmp_path / "theirs")
    for name in ("dataset.toml", "clips.csv", "features.safetensors"):
        assert (tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes()


def test_synthetic_clips_are_those_of_the_program(tmp_path, program):
    data = kuda.synthesize(seed=3, train=6, valid=2, test=2, out=tmp_path / "ours")
    program("data", "synth", tmp_path / "theirs", "--seed", 3, "--train", 6, "--valid", 2, "--test", 2)
    files = sorted(path.name for path in (tmp_path / "theirs").iterdir())
    assert "truth.csv" in files and files == sorted(path.name for path in (tmp_path / "ours").iterdir())
    assert all((tmp_path / "ours" / name).read_bytes() == (tmp_path / "theirs" / name).read_bytes() for name in files)
    assert data.ids == kuda.synthesize(seed=3, train=6, valid=2, test=2).ids and data.source == str(tmp_path / "ours")


def test_the_doctor(data, folder):
    report = data.check()
    assert report.worst in ("note", "warning", "error")
    assert {"severity", "name", "modality", "message", "clips"} == set(report.findings[0])
    assert data.name in str(report)


def test_pandas(data):
    pytest.importorskip("pandas")
    frame = data.to_pandas()
    assert list(frame.columns) == ["id", "split", "text", "label", "T", "V", "A"] and len(frame) == 24
    numpy.testing.assert_array_equal(frame["label"], data.labels)


def test_inspect(folder):
    assert kuda.inspect(folder / "clips")["problem"] == ""
