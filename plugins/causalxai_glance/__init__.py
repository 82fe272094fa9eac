"""GLANCE: a twin surrogate of the classifier, a causal graph of concepts, and explanations."""

from causalxai.plugin.method import Method

__version__ = "0.9.0"

METHOD = Method(
    concepts={"use": "glance"},
    oracle={"use": "glance"},
    graph={"use": "glance"},
    explain={"use": "glance"},
    metrics=("intervention-validity", "interventional-faithfulness"),
    reference=(
        "Kori, Glocker, Toni, GLANCE: Global to local architecture-neutral concept-based "
        "explanations, arXiv 2207.01917"
    ),
)
