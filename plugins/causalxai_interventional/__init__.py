"""Interventional black-box explanations: do(weight = 0), layer by layer."""

from causalxai.plugin.method import Method

__version__ = "0.9.0"

METHOD = Method(
    concepts={"use": "parameters"},
    oracle={"use": "parameters"},
    graph={"use": "interventional"},
    explain={"use": "interventional"},
    metrics=("deletion", "insertion", "correction"),
    reference="Interventional black-box explanations, submission to ICLR 2022",
)
