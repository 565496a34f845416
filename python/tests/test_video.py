"""Raw video, where the weights, FFmpeg's libraries and the clips of GRID are there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import kuda
from conftest import SMALL

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "extractors" / "default"
SHARED = Path(os.environ.get("KUDA_SHARED", ROOT.parent / "shared"))
CLIPS = sorted((SHARED / "data" / "grid").glob("*.mpg"))


@pytest.fixture(scope="module")
def extractor():
    if not WEIGHTS.exists() or not CLIPS:
        pytest.skip("no weights (scripts/setup.sh --extractor) or no clips of GRID")
    try:
        return kuda.Extractor(WEIGHTS)
    except kuda.DataError as error:
        if "FFmpeg" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def trained(extractor, folder, program):
    """A small model of what the program extracts, whose checkpoint keeps the weights."""
    source = folder / "videos"
    rows = ["video_id,clip_id,text,label,mode"]
    for number in range(6):
        place = source / "Raw" / "v" / f"{number}.mpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CLIPS[number % len(CLIPS)], place)
        rows.append(f"v,{number},words number {number},{(number - 2) / 2},{('train', 'valid', 'test')[number // 2]}")
    (source / "label.csv").write_text("\n".join(rows) + "\n")
    program("data", "extract", source, "--out", folder / "extracted", "--extractor", WEIGHTS)
    program("data", "pack", folder / "extracted", folder / "videos-data", "--language", "en", "--family", "mosi")
    out = folder / "of-videos"
    sets = [f"--set={name.replace('__', '.')}={json.dumps(value)}" for name, value in SMALL.items()]
    program("train", "-d", folder / "videos-data", "-m", "lmf", "--encoder", folder / "encoder", "--out", out,
            "--extractor", WEIGHTS, *sets)
    return out


def test_features_are_those_of_the_program(trained, extractor, folder):
    data = kuda.open(folder / "videos-data")
    clip = extractor.extract(CLIPS[1])
    numpy.testing.assert_array_equal(clip.vision, data.vision.clip(1).numpy())
    numpy.testing.assert_array_equal(clip.audio, data.audio.clip(1).numpy())
    assert clip.vision.shape[1] == len(extractor.columns["vision"]) and clip.missing == {}
    assert clip.facts["pictures_with_face"] == clip.facts["pictures"] == len(clip.vision)
    assert " ".join(word.text for word in clip.words).split() == clip.transcript.split()
    assert all(0 <= word.begin <= word.end <= clip.facts["seconds"] + 0.1 for word in clip.words)


def test_scores_are_those_of_the_program(trained, program):
    predictor = kuda.Predictor(trained)
    theirs = json.loads(program("predict", trained, "--json", *(w for clip in CLIPS for w in ("--video", clip))))
    for clip, expected in zip(CLIPS, theirs, strict=True):
        ours = predictor.score_video(clip)
        assert numpy.float32(ours.score.score) == numpy.float32(expected["score"])
        assert {name: value and numpy.float32(value) for name, value in ours.why.without.items()} == {
            name: value and numpy.float32(value) for name, value in expected["without"].items()}
        assert ours.clip.transcript == expected["video"]["transcript"]
        assert [word._asdict() for word in ours.clip.words] == expected["video"]["words"]
        assert ours.why.score.id == clip.stem and ours.missing == {}


def test_scores_of_a_model_of_rows_of_words_are_those_of_the_program(trained, folder, program):
    program("data", "pack", folder / "extracted", folder / "words-data", "--align", "words", "--encoder",
            folder / "encoder", "--language", "en", "--family", "mosi")
    sets = [f"--set={name.replace('__', '.')}={json.dumps(value)}" for name, value in SMALL.items()]
    sets += ["--set=bbfn.width=8", "--set=bbfn.heads=2", "--set=bbfn.layers=1", "--set=bbfn.frozen_layers=0"]
    sets += [f"--set=data.{name}_length=16" for name in ("text", "vision", "audio")]
    program("train", "-d", folder / "words-data", "-m", "bbfn", "--encoder", folder / "encoder", "--out",
            folder / "of-words", "--extractor", WEIGHTS, *sets)
    (theirs,) = json.loads(program("predict", folder / "of-words", "--json", "--video", CLIPS[0]))
    ours = kuda.Predictor(folder / "of-words").score_video(CLIPS[0])
    assert numpy.float32(ours.score.score) == numpy.float32(theirs["score"])


def test_a_video_without_a_modality_is_a_clip_without_it(trained):
    predictor = kuda.Predictor(trained)
    whole, without = predictor.score_video(CLIPS[0]), predictor.score_video(CLIPS[0], without=["vision"])
    assert without.missing == {"vision": "not read"}
    assert without.score.score == pytest.approx(whole.why.without["vision"], abs=1e-6) != whole.score.score


def test_a_model_of_other_features_takes_no_video(extractor, run):
    predictor = kuda.Predictor(run)
    with pytest.raises(kuda.CheckpointError, match="did not make from video"):
        predictor.score_video(CLIPS[0], extractor=WEIGHTS)
    words = predictor.score_video(CLIPS[0], extractor=WEIGHTS, without=["vision", "audio"])
    assert words.score.score == predictor.score(text=words.clip.transcript, without=["vision", "audio"]).score


def test_a_part_of_a_file_has_its_own_clock(extractor):
    part = extractor.extract(CLIPS[0], 1, 2)
    assert len(part.vision) == 10 and abs(len(part.audio) - 100) <= 1


def test_what_cannot_be_read_is_named(extractor, tmp_path):
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear reader")
    with pytest.raises(kuda.DataError, match="letter.mp4"):
        extractor.extract(letter)
    with pytest.raises(kuda.MissingFileError, match="absent.mp4"):
        extractor.extract(tmp_path / "absent.mp4")
    with pytest.raises(kuda.DataError, match="no such weights"):
        kuda.Extractor(tmp_path)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("[vision]\nframes_per_secnd = 25\n")
    with pytest.raises(kuda.ConfigError, match="frames_per_second"):
        kuda.Extractor(WEIGHTS, recipe=recipe)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(kuda.DataError, match="pipe: expected a recipe .TOML., found no ordinary file"):
        kuda.Extractor(WEIGHTS, recipe=tmp_path / "pipe")  # and waits for no writer


def test_a_video_without_anything_that_the_model_reads(trained, tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg program")
    silent = tmp_path / "silent.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-i", CLIPS[0], "-an", "-c:v", "copy", silent], check=True)
    reasons = "text: there is no sound; vision: it was left out; audio: there is no sound"
    with pytest.raises(kuda.DataError, match=f"silent.mkv: nothing is left that the model reads: {reasons}"):
        kuda.Predictor(trained).score_video(silent, without=["vision"])


def test_a_recogniser_of_ones_own_takes_the_place_of_the_default_one(extractor, run, tmp_path):
    small = ROOT / "tests" / "data" / "speech" / "whisper"  # a Whisper of random weights
    own = kuda.Extractor(WEIGHTS, speech_model=small)
    digests = [line for line in own.recipe.splitlines() if line.startswith("speech = ")]
    assert digests and digests[0] not in extractor.recipe
    assert own.extract(CLIPS[0], 0, 1).vision is not None
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'[models]\nspeech = "{"a" * 64}"\n')
    with pytest.raises(kuda.DataError, match="models.speech: the recipe was made with weights of SHA-256 a"):
        kuda.Extractor(WEIGHTS, recipe=recipe, speech_model=small)
    predictor = kuda.Predictor(run)  # keeps no recipe: the default one, chosen anew
    words = predictor.score_video(CLIPS[0], extractor=WEIGHTS, speech_model=small, without=["vision", "audio"])
    assert words.clip.transcript == own.extract(CLIPS[0]).transcript


def test_a_checkpoint_takes_the_recogniser_of_its_recipe_alone(trained):
    small = ROOT / "tests" / "data" / "speech" / "whisper"
    with pytest.raises(kuda.DataError, match="models.speech: the recipe was made with weights"):
        kuda.Predictor(trained).score_video(CLIPS[0], speech_model=small)


def test_without_a_video_nothing_of_ffmpeg_is_loaded():
    code = ("import kuda; kuda.Predictor, kuda.Extractor; "
            "assert 'libavformat' not in open('/proc/self/maps').read()")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_ffmpeg_a_video_is_an_error_in_words(monkeypatch):
    from kuda import video

    video._module.cache_clear()
    monkeypatch.delattr(kuda, "_video", raising=False)
    monkeypatch.setitem(sys.modules, "kuda._video", None)
    with pytest.raises(kuda.DataError, match="videos cannot be read") as caught:
        kuda.Extractor(WEIGHTS)
    assert "FFmpeg" in caught.value.hint
    video._module.cache_clear()
