"""A modality from another feature file, as MMSA's feature_T, feature_A and feature_V take it."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import DataError, UsageError
from .pickles import LeftOut, read_pickle

SPLITS = ("train", "valid", "test")
_COLUMNS = {"T": ("text", "text_bert"), "A": ("audio", "audio_lengths"), "V": ("vision", "vision_lengths")}


def _split(path: Any, content: Any, split: str) -> dict[str, Any]:
    if not isinstance(content, dict) or not isinstance(content.get(split), dict):
        raise DataError(f"{os.fspath(path)}: {split}: expected a dict of arrays and lists",
                        "MMSA's layout is described in docs/data-formats.md")
    return {key: value for key, value in content[split].items() if not isinstance(value, LeftOut)}


def _names(split: dict[str, Any]) -> list[str] | None:
    return [str(name) for name in split["id"]] if "id" in split else None


def joined(place: Any, parts: Mapping[str, Any], folder: Path, words: bool) -> Path:
    """The feature file `place` with the modalities of `parts` (letter to file), written into `folder`.

    MMSA joins by position; here clips of another number or with other ids are refused, since nothing good could follow.
    `words`: the text that the model reads are word pieces (text_bert). Columns of a modality come all from one file.
    """
    if os.path.isdir(place):
        raise UsageError(f"{os.fspath(place)}: feature_T, feature_A and feature_V join feature files, found a folder")
    base = read_pickle(place)
    made = {split: _split(place, base, split) for split in SPLITS}
    for letter, path in parts.items():
        other = read_pickle(path)
        needed = "text_bert" if letter == "T" and words else _COLUMNS[letter][0]
        for split, target in made.items():
            source, where = _split(path, other, split), f"feature_{letter}: {os.fspath(path)}: {split}"
            if needed not in source:
                raise DataError(f"{where}.{needed}: the key is missing", "it has " + ", ".join(sorted(source)))
            clips = len(target["id"]) if "id" in target else len(source[needed])
            if len(source[needed]) != clips:
                raise DataError(f"{where}.{needed}: expected {clips} clips, as {os.fspath(place)} has, "
                                f"found {len(source[needed])}")
            for row, (mine, its) in enumerate(zip(_names(target) or (), _names(source) or ())):
                if mine != its:
                    raise DataError(f"{where}.id: clip {row}: expected {mine}, as {os.fspath(place)} has, found {its}",
                                    "both files must list the same clips in one order")
            for column in _COLUMNS[letter]:
                target.pop(column, None)
                if column in source:
                    target[column] = source[column]
    path = folder / Path(place).name
    with path.open("wb") as file:
        pickle.dump(made, file, protocol=5)  # writes arrays from where they lie, without a copy
    return path
