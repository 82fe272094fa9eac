from __future__ import annotations

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from causalxai.errors import CapabilityError
from causalxai_glance.twin.generator import (
    Generator,
    MappingNetwork,
    ModulatedConv2d,
    resolutions,
    width,
)


def seeded(build, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build()


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def literal_modulated_convolution(conv, x, latents):
    """Karras et al. 2020, equations 1 and 3: a kernel for each sample, as one grouped conv."""
    n, inputs, h, w = x.shape
    style = latents @ conv.affine.weight.T + conv.affine.bias
    kernels = conv.weight[None] * style[:, None, :, None, None]
    if conv.demodulate:
        kernels = kernels / (kernels.square().sum(dim=(2, 3, 4), keepdim=True) + conv.eps).sqrt()
    kernels = conv.gain * kernels.flatten(0, 1)
    y = F.conv2d(x.reshape(1, n * inputs, h, w), kernels, padding=kernels.shape[2] // 2, groups=n)
    return y.reshape(n, -1, h, w)


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("kernel", [1, 3])
def test_scaling_activations_equals_a_kernel_for_each_sample(kernel, demodulate):
    conv = seeded(lambda: ModulatedConv2d(5, 7, kernel, 4, demodulate, gain=1.3)).double()
    x = normal(6, 5, 8, 8, dtype=torch.float64).requires_grad_()
    latents = normal(6, 4, seed=1, dtype=torch.float64).requires_grad_()
    cheap, literal = conv(x, latents), literal_modulated_convolution(conv, x, latents)
    torch.testing.assert_close(cheap, literal)
    inputs = [x, latents, conv.weight, conv.affine.weight]
    y = normal(*cheap.shape, seed=2, dtype=torch.float64)
    gradients = [torch.autograd.grad((out * y).sum(), inputs) for out in (cheap, literal)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


@given(st.floats(0.5, 10), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_demodulated_convolutions_ignore_the_scale_of_their_weights(scale, seed):
    """But for the 1e-8 under the root, which counts where weights are small."""
    conv = seeded(lambda: ModulatedConv2d(3, 4, 3, 2), seed).double()
    x, latents = normal(2, 3, 5, 5, dtype=torch.float64), normal(2, 2, dtype=torch.float64)
    before = conv(x, latents)
    with torch.no_grad():
        conv.weight *= scale
    torch.testing.assert_close(conv(x, latents), before, rtol=1e-5, atol=1e-7)


def test_demodulation_keeps_unit_variance_whatever_the_style():
    conv = seeded(lambda: ModulatedConv2d(32, 32, 3, 4))
    y = conv(normal(16, 32, 16, 16), 5 * normal(16, 4, seed=1)).detach()
    assert float(y[:, :, 1:-1, 1:-1].var()) == pytest.approx(1, abs=0.05)


def test_latents_of_zero_leave_the_weights_as_they_are():
    conv = seeded(lambda: ModulatedConv2d(3, 4, 3, 2, demodulate=False))
    x = normal(2, 3, 5, 5)
    torch.testing.assert_close(conv(x, torch.zeros(2, 2)), F.conv2d(x, conv.weight, padding=1))


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 32, 32), (1, 64, 64), (3, 128, 128)])
def test_pictures_have_the_wanted_shape_and_range(shape):
    generator = seeded(lambda: Generator(6, shape, channels=16))
    images = generator(3 * normal(2, 6))
    assert images.shape == (2, *shape)
    assert images.dtype == torch.float32
    assert 0 <= float(images.detach().min()) < float(images.detach().max()) <= 1


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 8, 8), (1, 512, 512), (3, 32, 64), (1, 0, 0)])
def test_other_sizes_are_refused_with_those_that_work(shape):
    with pytest.raises(CapabilityError, match=r"16, 32, 64, 128 or 256"):
        Generator(6, shape)


@pytest.mark.parametrize("colours", [1, 3])
def test_networks_may_look_at_pictures_with_view(colours):
    generator = seeded(lambda: Generator(4, (colours, 16, 16), channels=8))
    convolution = torch.nn.Conv2d(colours, 4, 3)
    assert convolution(generator(normal(2, 4))).view(2, -1).shape == (2, 4 * 14 * 14)


def test_widths_halve_with_the_size_down_to_a_floor():
    assert resolutions((1, 64, 64)) == (4, 8, 16, 32, 64)
    assert [width(64, size) for size in (4, 8, 16, 32, 64)] == [64, 64, 32, 16, 16]
    assert [width(8, size) for size in (4, 64)] == [8, 8]


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 16, 16)])
def test_a_unit_looks_the_same_alone_and_in_a_batch(shape):
    generator = seeded(lambda: Generator(6, shape, channels=16))
    with torch.no_grad():
        for layer in noise_strengths(generator):
            layer.fill_(0.3)
        latents = normal(9, 6)
        together = generator(latents)
        alone = torch.cat([generator(latents[i : i + 1]) for i in range(9)])
    torch.testing.assert_close(together, alone, rtol=0, atol=2e-6)


