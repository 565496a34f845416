"""Messages of the library go to logging.getLogger("kuda"); nothing is shown unless the program sets logging up."""

from __future__ import annotations

import atexit
import logging

logger = logging.getLogger("kuda")
logger.addHandler(logging.NullHandler())


def connect(module) -> None:
    """Sends what a module says to the logger, until the interpreter ends."""
    module.set_log_sink(lambda is_warning, message: logger.log(logging.WARNING if is_warning else logging.INFO, message))
    atexit.register(module.set_log_sink, None)


def verbose(level: int = logging.INFO) -> None:
    """Shows the messages of kuda on stderr, for notebooks and small scripts."""
    if not any(type(handler) is logging.StreamHandler for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    logger.setLevel(level)
