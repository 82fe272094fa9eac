"""An explainer for causalxai that sets one concept at a time."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from causalxai import Explainer, Explanation, ExplanationInputs, Intervention, PluginConfig
from causalxai.capabilities import Capability


class OneAtATime(Explainer):
    """Importance is what the target's logit loses when a concept alone is set to ``value``.

    Works with any oracle: what the concepts are, and how one is set, is the oracle's affair.
    """

    # `explain` refuses a context without these, so that `_explain` can rely on them.
    requires = frozenset({Capability.ORACLE})

    class Config(PluginConfig):
        """What a spec may write below ``explain``."""

        value: float = Field(default=0.0, description="what each concept is set to")

    config: Config

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle = inputs.oracle
        assert oracle is not None
        units = oracle.space.encode(images)
        every = torch.arange(len(oracle.space.concepts))
        # One query for the whole sweep: the oracle cuts it to fit memory and knows short cuts.
        before = oracle.query(units, Intervention.none()).answer("logits")
        after = oracle.query(units, Intervention.set(every, self.config.value)).answer("logits")
        image = torch.arange(len(images))
        lost = (before - after).cpu()[:, image, target.cpu()]
        return Explanation(
            images=images,
            target=target,
            concepts=oracle.space.names(),
            importance=lost.T,
            units=units,
        )
