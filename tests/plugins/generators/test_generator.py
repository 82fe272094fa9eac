from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai.errors import DataError
from causalxai_generators.generator import Codes, Generator

from .conftest import SHAPE, Autoencoder

CPU = torch.device("cpu")


class TwoCodes(nn.Module):
    """Keeps the mean of an image apart from what is left, as a diffusion autoencoder would."""

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean = images.mean(dim=(2, 3))
        return mean, images - mean[..., None, None]

    def decode(self, latents: Tensor, rest: Tensor) -> Tensor:
        return latents[..., None, None] + rest


def test_further_codes_are_decoded_and_not_changed() -> None:
    generator = Generator(TwoCodes(), SHAPE, CPU)
    images = torch.rand(130, *SHAPE) * 0.5
    codes = generator.encode(images)
    assert generator.latents == 1
    assert torch.allclose(generator.decode(codes), images, atol=1e-6)
    brighter = generator.decode(Codes(codes.latents + 0.1, codes.kept))
    assert torch.allclose(brighter, images + 0.1, atol=1e-6)


def test_the_users_network_stays_as_it_is() -> None:
    network = Autoencoder()
    generator = Generator(network, SHAPE, CPU)
    assert network.training
    assert network.into.weight.requires_grad
    assert not generator.network.training
    assert generator.bytes_of_a_picture() > 0


class Wrong(nn.Module):
    """Answers with what a test says."""

    def __init__(self, latents: object = None, pictures: object = None) -> None:
        super().__init__()
        self._latents, self._pictures = latents, pictures

    def encode(self, images: Tensor) -> object:
        return torch.zeros(len(images), 3) if self._latents is None else self._latents

    def decode(self, latents: Tensor) -> object:
        return self._pictures


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (nn.Linear(2, 2), "Linear has no method encode: a generator is a torch.nn.Module with"),
        (Wrong("text"), "Wrong.encode should return a tensor with one row for each of 2 images, "),
        (Wrong(torch.zeros(1, 3)), r"not float32 \[1, 3\]"),
        (Wrong(torch.zeros(2, 3).int()), r"latents \[n, ...\] of floats, not int32 \[2, 3\]"),
        (Wrong(torch.full((2, 3), torch.nan)), "latents that are not finite"),
        (Wrong(), r"Wrong.decode should return images \[2, 1, 8, 8\], not a NoneType"),
        (Wrong(pictures=torch.zeros(2, 3, 8, 8)), r"not float32 \[2, 3, 8, 8\]"),
        (Wrong(pictures=torch.full((2, *SHAPE), torch.inf)), "decode returns values that are not"),
    ],
)
def test_answers_of_another_kind_are_refused(network: nn.Module, says: str) -> None:
    with pytest.raises(DataError, match=says):
        Generator(network, SHAPE, CPU)


def test_pictures_on_another_scale_are_refused() -> None:
    class Signed(TwoCodes):
        def decode(self, latents: Tensor, rest: Tensor) -> Tensor:
            return 2 * super().decode(latents, rest) - 1

    generator = Generator(Signed(), SHAPE, CPU)
    with pytest.raises(DataError, match="returns values from -1 to 1; scale them in decode"):
        generator.require_range(torch.linspace(0, 1, 2)[:, None, None, None].expand(2, *SHAPE))
    Generator(TwoCodes(), SHAPE, CPU).require_range(torch.rand(4, *SHAPE))
