"""Explanations that know nothing: what every other one has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.context import Context
from causalxai.explainer import ControlKind, Explainer, Explanation


class RandomExplainer(Explainer):
    """Standard normal importances of the concepts, where there are any, and a map of noise."""

    control = ControlKind.RANDOM

    def _explain(self, inputs: Tensor, target: Tensor, context: Context) -> Explanation:
        n, _, height, width = inputs.shape
        names = () if context.space is None else context.space.names()
        noise = torch.randn(n, height, width, generator=context.rng)
        importance = torch.randn(n, len(names), generator=context.rng)
        return _knows_nothing(inputs, target, names, importance, {"random": noise})


class ConstantExplainer(Explainer):
    """The same for every image, class and classifier: each concept and each pixel counts one."""

    control = ControlKind.CONSTANT

    def _explain(self, inputs: Tensor, target: Tensor, context: Context) -> Explanation:
        n, _, height, width = inputs.shape
        names = () if context.space is None else context.space.names()
        maps = {"constant": torch.ones(n, height, width)}
        return _knows_nothing(inputs, target, names, torch.ones(n, len(names)), maps)


def _knows_nothing(
    inputs: Tensor,
    target: Tensor,
    names: tuple[str, ...],
    importance: Tensor,
    maps: dict[str, Tensor],
) -> Explanation:
    return Explanation(
        inputs=inputs.detach().cpu(),
        target=target.cpu(),
        concepts=names,
        importance=importance if names else None,
        maps=maps,
    )
