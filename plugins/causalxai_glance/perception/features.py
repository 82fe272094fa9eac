"""Features of images, computed from the classifier's own channels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from causalxai.classifier import Classifier
from causalxai.image_data.lazy import Images, batches

_AT_ONCE = 256


@dataclass(frozen=True)
class ChannelStatistics:
    """The spatial mean, maximum and sd of every channel of every convolution, and the embedding.

    Features depend on the image only through the classifier, so that whatever can be read from them
    is represented in the classifier.

    Parameters
    ----------
    classifier
        The classifier whose channels are read; its last layer is linear.
    pooled
        Also the mean of each channel in ``pooled`` x ``pooled`` parts of the image, for concepts
        that are spatial; 0 for none.
    """

    classifier: Classifier
    pooled: int = 0

    @torch.no_grad()
    def __call__(self, images: Images) -> Tensor:
        """Return the features.

        Parameters
        ----------
        images
            ``[n, c, h, w]`` in [0, 1].

        Returns
        -------
        Tensor
            ``[n, f]`` float32, on the CPU.

        Raises
        ------
        CapabilityError
            If the classifier's last layer is not linear.
        """
        # Finding the head runs the model, which must happen before the hooks are set.
        _ = self.classifier.head
        with _convolutions(self.classifier.model) as maps:
            size = min(_AT_ONCE, self.classifier.images_at_once(images))
            features = [self._batch(batch, maps) for batch in batches(images, size)]
        return torch.cat(features)

    def _batch(self, images: Tensor, maps: list[Tensor]) -> Tensor:
        maps.clear()
        embedding = self.classifier.embed(images, batch_size=_AT_ONCE)
        parts = [_statistics(each, self.pooled) for each in maps]
        return torch.cat([*parts, embedding], dim=1).float().cpu()


@contextmanager
def _convolutions(model: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the outputs of all convolutions, in the order of the calls."""
    maps: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        maps.append(output)

    hooks = [
        module.register_forward_hook(keep)
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


def _statistics(maps: Tensor, pooled: int) -> Tensor:
    flat = maps.flatten(2)
    spread = flat.std(dim=2, correction=0)
    parts = [flat.mean(dim=2), flat.amax(dim=2), spread]
    if pooled:
        parts.append(functional.adaptive_avg_pool2d(maps, pooled).flatten(1))
    return torch.cat(parts, dim=1)
