from __future__ import annotations

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai_generators.conditional_vae import ConceptReader, ConditionalVae, require_size


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
