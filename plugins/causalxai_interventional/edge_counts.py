"""Counts of the edges that algorithm 1 finds: how many do nothing, and how many tell classes apart.

They are those of the paper's figures 2 to 4, as numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from causalxai.capabilities import Capability, expect
from causalxai.explainer import Explanation
from causalxai.metric import Estimate, Metric, MetricResult, MetricUndefinedError, ScoringInputs
from causalxai.metrics.resampling import Rows, bootstrapped, null_range
from causalxai.plugin import PluginConfig
from causalxai.seeding import numpy_generator
from causalxai_interventional.explainer import InterventionalExplainer
from causalxai_interventional.mechanisms import SelectionRule, rule_for
from causalxai_interventional.parameter_oracle import ParameterOracle

_SHUFFLES = 20
_ROUNDING = 1e-6  # of the logit
_SHARE = (0.0, 1.0)
_FIELDS = {"tested", "supports", "opposes", "layer", "logit"}

_Counts = NDArray[np.float64]


class NeutralEdges(Metric):
    """The share of the tested edges whose removal changes the logit of the class insignificantly.

    Algorithm 1 tests edges image by image. An edge that is neither in G+ nor in G- is neutral: the
    change of the logit is within the rule's threshold. Parts: the same share of each layer,
    ``neutral in ...``; and ``without any effect``, the share of edges whose removal changes nothing
    but rounding errors.

    ``chance`` is the share that the rule leaves neutral where the effects of a layer are normally
    distributed around 0, which knows nothing of the network. Effects that are concentrated on few
    edges leave more of them neutral. There is none for the paper's literal threshold.
    """

    name = "neutral-edges"
    higher_is_better = None
    value_range = _SHARE
    reference = "Interventional black-box explanations, section 3.1, figures 2 and 3"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        rule, edges = _rule(inputs, self.name), _Edges.of(explanation, inputs, self.name)
        rng = numpy_generator(inputs.rng)
        neutral = edges.tested & ~edges.supports & ~edges.opposes
        importance = explanation.importance
        assert importance is not None
        rounding = _ROUNDING * explanation.details["logit"].abs()[:, None]
        silent = edges.tested & (importance.cpu().abs() <= rounding)

        def share(hits: Tensor, columns: Tensor) -> Estimate:
            tested = edges.tested[:, columns].sum(dim=1)
            shares = hits[:, columns].sum(dim=1).double() / tested
            return Estimate.mean(shares[tested > 0].numpy(), rng, bounds=_SHARE)

        every = torch.arange(edges.tested.shape[1])
        layers = {f"neutral in {name}": share(neutral, at) for name, at in edges.by_layer()}
        normal = math.erf(rule.tau / math.sqrt(2))
        return MetricResult(
            self.name,
            estimate=share(neutral, every),
            chance=Estimate(normal) if rule.threshold == "relative" else None,
            parts={**layers, "without any effect": share(silent, every)},
        )


class ClassSpecificEdges(Metric):
    """The share of the frequent edges of a layer that are frequent for one class only.

    An edge is frequent for a class if it is in G+ in at least a given share of the explained images
    of that class. The score is averaged over the layers that have frequent edges. The last layer is
    left out of it where each class has a unit of its own there, because its edges are then
    different by construction. Parts: ``specific in ...``, the share in each layer, and ``frequent
    in ...``, the number of frequent edges of a class, on average over the classes.

    ``chance`` exchanges the classes of the images at random, twenty times.
    """

    name = "class-specific-edges"
    higher_is_better = None
    value_range = _SHARE
    reference = "Interventional black-box explanations, section 3.1, figure 4"
    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        frequency
            The share of a class's images from which on an edge is frequent.
        """

        frequency: float = Field(default=0.8, gt=0, le=1)

    config: Config

    def _compute(self, explanation: Explanation, inputs: ScoringInputs) -> MetricResult:
        _rule(inputs, self.name)
        edges = _Edges.of(explanation, inputs, self.name)
        classes, which = explanation.target.cpu().unique(return_inverse=True)
        if len(classes) < 2:
            raise MetricUndefinedError("edges are compared between classes; explain two or more")
        least, rng = self.config.frequency, numpy_generator(inputs.rng)
        found = {name: _Frequent.of(edges, at, which, least) for name, at in edges.by_layer()}
        scored = [one for name, one in found.items() if name != edges.own_units]
        every = np.arange(len(which))
        if not any(one.count(every).any() for one in scored):
            raise MetricUndefinedError(
                f"no edge is in G+ in {least:.0%} of the images of a class; lower 'frequency'"
            )

        def score(rows: Rows) -> float:
            shares = [one.specific(rows) for one in scored]
            known = [share for share in shares if share is not None]
            return float(np.mean(known)) if known else 0.0

        shuffled = []
        for _ in range(_SHUFFLES):
            other = which[torch.from_numpy(rng.permutation(len(which)))]
            shares = [one.with_classes(other).specific(every) for one in scored]
            shuffled += [np.mean([share for share in shares if share is not None] or [0.0])]
        parts = {}
        for name, one in found.items():
            specific = one.specific(every)
            if specific is not None:
                parts[f"specific in {name}"] = Estimate(specific, n=len(which))
            parts[f"frequent in {name}"] = Estimate(float(one.count(every).mean()), n=len(which))
        return MetricResult(
            self.name,
            estimate=bootstrapped(score, len(which), rng, draws=200, bounds=_SHARE),
            chance=null_range(shuffled),
            parts=parts,
            reason=f"left out: {edges.own_units}, in which each class has a unit of its own"
            if edges.own_units
            else "",
        )


