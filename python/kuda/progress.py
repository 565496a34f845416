"""What training tells while it runs, and how it is shown."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import UsageError

logger = logging.getLogger("kuda")


@dataclass(frozen=True)
class Step:
    """Where a task stands after one of its steps."""

    task: str  #: "pretrain text", "lmf", "lmf predictions"
    epoch: int  #: from 1; 0 where there are no epochs
    epochs: int
    step: int  #: within the epoch, from 1
    steps: int
    clips: int  #: in this step
    loss: float | None  #: mean of the epoch so far


class Listener:
    """Hands steps and epochs to callables, and lines to the log. What a callable raises stops the work, which is saved
    first, and is then raised unchanged."""

    def __init__(self, on_step: Callable[[Step], Any] | None, on_epoch: Callable[[dict[str, Any]], Any] | None) -> None:
        self._on_step, self._on_epoch = on_step, on_epoch

    def step(self, *fields: Any) -> None:
        if self._on_step is not None:
            self._on_step(Step(*fields))

    def epoch(self, values: dict[str, Any]) -> None:
        if self._on_epoch is not None:
            self._on_epoch(values)

    def line(self, text: str) -> None:
        logger.info(text)

    def close(self) -> None:
        pass


class Bar(Listener):
    """A bar of tqdm for each task."""

    def __init__(self, on_epoch: Callable[[dict[str, Any]], Any] | None, bar: Callable[..., Any]) -> None:
        super().__init__(None, on_epoch)
        self._make = bar
        self._bar: Any = None
        self._task: str | None = None

    def step(self, task, epoch, epochs, step, steps, clips, loss) -> None:
        if task != self._task:
            self.close()
            self._bar, self._task = self._make(total=steps * max(epochs, 1), desc=task, unit="step"), task
        done = max(epoch - 1, 0) * steps + step
        self._bar.update(done - self._bar.n)
        if loss is not None and step == steps:
            self._bar.set_postfix(epoch=epoch, loss=f"{loss:.4f}")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = self._task = None


def listener_for(progress: Any, on_epoch: Callable[[dict[str, Any]], Any] | None) -> Listener:
    """'auto', True: a bar where tqdm is installed and somebody looks; None, False: silent; a callable gets each Step."""
    if on_epoch is not None and not callable(on_epoch):
        raise UsageError(f"on_epoch: expected None or a callable, found {on_epoch!r}")
    if progress is False:
        progress = None
    if progress is not None and progress is not True and progress != "auto" and not callable(progress):
        raise UsageError(f"progress: expected 'auto', None, True, False or a callable, found {progress!r}")
    if progress is True or progress == "auto":
        if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
            return Listener(None, on_epoch)
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return Listener(None, on_epoch)
        return Bar(on_epoch, tqdm)
    return Listener(progress, on_epoch)
