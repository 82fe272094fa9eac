"""The generator paints any size, from the mean picture on."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from sklearn.linear_model import Ridge

from causalxai_dvae.generator import Generator, GeneratorConfig

WIDTH = 10


def build(shape: tuple[int, int, int] = (1, 16, 16), **settings: object) -> Generator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Generator(WIDTH, shape, GeneratorConfig(**settings))


@pytest.mark.parametrize("side", [4, 7, 8, 16, 28, 30, 32, 45, 64])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_have_the_images_shape(side: int, channels: int):
    generator = build((channels, side, side), channels=16)
    pictures = generator.paint(torch.randn(2, WIDTH))
    assert pictures.shape == (2, channels, side, side)
    assert ((pictures >= 0) & (pictures <= 1)).all()
    assert max(generator.sizes[0]) <= 7


def test_sides_may_differ():
    assert build((1, 16, 40)).paint(torch.randn(2, WIDTH)).shape == (2, 1, 16, 40)


def test_a_picture_is_the_sigmoid_of_its_logits_and_follows_from_its_row_alone():
    generator, phi = build(), torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(0))
    torch.nn.init.normal_(generator.last.weight, generator=torch.Generator().manual_seed(1))
    assert torch.equal(generator.paint(phi), torch.sigmoid(generator(phi)))
    assert torch.allclose(generator(phi)[2:3], generator(phi[2:3]), atol=1e-5)
    assert not torch.allclose(generator(phi)[0], generator(phi)[1], atol=1e-3)


def test_it_starts_near_the_mean_picture_and_in_the_layers_scale():
    generator, rng = build(), torch.Generator().manual_seed(0)
    phi = 5 + 100 * torch.randn(50, WIDTH, generator=rng)
    images = torch.zeros(50, 1, 16, 16)
    images[:, :, 4:12] = 0.8
    generator.begin_at(phi, images)
    assert torch.allclose(torch.sigmoid(generator.base), images[0].clamp(0.01, 0.99), atol=1e-6)
    standardised = (phi - generator.mean) / generator.scale
    assert float(standardised.square().mean()) == pytest.approx(1, abs=1e-5)
    linear = generator.linear(standardised).view(50, 1, 16, 16)
    assert torch.allclose(generator(phi), generator.base + linear)
    other = build()
    other.load_state_dict(generator.state_dict())
    assert torch.equal(other(phi), generator(phi))
    # All codes alike: pictures stay finite.
    generator.begin_at(phi[:1].expand(5, -1), images[:5])
    assert torch.isfinite(generator(phi)).all()


@pytest.mark.parametrize("wrong", [{"channels": 6}, {"information": -1}, {"chanels": 8}])
def test_wrong_settings_are_told(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        GeneratorConfig(**wrong)


@pytest.mark.parametrize("n", [5, 40])
def test_the_linear_picture_is_a_ridge_regression_of_the_images(n: int):
    # Fewer rows than units, and more: two ways to solve the same.
    rng = torch.Generator().manual_seed(0)
    generator, phi = build(), torch.randn(n, WIDTH, generator=rng)
    images = torch.rand(n, 1, 16, 16, generator=rng)
    generator.begin_at(phi, images)
    standardised, mean = (phi - generator.mean) / generator.scale, images.mean(dim=0)
    ridge = Ridge(alpha=0.01 * n).fit(standardised.numpy(), images.flatten(1).numpy())
    slopes = torch.from_numpy(ridge.coef_) * 1 / (mean * (1 - mean)).clamp(min=0.01).view(-1, 1)
    assert torch.allclose(generator.linear.weight, slopes.float(), atol=1e-4)
