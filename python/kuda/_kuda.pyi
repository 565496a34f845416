from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import os
import torch
import typing
__all__: list[str] = ['Batch', 'CheckReport', 'Dataset', 'Feature', 'Losses', 'Model', 'Output', 'Padded', 'Predictor', 'RunChoice', 'Scoring', 'Session', 'TORCH_VERSION', 'add_model', 'compare', 'evaluate_metrics', 'extractor_in', 'holm', 'inspect', 'is_finished', 'mcnemar_test', 'models', 'open', 'permutation_test', 'score_class', 'set_log_sink', 'summarise', 'synthesize', 'train', 'write_small_encoder']
class Feature:
    """
    One modality of all clips: their frames one after another, without padding.
    """
    def __repr__(self) -> str:
        ...
    def clip(self, row: typing.SupportsInt | typing.SupportsIndex) -> torch.Tensor:
        """
        [frames, width] float32: the frames of one clip, a view.
        """
    @property
    def extractor(self) -> str:
        """
        What made the features; '' where it is not known.
        """
    @property
    def lengths(self) -> numpy.typing.NDArray[numpy.int64]:
        """
        [clips] int64: frames as the source declares them; 0 where the clip lacks the modality.
        """
    @property
    def offsets(self) -> numpy.typing.NDArray[numpy.int64]:
        """
        [clips + 1] int64: frames of clip i are values[offsets[i]:offsets[i + 1]].
        """
    @property
    def padded_length(self) -> int:
        """
        Frames of the source's padded array.
        """
    @property
    def rate(self) -> float:
        """
        Frames a second; 0 where it is not known.
        """
    @property
    def values(self) -> torch.Tensor:
        """
        [all frames, width] float32 torch.Tensor: over the file itself where that is a prepared folder, else in memory, read by the first use. A write to it stays in this process.
        """
    @property
    def width(self) -> int:
        """
        Features of a frame.
        """
class CheckReport:
    """
    What the doctor found; print it, or read `findings`.
    """
    def __str__(self) -> str:
        ...
    def json(self) -> str:
        ...
    def text(self, ids: typing.SupportsInt | typing.SupportsIndex = 5) -> str:
        ...
    @property
    def findings(self) -> list:
        """
        A dict each: severity, name, modality, message, clips (ids it concerns).
        """
    @property
    def worst(self) -> str:
        """
        'note', 'warning' or 'error': do not train on this.
        """
class Dataset:
    """
    Clips with texts, labels and features. kuda.open gives one; len() and [row] are its clips.
    """
    def __getitem__(self, row: typing.SupportsInt | typing.SupportsIndex) -> dict:
        """
        One clip: id, split, text, label, unimodal_labels, and its frames under the name of each modality.
        """
    def __len__(self) -> int:
        ...
    def __repr__(self) -> str:
        ...
    def check(self, encoder: os.PathLike | str | bytes = '') -> CheckReport:
        """
        The doctor (`kuda data check`): reads every feature once and says what could spoil a result. With the folder of an encoder stored token ids are compared with its vocabulary too.
        """
    def require_as_in_file(self) -> None:
        """
        Throws DataError where its frames were written to in this process, or its file was replaced: what opens the file would see other data. Reads all frames of both.
        """
    def rows(self, split: str) -> list[int]:
        """
        Rows of 'train', 'valid' or 'test'.
        """
    def save(self, folder: os.PathLike | str | bytes) -> None:
        """
        Writes a prepared folder, which opens at once, with the frames as they are in this process.
        """
    def to_pandas(self) -> typing.Any:
        """
        A pandas.DataFrame, one row a clip: id, split, text, label, and the labels T, V and A of its modalities (NaN = unknown).
        """
    @property
    def audio(self) -> Feature | None:
        ...
    @property
    def family(self) -> str:
        """
        Metric family: 'sims' or 'mosi'.
        """
    @property
    def fingerprint(self) -> str:
        """
        SHA-256 that names this very data, as it was opened.
        """
    @property
    def has_token_ids(self) -> bool:
        """
        The source stores word pieces of the texts (text_bert).
        """
    @property
    def ids(self) -> list[str]:
        ...
    @property
    def is_aligned(self) -> bool:
        """
        Text, vision and audio share one time axis.
        """
    @property
    def is_synthetic(self) -> bool:
        ...
    @property
    def labels(self) -> numpy.typing.NDArray[numpy.float32]:
        """
        [clips] float32, NaN where it is not known.
        """
    @property
    def language(self) -> str:
        ...
    @property
    def name(self) -> str:
        ...
    @property
    def score_range(self) -> tuple[float, float]:
        ...
    @property
    def source(self) -> str:
        """
        File or folder it came from.
        """
    @property
    def splits(self) -> list[str]:
        ...
    @property
    def text_features(self) -> Feature | None:
        ...
    @property
    def texts(self) -> list[str]:
        ...
    @property
    def unimodal_labels(self) -> dict[str, numpy.typing.NDArray[numpy.float32]]:
        """
        By modality: [clips] float32, NaN where it is not known.
        """
    @property
    def vision(self) -> Feature | None:
        ...
