"""LIME on superpixels."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.utils.data import DataLoader

from causalxai.errors import CapabilityError
from causalxai.explainer import ExplanationInputs
from causalxai_baselines.attribution import (
    NOTHING,
    Attribute,
    Attributed,
    Attribution,
    AttributionConfig,
    Baseline,
    baseline_of,
)

Segmentation: TypeAlias = Literal["slic", "felzenszwalb"]


class Lime(Attribution):
    """A linear model of the logit on the presence of superpixels [1]_.

    Samples are weighted by ``sqrt(exp(-distance² / kernel_width²))`` with the cosine distance from
    the whole image; the model is a ridge regression. Each pixel gets the coefficient of its
    superpixel, the increase of the logit if the superpixel is present. ``details["segments"]`` has
    the superpixels, ``[n, h, w]``.

    References
    ----------
    .. [1] Ribeiro, Singh, Guestrin, "'Why should I trust you?': explaining the predictions of any
       classifier", KDD 2016, section 3; kernel and ridge as in the authors' code for images.
    """

    name = "lime"

    class Config(AttributionConfig):
        """Settings of ``Lime``.

        Parameters
        ----------
        samples
            The number of perturbed images that are classified for each image.
        segmentation
            The segmentation algorithm.
        segments
            The approximate number of superpixels. ``felzenszwalb`` determines their number itself;
            with it, none is smaller than half of (pixels / segments).
        baseline
            The replacement of missing superpixels.
        kernel_width
            The kernel width of the weights, in cosine distance.
        ridge
            The penalty of the squared coefficients.
        """

        samples: int = Field(default=1000, ge=2)
        segmentation: Segmentation = "slic"
        segments: int = Field(default=50, ge=2, le=10_000)
        baseline: Baseline = NOTHING
        kernel_width: float = Field(default=0.25, gt=0)
        ridge: float = Field(default=1.0, ge=0)

    config: Config

    def _attribution(self, inputs: ExplanationInputs) -> Attribute:
        from captum import attr

        config, rng = self.config, inputs.rng

        def some_of_them(_image: Tensor, **kwargs: Any) -> Tensor:
            kept = torch.randint(0, 2, (1, kwargs["num_interp_features"]), generator=rng)
            return kept.to(inputs.classifier.device, torch.float32)

        def closeness(_image: Tensor, _sample: Tensor, kept: Tensor, **_kwargs: Any) -> Tensor:
            distance = 1 - kept.mean().sqrt()
            return torch.exp(-(distance**2) / config.kernel_width**2).sqrt()

        lime = attr.Lime(inputs.classifier.model, _Ridge(config.ridge), closeness, some_of_them)

        def attribute(images: Tensor, target: Tensor) -> Attributed:
            regions = torch.stack([self._superpixels(image) for image in images])
            empty = baseline_of(images, config.baseline)
            maps = []
            for row, region in enumerate(regions):
                coefficients = lime.attribute(
                    images[row : row + 1],
                    baselines=empty[row : row + 1],
                    target=target[row : row + 1],
                    feature_mask=region[None, None],
                    n_samples=config.samples,
                    perturbations_per_eval=config.batch_size,
                    return_input_shape=False,
                )
                maps.append(coefficients[0][region][None])
            return Attributed(torch.stack(maps), {"segments": regions})

        def undisturbed(images: Tensor, target: Tensor) -> Attributed:
            # captum's data loader draws a number from the global generator without using it.
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                return attribute(images, target)

        return undisturbed

    def _superpixels(self, image: Tensor) -> Tensor:
        """Return ``[h, w]`` with numbers from 0 on."""
        from skimage.segmentation import felzenszwalb, slic

        picture = image.movedim(0, -1).double().cpu().numpy()
        if self.config.segmentation == "slic":
            # Compactness weights position against colour: greys differ by at most 1, Lab colours by
            # 100. Without smoothing, noise falls apart into pixels, which are all merged again.
            compactness = 10.0 if picture.shape[-1] == 3 else 0.1
            found = slic(
                picture, self.config.segments, compactness=compactness, sigma=1, channel_axis=-1
            )
        else:
            smallest = max(1, picture[..., 0].size // self.config.segments // 2)
            found = felzenszwalb(picture, min_size=smallest, channel_axis=-1)
        numbers = np.unique(found, return_inverse=True)[1].reshape(found.shape)
        if numbers.max() == 0:
            raise CapabilityError(
                f"{self.config.segmentation} finds one superpixel in an image, LIME needs two or "
                "more: raise 'segments', or take segmentation: slic"
            )
        return torch.from_numpy(numbers).to(image.device)


class _Ridge:
    """Scikit-learn's ridge regression with the two methods that captum requires of a model."""

    def __init__(self, penalty: float) -> None:
        from sklearn.linear_model import Ridge

        self._ridge = Ridge(alpha=penalty)

    def fit(self, train_data: DataLoader[tuple[Tensor, ...]]) -> None:
        """Regress the logits ``[n]`` on the presence of superpixels ``[n, k]``.

        Raises
        ------
        CapabilityError
            If all weights are 0.
        """
        kept, logits, weights = map(torch.cat, zip(*train_data, strict=True))
        if not bool(weights.any()):
            raise CapabilityError(
                "explain.kernel_width is so small that no perturbed image is near enough to count: "
                "raise it, or 'samples'"
            )
        self._ridge.fit(kept.cpu().numpy(), logits.cpu().numpy(), weights.cpu().numpy())

    def representation(self) -> Tensor:
        """Return the coefficients, ``[1, k]``."""
        return torch.from_numpy(self._ridge.coef_).float().reshape(1, -1)
