import os
import pickle
import subprocess
import sys

import numpy
import pytest

import kuda


def written(folder, value, protocol=4):
    path = folder / "file.pkl"
    with open(path, "wb") as file:
        pickle.dump(value, file, protocol=protocol)
    return path


@pytest.mark.parametrize("protocol", range(6))
def test_reads_what_pickle_reads(tmp_path, protocol):
    value = {
        "train": {
            "audio": numpy.arange(24, dtype=numpy.float32).reshape(2, 3, 4),
            "labels": numpy.array([-1.5, 0.5]),
            "id": ["a$_$1", "b$_$2"],
            "ragged": numpy.array([numpy.ones(2), numpy.ones(3)], dtype=object),
            "mixed": [None, True, 7, 2.5, b"bytes", ("é", -1)],
        }
    }
    got = kuda.read_pickle(written(tmp_path, value, protocol))["train"]
    want = value["train"]
    for name in ("audio", "labels"):
        assert got[name].dtype == want[name].dtype
        numpy.testing.assert_array_equal(got[name], want[name])
    assert got["id"] == want["id"] and got["mixed"] == want["mixed"]
    assert got["ragged"].dtype == object and [len(row) for row in got["ragged"]] == [2, 3]


def test_arrays_are_views_that_cannot_be_written_to(tmp_path):
    got = kuda.read_pickle(written(tmp_path, {"x": numpy.arange(1000.0)}))["x"]
    with pytest.raises(ValueError, match="read-only"):
        got[0] = 1
    assert got.base is not None


def test_nothing_is_run_and_the_refused_name_is_said(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    with pytest.raises(kuda.FormatError, match="mkdir") as caught:
        kuda.read_pickle(written(tmp_path, Attack()))
    assert not (tmp_path / "ran").exists()
    assert caught.value.exit_code == 4 and isinstance(caught.value, ValueError)


def test_a_list_that_is_named_many_times_is_made_once(tmp_path):
    value = ["leaf"]
    for _ in range(40):  # unfolded: 2 to the 40 leaves
        value = [value, value]
    got = kuda.read_pickle(written(tmp_path, value))
    assert got[0] is got[1]


def test_needs_no_torch(tmp_path):
    path = written(tmp_path, {"x": numpy.ones(3)})
    code = f"import kuda, sys; kuda.read_pickle({str(path)!r}); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_left_out_is_named(tmp_path):
    import datetime

    got = kuda.read_pickle(written(tmp_path, {"made": datetime.date(2026, 1, 1), "x": 1}))
    assert isinstance(got["made"], kuda.LeftOut) and "date" in got["made"].name and got["x"] == 1
