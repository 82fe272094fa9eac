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
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from causalxai.network.adaptation import class_of
from causalxai.network.own_code import OwnCode, top_package

_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
_LISTS = (list, tuple, deque)
_SETS = (set, frozenset)
_DESCRIPTORS = (
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.MethodWrapperType,
)
# These are made anew whenever they are asked for, so that their identity means nothing.
_TRANSIENT = (tuple, frozenset, types.MethodType, types.CodeType, types.MethodWrapperType)
# What objects of these packages hold is of the process, not of the network.
_OPAQUE = frozenset(
    {"_abc", "_contextvars", "_io", "_random", "_thread", "_weakref", "asyncio", "causalxai"}
    | {"concurrent", "contextvars", "ctypes", "importlib", "io", "logging", "multiprocessing"}
    | {"random", "socket", "threading", "typing", "weakref", "_frozen_importlib"}
    | {"_frozen_importlib_external"}
)
_OPAQUE_IN_TORCH = ("torch._dynamo", "torch.utils.hooks")
_CLASS_SKIPS = frozenset(
    {"__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__", "_abc_impl"}
    | {"__class_vars__", "__private_attributes__", "__signature__"}
)
_MODULE_SKIPS = frozenset({"training"})
_PATCHED = (torch, torch.nn.functional, Tensor, nn.Module)
"""Where code that replaces functions of torch puts its own."""

Token = str | bytes


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


class NetworkDigest:
    """Visits everything that a network is made of.

    Parameters
    ----------
    own
        Which code is the user's own. Of other code the names and versions are digested.
    """

    def __init__(self, own: OwnCode) -> None:
        self.modules: set[str] = set()
        self._own = own
        self._libraries: set[str] = set()
        self._numbers: dict[int, int] = {}
        # Kept alive, because the identity of a deleted object may be given to another one.
        self._visited: list[object] = []

    def of(self, *roots: object) -> str:
        """Return the digest, 64 hexadecimal digits; ``modules`` then has the own modules met."""
        total = hashlib.sha256(repr(sys.version_info[:2]).encode())
        planted = list(self._planted())
        for root in (*roots, *planted):
            total.update(self._ref(root).encode())
        done = 0
        while done < len(self._visited):
            for token in self._describe(self._visited[done]):
                content = (
                    token.encode("utf-8", "backslashreplace") if isinstance(token, str) else token
                )
                total.update(b"%d:" % len(content) + content)
            total.update(b"\n")
            done += 1
        for library in sorted(self._libraries):
            version = getattr(sys.modules.get(library), "__version__", "")
            total.update(f"{library} {version}\n".encode())
        return total.hexdigest()

    def _ref(self, value: object) -> str:
        """Return the value itself if it is simple, or else the number under which it is visited."""
        if type(value) in _ATOMS:
            return f"{type(value).__name__} {value!r}"
        known = self._numbers.get(id(value))
        if known is None:
            known = len(self._visited)
            self._visited.append(value)
            if not isinstance(value, _TRANSIENT):
                self._numbers[id(value)] = known
        return f"#{known}"

    def _describe(self, value: Any) -> Iterator[Token]:
        for kinds, describe in self._ways():
            if isinstance(value, kinds):
                yield describe.__name__
                yield from describe(value)
                return
        yield from self._instance(value)

    def _ways(self) -> tuple[tuple[Any, Callable[[Any], Iterator[Token]]], ...]:
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
            (_LISTS, self._list),
            (_SETS, self._set),
            (types.GenericAlias, self._shown),
        )

    # Numbers

    def _tensor(self, tensor: Tensor) -> Iterator[Token]:
        yield f"{type(tensor).__name__} {tensor.dtype} {tensor.layout}"
        if is_lazy(tensor):
            return
        yield str(list(tensor.shape))
        if tensor.device.type == "meta":
            return
        plain = tensor.detach()
        if plain.is_quantized:
            plain = plain.dequantize()
        if plain.layout is not torch.strided:
            plain = plain.to_dense()
        plain = plain.cpu().resolve_conj().resolve_neg().contiguous().flatten()
        yield plain.view(torch.uint8).numpy().tobytes()

    def _array(self, array: Any) -> Iterator[Token]:
        yield f"{type(array).__name__} {array.dtype} {np.shape(array)}"
        if array.dtype.hasobject:
            yield self._ref(array.tolist())
        else:
            yield np.ascontiguousarray(array).tobytes()

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

    # Other values

    def _enum(self, member: enum.Enum) -> Iterator[Token]:
        yield self._ref(type(member))
        yield member.name or ""
        yield self._ref(member.value)

    def _dict(self, mapping: Any) -> Iterator[Token]:
        yield self._ref(type(mapping))
        for key, value in dict(mapping).items():
            yield self._ref(key)
            yield self._ref(value)
        yield from self._state(mapping)

    def _list(self, values: Any) -> Iterator[Token]:
        yield self._ref(type(values))
        for value in values:
            yield self._ref(value)
        yield from self._state(values)

    def _set(self, values: Any) -> Iterator[Token]:
        yield self._ref(type(values))
        # The order of a set depends on the process. That of members without a name is arbitrary.
        for value in sorted(values, key=_label):
            yield self._ref(value)
        yield from self._state(values)

    def _shown(self, value: object) -> Iterator[Token]:
        yield repr(value)

    def _instance(self, value: object) -> Iterator[Token]:
        kind = type(value)
        yield "instance"
        yield self._ref(kind)
        module = kind.__module__
        is_opaque = top_package(module) in _OPAQUE or module.startswith(_OPAQUE_IN_TORCH)
        if is_opaque and not self._is_own(module):
            return
        state = list(self._state(value))
        yield from state
        if not state and not self._is_own(module):
            yield from self._reduced(value)

    def _state(self, value: object) -> Iterator[Token]:
        attributes = dict(getattr(value, "__dict__", {}))
        for base in type(value).__mro__:
            slots = vars(base).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if hasattr(value, name):
                    attributes[name] = getattr(value, name)
        for name, attribute in sorted(attributes.items(), key=lambda item: str(item[0])):
            yield str(name)
            yield self._ref(attribute)

    def _reduced(self, value: object) -> Iterator[Token]:
        """Digest an object of a library that is written in C by how it would be copied."""
        try:
            copied = value.__reduce_ex__(4)
        except Exception:
            # Objects that cannot be copied, such as locks, say so by various errors.
            return
        yield self._ref(copied[:3] if isinstance(copied, tuple) else copied)

    def _is_own(self, module: object) -> bool:
        found = isinstance(module, str) and self._own.has(module)
        if found:
            self.modules.add(str(module))
        return found

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


def _label(value: object) -> str:
    if type(value) in _ATOMS:
        return f"{type(value).__name__} {value!r}"
    name = getattr(value, "__qualname__", None)
    return f"{getattr(value, '__module__', '')}.{name}" if name else type(value).__qualname__
