"""Attribute probes, which read a data set's labelled attributes from pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor
from torch.nn import functional

from causalxai.dataset import Dataset, Split
from causalxai.errors import CapabilityError, did_you_mean
from causalxai.image_data.lazy import batches
from causalxai.plugin import PluginConfig

_HELD_OUT = 0.1
_FEWEST_GROUPS = 10
_LEAST_SLOPE = 0.05


class ProbeConfig(PluginConfig):
    """Settings of how attributes are read from pictures.

    Parameters
    ----------
    ridge
        Weight of the squared coefficients; the other term is the squared error summed over images.
    side
        Pictures are averaged down to this many pixels a side at most.
    """

    ridge: PositiveFloat = 30.0
    side: int = Field(32, ge=1, le=64)


@dataclass(frozen=True)
class AttributeProbe:
    """Reads attributes from pictures, linearly in their pixels.

    A generator's picture is approximately the mean of the images that have its input. A linear
    probe reads the mean attribute from such a mean picture, whereas the reading of a nonlinear
    network that was trained on images would be arbitrary.

    Parameters
    ----------
    weights, bias
        ``[m, pixels]`` and ``[m]``, scaled such that on held-out images a step of one in the
        attribute is read as one step on average.
    names
        The ``m`` attributes.
    boolean
        ``[m]``, whether each is boolean; the others are read in sds.
    readable
        ``[m]``, whether each can be read: if the ridge regression reads less than a twentieth of a
        step, readings are not scaled up and are meaningless.
    held_out
        ``[m]``, accuracy (boolean) or the correlation squared (others) on images that were used
        neither for the weights nor for their scale.
    side
        As in ``ProbeConfig``.
    """

    weights: Tensor
    bias: Tensor
    names: tuple[str, ...]
    boolean: Tensor
    readable: Tensor
    held_out: Tensor
    side: int

    def read(self, images: Tensor) -> Tensor:
        """Return ``[n, m]`` for ``[n, c, h, w]``: about 0 to 1 for boolean attributes, or sds."""
        return _pixels(images, self.side) @ self.weights.T + self.bias

    def column(self, attribute: str) -> int:
        """Return the index of an attribute.

        Raises
        ------
        CapabilityError
            If there is no attribute of that name.
        """
        if attribute not in self.names:
            raise CapabilityError(
                f"the data set labels no {attribute!r}{did_you_mean(attribute, self.names)} "
                f"(it labels: {', '.join(self.names)})"
            )
        return self.names.index(attribute)


def fit_probe(
    dataset: Dataset, config: ProbeConfig, *, device: torch.device, rng: torch.Generator
) -> AttributeProbe:
    """Regress the data set's concepts on its images' pixels.

    It is trained on ``dataset.reference`` if there is one: on images whose attributes are
    correlated, a probe reads one attribute from another.

    Raises
    ------
    CapabilityError
        If the data set labels no concepts.
    """
    from sklearn.linear_model import Ridge

    source = dataset.reference if dataset.reference is not None else dataset.train
    if source.concepts is None or not dataset.concept_names:
        raise CapabilityError("attribute probes need labels of concepts; the data set has none")
    seen, calibrating, scoring = _parted(source, rng)
    values = source.concepts.double()
    boolean = ((values == 0) | (values == 1)).all(dim=0)
    centre = torch.where(boolean, 0.0, values.mean(dim=0))
    spread = torch.where(boolean, 1.0, values.std(dim=0).clamp(min=1e-6))
    wanted = (values - centre) / spread
    pixels = torch.cat([_pixels(some, config.side) for some in batches(source.images)]).double()
    ridge = Ridge(alpha=config.ridge).fit(pixels[seen].numpy(), wanted[seen].numpy())
    weights = torch.from_numpy(ridge.coef_).reshape(len(boolean), -1)
    read = pixels @ weights.T
    slope, readable = _slope(read[calibrating], wanted[calibrating])
    weights, read = weights / slope[:, None], read / slope
    bias = (wanted[calibrating] - read[calibrating]).mean(dim=0)
    return AttributeProbe(
        weights.float().to(device),
        bias.float().to(device),
        dataset.concept_names,
        boolean.to(device),
        readable.to(device),
        _held_out(read[scoring] + bias, wanted[scoring], boolean),
        config.side,
    )


def _parted(source: Split, rng: torch.Generator) -> list[Tensor]:
    """Return rows for regression, calibration and scoring; groups are not divided."""
    own = torch.arange(len(source)) if source.groups is None else source.groups
    group = own.unique(return_inverse=True)[1]
    groups = int(group.max()) + 1
    if groups < _FEWEST_GROUPS:
        raise CapabilityError(
            f"an attribute probe learns from some images, is scaled on others and scored on yet "
            f"others: it needs {_FEWEST_GROUPS} (or groups of copies) at least, not {groups}"
        )
    place, held = torch.randperm(groups, generator=rng)[group], math.ceil(_HELD_OUT * groups)
    calibrating, scoring = place < held, place >= groups - held
    return [rows.nonzero().flatten() for rows in (~calibrating & ~scoring, calibrating, scoring)]


def _pixels(images: Tensor, side: int) -> Tensor:
    """Return ``[n, pixels]``, of pictures averaged down to ``side``."""
    factor = math.ceil(max(images.shape[2:]) / side)
    small = functional.avg_pool2d(images, factor, ceil_mode=True) if factor > 1 else images
    return small.flatten(1)


def _slope(read: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of a step that is read, or 1 if it is negligible, and if it is not."""
    centred = wanted - wanted.mean(dim=0)
    slope = (centred * read).sum(dim=0) / centred.square().sum(dim=0).clamp(min=1e-12)
    readable = slope > _LEAST_SLOPE
    return slope.where(readable, torch.ones_like(slope)), readable


def _held_out(read: Tensor, wanted: Tensor, boolean: Tensor) -> Tensor:
    accuracy = ((read > 0.5) == (wanted > 0.5)).double().mean(dim=0)
    a, b = read - read.mean(dim=0), wanted - wanted.mean(dim=0)
    both = (a * b).sum(dim=0).square()
    shared = both / (a.square().sum(dim=0) * b.square().sum(dim=0)).clamp(min=1e-12)
    return torch.where(boolean, accuracy, shared).float()
