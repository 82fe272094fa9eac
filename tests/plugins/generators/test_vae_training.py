"""What the training of SCM-VAE asks of pictures of changed concepts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai.seeding import torch_generator
from causalxai_generators.vae_training import Material, VaeConfig, VaeTraining

_SIDE = 8


class _Painter(nn.Module):
    """Paints the concepts on the first pixels, as far as they are obeyed."""

    def __init__(self, obeys: float) -> None:
        super().__init__()
        self.obeys = obeys

    def decode(self, code: Tensor, concepts: Tensor) -> Tensor:
        pictures = torch.zeros(len(code), 1, _SIDE, _SIDE)
        pictures[:, 0, 0, : concepts.shape[1]] = self.obeys * concepts
        return pictures


class _BiasedReader(nn.Module):
    """Reads what a painter paints, and always too much of it."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, :2].logit() + 5


@pytest.mark.parametrize(("obeys", "loss"), [(1.0, 0.0), (0.5, 0.5), (0.0, 2.0)])
def test_obedience_is_about_moves_and_not_about_values(obeys: float, loss: float) -> None:
    # Each of two concepts is set in half of the cases, to another draw with a variance of 1: the
    # squared moves add up to 2. What is not obeyed of a move counts squared.
    rng = torch_generator(0)
    concepts = torch.randn(4000, 2, generator=rng)
    material = Material(torch.rand(4000, 1, _SIDE, _SIDE, generator=rng), concepts)
    config = VaeConfig(noise=0.0)
    training = VaeTraining(material, None, config, torch.device("cpu"), rng)
    training.vae, training.reader = _Painter(obeys), _BiasedReader()  # type: ignore[assignment]
    found = float(training.disobedience(torch.zeros(4000, 16), concepts))
    assert found == pytest.approx(loss, abs=0.15)
