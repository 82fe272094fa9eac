"""Attributions by gradients, which say so where there are none."""

from __future__ import annotations

import logging
from dataclasses import replace

from torch import Tensor

from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation, ExplanationInputs
from causalxai.network.flat_gradients import logits_that_move
from causalxai_baselines.attribution import Attribution, logit_of

_OTHERS = "use occlusion or lime, which need no gradients"

_logger = logging.getLogger(__name__)


class GradientAttribution(Attribution):
    """An attribution by gradients.

    It is refused where the gradients are not finite, or zero for all images although the logits
    change. What is doubtful of some images is told in ``meta["remarks"]``, in the report and, the
    first time, in the log.

    The attribution of a batch says in ``details["flat"]``, ``[n]``, for which images its gradients
    are zero everywhere; it is not kept.
    """

    _told: frozenset[str] = frozenset()

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        inputs.classifier.require_gradients(self.name)
        found = super()._explain(images, target, inputs)
        infinite = int((~found.maps[self.name].flatten(1).isfinite()).any(dim=1).sum())
        if infinite:
            raise CapabilityError(
                f"{self.name} is not finite for {infinite} of {len(images)} images: the network's "
                f"gradient is infinite or undefined there, as that of a root is at zero; {_OTHERS}"
            )
        remarks = self._doubts(found) | self._flat(found, inputs)
        for kind in sorted(remarks.keys() - self._told):
            _logger.warning("%s: %s", self.name, remarks[kind])
        self._told |= remarks.keys()
        details = {name: tensor for name, tensor in found.details.items() if name != "flat"}
        return replace(found, details=details, meta={**found.meta, "remarks": [*remarks.values()]})

    def _doubts(self, found: Explanation) -> dict[str, str]:  # noqa: ARG002
        """Return remarks on what is doubtful about the maps, by their kinds."""
        return {}

    def _flat(self, found: Explanation, inputs: ExplanationInputs) -> dict[str, str]:
        """Refuse gradients that are all zero although the logits change; remark on single ones."""
        flat = found.details["flat"].nonzero()[:, 0]
        if not len(flat):
            return {}
        device = inputs.classifier.device
        images, target = found.images[flat].to(device), found.target[flat].to(device)
        moved = logits_that_move(inputs.classifier.model, images, (0.0, 1.0))
        wrong = int(logit_of(moved, target).sum())
        if not wrong:
            return {}
        said = (
            f"zero in every pixel for {wrong} of {len(found)} images, although their logits change "
            "when noise is mixed into the images"
        )
        if wrong < len(found):
            return {"flat": f"the map is {said}"}
        raise CapabilityError(
            f"{self.name} needs gradients, and what it makes of this network's is {said}: a step "
            f"of its forward(), such as a rounding or a threshold, has no gradient; {_OTHERS}"
        )


def is_flat(values: Tensor) -> Tensor:
    """Return ``[n]``, which of ``n`` attributions are zero everywhere."""
    return ~(values != 0).flatten(1).any(dim=1)
