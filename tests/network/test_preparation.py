from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn
from transformers import ViTImageProcessorPil

from causalxai.errors import ContractError
from causalxai.network.preparation import Preparation, preparation

IMAGES = torch.rand(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def by_hand(images: Tensor, mean=MEAN, std=STD, scale: float = 1) -> Tensor:
    channels = [(scale * images[:, i] - mean[i]) / std[i] for i in range(3)]
    return torch.stack(channels, dim=1)


def prepared(images: Tensor = IMAGES, model: nn.Module | None = None, **settings) -> Tensor:
    return preparation(model or nn.Identity(), **settings)(images)


def test_nothing_is_done_unless_it_is_asked_for():
    assert prepared() is IMAGES


def test_each_channel_is_scaled_and_normalised():
    torch.testing.assert_close(prepared(mean=MEAN, std=STD), by_hand(IMAGES))
    means, stds = [100, 110, 120], [50, 60, 70]
    expected = by_hand(IMAGES, means, stds, 255)
    torch.testing.assert_close(prepared(mean=means, std=stds, scale=255), expected)
    torch.testing.assert_close(prepared(mean=torch.tensor(MEAN)), by_hand(IMAGES, std=(1, 1, 1)))


def test_numbers_may_be_numpys_and_in_the_shape_in_which_they_are_broadcast():
    for mean in (np.array(MEAN), torch.tensor(MEAN)[:, None, None], np.array(MEAN)[None, :, None]):
        assert preparation(nn.Identity(), mean=mean).mean == pytest.approx(MEAN)
    assert preparation(nn.Identity(), mean=np.float32(0.5), std=np.array(2)).std == (2.0,)


def test_one_number_is_for_all_channels():
    torch.testing.assert_close(prepared(mean=0.5, std=0.25), (IMAGES - 0.5) / 0.25)
    torch.testing.assert_close(prepared(scale=255, mean=127, std=128), (255 * IMAGES - 127) / 128)


@pytest.mark.parametrize(
    "given",
    [
        {"mean": MEAN, "std": STD},
        {"mean": list(MEAN), "std": list(STD), "input_size": (3, 5, 5), "interpolation": "bicubic"},
        SimpleNamespace(mean=MEAN, std=STD, crop_size=[5], resize_size=[7]),
        SimpleNamespace(transforms=[type("Resize", (), {})(), SimpleNamespace(mean=MEAN, std=STD)]),
        ViTImageProcessorPil(image_mean=MEAN, image_std=STD),
        SimpleNamespace(image_mean=MEAN, image_std=STD, rescale_factor=1 / 255),
    ],
    ids=["mapping", "timm", "preset", "transforms", "processor", "like a processor"],
)
def test_configs_of_other_libraries_are_understood(given: object):
    torch.testing.assert_close(prepared(preprocess=given), by_hand(IMAGES))


def test_a_processor_may_scale_otherwise_or_not_at_all():
    doubled = ViTImageProcessorPil(rescale_factor=2 / 255, image_mean=[1] * 3, image_std=[1] * 3)
    torch.testing.assert_close(prepared(preprocess=doubled), 2 * IMAGES - 1)
    raw = ViTImageProcessorPil(do_rescale=False, image_mean=[127] * 3, image_std=[128] * 3)
    torch.testing.assert_close(prepared(preprocess=raw), (255 * IMAGES - 127) / 128)
    plain = ViTImageProcessorPil(do_normalize=False)
    torch.testing.assert_close(prepared(preprocess=plain), IMAGES)


@pytest.mark.parametrize("name", ["pretrained_cfg", "default_cfg"])
@pytest.mark.parametrize("kind", [dict, SimpleNamespace])
def test_the_own_config_of_a_network_is_used_when_asked_for_and_told(name, kind, caplog):
    caplog.set_level(logging.INFO)
    network = nn.Identity()
    setattr(network, name, kind(mean=MEAN, std=STD))
    assert prepared(model=network) is IMAGES
    assert "has a timm config with mean and std, which is not used: say preproc" in caplog.text
    torch.testing.assert_close(prepared(model=network, preprocess="own"), by_hand(IMAGES))
    assert "timm config of Identity: mean 0.4, 0.5, 0.6, std 0.2, 0.25, 0.3" in caplog.text


def test_a_function_prepares_the_batch():
    torch.testing.assert_close(prepared(preprocess=lambda x: x.flip(1)), IMAGES.flip(1))


def test_a_function_that_looks_at_its_images_is_traced_as_one_step():
    def dark_ones_only(images: Tensor) -> Tensor:
        return images * 2 if float(images.max()) > 0.5 else images

    prepares = preparation(nn.Identity(), preprocess=dark_ones_only)
    found = fx.symbolic_trace(lambda images: prepares(images) + 1)
    for images in (IMAGES, IMAGES / 4):
        torch.testing.assert_close(found(images), dark_ones_only(images) + 1)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"mean": (123.7, 116.3, 103.5)}, "between 0 and 1 .* give scale=255"),
        ({"scale": 255, "mean": 300}, "between 0 and 255 when"),
        ({"mean": -1.0}, "mean is -1"),
        ({"std": (1, 0, 1)}, "std must be positive"),
        ({"std": "abc"}, "std must be a number, or one for each channel, not 'abc'"),
        ({"std": (1, "a")}, "std must be a number, not 'a'"),
        ({"mean": float("nan")}, "mean must be finite"),
        ({"scale": 0}, "scale must be positive"),
        ({"preprocess": lambda x: x, "mean": 0.5}, "either preprocess or mean"),
        ({"preprocess": "mine"}, "must be 'own' or a function, not 'mine'"),
        ({"preprocess": "own"}, "Identity has no config of its own with mean and std"),
        ({"preprocess": {"mean": 0.5}}, "preprocess has no std"),
        ({"preprocess": 3}, "preprocess is a int"),
        (
            {"preprocess": SimpleNamespace(image_mean=0.5, image_std=1, rescale_offset=True)},
            "does more than to scale and to normalise .rescale_offset",
        ),
        ({"preprocess": SimpleNamespace(transforms=[nn.ReLU()])}, "have ReLU, which is not unders"),
    ],
)
def test_what_cannot_be_right_is_refused(settings, says: str):
    with pytest.raises(ContractError, match=says):
        preparation(nn.Identity(), **settings)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda images: images.no_such_thing(), "preprocess fails on a batch .* AttributeError"),
        (lambda images: images[:1], r"for a batch \[4, 3, 5, 5\] it returns \[1, 3, 5, 5\]"),
        (lambda images: None, "it returns NoneType"),
    ],
)
def test_what_a_function_does_wrong_is_told(function, says: str):
    with pytest.raises(ContractError, match=says):
        prepared(preprocess=function)


def test_there_is_a_number_for_each_channel():
    Preparation(mean=(0.5,), std=(1, 1, 1)).require_channels(3)
    with pytest.raises(ContractError, match="mean has 3 numbers, but the images have 1 channels"):
        Preparation(mean=MEAN).require_channels(1)


def test_images_keep_their_gradients_and_numbers():
    leaf = IMAGES.clone().requires_grad_()
    prepared(leaf, mean=MEAN, std=STD).sum().backward()
    torch.testing.assert_close(leaf.grad[0, :, 0, 0], 1 / torch.tensor(STD))
    assert prepared(IMAGES.double(), mean=MEAN).dtype == torch.float64
