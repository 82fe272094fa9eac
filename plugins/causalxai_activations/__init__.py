"""Concepts in the activations of a layer of any network; no generator is trained.

``craft``: non-negative factors of the activations, which are found without labels. ``tcav``:
directions that are learned from examples of concepts, or from their labels.
"""

from causalxai.plugin.method import Method

__version__ = "0.9.0"

CRAFT = Method(
    concepts={"use": "craft"},
    oracle={"use": "craft"},
    graph={"use": "effects", "among_concepts": False},
    explain={"use": "craft"},
    metrics=("interventional-faithfulness", "deletion", "insertion"),
    reference=(
        "Fel, Picard, Béthune, Boissin, Vigouroux, Colin, Cadène, Serre, CRAFT: Concept recursive "
        "activation factorization for explainability, CVPR 2023"
    ),
)

TCAV = Method(
    concepts={"use": "tcav"},
    oracle={"use": "tcav"},
    graph={"use": "effects", "among_concepts": False},
    explain={"use": "single-effects"},
    metrics=("interventional-faithfulness",),
    reference=(
        "Kim, Wattenberg, Gilmer, Cai, Wexler, Viegas, Sayres, Interpretability beyond feature "
        "attribution: Quantitative testing with concept activation vectors, ICML 2018"
    ),
)