def _rule(inputs: ScoringInputs, who: str) -> SelectionRule:
    """Return the rule by which an explanation's edges were chosen."""
    explainer = expect(inputs.need_explainer(who), InterventionalExplainer, who)
    return rule_for(explainer.config.rule, inputs.discoverer)


@dataclass(frozen=True)
class _Edges:
    """What algorithm 1 says of ``n`` images and ``m`` edges, bool ``[n, m]`` each.

    Parameters
    ----------
    tested, supports, opposes
        Whether an edge was tested, and is in G+ and G-.
    layer
        ``[m]``, the number of each edge's layer.
    names
        The names of the layers.
    own_units
        The name of the last layer, if each class has a unit of its own there; else empty.
    """

    tested: Tensor
    supports: Tensor
    opposes: Tensor
    layer: Tensor
    names: tuple[str, ...]
    own_units: str

    @classmethod
    def of(cls, explanation: Explanation, inputs: ScoringInputs, who: str) -> _Edges:
        oracle = expect(inputs.need_oracle(), ParameterOracle, who)
        last = oracle.space.layers[-1]
        if explanation.importance is None or not explanation.details.keys() >= _FIELDS:
            raise MetricUndefinedError(
                "the explanation does not tell of which edges algorithm 1 tested, and found in G+ "
                "and G-"
            )
        details = {name: tensor.cpu() for name, tensor in explanation.details.items()}
        return cls(
            tested=details["tested"].bool(),
            supports=details["supports"].bool(),
            opposes=details["opposes"].bool(),
            layer=details["layer"],
            names=tuple(layer.name for layer in oracle.space.layers),
            own_units=last.name if oracle.class_units(last) is not None else "",
        )

    def by_layer(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the name of each layer with tested edges, and the columns of these."""
        for number, name in enumerate(self.names):
            columns = (self.layer == number).nonzero()[:, 0]
            if len(columns):
                yield name, columns


@dataclass(frozen=True)
class _Frequent:
    """The edges of a layer that are frequent for classes.

    Parameters
    ----------
    supports
        ``[n, m]``, 1 where an edge is in G+, else 0.
    member
        ``[n, k]``, 1 where an image is of a class, else 0.
    least
        The share of images from which on an edge is frequent.
    """

    supports: _Counts
    member: _Counts
    least: float

    @classmethod
    def of(cls, edges: _Edges, columns: Tensor, which: Tensor, least: float) -> _Frequent:
        supports = edges.supports[:, columns].double().numpy()
        return cls(supports, _members(which), least)

    def with_classes(self, which: Tensor) -> _Frequent:
        """Return the same edges, with images of other classes ``[n]``."""
        return _Frequent(self.supports, _members(which), self.least)

    def specific(self, rows: Rows) -> float | None:
        """Return the share of edges that are frequent for one class only; ``None`` of no edge."""
        classes = self._frequent(rows).sum(axis=0)
        return float((classes == 1).sum() / (classes > 0).sum()) if classes.any() else None

    def count(self, rows: Rows) -> _Counts:
        """Return the number of frequent edges of each class, ``[k]``."""
        counts: _Counts = self._frequent(rows).sum(axis=1).astype(np.float64)
        return counts

    def _frequent(self, rows: Rows) -> NDArray[np.bool_]:
        """Return ``[k, m]``, of images that may be drawn several times."""
        weight = np.bincount(rows, minlength=len(self.member))[:, None] * self.member
        sizes = weight.sum(axis=0)[:, None]
        # Of a class that was not drawn at all, no edge is frequent.
        enough = weight.T @ self.supports >= (self.least - 1e-9) * sizes
        return np.asarray((sizes > 0) & enough)


def _members(which: Tensor) -> _Counts:
    members: _Counts = torch.nn.functional.one_hot(which).double().numpy()
    return members
