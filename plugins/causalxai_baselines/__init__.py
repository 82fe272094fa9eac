"""Attributions of captum as explainers, and controls that every comparison needs.

Attributions need no concepts, oracle or graph, and their presets compute none. ``patches`` is a
concept space of its own: a grid of image patches that an oracle can remove.
"""

from causalxai.plugin.method import Method

__version__ = "0.9.0"


def _pixels(explainer: str, reference: str) -> Method:
    return Method(
        explain={"use": explainer},
        metrics=("deletion", "insertion"),
        reference=reference,
    )


LIME = _pixels("lime", "Ribeiro, Singh, Guestrin, Why should I trust you?, KDD 2016")
DEEP_SHAP = _pixels(
    "deep-shap", "Lundberg, Lee, A unified approach to interpreting model predictions, NeurIPS 2017"
)
DEEP_LIFT = _pixels(
    "deep-lift",
    "Shrikumar, Greenside, Kundaje, Learning important features through propagating activation "
    "differences, ICML 2017",
)
GRAD_CAM = _pixels("grad-cam", "Selvaraju et al., Grad-CAM, ICCV 2017")
SALIENCY = _pixels(
    "saliency", "Simonyan, Vedaldi, Zisserman, Deep inside convolutional networks, ICLR 2014"
)
INTEGRATED_GRADIENTS = _pixels(
    "integrated-gradients", "Sundararajan, Taly, Yan, Axiomatic attribution, ICML 2017"
)
OCCLUSION = _pixels(
    "occlusion", "Zeiler, Fergus, Visualizing and understanding convolutional networks, ECCV 2014"
)
RANDOM = _pixels("random", "a control")
CONSTANT = _pixels("constant", "a control")
