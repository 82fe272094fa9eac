"""The choice of a strategy for the edits of a layer, by a comparison with edited weights."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai_interventional.edits import Edits
from causalxai_interventional.parameter_space import ParameterLayer
from causalxai_interventional.propagation import Propagation

_VALUES = ((0.0, 0.5, 2.0), (-10.0, 11.0), (-300.0, 301.0))
"""What parameters are set to, in turn: more where smaller changes hardly move the logits."""

_PROBES = 16
FEW_PROBES = 5
"""How many edits are tried in a network whose forward pass takes long."""
_ENOUGH = 4
_ROUNDING = 1e-5  # of the logits
_ERROR = 1e-3  # of the effect
_EFFECT = 100  # of what is taken for rounding
IN_DOUBLE = 1e-12
"""The share of the logits that is taken for rounding where they are computed in float64."""

_logger = logging.getLogger(__name__)

Truth = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A function from images ``[n, c, h, w]``, one concept ``[1]`` and its value ``[1]`` to the logits
``[n, K]`` of the network with that edited weight."""


@dataclass(frozen=True)
class Probes:
    """Edits whose effects are known.

    Parameters
    ----------
    images
        ``[n, c, h, w]``.
    edits
        ``q`` edits.
    logits
        ``[q, n, K]``, the logits of the network with edited weights.
    allowed
        ``[q]``, the largest error of each that is taken for rounding.
    """

    images: Tensor
    edits: Edits
    logits: Tensor
    allowed: Tensor

    def agree(self, answer: Tensor) -> bool:
        """Return whether answers ``[q, n, K]`` are right."""
        error = (answer.to(self.logits.dtype) - self.logits).abs().flatten(1).amax(dim=1)
        return bool((error <= self.allowed).all())


def telling_probes(
    layer: ParameterLayer,
    images: Tensor,
    truth: Truth,
    rounding: float = _ROUNDING,
    count: int = _PROBES,
) -> Probes | None:
    """Return edits that move the logits by more than rounding does, or ``None`` if none do.

    An edit that moves nothing proves nothing: any strategy gives the unedited logits right.

    Parameters
    ----------
    layer
        The layer; its edges (or filters) are tried evenly spread.
    images
        ``[n, c, h, w]`` that differ from one another.
    truth
        The network with one edited weight.
    rounding
        Errors of this share of the logits are taken for rounding.
    count
        About how many edits are tried.
    """
    plain = truth(images, layer.targets[:1].to(images.device), torch.ones(1, device=images.device))
    for index, value in _rounds(layer, images.device, count):
        exact = torch.stack(
            [truth(images, index[i, None], value[i, None]) for i in range(len(index))]
        )
        # Large values may overflow.
        finite = exact.flatten(1).isfinite().all(dim=1)
        index, value, exact = index[finite], value[finite], exact[finite]
        effect = (exact - plain).abs().flatten(1).amax(dim=1)
        size = exact.abs().flatten(1).amax(dim=1).clamp(min=float(plain.abs().max()))
        if int((effect > _EFFECT * rounding * size).sum()) >= min(_ENOUGH, layer.count):
            allowed = _ERROR * effect + rounding * size
            return Probes(images, edits_of(layer, index, value[:, None]), exact, allowed)
    return None


def _rounds(
    layer: ParameterLayer, device: torch.device, probes: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield concepts ``[q]`` and their values ``[q]``, the values larger from round to round."""
    for number, values in enumerate(_VALUES):
        # Other edges each time, and two with one destination.
        count = layer.count
        shift = number * count // (3 * probes)
        spread = {(count * i // probes + shift) % count for i in range(probes)}
        spread |= {0, min(1, count - 1), count - 1}
        edges = torch.tensor([layer.first + i for i in sorted(spread)], device=device)
        cycle = torch.tensor(values, device=device)
        if count < probes:
            # Few edges: each with each value.
            yield edges.repeat_interleave(len(cycle)), cycle.repeat(len(edges))
        else:
            yield edges, cycle[torch.arange(len(edges), device=device) % len(cycle)]


def edits_of(layer: ParameterLayer, index: Tensor, value: Tensor) -> Edits:
    """Return edits of concepts ``[q]`` of one layer to values ``[q, n]`` or ``[q, 1]``."""
    source = layer.source_of(index) if layer.granularity == "slice" else None
    heads = layer.destinations if layer.granularity == "head" else 1
    return Edits(layer.destination_of(index), source, value - 1, layer.granularity, heads)


def exact_strategy(
    layer: str, strategies: Iterable[tuple[str, Propagation]], probes: Probes
) -> Propagation | None:
    """Return the first strategy that answers all probes as the edited network does, if any."""
    for name, propagation in strategies:
        if not propagation.applies(layer, probes.edits.granularity):
            continue
        try:
            # torch.fx prints what fails in a traced network before it raises it.
            with redirect_stderr(io.StringIO()):
                answer = propagation.logits(layer, probes.images, probes.edits)
        except Exception as error:
            # The user's forward() runs under hooks and vmap, and may raise any exception.
            _logger.info("%s: %s does not apply: %s", layer, name, error)
            continue
        if probes.agree(answer):
            _logger.debug("%s: edits are propagated by %s", layer, name)
            return propagation
        _logger.info("%s: %s is not exact here", layer, name)
    return None
