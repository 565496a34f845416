"""Makes the small feature files of this folder. The same script gives the same content
(torch names storages by their addresses, so the bytes of tensors_*.pkl differ from run to run).

Needs numpy; tensors.pkl needs torch, beside.pkl and pandas_*.pkl need pandas 3 and scipy. Written with numpy 2.4.6, torch
2.13.0, pandas 3.1.1, scipy 1.17.1.
"""
import argparse
import collections
import datetime
import decimal
import fractions
import pathlib
import pickle
import uuid

import numpy as np

N = {"train": 3, "valid": 2, "test": 2}


def save(name, data, protocol=4):
    with open(name, "wb") as file:
        pickle.dump(data, file, protocol=protocol)


def frames(n, length, width, first):
    """Value first + row + frame / 10 in every feature."""
    values = first + np.arange(n)[:, None, None] + np.arange(length)[None, :, None] / 10
    return np.broadcast_to(values, (n, length, width)).astype(np.float32).copy()


def aligned():
    """One frame per word piece, no lengths, no unimodal labels, three pieces of each text are real."""
    data = {}
    for split, n in N.items():
        tokens = np.zeros((n, 3, 5), np.float32)
        tokens[:, 0, :3] = [101, 2003, 102]
        tokens[:, 1, :3] = 1
        vision, audio = frames(n, 5, 2, 1), frames(n, 5, 4, 1)
        vision[:, 3:] = 0
        audio[:, 2:] = 0
        audio[0, 3] = 7  # a frame beyond the text
        data[split] = dict(raw_text=["yes"] * n, audio=audio, vision=vision, text_bert=tokens,
                           id=[f"{split}{i}$_${i}" for i in range(n)], annotations=["Neutral"] * n,
                           classification_labels=np.zeros(n), regression_labels=np.linspace(-3, 3, n))
    save("aligned.pkl", data)


def odd():
    """Everything that is legal but unusual: bytes, [N, 1] labels, float lengths, Fortran order, other dtypes, extras."""
    data = {}
    for split, n in N.items():
        vision = np.asfortranarray(frames(n, 4, 2, 1).astype(np.float64))
        audio = frames(n, 3, 1, 1).round().astype(np.int16)
        data[split] = dict(raw_text=np.array([["a b"]] * n, dtype=object), audio=audio, vision=vision,
                           id=[f"clip_{split}_{i}".encode() for i in range(n)],
                           audio_lengths=np.full((n, 1), 3.0), vision_lengths=tuple(np.int64(2) for _ in range(n)),
                           text_bert=np.ones((n, 3, 4), np.int64),
                           regression_labels=np.linspace(-1, 1, n).reshape(n, 1),
                           regression_labels_T=[float("nan")] * n, speaker=["x"] * n, version=2)
    save("odd.pkl", data, protocol=2)


def left_padded():
    """Zeros in front, lengths as if they were behind; no texts but ids of word pieces."""
    data = {}
    for split, n in N.items():
        vision = np.zeros((n, 6, 2), np.float32)
        vision[:, 4:] = 1
        data[split] = dict(audio=frames(n, 6, 1, 1), vision=vision, text_bert=np.ones((n, 3, 4), np.int64),
                           id=[f"v$_${split}{i}" for i in range(n)], vision_lengths=[2] * n, audio_lengths=[6] * n,
                           regression_labels=np.zeros(n))
    save("left_padded.pkl", data)


def plain():
    """What the files below hold, each written in its own way: they are all one data set."""
    data = {}
    for split, n in N.items():
        data[split] = dict(raw_text=["a good film"] * n, vision=frames(n, 5, 2, 1), audio=frames(n, 4, 3, 7),
                           text_bert=np.ones((n, 3, 4), np.int64), id=[f"{split}{i}$_${i}" for i in range(n)],
                           regression_labels=np.linspace(-3, 3, n), vision_lengths=[5] * n, audio_lengths=[4] * n)
    return data