class Predictor:
    def __init__(self, folder: os.PathLike | str | bytes, device: str, precision: str, batch_size: typing.SupportsInt | typing.SupportsIndex, level: typing.SupportsFloat | typing.SupportsIndex, interval: str, data: os.PathLike | str | bytes) -> None:
        ...
    def explain(self, clips: collections.abc.Sequence[dict], attention: bool) -> list:
        ...
    def explain_video(self, clip: dict, words: collections.abc.Sequence[tuple[str, typing.SupportsFloat | typing.SupportsIndex, typing.SupportsFloat | typing.SupportsIndex]]) -> dict:
        ...
    def features(self, clips: collections.abc.Sequence[dict]) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def score(self, clips: collections.abc.Sequence[dict]) -> list:
        ...
    def video_recipe(self, folder: os.PathLike | str | bytes, without: collections.abc.Sequence[str], any_recipe: bool) -> str:
        ...
    @property
    def clips(self) -> list:
        ...
    @property
    def facts(self) -> dict:
        ...
class RunChoice:
    def __init__(self, file: os.PathLike | str | bytes, profile: str, sets: collections.abc.Sequence[str], places: collections.abc.Mapping[str, str]) -> None:
        ...
    def to_toml(self) -> str:
        ...
    @property
    def model(self) -> str:
        ...
    @property
    def seed(self) -> int:
        ...
class Scoring:
    def __init__(self, folder: os.PathLike | str | bytes, dataset: Dataset, modalities: collections.abc.Sequence[str], batch_size: typing.SupportsInt | typing.SupportsIndex, device: str, precision: str) -> None:
        ...
    def evaluate(self, split: str, by_conflict: bool) -> tuple:
        ...
    def explain(self, split: str, clips: collections.abc.Sequence[str], attention: bool) -> str:
        ...
    def notes(self) -> list[str]:
        ...
    def predict(self, split: str, clips: collections.abc.Sequence[str], level: typing.SupportsFloat | typing.SupportsIndex, interval: str) -> dict:
        ...
class Padded:
    """
    One modality of a batch; None everywhere where the data lack it.
    """
    @property
    def lengths(self) -> torch.Tensor | None:
        """
        [B] int64: frames that are not padding, at least 1
        """
    @property
    def missing(self) -> torch.Tensor | None:
        """
        [B] bool: the clip lacks the modality; its one frame is zeros
        """
    @property
    def padding(self) -> torch.Tensor | None:
        """
        [B, L] bool, True = padded
        """
    @property
    def values(self) -> torch.Tensor | None:
        """
        [B, L, D] float32
        """
class Batch:
    """
    Some clips as padded tensors. kuda.Session makes them; they can be pickled.
    """
    def __getstate__(self) -> tuple:
        ...
    def __len__(self) -> int:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    def to(self, device: torch.device) -> Batch:
        """
        The same on another device.
        """
    @property
    def audio(self) -> Padded:
        ...
    @property
    def ids(self) -> list[str]:
        ...
    @property
    def label(self) -> torch.Tensor | None:
        """
        [B] float32, NaN = unknown
        """
    @property
    def rows(self) -> list[int]:
        """
        Rows of the data set.
        """
    @property
    def text_features(self) -> Padded:
        ...
    @property
    def text_ids(self) -> torch.Tensor | None:
        """
        [B, L] int64
        """
    @property
    def text_padding(self) -> torch.Tensor | None:
        """
        [B, L] bool, True = padded
        """
    @property
    def text_segments(self) -> torch.Tensor | None:
        """
        [B, L] int64
        """
    @property
    def unimodal_labels(self) -> dict[str, torch.Tensor | None]:
        """
        By modality: [B] float32, NaN = unknown
        """
    @property
    def vision(self) -> Padded:
        ...
