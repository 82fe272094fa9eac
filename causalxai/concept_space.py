"""Concept spaces: the variables on which one may intervene."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Self

from causalxai.plugin import Plugin
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Json, Record

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from causalxai.classifier import Classifier
    from causalxai.dataset import Dataset

ConceptKind = Literal["continuous", "boolean", "parameter"]


@dataclass(frozen=True, slots=True)
class Concept:
    """One variable.

    Parameters
    ----------
    name
        Unique within its space.
    kind
        ``continuous``, ``boolean`` (values 0 and 1) or ``parameter`` (a network's own weight;
        1 is intact and 0 removed).
    low, high
        The values that make sense, where they are bounded.
    unit
        The unit of the values; ``"sd"`` where one unit is one standard deviation.
    layer
        The network layer that the concept lives in, if any.
    tier
        Its place in a known order: a concept may cause only those of its own or a higher tier.
    """

    name: str
    kind: ConceptKind = "continuous"
    low: float | None = None
    high: float | None = None
    unit: str = ""
    layer: str | None = None
    tier: int | None = None


@dataclass(frozen=True)
class Units:
    """``n`` individuals, as abduction reads them.

    Parameters
    ----------
    values
        ``[n, d]``, the value of every concept (the *state* before anything is done).
    residual
        What the oracle holds fixed for each individual (an image, a style code), by name; the
        first axis of each tensor is ``n``.
    """

    values: Tensor
    residual: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.values.shape[0]

    def __getitem__(self, rows: slice | Tensor) -> Units:
        return Units(
            self.values[rows], {name: tensor[rows] for name, tensor in self.residual.items()}
        )

    def to(self, device: torch.device) -> Units:
        """Return the same individuals on a device."""
        residual = {name: tensor.to(device) for name, tensor in self.residual.items()}
        return Units(self.values.to(device), residual)


class ConceptSpace(Plugin, ABC):
    """The variables that a classifier's explanation speaks of, and how to read them."""

    @property
    @abstractmethod
    def concepts(self) -> Sequence[Concept]:
        """The ``d`` concepts in the order of ``Units.values``; available once fitted."""

    @abstractmethod
    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Self:
        """Learn the concepts that ``classifier`` perceives in ``dataset``; return ``self``.

        A long fit saves its state to ``checkpoint`` now and then, and goes on from what it holds.
        """

    @abstractmethod
    def encode(self, images: Tensor) -> Units:
        """Read the concepts of images (*abduction*).

        Parameters
        ----------
        images
            ``[n, c, h, w]``, float32 in [0, 1].
        """

    @abstractmethod
    def to_record(self) -> Record:
        """Return all that ``fit`` learned, so that ``restore`` can bring it back."""

    @abstractmethod
    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Undo ``to_record``: after it the space reads as it did when it was stored."""

    def summary(self) -> Mapping[str, Json]:
        """Return held-out figures of the fit, which a run's summary tells; plain values by name."""
        return {}

    def names(self) -> tuple[str, ...]:
        """Return the names of the concepts, in order."""
        return tuple(concept.name for concept in self.concepts)
