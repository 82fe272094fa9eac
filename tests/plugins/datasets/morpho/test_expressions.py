from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalxai_datasets.morpho.expressions import FUNCTIONS, Expression

NAMES = ("thickness", "width", "noise")


def value(text: str, **values: float) -> float:
    expression = Expression.parse(text, NAMES)
    return float(expression.evaluate({name: np.array(v) for name, v in values.items()}))


@given(st.floats(-4, 4), st.floats(0.5, 4))
def test_arithmetic_is_python_s(a: float, b: float) -> None:
    text = "-thickness * 3 + (2 - width) / width ** 2 + 1.5e1"
    assert value(text, thickness=a, width=b) == pytest.approx(-a * 3 + (2 - b) / b**2 + 15)


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sqrt", "sin", "cos"])
def test_functions_are_those_of_math(name: str) -> None:
    assert value(f"{name}(0.7)") == pytest.approx(getattr(math, name)(0.7))


def test_functions_that_math_does_not_have() -> None:
    assert value("sigmoid(thickness)", thickness=1.3) == pytest.approx(1 / (1 + math.exp(-1.3)))
    assert value("sigmoid(-2000) + sigmoid(2000)") == 1
    assert value("abs(-2)") == 2
    assert value("max(1, thickness, 2) - min(thickness, 4)", thickness=3) == 0


def test_names_are_variables_each_once_in_order_and_no_functions() -> None:
    expression = Expression.parse("width + max(noise, width) * thickness", NAMES)
    assert expression.names == ("width", "noise", "thickness")


def test_what_is_undefined_is_not_finite_and_powers_do_not_grow_without_end() -> None:
    assert math.isnan(value("log(-1)"))
    assert math.isinf(value("9 ** 9 ** 9 ** 9"))
    assert value("9" * 308) == 1e308


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "(1).__class__",
        "thickness.real",
        "thickness[0]",
        "[thickness]",
        "lambda: 1",
        "[1 for thickness in width]",
        "thickness if width else 1",
        "thickness < 1",
        "thickness and 1",
        "not thickness",
        "~1",
        "1 // 2",
        "1 % 2",
        "1 @ 2",
        "'text'",
        "True",
        "None",
        "2j",
        "f'{thickness}'",
        "(thickness := 1)",
        "max(1, *width)",
        "max(1, key=2)",
    ],
)
def test_what_is_no_arithmetic_is_refused_and_the_allowed_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"not allowed .*numbers, names, \+ - \* / \*\*|unknown"):
        Expression.parse(text, NAMES)


@pytest.mark.parametrize("text", ["", "1 +", "import os", "x = 1", "1\0", "(" * 300, "1; 2"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be read as an expression of numbers, names"):
        Expression.parse(text, NAMES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("thicknes + 1", "unknown name 'thicknes'; did you mean 'thickness'.*allowed: thickness"),
        ("zzz", r"unknown name 'zzz' \(allowed"),
        ("sigmoyd(1)", "unknown function 'sigmoyd'; did you mean 'sigmoid'.*sqrt"),
        ("eval(1)", "unknown function 'eval'"),
        ("log(1, 2)", "log takes one argument, not 2"),
        ("max(1)", "max takes two or more arguments, not 1"),
        ("1+" * 300 + "1", "at most 400 characters, not 601"),
        ("9" * 309, "too large"),
        ("thickness + 1e309", "too large"),
        ("1 - thickness^2", r"thickness \^ 2': \^ is not allowed .* did you mean \*\*\?"),
    ],
)
def test_messages_say_what_would_be_right(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Expression.parse(text, NAMES)


def test_the_deepest_expression_is_computed() -> None:
    assert value("-" * 399 + "1") == -1
    assert len(FUNCTIONS) == 10
