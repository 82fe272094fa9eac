from __future__ import annotations

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai_generators.conditional_vae import (
    ConceptReader,
    ConditionalVae,
    logits_of_product,
    require_size,
)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 32)])
def test_networks_fit_images_of_any_size_that_can_be_halved_twice(
    shape: tuple[int, int, int],
) -> None:
    require_size(shape)
    vae, reader = ConditionalVae(shape, concepts=2, code=3, width=4), ConceptReader(shape, 2)
    images, concepts = torch.rand(5, *shape), torch.randn(5, 2)
    mean, log_variance = vae.encode(images, concepts)
    assert mean.shape == log_variance.shape == (5, 3)
    assert vae.decode(mean, concepts).shape == images.shape
    assert reader(images).shape == (5, 2)


def test_concepts_reach_code_and_picture() -> None:
    vae = ConditionalVae((1, 8, 8), concepts=2, code=3, width=4)
    images, concepts = torch.rand(5, 1, 8, 8), torch.randn(5, 2)
    code = vae.encode(images, concepts)[0]
    assert not torch.equal(code, vae.encode(images, concepts + 1)[0])
    assert not torch.equal(vae.decode(code, concepts), vae.decode(code, concepts + 1))


@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 30, 28)])
def test_other_sizes_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(CapabilityError, match="multiples of 4 from 8 on, not"):
        require_size(shape)


@pytest.mark.parametrize("width", [4, 5, 6])
def test_any_width_is_normalised(width: int) -> None:
    vae = ConditionalVae((1, 8, 8), concepts=2, code=3, width=width)
    assert vae.decode(torch.zeros(2, 3), torch.zeros(2, 2)).isfinite().all()


def test_a_picture_is_a_shape_times_a_brightness() -> None:
    first, second = torch.tensor([-3.0, 0.5, 40.0]), torch.tensor([2.0, -1.0, 40.0])
    product = logits_of_product(first, second)
    assert torch.allclose(product.sigmoid(), first.sigmoid() * second.sigmoid())
    far = torch.tensor([-500.0, 500.0]).requires_grad_()
    logits_of_product(far, far.flip(0)).sum().backward()
    assert far.grad is not None
    assert far.grad.isfinite().all()


def test_a_darker_picture_keeps_its_shape() -> None:
    vae = ConditionalVae((1, 8, 8), concepts=2, code=3, width=4).requires_grad_(False)
    given = torch.randn(1, 3), torch.randn(1, 2)
    before = vae.decode(*given).sigmoid()
    vae.brightness[-1].bias.data.fill_(-1.0)
    share = vae.decode(*given).sigmoid() / before
    assert float(share.max()) < 0.5
    assert torch.allclose(share, share.mean().expand_as(share), rtol=1e-4)
