"""Explanations without information, the controls of every comparison."""

from __future__ import annotations

import torch
from torch import Tensor

from causalxai.explainer import ControlKind, Explainer, Explanation, ExplanationInputs


class RandomExplainer(Explainer):
    """Standard normal importances of the concepts, if there are any, and a map of noise."""

    control = ControlKind.RANDOM

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        n, _, height, width = images.shape
        names = () if inputs.space is None else inputs.space.names()
        noise = torch.randn(n, height, width, generator=inputs.rng)
        importance = torch.randn(n, len(names), generator=inputs.rng)
        return _knows_nothing(images, target, names, importance, {"random": noise})


class ConstantExplainer(Explainer):
    """An explanation that is always the same: every concept and every pixel has importance one."""

    control = ControlKind.CONSTANT

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        n, _, height, width = images.shape
        names = () if inputs.space is None else inputs.space.names()
        maps = {"constant": torch.ones(n, height, width)}
        return _knows_nothing(images, target, names, torch.ones(n, len(names)), maps)


def _knows_nothing(
    images: Tensor,
    target: Tensor,
    names: tuple[str, ...],
    importance: Tensor,
    maps: dict[str, Tensor],
) -> Explanation:
    return Explanation(
        images=images.detach().cpu(),
        target=target.cpu(),
        concepts=names,
        importance=importance if names else None,
        maps=maps,
    )
