"""The concept space of the non-negative factors of a layer's activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import torch
from pydantic import Field
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.concept import Concept, Units
from causalxai.concept_space import ConceptSpace, held_out_scales
from causalxai.dataset import Dataset, class_index
from causalxai.errors import CapabilityError, DataError
from causalxai.image_data.lazy import Images
from causalxai.network.layer_names import require_layers_named
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Json, Record
from causalxai_activations.crops import CropGrid
from causalxai_activations.factor_concept import FactorConcept
from causalxai_activations.factor_quality import FactorQuality, measure_factors
from causalxai_activations.factorisation import Factorisation, coefficients, factorise, most_factors
from causalxai_activations.nonnegative_layer import NonNegativeLayer, nonnegative_layer

_TRIED = 16
_AT_ONCE = 64
_SHOWN = 8
_SMALLEST_CROP = 2

USUAL_FACTORS = 10
"""The number of factors of a layer with that many active channels, if none is asked for."""

MAPS, ACTIVATIONS = "maps", "activations"
"""The names in ``Units.residual`` of the coefficients in every place, and of the activations."""


@dataclass(frozen=True)
class Fit:
    """What is told of a fit.

    Parameters
    ----------
    images, crops
        How many were factorised.
    steps, converged
        How many iterations the factorisation took, and whether they ended before their limit.
    """

    images: int
    crops: int
    steps: int
    converged: bool


class FactorSpace(ConceptSpace):
    """Concepts that are non-negative factors of a layer's activations of crops of images [1]_.

    Crops of training images are resized to the size of an image, and their activations averaged
    over all places. Non-negative matrix factorisation writes these as sums of a few factors. An
    image's activations are then written, place by place, as non-negative combinations of the
    factors; a concept's value is its mean coefficient. What the factors do not make up stays with
    the image, so that the network's answer to an image without intervention is its own.

    Attributes
    ----------
    layer_
        The layer, and the rest of the classifier.
    factors_
        ``[k, c]``, each of length 1.
    crops_
        ``[k, s, c, height, width]``, for each factor the crops that have most of it, at most one
        of an image, the one with most first.
    fit_, quality_
        What is told of the fit, and measures on held-out images.

    References
    ----------
    .. [1] Fel, Picard, Béthune, Boissin, Vigouroux, Colin, Cadène, Serre, "CRAFT: Concept recursive
       activation factorization for explainability", CVPR 2023. The recursion to sub-concepts in
       earlier layers is not included.
    """

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        factors
            The number of concepts; by default 10, or as many as the layer has channels that are
            active in any crop, if these are fewer.
        layer
            The layer's name; by default the last one with non-negative activations in space from
            which the logits follow.
        crop
            The side of a crop as a share of the image's side; 1 takes whole images.
        images
            The largest number of training images that are cropped.
        of_class
            Take the images that the classifier takes for this class alone, as the paper does; by
            default images of all classes.
        steps
            The largest number of iterations of the factorisation.
        """

        factors: int | None = Field(default=None, ge=1, le=256)
        layer: str | None = None
        crop: float = Field(default=0.3, gt=0, le=1)
        images: int = Field(default=200, ge=1, le=100_000)
        of_class: str | None = None
        steps: int = Field(default=400, ge=1, le=100_000)

    config: Config

    @property
    def concepts(self) -> Sequence[Concept]:
        """The factors, counted from 1, the one with the largest coefficients first."""
        return [
            FactorConcept(f"factor {number}", layer=self.layer_.name, scale=scale)
            for number, scale in enumerate(self._scales, start=1)
        ]

    @property
    def configured_size(self) -> int | None:
        """The number of factors, unless it is left to the layer."""
        return self.config.factors

    @property
    def has_fewer_than_usual(self) -> bool:
        """Whether the number was left to the layer, and the layer cannot have ten."""
        return self.config.factors is None and len(self.factors_) < USUAL_FACTORS

    def check_outline(self, outline: Outline) -> None:
        """Check that there is the class ``of_class``, and that crops have some pixels."""
        if self.config.of_class is not None:
            class_index(self.config.of_class, outline.class_names, "concepts.of_class")
        grid = CropGrid.of(outline.image_shape, self.config.crop)
        if min(grid.height, grid.width) < _SMALLEST_CROP:
            _, height, width = outline.image_shape
            raise CapabilityError(
                f"concepts.crop: {self.config.crop:g} of {height} x {width} pixels is less than "
                f"{_SMALLEST_CROP} pixels a side"
            )

    def check_classifier(self, classifier: Classifier) -> None:
        """Check that there is the layer."""
        if self.config.layer is not None:
            require_layers_named([self.config.layer], classifier.model, "concepts.layer")

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,  # noqa: ARG002
    ) -> Self:
        """Factorise the activations of crops of training images.

        Raises
        ------
        CapabilityError
            If the classifier has no layer that fits, or not the one that is named.
        DataError
            If there are fewer crops or channels than the factors that are asked for, no image of
            the class, or the layer is silent.
        """
        self.check_outline(dataset.outline)
        layer = nonnegative_layer(classifier, self.config.layer, dataset.train.images[:_TRIED])
        self._attach(classifier, layer)
        rows = self._chosen(dataset, rng)
        grid = CropGrid.of(dataset.image_shape, self.config.crop)
        pooled = self._pooled(dataset, rows, grid, progress)
        activations = pooled.flatten(0, 1).double().numpy()
        count = self.config.factors or min(USUAL_FACTORS, most_factors(activations))
        found = factorise(activations, count, rng, steps=self.config.steps)
        self.factors_ = torch.from_numpy(found.factors).float().to(classifier.device)
        self.fit_ = _told(pooled, found)
        self.crops_ = self._best_crops(dataset, rows, grid, pooled)
        self.quality_ = measure_factors(classifier, layer, self.factors_, dataset.test, rng)
        self._scales: tuple[float, ...] = (1.0,) * count
        self._scales = held_out_scales(self, dataset.test.images)
        return self

    @torch.no_grad()
    def encode(self, images: Tensor) -> Units:
        """Read the coefficients of the factors in every place of images, and their means."""
        maps, activations = [], []
        for some in images.split(self._at_once(images)):
            read = self.layer_.activations(some.to(self._device))
            activations.append(read)
            maps.append(coefficients(read.movedim(1, -1), self.factors_).movedim(-1, 1))
        found = torch.cat(maps)
        residual = {MAPS: found, ACTIVATIONS: torch.cat(activations)}
        return Units(found.mean(dim=(2, 3)), residual)

    def to_record(self) -> Record:
        """Return the factors, their best crops and the measures."""
        return Record(
            tensors={"factors": self.factors_, "crops": self.crops_},
            meta={
                "layer": self.layer_.name,
                "scales": list(self._scales),
                "fit": {**vars(self.fit_)},
                "quality": self.quality_.to_json(),
            },
        )

    def restore(self, record: Record, classifier: Classifier) -> Self:
        """Undo ``to_record``."""
        meta = cast("dict[str, Any]", record.meta)
        self._attach(classifier, NonNegativeLayer(classifier.hidden(meta["layer"])))
        self.factors_ = record.tensors["factors"].to(classifier.device)
        self.crops_ = record.tensors["crops"]
        self._scales = tuple(meta["scales"])
        self.fit_ = Fit(**meta["fit"])
        self.quality_ = FactorQuality.from_json(meta["quality"])
        return self

    def summary(self) -> Mapping[str, Json]:
        """Return the layer, the measures on held-out images, and what chance gives."""
        fit, quality = self.fit_, self.quality_
        warning = self.warning()
        return {
            **({} if warning is None else {"warning": warning}),
            "layer": self.layer_.name,
            "factors": len(self.factors_),
            "images": fit.images,
            "crops": fit.crops,
            "reconstruction error": quality.error.value,
            "error of shuffled factors": quality.shuffled_error.value,
            "agreement of the factors alone": quality.agreement.value,
            "agreement of shuffled factors": quality.shuffled_agreement.value,
            "agreement by chance": quality.chance,
        }

    def warning(self) -> str | None:
        """Return what a reader of the results has to know, in words; ``None`` if nothing."""
        if not self.fit_.converged:
            return (
                f"the factorisation had not converged after {self.fit_.steps} steps; set "
                "concepts.steps higher"
            )
        return None

    def _attach(self, classifier: Classifier, layer: NonNegativeLayer) -> None:
        self._device, self._classifier, self.layer_ = classifier.device, classifier, layer

    def _at_once(self, images: Images) -> int:
        return min(_AT_ONCE, self._classifier.images_at_once(images))

    def _chosen(self, dataset: Dataset, rng: torch.Generator) -> Tensor:
        """Return the training images that are cropped, ``[n]``, in ascending order."""
        order = torch.randperm(len(dataset.train), generator=rng)
        if self.config.of_class is None:
            return order[: self.config.images].sort().values
        wanted = class_index(self.config.of_class, dataset.class_names, "concepts.of_class")
        found: list[int] = []
        for some in order.split(_AT_ONCE):
            hits = self._classifier.predict(dataset.train.images[some]).cpu() == wanted
            found += some[hits].tolist()
            if len(found) >= self.config.images:
                break
        if not found:
            raise DataError(
                f"concepts.of_class: the classifier takes no training image for a "
                f"{self.config.of_class!r}"
            )
        return torch.tensor(sorted(found[: self.config.images]))

    @torch.no_grad()
    def _pooled(self, dataset: Dataset, rows: Tensor, grid: CropGrid, progress: Progress) -> Tensor:
        """Return the mean activations of each crop of some training images, ``[n, l, c]``."""
        pooled = []
        _, height, width = dataset.image_shape
        at_once = self._at_once(dataset.train.images)
        with progress.task("read crops", total=len(rows)) as advance:
            for row in rows.split(1):
                crops = grid.cut(dataset.train.images[row])[0]
                read = [
                    self.layer_.activations(
                        grid.enlarged(some, height, width).to(self._device)
                    ).mean(dim=(2, 3))
                    for some in crops.split(at_once)
                ]
                pooled.append(torch.cat(read).cpu())
                advance(1)
        return torch.stack(pooled)

    def _best_crops(self, dataset: Dataset, rows: Tensor, grid: CropGrid, pooled: Tensor) -> Tensor:
        found = coefficients(pooled, self.factors_.cpu())
        most, place = found.max(dim=1)
        images = most.argsort(dim=0, descending=True, stable=True)[:_SHOWN]
        best = []
        for factor, column in enumerate(images.T):
            cut = grid.cut(dataset.train.images[rows[column]])
            best.append(cut[torch.arange(len(column)), place[column, factor]])
        return torch.stack(best)


def _told(pooled: Tensor, found: Factorisation) -> Fit:
    images, crops, _ = pooled.shape
    return Fit(images, images * crops, found.steps, found.converged)
