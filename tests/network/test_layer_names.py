from __future__ import annotations

import pytest
from torch import nn

from causalxai.errors import CapabilityError
from causalxai.network.layer_names import require_layers_named, unknown_layer


def test_an_unknown_layer_is_told_with_the_nearest_names_and_the_command() -> None:
    error = unknown_layer("conv_2", ["conv1", "conv2", "conv21", "fc"], "concepts.layer")
    assert str(error) == (
        "concepts.layer: the classifier has no layer 'conv_2'; did you mean 'conv2' or 'conv21' or "
        "'conv1'? (causalxai layers SPEC lists all)"
    )
    assert error.setting == "concepts.layer"
    plain = unknown_layer("zzz", ["conv1"], kind="convolution")
    assert str(plain) == (
        "the classifier has no convolution 'zzz' (causalxai layers SPEC lists all)"
    )
    assert plain.setting == ""


def test_layers_of_a_network_are_found_by_their_whole_names() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Sequential(nn.ReLU()))
    require_layers_named(["0", "1", "1.0"], model)
    for name in ("", "0.0", "2"):
        with pytest.raises(CapabilityError, match=f"^explain.layer: .* no layer '{name}'"):
            require_layers_named(["1", name], model, "explain.layer")
