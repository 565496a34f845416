import csv
import io
import threading

import numpy
import pytest
import torch

import kuda


@pytest.fixture(scope="module")
def predictor(run):
    return kuda.Predictor(run, level=0.8)


def clip_of(data, row):
    clip = data[row]
    return {"id": clip["id"], "text": clip["text"], "audio": clip["audio"].numpy(), "vision": clip["vision"].numpy()}


def test_scores_are_those_of_the_program(run, data, folder, program):
    for level in (0.8, 0.9):  # of six validation clips: enough for the first, not for the second
        columns = kuda.predict(run, data, level=level)
        words = ("predict", run.folder, "-d", folder / "clips", "--level", level)
        rows = list(csv.DictReader(io.StringIO(program(*words))))
        assert [row["id"] for row in rows] == columns["id"] and len(rows) == 24
        for name in ("prediction", "label", "low", "high"):
            theirs = numpy.array([row[name] or "nan" for row in rows], dtype=numpy.float32)
            numpy.testing.assert_array_equal(numpy.array(columns[name], dtype=numpy.float32), theirs)
            assert numpy.isnan(theirs).all() == (level == 0.9 and name in ("low", "high"))


def test_a_clip_from_memory_has_the_score_of_the_data_set(run, data, predictor):
    columns = kuda.predict(run, data, split="test")
    scores = predictor.score_many([clip_of(data, row) for row in data.rows("test")])
    assert [score.id for score in scores] == columns["id"]
    # Neighbours in a batch change a score by float32 rounding.
    numpy.testing.assert_allclose([score.score for score in scores], columns["prediction"], atol=1e-6)
    low, high, level = scores[0].interval
    assert low < scores[0].score < high and level == 0.8


def test_arrays_of_any_kind_and_no_copy(data, predictor):
    clip = clip_of(data, 0)
    want = predictor.score(**clip).score
    audio = clip["audio"]
    frozen = audio.copy()
    frozen.setflags(write=False)

    class Capsule:  # what jax, cupy and others offer
        def __dlpack__(self, **options):
            return audio.__dlpack__(**options)

        def __dlpack_device__(self):
            return audio.__dlpack_device__()

    for value in (frozen, torch.from_numpy(audio), torch.from_numpy(audio).requires_grad_(), Capsule()):
        assert predictor.score(**{**clip, "audio": value}).score == want
    from kuda.arrays import frames

    assert frames(torch.from_numpy(audio), "audio").ctypes.data == audio.ctypes.data


def test_arrays_of_an_object_store_are_taken(data, predictor):
    """As Ray and shared memory give them: read-only, over bytes that somebody else owns."""

    def stored(array):
        view = numpy.frombuffer(bytes(array), array.dtype).reshape(array.shape)
        assert not view.flags.writeable and not view.flags.owndata
        return view

    clip = clip_of(data, 0)
    kept = clip | {name: stored(clip[name]) for name in ("audio", "vision")}
    assert predictor.score(**kept).score == predictor.score(**clip).score
    assert predictor.explain([kept])[0].without == predictor.explain([clip])[0].without
    numpy.testing.assert_array_equal(predictor.features([kept]), predictor.features([clip]))
    scores, labels = numpy.array([0.5, -1.0, 2.0]), numpy.array([1.0, -1.0, 1.0])
    values = kuda.metrics.evaluate("mosi", stored(scores), stored(labels))
    assert values == kuda.metrics.evaluate("mosi", scores, labels)
    assert kuda.stats.summarise(stored(scores)) == kuda.stats.summarise(scores)
    session_rows = stored(numpy.array(data.rows("test")))
    assert [data[row]["id"] for row in session_rows] == [data.ids[row] for row in data.rows("test")]


@pytest.mark.parametrize(
    "change, found",
    [
        (lambda x: x.astype(numpy.float64), "float64"),
        (lambda x: numpy.asfortranarray(x), "another order"),
        (lambda x: x[None], r"\[1, "),
        (lambda x: x.tolist(), "list"),
        (lambda x: torch.from_numpy(x).double(), "float64"),
        (lambda x: x[:, :-1].copy(), "width|features"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_recipe(data, predictor, change, found):
    clip = clip_of(data, 0)
    with pytest.raises(kuda.DataError, match=found) as caught:
        predictor.score(**{**clip, "audio": change(clip["audio"])})
    assert caught.value.hint or found == "width|features"


def test_an_unknown_field_is_named(predictor):
    with pytest.raises(kuda.ShapeError, match="sound"):
        predictor.score_many([{"text": "a film", "sound": None}])


def test_missing_modalities(data, predictor):
    score = predictor.score(text="a fine film")
    assert score.interval is None
    clip = clip_of(data, 0)
    without = predictor.score(**clip, without=["audio"])
    clip["audio"] = None
    assert predictor.score(**clip).score == without.score


def test_threads_agree_and_run_side_by_side(data, predictor):
    clips = [clip_of(data, row) for row in range(8)]
    want = [score.score for score in predictor.score_many(clips)]
    got = {}

    def work(number):
        got[number] = [score.score for score in predictor.score_many(clips)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(scores == want for scores in got.values()) and len(got) == 4


def test_why(data, predictor):
    why = predictor.explain([clip_of(data, 0)])[0]
    assert set(why.without) == {"text", "vision", "audio"} and why.by_removal in why.without
    assert why.score.score == predictor.score(**clip_of(data, 0)).score
    changes = {name: abs(value - why.score.score) for name, value in why.without.items()}
    assert changes[why.by_removal] == max(changes.values())


def test_clips_by_name(run, folder, data):
    predictor = kuda.Predictor(run, data=folder / "clips")
    assert predictor.clips == data.ids
    row = data.rows("test")[0]
    score = predictor.score(clip=data.ids[row])
    assert score.score == pytest.approx(predictor.score(**clip_of(data, row)).score, abs=1e-6)
