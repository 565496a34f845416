"""A trained model that scores clips."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy

from ._native import _kuda
from .arrays import frames
from .errors import DataError, ShapeError
from .runs import folder_of
from .video import DEFAULT_FOLDER, ExtractedClip, Extractor

_FRAMES = ("text_features", "vision", "audio")
_FIELDS = ("id", "text", "token_ids", "clip", "without", *_FRAMES)


class Interval(NamedTuple):
    """Holds the label of a new clip with probability `level`."""

    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Score:
    """A clip's score and what a reader of it must know. Dicts are by modality: 'text', 'vision', 'audio'."""

    id: str
    score: float  #: in the score range of the data that the model was trained on
    interval: Interval | None  #: None without a calibration, and for a clip that lacks a modality
    unimodal: dict[str, float | None]  #: what the model's own decoders say
    ratio: dict[str, float | None]  #: weights that the model predicts
    parts: dict[str, float | None]  #: what of the score is each one's
    correction: float | None  #: the rest of the score, which the modalities make together
    leading: str | None  #: the modality whose own score is nearest to the score
    outside_range: bool  #: beyond the range of labels
    far_input: dict[str, bool]  #: frames ten times as large as any in training
    cut: dict[str, tuple[int, int] | None]  #: (frames of the clip, frames that the model read)
    seconds: float


@dataclass(frozen=True)
class Explanation:
    """Why a clip has its score. Dicts are by modality."""

    score: Score
    without: dict[str, float | None]  #: the score when it is missing
    share: dict[str, float | None]  #: with how much norm it enters the fusion
    by_unimodal: str | None  #: the leading modality by each kind of evidence
    by_share: str | None
    by_removal: str | None
    by_ratio: str | None
    attention: dict[str, numpy.ndarray | None]  #: [text positions, positions of the modality] float32
    tokens: list[str]  #: word pieces that the model read


@dataclass(frozen=True)
class VideoScore:
    """What a model says of a video, why, and what was found in it."""

    file: str
    why: Explanation
    clip: ExtractedClip
    missing: dict[str, str]  #: by modality that the model got nothing of: why

    @property
    def score(self) -> Score:
        return self.why.score


def _score(facts: dict[str, Any]) -> Score:
    interval = facts.pop("interval")
    return Score(interval=None if interval is None else Interval(*interval), **facts)


def _explanation(facts: dict[str, Any]) -> Explanation:
    return Explanation(score=_score(facts.pop("score")), **facts)


def _clip(given: Mapping[str, Any], place: str) -> dict[str, Any]:
    unknown = set(given) - set(_FIELDS)
    if unknown:
        raise ShapeError(f"{place}: unknown field '{sorted(unknown)[0]}'", "known: " + ", ".join(_FIELDS))
    clip = dict(given)
    for name in _FRAMES:
        if clip.get(name) is not None:
            clip[name] = frames(clip[name], name)
    return clip


