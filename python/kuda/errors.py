"""Errors of kuda. Each has a message, a hint (what to do, or '') and the exit code of the program for its kind."""

from __future__ import annotations


class Error(RuntimeError):
    """The family. `message` says what went wrong and where, `hint` what to do; str() gives both."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message

    def __reduce__(self):  # they cross processes: DataLoader workers, Ray, multiprocessing
        return type(self), (self.message, self.hint)


class UsageError(Error, ValueError):
    """Something was asked for that does not exist."""

    exit_code = 2


class ConfigError(Error, ValueError):
    """A configuration key or value: unknown, of the wrong type, or out of range."""

    exit_code = 3


class DataError(Error, ValueError):
    """The content of a data set: missing keys, wrong shapes, impossible values."""

    exit_code = 4


class FormatError(DataError):
    """The bytes of a file: truncated, damaged, or of another format."""


class ShapeError(DataError):
    """Arrays that were handed over do not fit."""


class MissingFileError(DataError, FileNotFoundError):
    """There is no such file or folder."""


class CheckpointError(Error):
    """A checkpoint that is missing, damaged, or does not fit the model or the data."""

    exit_code = 5


class Interrupted(Error):
    """Work was stopped after its state was saved; the same call continues it."""

    exit_code = 6
