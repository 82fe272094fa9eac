"""How a name leaves the API: it works for some versions more, and warns of its use.

A name that has moved gets a line in ``causalxai.api.DEPRECATED``, and the module where it was::

    __getattr__ = old_names(__name__)

A function or class that stays where it is until it goes gets the same line and a decorator::

    @deprecated(__name__, "old_function")
    def old_function(): ...

``python -m causalxai.api`` fails where a built-in uses such a name, and where one is still there in
the version that should not have it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from typing_extensions import deprecated as warning_of

from causalxai import api

_Object = TypeVar("_Object", bound=Callable[..., Any])


def deprecated(module: str, name: str) -> Callable[[_Object], _Object]:
    """Make a function or class warn of its use, by its line in ``causalxai.api.DEPRECATED``.

    Parameters
    ----------
    module, name
        Where it is and how it is called there.

    Raises
    ------
    KeyError
        If it has no line.
    """
    return warning_of(_message(module, name), category=DeprecationWarning)


def old_names(module: str) -> Callable[[str], object]:
    """Return a ``__getattr__`` for a module whose names have moved.

    It returns what is to be used instead, with a ``DeprecationWarning``.
    """

    def get(name: str) -> object:
        key = f"{module}:{name}"
        if key not in api.DEPRECATED:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(_message(module, name), DeprecationWarning, stacklevel=2)
        new_module, _, new_name = api.DEPRECATED[key].instead.partition(":")
        found: object = getattr(import_module(new_module), new_name)
        return found

    return get


def _message(module: str, name: str) -> str:
    leaving = api.DEPRECATED[f"{module}:{name}"]
    return (
        f"{module}.{name} is deprecated since causalxai {leaving.since} and removed in "
        f"{leaving.removed_in}: use {leaving.instead.replace(':', '.')}"
    )