class Output:
    """
    What a model makes of a batch, with gradients.
    """
    @property
    def parts(self) -> dict[str, torch.Tensor | None]:
        """
        By modality: [B], what of the score is due to it alone, or None.
        """
    @property
    def ratio(self) -> dict[str, torch.Tensor | None]:
        """
        By modality: [B], weights that the model predicts, or None.
        """
    @property
    def score(self) -> torch.Tensor:
        """
        [B] float32, in the data set's score range.
        """
    @property
    def unimodal(self) -> dict[str, torch.Tensor | None]:
        """
        By modality: [B], or None where the model has no decoder of it.
        """
class Losses:
    """
    The loss of a batch.
    """
    @property
    def terms(self) -> dict[str, torch.Tensor]:
        """
        The scalars that the total is made of, by name.
        """
    @property
    def total(self) -> torch.Tensor:
        """
        A scalar with gradient.
        """
class Session:
    def __init__(self, toml: str, data: Dataset, encoder: str, crop: bool) -> None:
        ...
    def batch(self, arg0: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]) -> Batch:
        ...
    def rows(self, arg0: str) -> list[int]:
        ...
    def shape(self) -> dict:
        ...
class Model:
    def __init__(self, session: Session, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def after_backward(self, arg0: Output, arg1: Batch) -> None:
        ...
    def begin_epoch(self, arg0: typing.SupportsInt | typing.SupportsIndex, arg1: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def begin_phase(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def forward(self, arg0: Batch) -> Output:
        ...
    def loss(self, arg0: Output, arg1: Batch) -> Losses:
        ...
    def reference_step(self, arg0: Batch, arg1: typing.SupportsFloat | typing.SupportsIndex) -> float:
        ...
    def train(self, arg0: bool) -> None:
        ...
    def tree(self) -> dict:
        ...
    @property
    def num_phases(self) -> int:
        ...
def add_model(name: str, text: str, make: typing.Any) -> None:
    ...
def compare(first_name: str, first: Scoring, second_name: str, second: Scoring, split: str) -> tuple:
    ...
def evaluate_metrics(family: str, predictions: typing.Annotated[numpy.typing.ArrayLike, numpy.float32], labels: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]) -> dict:
    ...
def extractor_in(folder: os.PathLike | str | bytes) -> str:
    ...
def holm(p_values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], family: typing.SupportsInt | typing.SupportsIndex) -> list[float]:
    ...
def inspect(path: os.PathLike | str | bytes) -> str:
    ...
def is_finished(folder: os.PathLike | str | bytes) -> bool:
    ...
def mcnemar_test(only_first: typing.SupportsInt | typing.SupportsIndex, only_second: typing.SupportsInt | typing.SupportsIndex) -> float:
    ...
def models() -> list:
    ...
def open(path: os.PathLike | str | bytes) -> Dataset:
    ...
def permutation_test(differences: typing.Annotated[numpy.typing.ArrayLike, numpy.float64], count: typing.SupportsInt | typing.SupportsIndex, seed: typing.SupportsInt | typing.SupportsIndex) -> float:
    ...
def score_class(family: str, classes: typing.SupportsInt | typing.SupportsIndex, score: typing.SupportsFloat | typing.SupportsIndex) -> int:
    ...
def set_log_sink(arg0: typing.Any) -> None:
    ...
def summarise(values: typing.Annotated[numpy.typing.ArrayLike, numpy.float64]) -> dict:
    ...
def synthesize(like: str, seed: typing.SupportsInt | typing.SupportsIndex, train: typing.SupportsInt | typing.SupportsIndex, valid: typing.SupportsInt | typing.SupportsIndex, test: typing.SupportsInt | typing.SupportsIndex, out: os.PathLike | str | bytes) -> Dataset:
    ...
def train(choice: RunChoice, out: os.PathLike | str | bytes, listener: typing.Any, restart: bool) -> bool:
    ...
def write_small_encoder(folder: os.PathLike | str | bytes, layers: typing.SupportsInt | typing.SupportsIndex) -> None:
    ...
TORCH_VERSION: str = '2.13.0'
