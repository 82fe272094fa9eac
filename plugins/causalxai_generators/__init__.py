"""Generators whose pictures are asked what the classifier sees: the user's own, and SCM-VAE.

``generator``: any network that encodes images and decodes latents. Directions in its latents that
are fitted to the data set's labels, or single latents, are the concepts. ``scm-vae``: a deep
structural causal model of labelled concepts and images, which is trained here.
"""

from causalxai.plugin.method import Method

__version__ = "0.9.0"

GENERATOR = Method(
    concepts={"use": "generator"},
    oracle={"use": "generator"},
    graph={"use": "effects", "among_concepts": False},
    explain={"use": "single-effects"},
    metrics=("intervention-validity", "interventional-faithfulness", "effectiveness"),
    reference=(
        "Shen, Gu, Tang, Zhou, Interpreting the latent space of GANs for semantic face editing, "
        "CVPR 2020"
    ),
)

SCM_VAE = Method(
    concepts={"use": "scm-vae"},
    oracle={"use": "scm-vae"},
    graph={"use": "effects"},
    explain={"use": "single-effects"},
    metrics=("intervention-validity", "interventional-faithfulness", "effectiveness"),
    reference=(
        "Pawlowski, Castro, Glocker, Deep structural causal models for tractable counterfactual "
        "inference, NeurIPS 2020"
    ),
)
