"""What is known of a run before it is run: the outline of its data set, and its network."""

from __future__ import annotations

from typing import Any

import torch

from causalxai.classifier import Classifier
from causalxai.config import ResolvedPlugin, ResolvedSpec
from causalxai.outline import Outline
from causalxai.plugin.guard import guarded


class Previews:
    """Outlines and networks of specs; those with the same data set or classifier share them."""

    def __init__(self) -> None:
        self._outlines: dict[str, Outline | None] = {}
        self._classifiers: dict[tuple[str, Outline], Classifier | None] = {}

    def outline(self, spec: ResolvedSpec) -> Outline | None:
        """Return the outline of a spec's data set; ``None`` if it is known only when it is loaded.

        Raises
        ------
        DataError
            If files are missing or damaged.
        """
        part, key = spec.dataset, identity(spec.dataset)
        if key not in self._outlines:
            with guarded(part.provenance, "the outline of the data set"):
                self._outlines[key] = part.build().outline()
        return self._outlines[key]

    def classifier(self, spec: ResolvedSpec, outline: Outline) -> Classifier | None:
        """Return a spec's classifier as it is before training; ``None`` if that is not known.

        Raises
        ------
        CausalxaiError
            If the network cannot be built for these images and classes, or its weights don't fit.
        """
        part, key = spec.classifier, (identity(spec.classifier), outline)
        if key not in self._classifiers:
            with guarded(part.provenance, "its network before training"):
                self._classifiers[key] = part.build().preview(outline, torch.device("cpu"))
        return self._classifiers[key]


def identity(part: ResolvedPlugin[Any]) -> str:
    """Return a text that is the same for parts with the same settings."""
    return f"{part.provenance} {part.config!r}"
