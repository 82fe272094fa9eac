"""An explainer: what the explained logit loses when one concept at a time is set."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from causalxai import Capability, Explainer, Explanation, ExplanationInputs, Intervention
from causalxai.plugin import PluginConfig


class OneAtATime(Explainer):
    """Works with any oracle: what the concepts are, and how one is set, is the oracle's affair."""

    # `explain` refuses a run without these, so that `_explain` can rely on them.
    requires = frozenset({Capability.ORACLE})

    class Config(PluginConfig):
        """What a spec may write below ``explain``."""

        value: float = Field(default=0.0, description="what each concept is set to")

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle = inputs.need_oracle()
        units, names = oracle.space.encode(images), oracle.space.names()
        # One query for all concepts: the oracle cuts it to fit memory.
        set_each = Intervention.set(torch.arange(len(names)), self.config.value)
        before = oracle.query(units, Intervention.none()).answer("logits")
        after = oracle.query(units, set_each).answer("logits")
        lost = (before - after).cpu()[:, torch.arange(len(images)), target.cpu()]
        return Explanation(images=images, target=target, concepts=names, importance=lost.T)