def noise_strengths(generator):
    return [p for name, p in generator.named_parameters() if name.endswith("strength")]


def test_noise_is_fixed_or_drawn_from_the_generator_that_is_passed():
    generator = seeded(lambda: Generator(6, (1, 16, 16), channels=8))
    latents = normal(2, 6)

    def drawn(seed):
        return generator(latents, torch.Generator().manual_seed(seed))

    assert torch.equal(generator(latents), drawn(0)), "strengths begin at 0"
    with torch.no_grad():
        for strength in noise_strengths(generator):
            strength.fill_(0.5)
    global_state = torch.get_rng_state()
    assert torch.equal(generator(latents), generator(latents))
    assert torch.equal(drawn(0), drawn(0))
    assert not torch.allclose(drawn(0), drawn(1))
    assert not torch.allclose(drawn(0), generator(latents))
    same = generator(latents[:1].expand(2, -1), torch.Generator().manual_seed(0))
    assert not torch.allclose(same[0], same[1]), "each picture has noise of its own"
    assert torch.equal(torch.get_rng_state(), global_state)


def test_state_restores_the_pictures_noise_included():
    first = seeded(lambda: Generator(6, (1, 16, 16), channels=8), seed=0)
    second = seeded(lambda: Generator(6, (1, 16, 16), channels=8), seed=1)
    with torch.no_grad():
        for strength in noise_strengths(first):
            strength.fill_(0.5)
    latents = normal(2, 6)
    assert not torch.allclose(first(latents), second(latents))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert torch.equal(first(latents), second(latents))
    assert all(value.is_contiguous() for value in first.state_dict().values())


def test_the_bias_is_the_picture_that_all_others_are_added_to():
    generator = seeded(lambda: Generator(6, (3, 16, 16), channels=8))
    latents, picture = normal(4, 6), normal(3, 16, 16, seed=1)
    with torch.no_grad():
        before = generator.logits(latents)
        generator.bias.copy_(picture)
        torch.testing.assert_close(generator.logits(latents), before + picture)


@pytest.mark.parametrize(("brightness", "learns"), [(0.1, True), (0.5, False)])
def test_dark_pictures_are_learned_from_a_dark_start_and_lost_from_grey(brightness, learns):
    """From grey, Adam's momentum carries the sigmoid to where it has no gradient."""
    generator = seeded(lambda: Generator(4, (1, 16, 16), channels=32))
    with torch.no_grad():
        generator.bias.fill_(math.log(brightness / (1 - brightness)))
    optimiser = torch.optim.Adam(generator.parameters(), lr=4e-3)
    latents = normal(8, 4)
    targets = torch.zeros(8, 1, 16, 16)
    targets[:, :, 4:10, 4:10] = latents[:, :1, None, None].sigmoid()
    for _ in range(60):
        optimiser.zero_grad()
        loss = F.mse_loss(generator(latents), targets)
        loss.backward()
        optimiser.step()
    share = float(loss.detach() / targets.square().mean())
    assert share < 0.1 if learns else share > 0.9


def test_every_latent_moves_the_picture():
    generator = seeded(lambda: Generator(6, (1, 32, 32), channels=16))
    latents = normal(1, 6)
    moved = latents + torch.eye(6)
    with torch.no_grad():
        effect = (generator(moved) - generator(latents)).abs().amax(dim=(1, 2, 3))
    assert (effect > 1e-2).all()


def test_all_parameters_learn():
    generator = seeded(lambda: Generator(6, (1, 32, 32), channels=16))
    generator(normal(4, 6)).square().mean().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_pictures_differentiate_twice():
    """The path length regulariser needs it; checked against finite differences."""
    generator = seeded(lambda: Generator(3, (1, 16, 16), channels=4)).double()
    latents = normal(2, 3, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z: generator(z).mean(dim=(1, 2, 3)), (latents,))


def test_half_precision_autocast_stays_near_full_precision():
    generator = seeded(lambda: Generator(6, (1, 16, 16), channels=16))
    latents = normal(4, 6)
    with torch.no_grad():
        full = generator(latents)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = generator(latents)
    assert float((half.float() - full).abs().mean()) < 0.02


def test_mapping_network_keeps_the_length_of_its_input():
    network = seeded(lambda: MappingNetwork(8, 3))
    z = normal(5, 8)
    assert not torch.allclose(network(7 * z), network(z))


def test_mapping_network_of_one_layer_is_linear():
    network = seeded(lambda: MappingNetwork(8, 1))
    z = normal(5, 8)
    (layer,) = network.layers
    torch.testing.assert_close(network(z), F.linear(z, layer.weight, layer.bias))


def test_mapping_network_keeps_the_variance_at_the_start():
    network = seeded(lambda: MappingNetwork(256, 6))
    assert float(network(normal(64, 256)).detach().square().mean()) == pytest.approx(1, abs=0.4)


def test_mapping_network_has_a_layer():
    with pytest.raises(ValueError, match="at least 1 layer"):
        MappingNetwork(8, 0)
