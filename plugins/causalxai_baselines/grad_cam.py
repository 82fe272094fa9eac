"""Grad-CAM."""

from __future__ import annotations

from captum import attr
from torch import Tensor, nn

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.explainer import ExplanationInputs
from causalxai_baselines.attribution import Attribute, Attributed, AttributionConfig
from causalxai_baselines.gradient_attribution import GradientAttribution, is_flat

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class GradCam(GradientAttribution):
    """The sum of a convolution's feature maps, weighted by the logit's mean gradients [1]_.

    Only the positive part of the sum is kept. The map is resized bilinearly to the image; its
    values are not in logits. Of a layer that runs several times, the last run is taken.

    References
    ----------
    .. [1] Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based
       localization", ICCV 2017, equations 1 and 2.
    """

    name = "grad-cam"

    class Config(AttributionConfig):
        """Settings of ``GradCam``.

        Parameters
        ----------
        layer
            The name of the layer whose feature maps are used; null for the convolution that runs
            last.
        relu
            Keep only the positive part, which supports the class, as in the paper; if false, the
            map is signed.
        """

        layer: str | None = None
        relu: bool = True

    config: Config

    @property
    def map_note(self) -> str:
        """A note on how to read the map."""
        if self.config.relu:
            return "Red supports the class; each map has its own scale."
        return super().map_note

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        model = inputs.classifier.model
        name = self._layer(inputs.classifier)
        grad_cam = attr.LayerGradCam(model, model.get_submodule(name))

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            coarse = grad_cam.attribute(
                images.requires_grad_(), target=target, relu_attributions=False
            )
            if not isinstance(coarse, Tensor) or coarse.dim() != 4:
                raise CapabilityError(f"the layer {name!r} has no feature maps [n, c, h, w]")
            # A layer of another type, such as bfloat16, has maps of this type.
            coarse = coarse.float()
            flat = is_flat(coarse)
            kept = coarse.relu() if self.config.relu else coarse
            fine = attr.LayerAttribution.interpolate(kept, images.shape[2:], "bilinear")
            return Attributed(fine, {"flat": flat})

        return attribute

    def _layer(self, classifier: Classifier) -> str:
        convolutions = classifier.layers(*_CONVOLUTIONS)
        if self.config.layer is None:
            if not convolutions:
                raise CapabilityError("grad-cam needs a convolution, and the classifier has none")
            return convolutions[-1]
        known = [name for name, _ in classifier.model.named_modules() if name]
        if self.config.layer not in known:
            raise CapabilityError(
                f"the classifier has no layer {self.config.layer!r}"
                f"{did_you_mean(self.config.layer, known)} (convolutions: "
                f"{', '.join(convolutions) or 'none'})"
            )
        return self.config.layer
