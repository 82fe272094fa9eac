"""Arithmetic expressions of users, parsed with a whitelist, so that no text is run as code."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from causalxai.errors import did_you_mean

Values: TypeAlias = NDArray[np.float64]


def _sigmoid(x: Values) -> Values:
    # Computed by tanh, which does not overflow.
    return 0.5 * (1 + np.tanh(0.5 * x))


_OF_ONE: dict[str, Callable[[Values], Values]] = {
    "sigmoid": _sigmoid,
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "abs": np.abs,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
}
_OF_SEVERAL: dict[str, Callable[[Values, Values], Values]] = {"min": np.minimum, "max": np.maximum}
_BINARY: dict[type[ast.operator], Callable[[Values, Values], Values]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_UNARY: dict[type[ast.unaryop], Callable[[Values], Values]] = {
    ast.USub: np.negative,
    ast.UAdd: np.positive,
}

FUNCTIONS = (*_OF_ONE, *_OF_SEVERAL)
"""The functions that an expression may call."""

_LONGEST = 400
_GRAMMAR = f"numbers, names, + - * / **, parentheses and {', '.join(FUNCTIONS)}"


# Written by hand because numexpr evaluates unchecked text, and simpleeval finds an unknown name
# only on evaluation; here, mistakes in a spec are reported before anything is drawn.
@dataclass(frozen=True)
class Expression:
    """A checked expression.

    Parameters
    ----------
    text
        The text of the user.
    names
        The variables that occur, each once, in the order of their first occurrence.
    """

    text: str
    names: tuple[str, ...]
    _tree: ast.expr

    @classmethod
    def parse(cls, text: str, known: Collection[str]) -> Self:
        """Read an expression such as ``64 + 191 * sigmoid(2 * thickness - 5) + noise``.

        Parameters
        ----------
        text
            Numbers, names, ``+ - * / **``, parentheses and calls of ``FUNCTIONS``.
        known
            The names that may occur.

        Raises
        ------
        ValueError
            If the text is not such an expression; the message quotes the wrong part and states what
            is allowed.
        """
        if len(text) > _LONGEST:
            raise ValueError(f"an expression has at most {_LONGEST} characters, not {len(text)}")
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"{text!r} cannot be read as an expression of {_GRAMMAR}") from error
        return cls(text, tuple(dict.fromkeys(_check(tree, known))), tree)

    def evaluate(self, values: Mapping[str, Values]) -> Values:
        """Compute the expression; undefined values, such as the log of -1, are nan or infinite.

        Parameters
        ----------
        values
            An array for each of ``names``, all of one shape.
        """
        with np.errstate(all="ignore"):
            return _value(self._tree, values)


def _check(node: ast.expr, known: Collection[str]) -> list[str]:
    """Return the variables below a node, or raise ValueError for anything but arithmetic."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            _check_size(value)
            return []
        case ast.Name(id=name):
            if name in known:
                return [name]
            hint = did_you_mean(name, [*known, *FUNCTIONS])
            raise ValueError(f"unknown name {name!r}{hint} (allowed: {', '.join(known)})")
        case ast.BinOp(op=op) if type(op) in _BINARY:
            return _check(node.left, known) + _check(node.right, known)
        case ast.UnaryOp(op=op) if type(op) in _UNARY:
            return _check(node.operand, known)
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            _check_call(name, node.args)
            return [variable for part in node.args for variable in _check(part, known)]
        case ast.BinOp(op=ast.BitXor()):
            raise ValueError(
                f"{ast.unparse(node)!r}: ^ is not allowed in an expression; did you mean **?"
            )
    raise ValueError(f"{ast.unparse(node)!r} is not allowed in an expression (allowed: {_GRAMMAR})")


def _check_size(number: float) -> None:
    try:
        finite = math.isfinite(float(number))
    except OverflowError:
        finite = False
    if not finite:
        raise ValueError("a number in the expression is too large: 1e308 is about the largest")


def _check_call(name: str, arguments: list[ast.expr]) -> None:
    if name not in FUNCTIONS:
        hint = did_you_mean(name, FUNCTIONS)
        raise ValueError(f"unknown function {name!r}{hint} (allowed: {', '.join(FUNCTIONS)})")
    count = len(arguments)
    if (name in _OF_ONE and count != 1) or (name in _OF_SEVERAL and count < 2):
        wanted = "one argument" if name in _OF_ONE else "two or more arguments"
        raise ValueError(f"{name} takes {wanted}, not {count} (in {name}(...))")


def _value(node: ast.expr, values: Mapping[str, Values]) -> Values:
    match node:
        case ast.Constant(value=int() | float() as number):
            # Converted to float, because powers of integers could become arbitrarily large.
            return np.asarray(float(number))
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp():
            return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
        case ast.UnaryOp():
            return _UNARY[type(node.op)](_value(node.operand, values))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            parts = [_value(part, values) for part in arguments]
            return _OF_ONE[name](*parts) if name in _OF_ONE else reduce(_OF_SEVERAL[name], parts)
    raise AssertionError("the expression has been checked")