def lists():
    """Lists of arrays, nested lists, an object array of numbers; dicts of the standard library."""
    data = collections.OrderedDict()
    for split, keys in plain().items():
        keys["vision"] = list(keys["vision"])
        keys["audio"] = keys["audio"].tolist()
        keys["text_bert"] = keys["text_bert"].astype(object)
        keys["regression_labels"] = np.array(keys["regression_labels"], dtype=object)
        data[split] = collections.defaultdict(list, keys)
    save("lists.pkl", data)
    save("lists_p2.pkl", data, protocol=2)


def tensors():
    """MMSA-FET's return_type='pt': torch tensors in a plain pickle. One is a view of a larger storage."""
    import torch

    for protocol in (2, 5):
        data = plain()
        for keys in data.values():
            for key in ("vision", "audio", "text_bert"):
                keys[key] = torch.from_numpy(keys[key])
            wide = torch.cat([torch.zeros(len(keys["id"]), 4, 1), keys["audio"]], 2)
            keys["audio"] = wide[:, :, 1:]
            keys["regression_labels"] = [torch.tensor(value) for value in keys["regression_labels"]]
            keys["dtype"] = torch.float32
        save(f"tensors_p{protocol}.pkl", data, protocol)


def beside():
    """Keys that nobody reads, with whatever people keep there."""
    import pandas
    import scipy.sparse

    for protocol in (0, 2, 5):
        data = plain()
        data["train"].update(
            speakers={"a", "b"}, frozen=frozenset([1]), when=datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
            took=datetime.timedelta(1), price=decimal.Decimal("1.5"), third=fractions.Fraction(1, 3), key=uuid.UUID(int=2**100),
            folder=pathlib.PurePosixPath("/a"), wave=1j, waves=np.array([1j]), steps=range(3), part=slice(1, 2), raw=b"\xff",
            days=np.array(["2020-01-01"], "M8[D]"), day=np.datetime64("2020-01-01"), none=None, big=2**70,
            records=np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]), type=np.float32, dtype=np.dtype("f4"),
            counts=collections.Counter("aab"), queue=collections.deque([1, 2]), options=argparse.Namespace(lr=1),
            masked=np.ma.masked_array([1.0, 2.0], [0, 1]), matrix=np.asmatrix([[1.0]]), state=np.random.RandomState(0),
            table=pandas.DataFrame({"a": [1.0], "b": ["x"]}), column=pandas.Series(["x"]), time=pandas.Timestamp("2020-01-01"),
            sparse=scipy.sparse.csr_matrix([[0, 1]]), array=bytearray(b"x"))
        data[datetime.date(2020, 1, 2)] = "a key"
        save(f"beside_p{protocol}.pkl", data, protocol)


def ragged():
    """Lists of frames of their own lengths, no length keys; one clip has no audio at all."""
    data = plain()
    for keys in data.values():
        del keys["vision_lengths"], keys["audio_lengths"]
        n = len(keys["id"])
        keys["vision"] = [clip[: 1 + i] for i, clip in enumerate(keys["vision"])]
        keys["vision"][-1][-1] = 0  # a frame of zeros at the end is one, where nothing was padded
        audio = np.empty(n, object)
        for i in range(n):
            audio[i] = None if i == 0 else keys["audio"][i, : 4 - i]
        keys["audio"] = audio
    save("ragged.pkl", data)


def parts():
    """Files that lack something: a modality, splits, labels, the clips of a split."""
    data = plain()
    for keys in data.values():
        del keys["vision"], keys["vision_lengths"]
    data["dev"] = data.pop("valid")
    save("text_audio.pkl", data)
    data = plain()
    for keys in data.values():
        for key in ("raw_text", "text_bert", "audio", "audio_lengths"):
            del keys[key]
    save("vision_only.pkl", data)
    keys = plain()["test"]
    keys["regression_labels"] = [float("nan"), None]
    save("only_test.pkl", {"test": keys})
    keys = plain()["test"]
    del keys["regression_labels"]
    save("no_splits.pkl", keys)
    data = plain()
    data["valid"] = {key: np.array([]) for key in data["valid"]}
    save("empty_valid.pkl", data)
    data = plain()
    for keys in data.values():
        keys["labels"] = keys.pop("regression_labels").reshape(-1, 1, 1)
    data["valid"] = None
    save("mult_labels.pkl", data)
    # MMSA-FET's run_single: arrays of one clip, float64, token ids as [L, 3].
    tokens = np.stack([np.arange(6) + 100, np.ones(6), np.zeros(6)], 1)
    save("single_clip.pkl", dict(audio=np.ones((4, 3)), vision=np.full((5, 2), 2.0), text=np.full((6, 8), 3.0), text_bert=tokens))


