from __future__ import annotations
import os
import typing
__all__: list[str] = ['read_pickle', 'set_log_sink']
def read_pickle(path: os.PathLike | str | bytes) -> typing.Any:
    ...
def set_log_sink(arg0: typing.Any) -> None:
    ...
