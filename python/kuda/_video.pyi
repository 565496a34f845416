from __future__ import annotations
import os
import typing
__all__: list[str] = ['Extractor', 'set_log_sink']
class Extractor:
    def __init__(self, folder: os.PathLike | str | bytes, recipe: str, source: str, speech_model: os.PathLike | str | bytes, is_kept: bool) -> None:
        ...
    def extract(self, file: os.PathLike | str | bytes, begin: typing.SupportsFloat | typing.SupportsIndex, end: typing.SupportsFloat | typing.SupportsIndex | None) -> dict:
        ...
    @property
    def columns(self) -> dict:
        ...
    @property
    def recipe(self) -> str:
        ...
def set_log_sink(arg0: typing.Any) -> None:
    ...
