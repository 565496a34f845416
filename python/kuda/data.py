"""Data sets: feature files in the layout of MMSA, tables, prepared folders."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, TypeAlias

from ._native import _kuda
from .errors import MissingFileError, UsageError

if TYPE_CHECKING:
    import pandas

Dataset: TypeAlias = _kuda.Dataset
MODALITIES = ("text", "vision", "audio")


def open(path: str | os.PathLike[str]) -> Dataset:
    """A feature file (*.pkl) or a prepared folder; its features stay in the file where they can.

    Of a feature file a batch reads the frames of its clips, Feature.values all of a modality, and `fingerprint`, check()
    and save() the whole file, once; only then values that are not finite are warned about.
    Raises FormatError and DataError naming file, split, key, what was expected and what was found; MissingFileError.
    """
    if not os.path.exists(path):
        raise MissingFileError(f"{os.fspath(path)}: there is no such file or folder")
    return _kuda.open(path)


def inspect(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What is in a file or folder, also where it is no data set: keys, shapes, facts, and `problem` if there is one."""
    if not os.path.exists(path):
        raise MissingFileError(f"{os.fspath(path)}: there is no such file or folder")
    return json.loads(_kuda.inspect(path))


def synthesize(
    like: str = "",
    *,
    seed: int = 1111,
    train: int = 0,
    valid: int = 0,
    test: int = 0,
    out: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Synthetic clips by a written rule (docs/synthetic.md). `like`: sizes of 'sims', 'simsv2', 'mosi' or 'mosei'.

    `out`: a prepared folder to write, with truth.csv as `kuda data synth` writes it; kuda.explain then says how often a
    kind of evidence names the modality that carries the truth. What was written is opened and returned.
    """
    return _kuda.synthesize(like, seed, train, valid, test, "" if out is None else out)


def to_pandas(data: Dataset) -> "pandas.DataFrame":
    """What Dataset.to_pandas gives."""
    try:
        import pandas
    except ImportError as error:
        raise UsageError("to_pandas needs pandas, which is not installed", "pip install pandas") from error

    labels = data.unimodal_labels
    return pandas.DataFrame(
        {
            "id": data.ids,
            "split": data.splits,
            "text": data.texts,
            "label": data.labels,
            "T": labels["text"],
            "V": labels["vision"],
            "A": labels["audio"],
        }
    )


def as_dataset(data: "Dataset | str | os.PathLike[str]") -> Dataset:
    return data if isinstance(data, Dataset) else open(data)


def place_of(data: "Dataset | str | os.PathLike[str]") -> str:
    """The file or folder of a data set, for what opens it by itself. What is open must be what the file holds."""
    place = data.source if isinstance(data, Dataset) else os.fspath(data)
    if not place or not os.path.exists(place):
        raise MissingFileError(
            f"{place or 'a data set in memory'}: there is no such file or folder",
            "data.save(folder) writes a data set; give that folder" if isinstance(data, Dataset) else "",
        )
    if isinstance(data, Dataset):
        data.require_as_in_file()
    return place
