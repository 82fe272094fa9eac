"""DVAE flip: boolean concepts of a hidden layer, and the flips that change the prediction."""

from causalxai.plugin.method import Method

__version__ = "0.9.0"

METHOD = Method(
    concepts={"use": "dvae"},
    oracle={"use": "dvae"},
    graph={"use": "dvae"},
    explain={"use": "dvae"},
    metrics=("flip-changed", "code-agreement", "code-accuracy", "shared-information"),
    reference=(
        "Gat, Lorberbom, Schwartz, Hazan, Latent space explanation by intervention, AAAI 2022"
    ),
)
