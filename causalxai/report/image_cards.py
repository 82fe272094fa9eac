"""Cards of single images: what the network says, what supports it, and what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.explainer import Explanation
from causalxai.image_data.split import some_of_each_class
from causalxai.oracle import Oracle
from causalxai.report.films import Film, film, renders
from causalxai.report.inlined import inlined_image, inlined_map

MOST_CARDS = 6
_MOST_CONCEPTS, _MOST_MAPS = 5, 4


@dataclass(frozen=True)
class ConceptRow:
    """One of the concepts that matter most in an image.

    Parameters
    ----------
    name
        The concept's name.
    importance
        As in ``Explanation.importance``.
    share
        Its absolute value as a share of the largest one of the card, in [0, 1].
    film
        What becomes of the image while the concept changes, where an oracle can show it.
    """

    name: str
    importance: float
    share: float
    film: Film | None


@dataclass(frozen=True)
class ImageCard:
    """One image and its explanation.

    Parameters
    ----------
    title
        Which image it is, and the class that is explained.
    said
        What the network says of it.
    picture
        The image, as a ``data:`` address.
    maps
        Maps to be laid over it, by name.
    concepts
        Those that matter most, the most important one first.
    """

    title: str
    said: str
    picture: str
    maps: dict[str, str]
    concepts: tuple[ConceptRow, ...]

    @property
    def has_films(self) -> bool:
        """Whether the image can be changed."""
        return any(row.film is not None for row in self.concepts)


def image_cards(
    explanation: Explanation,
    classifier: Classifier,
    oracle: Oracle | None = None,
    names: Sequence[str] | None = None,
) -> tuple[ImageCard, ...]:
    """Return cards of all images that have names, or of some of each class.

    Parameters
    ----------
    explanation
        Of the images.
    classifier
        Says what it sees in them.
    oracle
        Films are made of its answers, where it renders images.
    names
        What the images are called; by default no more than six are shown, without names.
    """
    n = len(explanation)
    rows = some_of_each_class(explanation.target, MOST_CARDS) if names is None else range(n)
    probabilities = classifier.logits(explanation.images).softmax(dim=1).cpu()
    return tuple(
        ImageCard(
            title=_title(explanation, classifier, row, names),
            said=_said(probabilities[row], int(explanation.target[row]), classifier.class_names),
            picture=inlined_image(explanation.images[row]),
            maps={
                name: inlined_map(maps[row])
                for name, maps in list(explanation.maps.items())[:_MOST_MAPS]
            },
            concepts=_concepts(explanation, row, oracle),
        )
        for row in rows
    )


def _title(
    explanation: Explanation, classifier: Classifier, row: int, names: Sequence[str] | None
) -> str:
    klass = classifier.class_names[int(explanation.target[row])]
    return f"class {klass}" if names is None else f"{names[row]}: class {klass}"


def _said(probabilities: Tensor, target: int, class_names: Sequence[str]) -> str:
    """Say what the network predicts, and how likely the explained class is if that is another."""
    predicted = int(probabilities.argmax())
    said = f"The network predicts {class_names[predicted]} ({probabilities[predicted]:.0%})"
    if predicted == target:
        return f"{said}."
    return f"{said}; it gives class {class_names[target]} {probabilities[target]:.0%}."


def _concepts(explanation: Explanation, row: int, oracle: Oracle | None) -> tuple[ConceptRow, ...]:
    if explanation.importance is None or not explanation.concepts:
        return ()
    importance = explanation.importance[row].double().cpu()
    # What the method shows itself comes first, then what matters most in this image.
    shown = {one.changes[0].concept for one in explanation.what_ifs if len(one.changes) == 1}
    claimed = torch.tensor([name in shown for name in explanation.concepts]) & renders(oracle)
    size = importance.abs()
    ranked = (size + claimed * (1 + size.max())).argsort(descending=True, stable=True)
    chosen = [place for place in ranked[:_MOST_CONCEPTS].tolist() if claimed[place] or size[place]]
    chosen.sort(key=lambda place: -float(size[place]))
    largest = max((float(size[place]) for place in chosen), default=1.0) or 1.0
    return tuple(
        ConceptRow(
            explanation.concepts[place],
            float(importance[place]),
            float(size[place]) / largest,
            _film(explanation, row, explanation.concepts[place], oracle),
        )
        for place in chosen
    )


def _film(explanation: Explanation, row: int, concept: str, oracle: Oracle | None) -> Film | None:
    """Return a film of a concept of the oracle's; explanations may be of others."""
    if oracle is None or not renders(oracle) or explanation.units is None:
        return None
    names = oracle.space.names()
    if concept not in names:
        return None
    unit = explanation.units[torch.tensor([row])].to(oracle.classifier.device)
    return film(oracle, unit, names.index(concept), int(explanation.target[row]))
