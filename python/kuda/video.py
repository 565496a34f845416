"""Raw video as features: what is seen, heard and said in a file."""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from . import _log
from .errors import DataError, MissingFileError

DEFAULT_FOLDER = "extractors/default"  # of `scripts/setup.sh --extractor`


@functools.cache
def _module():
    """Loaded when it is first needed: it brings FFmpeg's libraries, which nothing else needs."""
    from . import _native  # noqa: F401  torch comes before

    try:
        from . import _video
    except ImportError as error:
        raise DataError(
            f"videos cannot be read: {error}",
            "install FFmpeg's libraries in the version that kuda was built with (Debian: `apt-get install ffmpeg`)",
        ) from error
    _log.connect(_video)
    return _video


class Word(NamedTuple):
    """A word that was heard; times in seconds of the file."""

    text: str
    begin: float
    end: float
    probability: float


@dataclass(frozen=True)
class ExtractedClip:
    """What a recipe makes of a file. Row i of an array of r rows a second belongs to second i / r, as word times do."""

    vision: numpy.ndarray | None  #: [pictures, columns] float32, read-only; None: see `missing`
    audio: numpy.ndarray | None  #: [frames, columns] float32, read-only
    transcript: str  #: as recognised; empty where nobody speaks
    language: str
    words: list[Word]
    missing: dict[str, str]  #: by modality that is not there: why
    facts: dict[str, Any]  #: counted on the way: seconds, pictures, pictures_with_face, faces, speech_seconds, ...


class Extractor:
    """Makes features of videos and sound files, as `kuda data extract` does. Threads may share one, and take turns.

    `folder`: the weights (`scripts/setup.sh --extractor`). `recipe`: a TOML file; None: the default one (`kuda config
    --recipe`). `speech_model`: a folder of Whisper in Hugging Face layout in place of the folder's; a recipe that names
    a recogniser of its own takes that one alone.
    Raises DataError for weights that are not there or not those of the recipe, and where FFmpeg's libraries are not.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str] = DEFAULT_FOLDER,
        *,
        recipe: str | os.PathLike[str] | None = None,
        speech_model: str | os.PathLike[str] | None = None,
    ) -> None:
        text = ""
        if recipe is not None:
            if not os.path.exists(recipe):
                raise MissingFileError(f"{os.fspath(recipe)}: there is no such file")
            if not os.path.isfile(recipe):
                raise DataError(f"{os.fspath(recipe)}: expected a recipe (TOML), found no ordinary file")
            text = Path(recipe).read_text(encoding="utf-8")
        self._core = _module().Extractor(folder, text, os.fspath(recipe or ""), speech_model or "", is_kept=False)

    @classmethod
    def _by(cls, recipe: str, source: str, folder: Any, speech_model: Any) -> Extractor:
        """By the text of the recipe of a checkpoint, which `source` stands for in messages."""
        made = cls.__new__(cls)
        made._core = _module().Extractor(folder, recipe, source, speech_model or "", is_kept=True)
        return made

    @property
    def recipe(self) -> str:
        """Every constant, as TOML, with the SHA-256 of the weights."""
        return self._core.recipe

    @property
    def columns(self) -> dict[str, list[str]]:
        """Names of the columns of `vision` and `audio`."""
        return self._core.columns

    def extract(self, path: str | os.PathLike[str], begin: float = 0.0, end: float | None = None) -> ExtractedClip:
        """Of a file, or of its part between two seconds. The file is decoded in a process of its own.

        Raises DataError naming the file where nothing of it can be decoded; MissingFileError.
        """
        if not os.path.exists(path):
            raise MissingFileError(f"{os.fspath(path)}: there is no such file")
        made = self._core.extract(path, begin, end)
        facts = json.loads(made["facts"])
        words = [Word(**word) for word in facts.pop("words")]
        named = {name: facts.pop(name) for name in ("transcript", "language", "missing")}
        return ExtractedClip(vision=made["vision"], audio=made["audio"], words=words, facts=facts, **named)

    def __repr__(self) -> str:
        columns = self.columns
        return f"Extractor({len(columns['vision'])} columns of vision, {len(columns['audio'])} of audio)"
