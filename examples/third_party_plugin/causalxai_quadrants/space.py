"""A concept space: how bright each quadrant of an image is."""

from typing import Any, Self

from torch import Tensor, nn, tensor

from causalxai import Classifier, Concept, ConceptSpace, Dataset, Units
from causalxai.concept_space import held_out_scales
from causalxai.storage.record import Record


class QuadrantSpace(ConceptSpace):
    """The mean brightness of each quadrant, from 0 to 1."""

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """One concept for each quadrant; one unit of change is a standard deviation."""
        names = ("top left", "top right", "bottom left", "bottom right")
        return tuple(Concept(n, 0, 1, scale=sd) for n, sd in zip(names, self.scales, strict=True))

    def fit(self, classifier: Classifier, dataset: Dataset, **_: Any) -> Self:
        """Measure how much the brightness of each quadrant varies."""
        self.device = classifier.device
        self.scales = held_out_scales(self, dataset.test.images)
        return self

    def encode(self, images: Tensor) -> Units:
        """Read the four values; the image itself is what an intervention starts from."""
        images = images.to(self.device)
        return Units(nn.AdaptiveAvgPool2d(2)(images.mean(dim=1)).flatten(1), {"image": images})

    def to_record(self) -> Record:
        """Return what ``fit`` learned."""
        return Record(tensors={"scales": tensor(self.scales)})

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Take it back."""
        self.device, self.scales = classifier.device, tuple(record.tensors["scales"].tolist())
        return self
