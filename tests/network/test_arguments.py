from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from causalxai.errors import CapabilityError, ContractError
from causalxai.network.arguments import (
    plain_device,
    plain_names,
    plain_shape,
    require_feature_layer,
    require_images,
    require_network,
)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (None, "a torch.nn.Module, not a NoneType$"),
        (nn.Linear, r"not Linear; give an instance, as Linear\(\)"),
        (nn.Linear(2, 2).state_dict(), r"a OrderedDict; .* network.load_state_dict\(weights\)"),
        ("model.pt", r"not a str; build the network and load its weights"),
        (lambda images: images, r"not a function; call it in the forward\(\) of a"),
        (LogisticRegression(), r"not a LogisticRegression; call it in the forward\(\) of a"),
    ],
)
def test_what_is_no_network_is_told_what_to_do(model: object, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        require_network(model)


def test_names_become_texts() -> None:
    require_network(nn.Linear(2, 2))
    assert plain_names(["a", "b"]) == plain_names(np.array(["a", "b"])) == ("a", "b")
    assert plain_names([0, 1]) == plain_names(range(2)) == ("0", "1")
    assert type(plain_names(np.array(["a"]))[0]) is str


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({0: "a"}, "a list in the order of the outputs, not a dict"),
        ({"a", "b"}, "a list in the order of the outputs, not a set"),
        ([], r"a name for each class, .* not \[\]"),
        (3, "a name for each class, .* not 3"),
        (["a", "b", "a"], "must be unique; 'a' occurs more than once"),
    ],
)
def test_names_without_an_order_are_refused(names: object, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        plain_names(names)


@pytest.mark.parametrize("shape", [[3, 8, 9], torch.Size([3, 8, 9]), np.array([3, 8, 9])])
def test_shapes_become_whole_numbers(shape: Any) -> None:
    assert plain_shape(shape) == (3, 8, 9)
    assert all(type(size) is int for size in plain_shape(shape))


@pytest.mark.parametrize("shape", [8, (8, 8), (1, 3, 8, 8), (3, 8.0, 8), "388", (3, 0, 8)])
def test_other_shapes_are_refused(shape: Any) -> None:
    with pytest.raises(ContractError, match=r"\(channels, height, width\), such as"):
        plain_shape(shape)


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("gpu", "not 'gpu'; did you mean 'cuda'"),
        ("cdua", "not 'cdua'; did you mean 'cuda'"),
        (None, "not None"),
        ("meta", "holds no numbers"),
    ],
)
def test_devices_that_compute_nothing_are_refused(device: Any, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        plain_device(device)
    assert plain_device("cuda:1") == torch.device("cuda", 1)


def test_the_feature_layer_must_be_there() -> None:
    network = nn.DataParallel(nn.Sequential(nn.Flatten()))
    require_feature_layer("0", network)
    require_feature_layer(None, network)
    with pytest.raises(CapabilityError, match="feature_layer: the classifier has no layer '1'"):
        require_feature_layer("1", network)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((1, 3, 8, 8)), r"a tensor \[n, c, h, w\] in \[0, 1\], not a ndarray"),
        (torch.zeros(3, 8, 8), r"not \[3, 8, 8\]; of one image take image\[None\]"),
        (torch.zeros(8, 8), r"not \[8, 8\]$"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), r"floats in \[0, 1\], not torch.uint8"),
    ],
)
def test_what_is_no_images_is_refused(images: Any, says: str) -> None:
    with pytest.raises(CapabilityError, match=says):
        require_images(images)
    require_images(torch.zeros(0, 3, 8, 8))
