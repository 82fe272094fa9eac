"""Writes the log of a run into a file, independently of the application's logging."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from causalxai.storage.writing import writing_to


@contextmanager
def logged_to(path: Path, *, append: bool = False) -> Iterator[None]:
    """Write the records of causalxai and its plugins, from level INFO, into a file.

    The application's handlers receive exactly the records that they would receive without it.

    Parameters
    ----------
    path
        The file.
    append
        Whether to keep what is in the file.

    Raises
    ------
    DataError
        If the file cannot be written; at the end of the block if that happens within it.
    """
    with writing_to(path):
        file = _LogFile(path, append=append)
    file.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    known = [name for name in logging.root.manager.loggerDict if name.startswith("causalxai")]
    with ExitStack() as stack:
        stack.enter_context(_closing(file, path))
        for name in sorted({name.partition(".")[0] for name in known}):
            stack.enter_context(_copied(logging.getLogger(name), file))
        yield


class _LogFile(logging.FileHandler):
    """A log that stops at the first record that it cannot write, and keeps the error."""

    def __init__(self, path: Path, *, append: bool) -> None:
        # Names of files that are not UTF-8 are escaped.
        mode = "a" if append else "w"
        super().__init__(path, mode=mode, encoding="utf-8", errors="backslashreplace")
        self.failure: OSError | None = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif self.failure is None:
            self.failure = error
            self.addFilter(lambda _record: False)


@contextmanager
def _closing(file: _LogFile, path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    with writing_to(path):
        file.close()
        if file.failure is not None:
            raise file.failure


@contextmanager
def _copied(logger: logging.Logger, file: logging.Handler) -> Iterator[None]:
    """Copy a logger's records, from level INFO, to a file while the block runs."""
    # The level must be lowered to INFO for the file. The logger's own handlers, and those of its
    # parents, are therefore called by a handler that applies the level from before.
    level, handlers, propagate = logger.level, logger.handlers, logger.propagate
    others = _HandlersBefore(logger)
    logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))
    logger.handlers, logger.propagate = [file, others], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


class _HandlersBefore(logging.Handler):
    """Passes records on to the present handlers of a logger, by its present level."""

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
        # A child of the logger may have a level of its own.
        logger: logging.Logger | None = logging.getLogger(name)
        while logger is not None and logger is not self._logger:
            if logger.level:
                return logger.level
            logger = logger.parent
        return self._before.level
