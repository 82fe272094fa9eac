"""A file with what causalxai logs during a run, whatever the application does with its log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Write what causalxai and its plugins log, from INFO on, into a file.

    An application's own handlers get what they would have got without it, and no more.
    """
    file = logging.FileHandler(path, mode="w", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    known = [name for name in logging.root.manager.loggerDict if name.startswith("causalxai")]
    with ExitStack() as stack:
        stack.callback(file.close)
        for name in sorted({name.partition(".")[0] for name in known}):
            stack.enter_context(_overheard(logging.getLogger(name), file))
        yield


@contextmanager
def _overheard(logger: logging.Logger, file: logging.Handler) -> Iterator[None]:
    level, handlers, propagate = logger.level, logger.handlers, logger.propagate
    others = _Others(logger)
    logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))
    logger.handlers, logger.propagate = [file, others], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


class _Others(logging.Handler):
    """Hands on what a logger, as it is now, would have let through to its handlers."""

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger
        self._before = logging.Logger(logger.name, logger.getEffectiveLevel())
        self._before.handlers, self._before.propagate = logger.handlers, logger.propagate
        self._before.parent = logger.parent

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= self._level_of(record.name):
            self._before.callHandlers(record)

    def _level_of(self, name: str) -> int:
        # A logger below ours may have a level of its own.
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None and logger is not self._logger:
            if logger.level:
                return logger.level
            logger = logger.parent
        return self._before.level
