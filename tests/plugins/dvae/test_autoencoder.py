"""The flip reflects about one point; chance comes in where it is asked for; scales are undone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from causalxai.errors import DataError
from causalxai_dvae.autoencoder import AutoencoderConfig, DiscreteAutoencoder

WIDTH, BITS = 9, 5


def build(activations: Tensor | None = None, **settings: object) -> DiscreteAutoencoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = AutoencoderConfig(bits=BITS, hidden=(12, 8, 6), **settings)
        autoencoder = DiscreteAutoencoder(WIDTH, config)
    if activations is not None:
        autoencoder.begin_at(activations)
    return autoencoder.requires_grad_(False)


@pytest.fixture
def phi() -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return 3 + torch.rand(40, WIDTH, generator=rng) * torch.arange(1, WIDTH + 1)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=BITS, max_size=BITS))
def test_a_linear_decoder_reflects_about_one_point(bits: list[float]):
    autoencoder = build(10 * torch.eye(WIDTH))
    code = torch.tensor(bits)
    centre = autoencoder.decode(torch.full((BITS,), 0.5))
    both = autoencoder.decode(code) + autoencoder.decode(1 - code)
    assert torch.allclose(both, 2 * centre, atol=1e-4)


def test_a_transposed_decoder_does_not(phi: Tensor):
    autoencoder = build(phi, decoder="transposed")
    code = autoencoder.code(phi)
    both = autoencoder.decode(code) + autoencoder.decode(1 - code)
    assert float((both - both[0]).abs().max()) > 1e-3


def test_layers_are_the_papers():
    autoencoder = DiscreteAutoencoder(100, AutoencoderConfig(decoder="transposed"))
    shapes = [tuple(layer.weight.shape) for layer in autoencoder.encoder]
    assert shapes == [(256, 100), (128, 256), (64, 128), (20, 64)]
    back = [tuple(layer.weight.shape) for layer in autoencoder.decoder]
    assert back == [shape[::-1] for shape in shapes[::-1]]
    linear = DiscreteAutoencoder(100, AutoencoderConfig())
    assert [tuple(layer.weight.shape) for layer in linear.decoder] == [(100, 20)]


@pytest.mark.parametrize("decoder", ["linear", "transposed"])
def test_an_independent_forward_pass_agrees(phi: Tensor, decoder: str):
    autoencoder = build(phi, decoder=decoder)

    def stack(layers: nn.ModuleList) -> nn.Sequential:
        parts = [part for layer in layers for part in (layer, nn.ReLU())]
        return nn.Sequential(*parts[:-1])

    centred = phi - phi.mean(dim=0)
    scale = centred.square().mean().sqrt()
    logits = stack(autoencoder.encoder)(centred / scale)
    assert torch.allclose(autoencoder.code_logits(phi), logits, atol=1e-5)
    code = (logits > 0).float()
    assert torch.equal(autoencoder.code(phi), code)
    decoded = phi.mean(dim=0) + scale * stack(autoencoder.decoder)(torch.where(code > 0, 1.0, -1.0))
    assert torch.allclose(autoencoder.reconstruct(phi), decoded, atol=1e-4)


def test_units_share_one_scale(phi: Tensor):
    autoencoder = build(phi)
    standardised = autoencoder.standardise(phi)
    assert torch.allclose(standardised.mean(dim=0), torch.zeros(WIDTH), atol=1e-5)
    assert float(standardised.square().mean()) == pytest.approx(1, abs=1e-5)
    spread, before = standardised.std(dim=0), phi.std(dim=0)
    assert torch.allclose(spread / before, (spread / before)[0].expand(WIDTH))


def test_chance_comes_only_from_a_given_generator(phi: Tensor):
    autoencoder = build(phi, decoder="transposed")
    sure = autoencoder.code_logits(phi)
    assert torch.equal(sure, autoencoder.code_logits(phi))
    rng = torch.Generator().manual_seed(3)
    before = torch.get_rng_state()
    loose = autoencoder.code_logits(phi, rng)
    assert not torch.equal(loose, sure)
    assert torch.equal(loose, autoencoder.code_logits(phi, torch.Generator().manual_seed(3)))
    assert torch.equal(before, torch.get_rng_state())
    code = autoencoder.code(phi)
    assert not torch.equal(autoencoder.decode(code, rng), autoencoder.decode(code))


def test_dropout_keeps_the_mean_of_what_a_linear_layer_sees(phi: Tensor):
    autoencoder = build(phi, dropout=0.4)
    # With one inner layer, the last is linear in what dropout has left.
    autoencoder.encoder = nn.ModuleList([autoencoder.encoder[0], nn.Linear(12, BITS)])
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        draws = torch.stack([autoencoder.code_logits(phi, rng) for _ in range(4000)])
        error = (draws.mean(dim=0) - autoencoder.code_logits(phi)).abs() / draws.std(dim=0)
    assert float(error.max()) < 5 / 4000**0.5


def test_any_leading_shape_is_decoded(phi: Tensor):
    autoencoder = build(phi)
    codes = torch.randint(2, (4, 3, BITS), generator=torch.Generator().manual_seed(0)).float()
    one_by_one = autoencoder.decode(codes.reshape(12, BITS)).reshape(4, 3, WIDTH)
    assert torch.allclose(autoencoder.decode(codes), one_by_one)


def test_the_state_holds_the_scale(phi: Tensor):
    autoencoder, other = build(phi), DiscreteAutoencoder(WIDTH, build().config)
    other.load_state_dict(autoencoder.state_dict())
    assert torch.equal(other.reconstruct(phi), autoencoder.reconstruct(phi))


@pytest.mark.parametrize("value", [1.0, float("nan"), float("inf")])
def test_what_does_not_vary_is_refused(value: float):
    with pytest.raises(DataError, match="choose another layer"):
        build(torch.full((5, WIDTH), value))


@pytest.mark.parametrize("wrong", [{"bits": 0}, {"dropout": 1.0}, {"decoder": "conv"}, {"bit": 3}])
def test_wrong_settings_are_told(wrong: dict[str, object]):
    with pytest.raises(ValidationError):
        AutoencoderConfig(**wrong)