def pandas_columns():
    """What pandas 3 gives for a column, where it is wanted: refused with a recipe. numpy's own StringDType is read."""
    import pandas

    data = plain()
    data["test"]["regression_labels"] = pandas.Series([1.0, 2.0])
    save("pandas_series.pkl", data)
    data = plain()
    data["test"]["raw_text"] = pandas.Series(data["test"]["raw_text"]).values
    save("pandas_values.pkl", data)
    data = plain()
    for keys in data.values():
        keys["id"] = np.array(keys["id"], np.dtypes.StringDType())
    save("string_dtype.pkl", data)


def mult():
    """The files of MulT's authors: ids are [N, 3] (video, begin, end), labels [N, 1, 1]; IEMOCAP has four emotions."""
    def own(splits, ids, labels):
        data = {}
        for split, keys in splits.items():
            data[split] = dict(vision=keys["vision"], audio=keys["audio"], labels=labels(keys), id=ids(len(keys["id"])))
        return data

    def scores(keys):
        return keys["regression_labels"].reshape(-1, 1, 1)

    save("mult_bytes.pkl", own(plain(), lambda n: np.array([[f"v{i}", str(i + 0.5), str(i + 2)] for i in range(n)]).astype("S"), scores))
    save("mult_numbers.pkl", own(plain(), lambda n: np.array([[i, i + 0.1, i + 2] for i in range(n)], np.float32), scores))
    save("mult_lists.pkl", own(plain(), lambda n: [(f"v{i}", i + 0.5, i + 2) for i in range(n)], scores))
    data = own(plain(), lambda n: None, lambda keys: np.zeros((len(keys["id"]), 4, 2), np.int64))
    save("mult_iemocap.pkl", data)


def one_after_the_other():
    """Clips in lists instead of columns: dicts of a clip, and the tuples of MISA, MAG-BERT and MMIM."""
    dicts, tuples = {}, {}
    for split, keys in plain().items():
        n = len(keys["id"])
        dicts[split] = [{key: column[i] for key, column in keys.items()} for i in range(n)]
        tuples[split] = [((np.arange(3), keys["vision"][i], keys["audio"][i], keys["raw_text"][i].split()),
                          np.array([[keys["regression_labels"][i]]]), keys["id"][i]) for i in range(n)]
    save("clip_dicts.pkl", dicts)
    save("clip_tuples.pkl", tuples)


def impossible():
    """What has no place in a data set: half a character, a number beyond float32, words and pictures."""
    data = plain()
    data["valid"]["raw_text"][1] = "fine \ud83d"
    save("lone_surrogate.pkl", data)
    save("lone_surrogate_p0.pkl", data, protocol=0)
    data = plain()
    data["train"]["vision"] = data["train"]["vision"].astype(np.float64)
    data["train"]["vision"][1, 2, 0] = 1e300
    data["train"]["vision"][2, 0, 1] = -np.inf
    save("beyond_float32.pkl", data)
    data["train"]["vision"] = data["train"]["vision"].tolist()
    save("beyond_float32_list.pkl", data)
    data = plain()
    for keys in data.values():
        keys["regression_labels"] = ["positive"] * len(keys["id"])
    save("word_labels.pkl", data)
    data = plain()
    for keys in data.values():
        keys["vision"] = np.zeros((len(keys["id"]), 2, 4, 4, 3), np.uint8)
    save("pictures.pkl", data)


def nones():
    """None where a key could hold something: as if the key were not there."""
    data = plain()
    for keys in data.values():
        keys["text_bert"] = keys["regression_labels_T"] = keys["text"] = None
    save("nones.pkl", data)


if __name__ == "__main__":
    aligned()
    odd()
    left_padded()
    save("plain.pkl", plain())
    nones()
    mult()
    one_after_the_other()
    impossible()
    lists()
    tensors()
    beside()
    ragged()
    parts()
    pandas_columns()