class Predictor:
    """A checkpoint in use. Threads may share one; while it works other threads of Python run.

    `folder`: a run, its folder, or a checkpoint folder. `level`: probability of the intervals. `data`: a data set whose
    clips may be scored by id (`clip=`). Raises CheckpointError and ConfigError.
    """

    def __init__(
        self,
        folder: Any,
        *,
        device: str = "cpu",
        precision: str = "fp32",
        batch_size: int = 32,
        level: float = 0.9,
        interval: str = "split",
        data: str | os.PathLike[str] = "",
    ) -> None:
        self._folder = folder_of(folder)
        self._core = _kuda.Predictor(self._folder, device, precision, batch_size, level, interval, data)
        self._extractors: dict[tuple[str, ...], Extractor] = {}
        self._making = threading.Lock()

    @property
    def facts(self) -> dict[str, Any]:
        """Model, inputs in use with their width and length, score range, data, epoch, versions."""
        return self._core.facts

    @property
    def clips(self) -> list[str]:
        """Ids of the clips of `data`."""
        return self._core.clips

    def score(
        self,
        *,
        text: str | None = None,
        audio: Any = None,
        vision: Any = None,
        text_features: Any = None,
        token_ids: Sequence[int] | None = None,
        clip: str | None = None,
        without: Sequence[str] = (),
        id: str = "",
    ) -> Score:
        """One clip. What is left out is missing, which is allowed.

        `audio`, `vision`, `text_features`: [frames, width] float32, an array of numpy, a tensor of torch or anything
        with DLPack; not copied. `without`: modalities to score the clip without.
        Raises ShapeError and DataError naming what was expected and found.
        """
        return self.score_many([{name: value for name, value in locals().items() if name in _FIELDS}])[0]

    def score_many(self, clips: Iterable[Mapping[str, Any]]) -> list[Score]:
        """Clips as dicts with the arguments of `score`. Ctrl-C ends it between batches."""
        return [_score(facts) for facts in self._core.score(self._given(clips))]

    def explain(self, clips: Iterable[Mapping[str, Any]], attention: bool = False) -> list[Explanation]:
        """The same with what changes when a modality is missing; `attention`: also the maps of the last block."""
        return [_explanation(facts) for facts in self._core.explain(self._given(clips), attention)]

    def score_video(
        self,
        path: str | os.PathLike[str],
        *,
        without: Sequence[str] = (),
        begin: float = 0.0,
        end: float | None = None,
        extractor: str | os.PathLike[str] = "",
        speech_model: str | os.PathLike[str] | None = None,
        any_recipe: bool = False,
    ) -> VideoScore:
        """A video or sound file, or its part between two seconds, with the numbers of `kuda predict --video`.

        It is extracted by the recipe that the checkpoint keeps. `extractor`: folder of the weights (default: those that
        the checkpoint keeps, else extractors/default). `without`: modalities to score it without. `any_recipe`: also
        for a model of features that kuda did not make from video.
        Raises CheckpointError for such a model without it; DataError naming the file.
        """
        clip = self._extractor(without, extractor, speech_model, any_recipe).extract(path, begin, end)
        unread = {*without, *(name for name, facts in self.facts["inputs"].items() if facts is None)}
        given = {
            "id": os.path.splitext(os.path.basename(path))[0],
            "text": clip.transcript or None,
            "vision": clip.vision,
            "audio": clip.audio,
            "without": list(unread),
        }
        missing = {**clip.missing, **dict.fromkeys(unread, "not read")}
        if all(given[name] is None for name in ("text", "vision", "audio") if name not in unread):
            reads = [name for name, facts in self.facts["inputs"].items() if facts is not None]
            reasons = "; ".join(f"{name}: {clip.missing.get(name, 'it was left out')}" for name in reads)
            raise DataError(f"{os.fspath(path)}: nothing is left that the model reads: {reasons}")
        words = [(word.text, word.begin, word.end) for word in clip.words]
        why = _explanation(self._core.explain_video(_clip(given, "video"), words))
        return VideoScore(os.fspath(path), why, clip, missing)

    def _extractor(self, without: Sequence[str], folder: Any, speech_model: Any, any_recipe: bool) -> Extractor:
        recipe = self._core.video_recipe(self._folder, list(without), any_recipe)
        folder = os.fspath(folder or _kuda.extractor_in(self._folder) or DEFAULT_FOLDER)
        key = (recipe, folder, os.fspath(speech_model or ""))
        with self._making:
            if key not in self._extractors:
                source = f"{self._folder / 'config.json'}: recipe"
                self._extractors[key] = Extractor._by(recipe, source, folder, speech_model)
            return self._extractors[key]

    def features(self, clips: Iterable[Mapping[str, Any]]) -> numpy.ndarray:
        """[clips, width] float32: the fused vector that each score is read from."""
        return self._core.features(self._given(clips))

    @staticmethod
    def _given(clips: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [_clip(clip, f"clip {number}") for number, clip in enumerate(clips, 1)]

    def __repr__(self) -> str:
        facts = self.facts
        return f"Predictor('{facts['model']}', trained on '{facts['data']}')"
