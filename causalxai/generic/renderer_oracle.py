"""An oracle that draws what would really have been seen."""

from __future__ import annotations

from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.generic.rendered_space import RenderedSpace
from causalxai.intervention import Intervention
from causalxai.oracle import Oracle, Response, Want


class RendererOracle(Oracle):
    """Draws each individual anew after do(), and asks the classifier about the drawing.

    All that follows from an intervention follows by the true structural model of the data set, with
    the individual's own noise: its logits are those of the true counterfactual image. The readback
    is measured on the drawing by the renderer's ruler; ``states`` are the values that were drawn.
    """

    capabilities = frozenset({Capability.READBACK, Capability.IMAGES})
    accepts = RenderedSpace

    space: RenderedSpace

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        """Return the concepts' values with all that follows, ``[q, n, d]``."""
        return self.space.renderer.states(units, interventions)

    def read_pictures(
        self,
        images: Tensor,  # noqa: ARG002
        units: Units,
        intervention: Intervention,
    ) -> Units:
        """Return the same individuals in the state in which they were drawn.

        The renderer recognises only the pictures of the data set, by their pixels. Which individual
        its own drawing shows, and with which concepts, needs no reading.
        """
        return Units(self.states(units, intervention)[0], units.residual)

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        renderer, device = self.space.renderer, units.values.device
        drawn = renderer.draw(units, self.states(units, interventions))
        images = drawn.to(device)
        logits = self.classifier.logits(images.flatten(0, 1))
        return Response(
            logits=logits.unflatten(0, drawn.shape[:2]),
            readback=renderer.measure(units, drawn).to(device) if "readback" in want else None,
            images=images,
        )
