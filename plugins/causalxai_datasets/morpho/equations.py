"""Structural equations of concepts: a distribution of noise and an expression for each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, PositiveFloat, field_validator, model_validator

from causalxai.errors import DataError, did_you_mean
from causalxai.graph import CausalGraph
from causalxai.plugin import PluginConfig
from causalxai_datasets.morpho.concepts import CONCEPTS, Concept
from causalxai_datasets.morpho.expressions import Expression, Values

_logger = logging.getLogger(__name__)

# The share of values outside the ranges that can be drawn above which there is a warning.
_TOLERATED = 0.01


class Normal(PluginConfig):
    """Noise from a normal distribution.

    Parameters
    ----------
    mean, sd
        Its mean and its standard deviation.
    """

    distribution: Literal["normal"] = Field(description="the kind of distribution")
    mean: float = 0.0
    sd: PositiveFloat = 1.0

    def draw(self, n: int, rng: np.random.Generator) -> Values:
        """Return ``n`` values."""
        return rng.normal(self.mean, self.sd, n)


class Uniform(PluginConfig):
    """Noise from a uniform distribution.

    Parameters
    ----------
    low, high
        Its bounds.
    """

    distribution: Literal["uniform"] = Field(description="the kind of distribution")
    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def _is_no_point(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, {self.low:g} is not below {self.high:g}")
        return self

    def draw(self, n: int, rng: np.random.Generator) -> Values:
        """Return ``n`` values."""
        return rng.uniform(self.low, self.high, n)


class Gamma(PluginConfig):
    """Noise from a gamma distribution, of mean ``shape / rate``.

    Parameters
    ----------
    shape, rate
        Its shape and the inverse of its scale.
    """

    distribution: Literal["gamma"] = Field(description="the kind of distribution")
    shape: PositiveFloat
    rate: PositiveFloat = 1.0

    def draw(self, n: int, rng: np.random.Generator) -> Values:
        """Return ``n`` values."""
        return rng.gamma(self.shape, 1 / self.rate, n)


Noise: TypeAlias = Annotated[Normal | Uniform | Gamma, Field(discriminator="distribution")]

_EXAMPLES = {
    "normal": "{distribution: normal, mean: 0, sd: 1}",
    "uniform": "{distribution: uniform, low: 0, high: 1}",
    "gamma": "{distribution: gamma, shape: 10, rate: 5}",
}


def _as_text(written: Any) -> Any:
    # YAML reads an expression that is one number as a number.
    is_number = isinstance(written, int | float) and not isinstance(written, bool)
    return str(written) if is_number else written


Text: TypeAlias = Annotated[
    str, BeforeValidator(_as_text), Field(json_schema_extra={"type": ["string", "number"]})
]


class Equation(PluginConfig):
    """The structural equation of a concept: ``expression`` of its parents and its noise.

    Parameters
    ----------
    expression
        Numbers, concepts, ``noise``, ``+ - * / **``, parentheses and the functions ``sigmoid exp
        log tanh abs sqrt min max sin cos``. The concepts in it are the parents.
    noise
        The distribution of ``noise``, which is independent of that of every other concept.
    """

    expression: Text
    noise: Noise | None = None

    @model_validator(mode="before")
    @classmethod
    def _has_no_list_of_parents(cls, written: Any) -> Any:
        if isinstance(written, Mapping) and "parents" in written:
            raise ValueError("parents are read from the expression: leave the key `parents` out")
        return written

    @field_validator("noise", mode="before")
    @classmethod
    def _is_a_distribution(cls, written: Any) -> Any:
        if written is None or isinstance(written, Mapping | PluginConfig):
            return written
        example = _EXAMPLES.get(str(written), _EXAMPLES["normal"])
        raise ValueError(f"a noise is written as {example}, not as {written!r}")

    @field_validator("expression")
    @classmethod
    def _is_arithmetic(cls, text: str) -> str:
        Expression.parse(text, (*CONCEPTS, "noise"))
        return text

    @model_validator(mode="after")
    def _noise_is_used(self) -> Self:
        uses = "noise" in self.parsed.names
        if uses and self.noise is None:
            raise ValueError("the expression has noise in it; give its distribution under `noise`")
        if self.noise is not None and not uses:
            raise ValueError("there is a distribution of noise, but no noise in the expression")
        if not self.parsed.names:
            raise ValueError(
                f"the expression {self.expression!r} is constant, so that the concept does not "
                "vary between images: add noise or another concept to it"
            )
        return self

    @cached_property
    def parsed(self) -> Expression:
        """The expression, checked."""
        return Expression.parse(self.expression, (*CONCEPTS, "noise"))

    @property
    def parents(self) -> tuple[Concept, ...]:
        """The concepts that occur, in the order of ``CONCEPTS``."""
        return tuple(name for name in CONCEPTS if name in self.parsed.names)

    def follow(self, values: Mapping[str, Values], noise: Values) -> Values:
        """Return the concept, given its parents and its noise, of one shape; it is not clipped."""
        found = self.parsed.evaluate({**values, "noise": noise})
        return np.broadcast_to(found, noise.shape)


Equations: TypeAlias = Mapping[Concept, Equation]
Ranges: TypeAlias = Mapping[Concept, tuple[float, float]]


def graph_of(equations: Equations) -> CausalGraph:
    """Return the causal graph of the equations: parents → concept.

    Raises
    ------
    ValueError
        If a parent has no equation, there is a cycle or there is no equation at all.
    """
    nodes = tuple(name for name in CONCEPTS if name in equations)
    if not nodes:
        raise ValueError(f"give at least one of {', '.join(CONCEPTS)} an equation")
    for name in nodes:
        for parent in equations[name].parents:
            if parent not in equations:
                hint = did_you_mean(parent, nodes)
                raise ValueError(
                    f"{name} depends on {parent}, which has no equation{hint} "
                    f"(there are: {', '.join(nodes)})"
                )
    pairs = [(parent, name) for name in nodes for parent in equations[name].parents]
    return CausalGraph(nodes, pairs)


def sample(
    equations: Equations, n: int, rng: np.random.Generator, *, within: Ranges | None = None
) -> tuple[Values, Values]:
    """Draw concepts from their equations.

    Parameters
    ----------
    equations
        The equations, whose graph has no cycle.
    n
        The number of rows.
    rng
        The source of random draws; the noise of every concept has its own stream.
    within
        The range in which each concept can be drawn; unlimited by default. Values of an equation
        outside its range are clipped before other equations use them, so that rows satisfy the
        other equations exactly.

    Returns
    -------
    values, noise
        ``[n, m]`` each, in the order of ``CONCEPTS``. The noise of an equation without any is 0.

    Raises
    ------
    DataError
        If an equation gives values that are not finite, or the same value for all rows.
    """
    streams = dict(zip(CONCEPTS, rng.spawn(len(CONCEPTS)), strict=True))
    graph = graph_of(equations)
    values: dict[str, Values] = {}
    noise: dict[str, Values] = {}
    for name in causes_first(equations):
        equation = equations[name]
        own = equation.noise
        noise[name] = np.zeros(n) if own is None else own.draw(n, streams[name])
        found = equation.follow(values, noise[name])
        _check_finite(name, equation, found)
        values[name] = found if within is None else _drawable(name, found, *within[name])
        _check_varied(name, equation, values[name])
    values_of, noise_of = (
        np.stack([table[name] for name in graph.nodes], axis=1) for table in (values, noise)
    )
    return values_of, noise_of


def causes_first(equations: Equations) -> list[Concept]:
    """Return the concepts with an equation, each after its parents."""
    return sorted(equations, key=graph_of(equations).order().index)


def _check_finite(name: Concept, equation: Equation, values: Values) -> None:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise DataError(
            f"{name}: the equation {equation.expression!r} is not finite for {bad} of "
            f"{len(values)} images (a logarithm or root of a negative number, a division by zero?)"
        )


def _check_varied(name: Concept, equation: Equation, values: Values) -> None:
    if len(values) > 1 and (values == values[0]).all():
        raise DataError(
            f"{name}: by the equation {equation.expression!r} it is {values[0]:g} in all "
            f"{len(values)} images, but a concept must vary"
        )


def _drawable(name: Concept, values: Values, low: float, high: float) -> Values:
    beyond = float(((values < low) | (values > high)).mean())
    if beyond > _TOLERATED:
        _logger.warning(
            "morpho: %.0f %% of the values of %s lie outside the range that can be drawn (%g to "
            "%g) and are clipped to it",
            100 * beyond,
            name,
            low,
            high,
        )
    return np.clip(values, low, high)
