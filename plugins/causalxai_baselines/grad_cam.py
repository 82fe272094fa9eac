"""Grad-CAM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from causalxai.classifier import Classifier
from causalxai.errors import CapabilityError
from causalxai.explainer import ExplanationInputs
from causalxai.network.layer_names import require_layers_named
from causalxai.network.probe_images import probe_images
from causalxai_baselines.attribution import Attribute, Attributed, AttributionConfig
from causalxai_baselines.gradient_attribution import GradientAttribution, is_flat

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NAMED = 6


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
            return "Green supports the class; each map has its own scale."
        return super().map_note

    def check_classifier(self, classifier: Classifier) -> None:
        """Check that there is the layer, or a convolution."""
        self._layer(classifier)

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        from captum import attr

        model = inputs.classifier.model
        name = self._layer(inputs.classifier)
        _require_feature_maps(inputs.classifier, name)
        grad_cam = attr.LayerGradCam(model, model.get_submodule(name))

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            coarse = grad_cam.attribute(
                images.requires_grad_(), target=target, relu_attributions=False
            )
            assert isinstance(coarse, Tensor)
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
        require_layers_named([self.config.layer], classifier.model, "explain.layer")
        return self.config.layer


def _require_feature_maps(classifier: Classifier, name: str) -> None:
    """Raise CapabilityError unless a layer gives feature maps on which the logits depend."""
    outputs: list[object] = []
    layer = classifier.model.get_submodule(name)
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: outputs.append(output))
    images = probe_images(classifier.image_shape)[:2].to(classifier.device)
    try:
        with torch.enable_grad():
            # A copy, because a leaf cannot be written into.
            logits = classifier.model(images.requires_grad_().clone())
    finally:
        handle.remove()
    last = outputs[-1] if outputs else None
    if last is None:
        fault = "is never called as a module"
    elif not isinstance(last, Tensor) or last.dim() != 4 or len(last) != len(images):
        got = list(last.shape) if isinstance(last, Tensor) else type(last).__name__
        fault = f"has no feature maps [n, c, h, w]: for {len(images)} images it gives {got}"
    elif not last.requires_grad or _gradient(logits, last) is None:
        fault = "has no part in the logits"
    else:
        return
    known = ", ".join(classifier.layers(*_CONVOLUTIONS)[-_NAMED:]) or "none"
    raise CapabilityError(f"the layer {name!r} {fault} (the last convolutions: {known})")


def _gradient(logits: Tensor, output: Tensor) -> Tensor | None:
    (gradient,) = torch.autograd.grad(logits.sum(), output, allow_unused=True)
    return gradient
