from __future__ import annotations

import pytest
import torch
from torch import nn

from causalxai.errors import ContractError
from causalxai.network.adapter import Adapter, adapter, placed, refuse_unbuilt


def test_without_settings_nothing_is_adapted():
    assert adapter(nn.Identity(), "ab") == Adapter()


def test_the_parts_tell_all_settings():
    def flip(images):
        return images.flip(1)

    given = (
        {"mean": 0.5}, {"mean": (0.5, 0.4)}, {"std": 0.5}, {"scale": 255.0}, {"preprocess": flip},
        {"output": "probabilities"}, {"answer": 0}, {"answer": "x"}, {"classes": (1, 0)}, {},
    )  # fmt: skip
    found = [adapter(nn.Identity(), "ab", **settings).parts() for settings in given]
    assert len(set(found)) == len(given)
    assert flip in found[4]
    same = [adapter(nn.Identity(), "ab", **settings).parts() for settings in given]
    assert same == found


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"output": "logit"}, "output must be one of .*, not 'logit'; did you mean 'logits'"),
        ({"answer": 1.5}, "answer must be an attribute, a key or an index, not 1.5"),
    ],
)
def test_unknown_settings_are_refused(settings, says: str):
    with pytest.raises(ContractError, match=says):
        adapter(nn.Identity(), "ab", **settings)


def test_layers_without_weights_are_named():
    with pytest.raises(ContractError, match=r"lazy layers without weights \(1.weight\)"):
        refuse_unbuilt(nn.Sequential(nn.Flatten(), nn.LazyLinear(2)))
    refuse_unbuilt(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))


def test_a_network_is_frozen_in_evaluation_mode_and_prepares_its_images():
    given = adapter(nn.Identity(), "ab", scale=2)
    network = placed(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), given, torch.device("cpu"))
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    images = torch.rand(3, 1, 2, 2)
    torch.testing.assert_close(network(images), network[1](2 * images.flatten(1)))
    with pytest.raises(ContractError, match="Sequential is adapted already"):
        placed(network, given, torch.device("cpu"))
    assert placed(network, Adapter(), torch.device("cpu")) is network
