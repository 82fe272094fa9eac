from __future__ import annotations

import pytest
import torch

from causalxai.errors import CapabilityError
from causalxai_glance.twin.discriminator import Discriminator
from causalxai_glance.twin.losses import discriminator_loss, r1_penalty


def seeded(build, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()


def pictures(*shape, seed=0, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 32, 32), (1, 128, 128)])
def test_one_logit_for_each_picture(shape):
    discriminator = seeded(lambda: Discriminator(shape, channels=16))
    logits = discriminator(pictures(3, *shape))
    assert logits.shape == (3,)
    assert logits.isfinite().all()


def test_sizes_without_a_generator_are_refused():
    with pytest.raises(CapabilityError, match=r"16, 32, 64, 128 or 256"):
        Discriminator((1, 28, 28))


def test_the_logit_of_a_picture_does_not_depend_on_its_batch():
    discriminator = seeded(lambda: Discriminator((1, 32, 32), channels=16))
    images = pictures(7, 1, 32, 32)
    with torch.no_grad():
        together = discriminator(images)
        alone = torch.cat([discriminator(images[i : i + 1]) for i in range(7)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=2e-6)


def test_r1_differentiates_twice_through_it():
    """The gradient of R1 in the weights, against central differences of R1 itself."""
    discriminator = seeded(lambda: Discriminator((1, 16, 16), channels=4)).double()
    images = pictures(3, 1, 16, 16, dtype=torch.float64).requires_grad_()

    def penalty():
        return r1_penalty(discriminator(images), images)

    weight = discriminator.blocks[0].first.weight
    (gradient,) = torch.autograd.grad(penalty(), weight)
    step = 1e-6
    for index in [(0, 0, 1, 1), (1, 2, 0, 2), (3, 3, 2, 0)]:
        around = []
        for sign in (1, -1):
            with torch.no_grad():
                weight[index] += sign * step
            around.append(float(penalty().detach()))
            with torch.no_grad():
                weight[index] -= sign * step
        difference = (around[0] - around[1]) / (2 * step)
        assert float(gradient[index]) == pytest.approx(difference, rel=1e-4, abs=1e-9)


def test_it_learns_to_tell_bright_squares_from_dark_ones():
    discriminator = seeded(lambda: Discriminator((1, 16, 16), channels=8))
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    real, fake = pictures(16, 1, 16, 16) * 0.5 + 0.5, pictures(16, 1, 16, 16, seed=1) * 0.5
    for _ in range(30):
        optimiser.zero_grad()
        discriminator_loss(discriminator(real), discriminator(fake)).backward()
        optimiser.step()
    assert (discriminator(real) > 0).all()
    assert (discriminator(fake) < 0).all()


def squares_of(size: torch.Tensor) -> torch.Tensor:
    """Return pictures of a bright square of two sizes."""
    images = torch.zeros(len(size), 1, 16, 16)
    images[:, :, 4:8, 4:8] = 1
    images[size > 0, :, 4:12, 4:12] = 1
    return images


def test_it_learns_which_concepts_an_image_has():
    discriminator = seeded(lambda: Discriminator((1, 16, 16), channels=8, concepts=2))
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        concepts = torch.randn(32, 2, generator=generator).sign()
        images, wrong = squares_of(concepts[:, 0]), concepts * torch.tensor([-1.0, 1.0])
        optimiser.zero_grad()
        right = discriminator(images, concepts)
        discriminator_loss(right, discriminator(images, wrong)).backward()
        optimiser.step()
    concepts = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    images = squares_of(concepts[:, 0])
    assert (discriminator(images, concepts) > 0).all()
    assert (discriminator(images, concepts * torch.tensor([-1.0, 1.0])) < 0).all()


def test_concepts_have_no_gradient_and_extreme_ones_count_as_three_sds():
    discriminator = seeded(lambda: Discriminator((1, 16, 16), channels=8, concepts=1))
    images, far = pictures(2, 1, 16, 16), torch.tensor([[3.0], [-3.0]])
    concepts = (100 * far).requires_grad_()
    logits = discriminator(images, concepts)
    torch.testing.assert_close(logits, discriminator(images, far), rtol=0, atol=0)
    assert not torch.equal(logits, discriminator(images, -far))
    logits.sum().backward()
    assert concepts.grad is None
