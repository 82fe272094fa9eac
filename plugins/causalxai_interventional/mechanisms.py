"""Algorithm 1: the causal mechanisms of a prediction, from the last layer back to the first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import scipy
import torch
from pydantic import Field
from torch import Tensor

from causalxai.concept import Units
from causalxai.errors import CapabilityError
from causalxai.intervention import Intervention
from causalxai.plugin import PluginConfig
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterLayer

Threshold = Literal["relative", "paper"]

_NAMED = 5

_ROUNDING = 1e-6
"""What counts as rounding, as a share of the largest effect."""


class SelectionRule(PluginConfig):
    """The rule by which an edge counts as causal."""

    threshold: Threshold = Field(
        default="relative",
        description="relative: tau standard deviations of the layer's effects; paper: equation 1",
    )
    tau: float = Field(default=1.0, gt=0, description="standard deviations, for relative")
    screen: int | None = Field(
        default=None,
        ge=1,
        description="test only this many edges per layer and image, the first by a first-order "
        "estimate; for networks with too many edges to test each",
    )


@runtime_checkable
class SelectsByRule(Protocol):
    """A discoverer that selects edges by a rule, which explainers and metrics reuse."""

    @property
    def rule(self) -> SelectionRule:
        """The rule by which an edge counts as causal."""
        ...


def rule_for(own: SelectionRule | None, discoverer: object) -> SelectionRule:
    """Return a plugin's own rule, or else that of the graph's discoverer.

    Raises
    ------
    CapabilityError
        If the plugin has none, and the discoverer does not select edges by a rule.
    """
    if own is not None:
        return own
    if isinstance(discoverer, SelectsByRule):
        return discoverer.rule
    raise CapabilityError(
        "there is no rule by which edges count as causal: give 'rule', with threshold and tau, or "
        "use the graph discoverer 'interventional'"
    )


@dataclass(frozen=True)
class LayerMechanisms:
    """The effects of removals in one layer on the logits of ``t`` classes, for ``n`` images.

    There are ``O`` destinations with ``S`` sources each; ``S`` is 1 for whole filters.

    Parameters
    ----------
    layer
        The layer.
    delta
        ``[n, t, O, S]``, logit after the removal minus logit before; 0 where not tested.
    information
        ``[n, O, S]``, the causal effect CS of equation 2: KL(p_do || p) in nats, at least 0.
    tested
        ``[n, t, O, S]``, whether the algorithm tested the edge (after screening, if there is any).
    supports, opposes
        ``[n, t, O, S]``, G+ and G-: whether a removal significantly lowers, or raises, the logit.
    threshold
        ``[n, t]``, the threshold of significance.
    mediators
        ``[n, t, O]``, K: the destinations that are mediators, on which the layers behind depend.
    mediator_effect
        ``[n, t, O]``, the contribution of the edges out of each destination to the logit.
    """

    layer: ParameterLayer
    delta: Tensor
    information: Tensor
    tested: Tensor
    supports: Tensor
    opposes: Tensor
    threshold: Tensor
    mediators: Tensor
    mediator_effect: Tensor


@dataclass(frozen=True)
class Mechanisms:
    """The result of algorithm 1 for ``n`` images and ``t`` classes each.

    Parameters
    ----------
    layers
        By name, from the last layer back to the first.
    logits
        ``[n, K]``, without intervention.
    targets
        ``[n, t]``, the classes.
    screening
        If edges were screened: by layer, the rank correlation between the estimated and the exact
        effects of the tested edges.
    """

    layers: Mapping[str, LayerMechanisms]
    logits: Tensor
    targets: Tensor
    screening: Mapping[str, float]

    def flat(self, field: str) -> Tensor:
        """Return a per-edge field of all layers as ``[n, t, d]``, in the order of concepts."""
        ordered = sorted(self.layers.values(), key=lambda found: found.layer.first)
        return torch.cat([getattr(found, field).flatten(2) for found in ordered], dim=2)

    def flat_information(self) -> Tensor:
        """Return CS of all layers as ``[n, d]``, in the order of concepts."""
        ordered = sorted(self.layers.values(), key=lambda found: found.layer.first)
        return torch.cat([found.information.flatten(1) for found in ordered], dim=1)


def find_mechanisms(
    oracle: ParameterOracle, units: Units, targets: Tensor, rule: SelectionRule
) -> Mechanisms:
    """Find the edges that support or oppose the classes of some images.

    Interventional black-box explanations, algorithm 1, in our interpretation: K is initially the
    class itself. Every edge n → k with k in K is removed and the logit is computed again. The
    sources of significant supporting edges are the K of the layers that feed this one. K has all
    channels of a layer that feeds no tested layer or reaches the logits by other ways as well, and
    all units of a last layer whose units are not the classes' one by one.

    Parameters
    ----------
    oracle
        Bound to the classifier and its parameters.
    units
        ``n`` units.
    targets
        ``[n, t]``, the classes to explain for each image.
    rule
        The rule of significance.
    """
    search = _Search(oracle, units, targets, rule)
    for layer in reversed(oracle.space.layers):
        search.visit(layer)
    return Mechanisms(search.found, search.logits, targets, search.screening)


class _Search:
    """The state of algorithm 1 on its way from the last layer back to the first."""

    def __init__(
        self, oracle: ParameterOracle, units: Units, targets: Tensor, rule: SelectionRule
    ) -> None:
        self.oracle, self.units, self.targets, self.rule = oracle, units, targets, rule
        self.logits = oracle.query(units, Intervention.none()).answer("logits")[0]
        self.log_probabilities = self.logits.log_softmax(dim=1)
        self.links = oracle.connections
        self.mediators: dict[str, Tensor] = {}
        self.effects: dict[str, Tensor] = {}
        self.found: dict[str, LayerMechanisms] = {}
        self.screening: dict[str, float] = {}
        self.estimates = None if rule.screen is None else self._first_order()

    def visit(self, layer: ParameterLayer) -> None:
        """Test the edges of one layer and pass their sources on to the layers before it."""
        mediators = self._mediators(layer)
        candidates = mediators[..., None].expand(*mediators.shape, _width(layer))
        tested, estimate, screen = candidates, None, self.rule.screen
        if self.estimates is not None and screen is not None:
            first, stop = layer.indices.start, layer.indices.stop
            estimate = self.estimates[..., first:stop].unflatten(2, (layer.destinations, -1))
            tested = _top(estimate, candidates, screen)
        delta, information = self._effects(layer, tested)
        if estimate is not None:
            self.screening[layer.name] = _rank_correlation(estimate[tested], delta[tested])
        spread = delta if estimate is None else torch.where(tested, delta, estimate)
        cut_low, cut_high = self._thresholds(spread, candidates)
        supports = tested & (delta < cut_low[..., None, None])
        opposes = tested & (delta > cut_high[..., None, None])
        effect = mediators.to(delta.dtype)
        if self._is_known(layer):
            effect = self.effects.get(layer.name, effect)
        if not layer.by_edge:
            mediators, effect = supports[..., 0] & mediators, -delta[..., 0]
        self.found[layer.name] = LayerMechanisms(
            layer, delta, information, tested, supports, opposes, cut_high, mediators, effect
        )
        for name in self.links.feeds[layer.name]:
            self._pass_on(layer, name, supports, delta)

    def _mediators(self, layer: ParameterLayer) -> Tensor:
        """Return K, ``[n, t, O]``."""
        if self._is_known(layer):
            return self.mediators[layer.name]
        n, t = self.targets.shape
        units = self.oracle.class_units(layer)
        if units is not None:
            own = units[self.targets][..., None]
            chosen = torch.zeros(n, t, layer.destinations, dtype=torch.bool, device=own.device)
            return chosen.scatter(2, own, True)
        shape = (n, t, layer.destinations)
        return torch.ones(shape, dtype=torch.bool, device=self.targets.device)

    def _is_known(self, layer: ParameterLayer) -> bool:
        """Return whether all ways from the layer to the logits were visited.

        Layers that run more than once may read each other.
        """
        readers = self.links.readers(layer.name)
        return layer.name in self.links.closed and all(name in self.found for name in readers)

    def _effects(self, layer: ParameterLayer, tested: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``[n, t, O, S]`` changes of the classes' logits, and CS ``[n, O, S]``."""
        wanted = tested.any(dim=1)
        delta = torch.zeros(tested.shape, device=tested.device)
        information = torch.zeros(wanted.shape, device=tested.device)
        # Screened edges differ between images, so that each image has its own query.
        groups = [slice(i, i + 1) for i in range(len(self.units))]
        for rows in groups if self.estimates is not None else [slice(None)]:
            local = wanted[rows].any(dim=0).flatten().nonzero()[:, 0]
            if not len(local):
                continue
            removal = Intervention.ablate(layer.first + local)
            after = self.oracle.query(self.units[rows], removal).answer("logits").transpose(0, 1)
            before = self.logits[rows, None]
            index = self.targets[rows, None].expand(-1, len(local), -1)
            change = (after - before).gather(2, index).transpose(1, 2)
            delta[rows].flatten(2)[..., local] = change
            log_do = after.log_softmax(dim=2)
            kl = (log_do.exp() * (log_do - self.log_probabilities[rows, None])).sum(dim=2)
            information[rows].flatten(1)[:, local] = kl.clamp(min=0)
        return delta * tested, information * wanted

    def _thresholds(self, delta: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
        """Return the thresholds of delta for support and for opposition, ``[n, t]`` each."""
        count = among.sum(dim=(2, 3)).clamp(min=1)
        mean = (delta * among).sum(dim=(2, 3)) / count
        centred = (delta - mean[..., None, None]) * among
        sd = (centred.square().sum(dim=(2, 3)) / count).sqrt()
        # Effects of the size of rounding errors of the logits are not significant.
        floor = 1e-6 * self.logits.abs().amax(dim=1, keepdim=True).to(sd.dtype)
        sd = torch.maximum(sd, floor)
        if self.rule.threshold == "relative":
            return -self.rule.tau * sd, self.rule.tau * sd
        # Equation 1 as printed, (mean of the changed logits - logit) / sd, is one threshold for
        # both.
        literal = mean / sd
        return literal, literal

    def _pass_on(self, layer: ParameterLayer, name: str, supports: Tensor, delta: Tensor) -> None:
        """Add the sources of supporting edges to the mediators of a layer that feeds this one."""
        channels = self.oracle.space.layer(name).destinations
        n, t = self.targets.shape
        if not layer.by_edge:
            everything = torch.ones(n, t, channels, dtype=torch.bool, device=delta.device)
            self.mediators[name] = everything
            return
        sources = by_source(supports, layer).any(dim=2).unflatten(2, (channels, -1)).any(dim=3)
        effect = -by_source(delta, layer).sum(dim=2).unflatten(2, (channels, -1)).sum(dim=3)
        self.mediators[name] = self.mediators.get(name, torch.zeros_like(sources)) | sources
        self.effects[name] = self.effects.get(name, torch.zeros_like(effect)) + effect

    def _first_order(self) -> Tensor:
        rows = [self.oracle.first_order(self.units, klass) for klass in self.targets.T]
        estimates = torch.stack(rows, dim=1)
        for layer in self.oracle.space.layers:
            if not bool(estimates[..., layer.indices.start : layer.indices.stop].any()):
                raise CapabilityError(
                    "edges can't be screened: the gradients of the logits with respect to all "
                    f"weights of layer {layer.name!r} are zero, as behind a rounding; leave out "
                    "'screen', or leave the layer out of concepts.layers"
                )
        return estimates


def doubts(oracle: ParameterOracle) -> str:
    """Return what is not known about the tested layers, or an empty text."""
    if any(layer.granularity == "head" for layer in oracle.space.layers):
        # Each head is tested, whichever channels are known.
        return ""
    connections = oracle.connections
    said = []
    if oracle.dataflow is None:
        said.append(
            "the network can't be traced: each layer was tried on the channels of the one before it"
        )
    unknown = [layer.name for layer in oracle.space.layers[1:] if not connections.feeds[layer.name]]
    if unknown:
        said.append(
            f"the input channels of {', '.join(unknown)} could not be determined; the layers "
            "before them were tested in all their channels"
        )
    if connections.passed_by:
        said.append(
            f"{', '.join(connections.passed_by)} reach the logits also past the tested layers, and "
            "were tested in all their channels"
        )
    mixed = [la.name for la in oracle.space.layers if la.is_last and oracle.class_units(la) is None]
    if mixed:
        said.append(
            f"the logits do not depend on one unit of {mixed[0]} each, so that all of its units "
            "were tested for each class"
        )
    if left_out := oracle.space.left_out_:
        some = ", ".join(left_out[:_NAMED]) + (", ..." if len(left_out) > _NAMED else "")
        said.append(
            f"{some} ({len(left_out)} weights) belong to no convolution or linear layer that is "
            "called as a module, and were not tested"
        )
    return "; ".join(said)


def by_source(edges: Tensor, layer: ParameterLayer) -> Tensor:
    """Spread ``[..., O, S]`` over all input channels, ``[..., O, S * groups]``; 0 across groups."""
    if layer.groups == 1:
        return edges
    groups = torch.eye(layer.groups, dtype=edges.dtype, device=edges.device)[:, None, :, None]
    grouped = torch.unflatten(edges, -2, (layer.groups, -1))[..., None, :] * groups
    return grouped.flatten(-2).flatten(-3, -2)


def _width(layer: ParameterLayer) -> int:
    return layer.sources if layer.by_edge else 1


def _top(estimate: Tensor, among: Tensor, count: int) -> Tensor:
    """Mark the ``count`` edges of each image and class with the largest estimated effect."""
    size = estimate.abs().masked_fill(~among, -math.inf).flatten(2)
    best = size.topk(min(count, size.shape[2]), dim=2).indices
    marked = torch.zeros_like(among.flatten(2)).scatter(2, best, True)
    return torch.unflatten(marked, 2, among.shape[2:]) & among


def _rank_correlation(estimate: Tensor, exact: Tensor) -> float:
    """Return Spearman's rank correlation of effects; 0 where one side does not vary.

    Effects that differ by no more than float32's rounding are tied: those of a unit that is never
    active are all 0, and their order would say nothing.
    """
    if estimate.numel() < 2:
        return 0.0
    unit = float(exact.abs().max()) * _ROUNDING
    values = [x.flatten().double().cpu().numpy() for x in (estimate, exact)]
    ranks = [scipy.stats.rankdata((x / unit).round() if unit else x) for x in values]
    return float(torch.corrcoef(torch.tensor(np.stack(ranks)))[0, 1].nan_to_num())
