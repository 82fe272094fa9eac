"""The guard around every call into a plugin: whatever it raises, the error names the plugin."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType, TracebackType

from causalxai.errors import CausalxaiError, ContractError, PluginError
from causalxai.plugin.base import Plugin
from causalxai.plugin.provenance import Origin
from causalxai.supervision import note_call

_LONGEST = 500
"""The most characters of an error's own message that are quoted."""

_CALLERS = ("causalxai", "contextlib")

_logger = logging.getLogger(__name__)


@contextmanager
def guarded(plugin: Origin, stage: str) -> Iterator[None]:
    """Turn whatever the block raises into an error that names the plugin at fault.

    Where one plugin calls another, such as a metric that asks the oracle, that is the one whose
    code was running. ``KeyboardInterrupt`` is the user's, and is let through. So are the errors of
    causalxai that are addressed to the user, such as ``DataError`` and ``CapabilityError``.

    Parameters
    ----------
    plugin
        The plugin that is called.
    stage
        What it is called for, such as ``explain`` or ``metrics.deletion``.

    Raises
    ------
    PluginError
        If the block raises anything else, or calls ``sys.exit``.
    ContractError, PluginError
        If the block raises it; the message then names the plugin.
    """
    note_call(f"{plugin}, in {stage}")
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except CausalxaiError as error:
        if isinstance(error, ContractError | PluginError) and not error.plugin:
            _name_in(error, plugin, stage)
        raise
    except BaseException as error:
        _logger.debug("the traceback of a plugin's error", exc_info=error)
        who, place = _culprit(plugin, error.__traceback__)
        failed = PluginError(f"{who} failed in {stage}{place}: {in_words(error)}")
        failed.plugin = str(who)
        raise failed from error


def in_words(error: BaseException) -> str:
    """Return the type of an error and its message, on one line."""
    try:
        message = " ".join(str(error).split())
    except BaseException:
        # The error is of a class of the plugin's own, whose __str__ may raise anything.
        message = "(its message cannot be read)"
    if len(message) > _LONGEST:
        message = f"{message[:_LONGEST]} …"
    if isinstance(error, SystemExit):
        return f"it called sys.exit({message})"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _name_in(error: ContractError | PluginError, plugin: Origin, stage: str) -> None:
    who, place = _culprit(plugin, error.__traceback__)
    if str(who) not in str(error):
        error.args = (f"{who}, in {stage}{place}: {error}",)
    error.plugin = str(who)


def _culprit(plugin: Origin, trace: TracebackType | None) -> tuple[Origin, str]:
    """Return the plugin whose code was running innermost, and where, as `` at file:line``."""
    frames = list(traceback.walk_tb(trace))
    start = 0
    for number, (frame, _) in enumerate(frames):
        part = frame.f_locals.get("self")
        known = part.provenance if isinstance(part, Plugin) else None
        # Templates such as Oracle.query fail where they are given what is wrong.
        if known is not None and not _in_template(frame, known):
            plugin, start = known, number
    called = frames[start:]
    own = [at for at in called if _package(at[0]) == plugin.package]
    # A class may inherit the code that fails from another distribution.
    foreign = [at for at in called if _package(at[0]) not in _CALLERS]
    if not own and not foreign:
        return plugin, ""
    frame, line = (own or foreign)[-1]
    return plugin, f" at {_file(frame.f_code, frame.f_globals)}:{line}"


def _in_template(frame: FrameType, plugin: Origin) -> bool:
    """Return whether a method of a plugin is one that it inherits from another package."""
    return _package(frame) != plugin.package


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _file(code: CodeType, module: dict[str, object]) -> str:
    """Return a file from its top package on, because the rest is of this machine alone."""
    path = Path(code.co_filename)
    depth = str(module.get("__name__", "")).count(".") + (path.name == "__init__.py") + 1
    return "/".join(path.parts[-depth:])
