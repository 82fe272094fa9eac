"""Concepts in the activations of a layer of any network; no generator is trained.

``craft``: non-negative factors of the activations, which are found without labels.
"""

from causalxai.plugin.method import Method

__version__ = "0.4.0"

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
