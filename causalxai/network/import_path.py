"""Finds what an import path names, and refuses what builds no network before anything is called."""

from __future__ import annotations

import functools
import inspect
import logging
import typing
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

from torch import nn

from causalxai.errors import DataError, did_you_mean
from causalxai.network.import_folders import folders_searched, importable_from, names_in
from causalxai.network.own_code import OwnCode, is_standard, top_package

_LOG = logging.getLogger(__name__)


def find_network(path: str, folder: Path | None = None) -> Any:
    """Import the module of ``module:name``, and return what it names.

    Parameters
    ----------
    path
        ``module:name``. The module is found in ``folder``, in the working directory, or where
        Python finds modules.
    folder
        The folder that is searched first.

    Returns
    -------
    object
        A subclass of ``nn.Module``, an ``nn.Module``, or a function that builds one: its return
        annotation says so, or it is the user's own code.

    Raises
    ------
    DataError
        If the import fails, or the name is missing or something else. Modules of Python itself,
        such as ``os``, are not even imported.
    """
    with importable_from(folder):
        return _find(path, folder)


def _find(path: str, folder: Path | None) -> Any:
    module_name, _, name = path.partition(":")
    if is_standard(module_name):
        raise DataError(
            f"{path} belongs to Python itself and builds no network; name a torch.nn.Module of "
            "your own, or a function that returns one"
        )
    _LOG.warning("importing your module %s, which runs its code", module_name)
    try:
        module = import_module(module_name)
    except (Exception, SystemExit) as error:
        # The import runs the user's code, which may raise any exception.
        raise DataError(
            f"{module_name} cannot be imported: {type(error).__name__}: {error}"
            f"{_hint(module_name, error, folder)}"
        ) from error
    if not hasattr(module, name):
        raise DataError(f"{module_name} has no {name!r}{did_you_mean(name, dir(module))}")
    found = getattr(module, name)
    if (fault := _fault(found)) is not None:
        raise DataError(f"{path} {fault}; it was not called")
    return found


def _hint(module: str, error: BaseException, folder: Path | None) -> str:
    """Return where a module was looked for, and the name that may have been meant."""
    if not isinstance(error, ModuleNotFoundError):
        return ""
    searched = folders_searched(folder)
    near = did_you_mean(top_package(module), names_in(searched))
    places = ", ".join(map(str, searched))
    return f"{near} (it was looked for in {places} and on PYTHONPATH)"


def build_network(
    path: str, found: Any, arguments: dict[str, Any], folder: Path | None = None
) -> nn.Module:
    """Return the network of what ``find_network`` found; of a network, a copy.

    Raises
    ------
    DataError
        If the call or the copy fails, or gives something else than a network.
    """
    if isinstance(found, nn.Module):
        if arguments:
            raise DataError(f"{path} is a network already, and takes no arguments")
        call: Callable[..., Any] = functools.partial(deepcopy, found)
    else:
        call = found
    try:
        # What the code imports only when it is called is found as well.
        with importable_from(folder):
            model = call(**arguments)
    except (Exception, SystemExit) as error:
        raise DataError(
            f"{path} cannot be built with {arguments}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(model, nn.Module):
        raise DataError(f"{path} gives a {type(model).__name__}, not a torch.nn.Module")
    return model


def _fault(found: Any) -> str | None:
    """Return why something must not be called, or ``None``."""
    if isinstance(found, nn.Module):
        return None
    if isinstance(found, type):
        is_network = issubclass(found, nn.Module)
        return None if is_network else "is a class, but not a subclass of torch.nn.Module"
    inner = _innermost(found)
    if isinstance(inner, type) and issubclass(inner, nn.Module):
        return None
    if not isinstance(inner, FunctionType):
        return f"is a {type(found).__name__}, neither a torch.nn.Module nor a function in Python"
    stated = _stated_result(inner)
    if isinstance(stated, type) and issubclass(stated, nn.Module):
        return None
    if isinstance(stated, type) and stated not in (object, Any):
        return f"returns a {stated.__name__} by its annotation, not a torch.nn.Module"
    if OwnCode().has(str(inner.__globals__.get("__name__", ""))):
        return None
    return (
        "is a function that is not your own code, and its annotation does not say that it returns "
        "a torch.nn.Module"
    )


def _innermost(found: Any) -> Any:
    """Return what decorators, methods and ``functools.partial`` have around them."""
    while True:
        if isinstance(found, functools.partial):
            found = found.func
        elif isinstance(found, MethodType):
            found = found.__func__
        elif not isinstance(found, type) and hasattr(found, "__wrapped__"):
            found = inspect.unwrap(found)
        else:
            return found


def _stated_result(function: FunctionType) -> Any:
    """Return the return annotation, ``None`` if there is none or it cannot be resolved."""
    try:
        return typing.get_type_hints(function).get("return")
    except Exception:
        # The annotation may be any expression, and name what is only imported for type checkers.
        return None
