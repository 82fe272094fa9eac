"""The digest of an object with everything that it refers to: its numbers and its other values.

The same objects have the same digest in every process: neither addresses nor the order of sets
count.
"""

from __future__ import annotations

import enum
import hashlib
import sys
import types
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from causalxai.network.own_code import OwnCode, top_package

Token: TypeAlias = str | bytes
Ways: TypeAlias = tuple[tuple[Any, Callable[[Any], Iterator[Token]]], ...]
"""How objects of some classes are described, in the order in which the classes are tried."""

LISTS = (list, tuple, deque)
SETS = (set, frozenset)

_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
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


class ObjectDigest(ABC):
    """Visits an object and everything that it refers to.

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
        for root in (*roots, *self._also()):
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

    def _also(self) -> Iterable[object]:
        """Return further objects to visit, after the roots."""
        return ()

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

    @abstractmethod
    def _ways(self) -> Ways: ...

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


def _label(value: object) -> str:
    if type(value) in _ATOMS:
        return f"{type(value).__name__} {value!r}"
    name = getattr(value, "__qualname__", None)
    return f"{getattr(value, '__module__', '')}.{name}" if name else type(value).__qualname__
