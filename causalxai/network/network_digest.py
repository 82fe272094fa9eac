"""The digest of a network as it is in memory: its numbers, its settings and its code.

Starting at a network, everything of the user's own that it refers to is visited: the classes of its
layers, their methods, the functions and constants that these name, and what these name in turn.
What a function is, its bytecode says; the file that it was read from may have been edited since.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causalxai.network.adaptation import class_of
from causalxai.network.object_digest import LISTS, SETS, ObjectDigest, Token, Ways
from causalxai.network.own_code import OwnCode, top_package

_DESCRIPTORS = (
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.MethodWrapperType,
)
_CLASS_SKIPS = frozenset(
    {"__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__", "_abc_impl"}
    | {"__class_vars__", "__private_attributes__", "__signature__"}
)
_MODULE_SKIPS = frozenset({"training"})
_PATCHED = (torch, torch.nn.functional, Tensor, nn.Module)
"""Where code that replaces functions of torch puts its own."""


def network_digest(model: nn.Module, *more: object, modules: Sequence[str] = ()) -> str:
    """Return a digest of a network: its weights and buffers, its settings and its code.

    The code is everything of the user's own that the network is made of, as it is in memory, and
    the source of the modules that it is in and of all that these import. Code of installed packages
    counts by its version, unless a layer of the network is of one of them. What the network reads
    elsewhere when it is called, such as environment variables, is not seen.

    Parameters
    ----------
    model
        The network.
    *more
        Further objects that decide about its answers, such as the function that built it.
    modules
        The names of further modules whose code counts.

    Returns
    -------
    str
        64 hexadecimal digits; the same in every process.
    """
    homes = {type(part).__module__ for part in model.modules()}
    return _digest((model, *more), (*modules, *homes), modules)


def class_digest(kind: type) -> str:
    """Return a digest of a class and of all code that it uses, as ``network_digest`` does."""
    return _digest((kind,), (kind.__module__,), (kind.__module__,))


def _digest(roots: Sequence[object], own_modules: Sequence[str], modules: Sequence[str]) -> str:
    own = OwnCode({top_package(module) for module in own_modules})
    visited = NetworkDigest(own)
    digest = visited.of(*roots)
    sources = own.sources([*modules, *visited.modules])
    lines = [digest, *(f"{name} {source}" for name, source in sorted(sources.items()))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class NetworkDigest(ObjectDigest):
    """Visits everything that a network is made of."""

    def _also(self) -> Iterable[object]:
        return self._planted()

    def _ways(self) -> Ways:
        return (
            (Tensor, self._tensor),
            ((np.ndarray, np.generic), self._array),
            (torch.jit.ScriptModule, self._scripted),
            (nn.Module, self._layer),
            (types.ModuleType, self._module),
            (type, self._class),
            (types.FunctionType, self._function),
            (types.CodeType, self._code),
            (types.MethodType, self._method),
            ((types.BuiltinFunctionType, *_DESCRIPTORS), self._builtin),
            ((staticmethod, classmethod), self._wrapped),
            (property, self._property),
            (functools.partial, self._partial),
            (types.CellType, self._cell),
            (enum.Enum, self._enum),
            (dict, self._dict),
            (types.MappingProxyType, self._dict),
            (LISTS, self._list),
            (SETS, self._set),
            (types.GenericAlias, self._shown),
        )

    # Networks

    def _layer(self, layer: nn.Module) -> Iterator[Token]:
        yield self._ref(class_of(layer))
        for name, value in sorted(vars(layer).items()):
            if name in _MODULE_SKIPS:
                continue
            # Hooks are filed under numbers that count all hooks of the process.
            is_hooks = "hooks" in name and isinstance(value, dict)
            yield name
            yield self._ref(list(value.values()) if is_hooks else value)

    def _scripted(self, network: torch.jit.ScriptModule) -> Iterator[Token]:
        for name, part in network.named_modules():
            yield name
            try:
                yield str(part.code)
            except (AttributeError, RuntimeError):
                # A part without a forward() of its own.
                yield type(part).__name__
        for name, value in (*network.named_parameters(), *network.named_buffers()):
            yield name
            yield self._ref(value)

    # Code

    def _module(self, module: types.ModuleType) -> Iterator[Token]:
        """Digest all that an own module defines; where code names a part, only that is visited."""
        yield module.__name__
        if not self._is_own(module.__name__):
            self._libraries.add(top_package(module.__name__))
            return
        for name, value in sorted(vars(module).items()):
            if not name.startswith("__"):
                yield name
                yield self._ref(value)

    def _class(self, kind: type) -> Iterator[Token]:
        yield f"{kind.__module__}.{kind.__qualname__}"
        for base in kind.__bases__:
            yield self._ref(base)
        if not self._is_own(kind.__module__):
            self._libraries.add(top_package(kind.__module__))
            for name, value in sorted(vars(kind).items()):
                if self._is_own_code(value):
                    yield name
                    yield self._ref(value)
            return
        yield self._ref(type(kind))
        for name, value in sorted(vars(kind).items()):
            # What pydantic makes of a class holds addresses; it follows from the class's own code.
            if name not in _CLASS_SKIPS and not name.startswith("__pydantic_"):
                yield name
                yield self._ref(value)

    def _function(self, function: types.FunctionType) -> Iterator[Token]:
        home = str(function.__globals__.get("__name__", ""))
        yield f"{home}.{function.__qualname__}"
        yield self._ref(function.__closure__)
        yield self._ref(sorted(vars(function).items()))
        # The module may be unknown, as that of a method which a library writes for a class.
        if not self._is_own(home) and home in sys.modules:
            self._libraries.add(top_package(home))
            return
        yield self._ref(function.__code__)
        yield self._ref(function.__defaults__)
        yield self._ref(function.__kwdefaults__)
        names = sorted(_names(function.__code__))
        for name in names:
            if name in function.__globals__:
                yield name
                yield from self._named(function.__globals__[name], names, set())
            elif name in sys.modules and self._is_own(name):
                # Imported by the function itself.
                yield name
                yield from self._named(sys.modules[name], names, set())

    def _named(self, value: object, names: list[str], seen: set[int]) -> Iterator[Token]:
        """Digest a global of a function; of a module what the function names in it."""
        if not isinstance(value, types.ModuleType):
            yield self._ref(value)
            return
        yield f"module {value.__name__}"
        is_own = self._is_own(value.__name__)
        if not is_own:
            self._libraries.add(top_package(value.__name__))
        if id(value) in seen:
            return
        seen.add(id(value))
        for name in names:
            part = vars(value).get(name)
            if isinstance(part, types.ModuleType):
                yield name
                yield from self._named(part, names, seen)
            elif part is not None and (is_own or self._is_own_code(part)):
                yield name
                yield self._ref(part)
            elif callable(part):
                yield f"{name} {getattr(part, '__module__', '')}.{getattr(part, '__name__', '')}"

    def _code(self, code: types.CodeType) -> Iterator[Token]:
        yield code.co_code
        yield code.co_exceptiontable
        yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
        yield repr((code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount))
        yield f"{code.co_name} {code.co_flags}"
        for constant in code.co_consts:
            yield self._ref(constant)

    def _method(self, method: types.MethodType) -> Iterator[Token]:
        yield self._ref(method.__func__)
        yield self._ref(method.__self__)

    def _builtin(self, function: Any) -> Iterator[Token]:
        yield f"{getattr(function, '__module__', '')} {function.__qualname__}"
        owner = getattr(function, "__self__", None)
        if owner is not None and not isinstance(owner, types.ModuleType):
            yield self._ref(owner)

    def _wrapped(self, wrapper: Any) -> Iterator[Token]:
        yield type(wrapper).__name__
        yield self._ref(wrapper.__func__)

    def _property(self, found: property) -> Iterator[Token]:
        for part in (found.fget, found.fset, found.fdel):
            yield self._ref(part)

    def _partial(self, partial: functools.partial[Any]) -> Iterator[Token]:
        yield self._ref(partial.func)
        yield self._ref(partial.args)
        yield self._ref(partial.keywords)

    def _cell(self, cell: types.CellType) -> Iterator[Token]:
        try:
            yield self._ref(cell.cell_contents)
        except ValueError:
            yield "empty"

    def _is_own_code(self, value: Any) -> bool:
        inner = value
        if isinstance(value, property):
            inner = value.fget
        elif isinstance(value, staticmethod | classmethod | types.MethodType):
            inner = value.__func__
        if isinstance(inner, types.FunctionType):
            home = inner.__globals__.get("__name__")
            # What torch.fx generates is in no module, and may call functions of the user's own.
            return home is None or self._own.has(str(home))
        return isinstance(inner, type) and self._own.has(inner.__module__)

    def _planted(self) -> Iterator[object]:
        """Yield the functions of the user's own that stand in the place of torch's."""
        for place in _PATCHED:
            for name, value in sorted(vars(place).items()):
                if isinstance(value, types.FunctionType) and self._is_own_code(value):
                    yield name
                    yield value


def _names(code: types.CodeType) -> set[str]:
    """Return all names and texts in a function, which may be names of globals and attributes."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
        elif isinstance(constant, str) and constant.isidentifier():
            found.add(constant)
    return found
