from __future__ import annotations

import torch
from torch import Tensor, nn

from causalxai.network.layer_list import LayerInfo, list_layers
from causalxai.network.probe_images import probe_images


class Net(nn.Module):
    """A block with a skip connection, a shared layer, a pair, and a layer that never runs."""

    def __init__(self) -> None:
        super().__init__()
        # Not in the order in which they run.
        self.head = nn.Linear(32, 3)
        self.idle = nn.Linear(5, 5)
        self.first = nn.Conv2d(1, 2, 3, padding=1)
        self.block = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.ReLU())
        self.act = nn.Tanh()
        self.both = Both()

    def forward(self, images: Tensor) -> Tensor:
        x = self.act(self.first(images))
        x = self.act(x + self.block(x))
        logits: Tensor = self.head(self.both(x.flatten(1))["values"])
        return logits


class Both(nn.Module):
    def forward(self, x: Tensor) -> dict[str, object]:
        return {"text": "a", "values": 2 * x}


def listed(model: nn.Module) -> dict[str, LayerInfo]:
    return {layer.name: layer for layer in list_layers(model.eval(), probe_images((1, 4, 4)))}


def test_layers_stand_in_the_order_in_which_they_begin_to_run() -> None:
    torch.manual_seed(0)
    found = listed(Net())
    names = ["first", "act", "block", "block.0", "block.1", "both", "head", "idle"]
    assert list(found) == names
    assert [layer.runs for layer in found.values()] == [1, 2, 1, 1, 1, 1, 1, 0]


def test_shapes_and_parameters_are_those_of_one_image() -> None:
    torch.manual_seed(0)
    found = listed(Net())
    assert {name: layer.shape for name, layer in found.items()} == {
        **dict.fromkeys(("first", "act", "block", "block.0", "block.1"), (2, 4, 4)),
        "both": (32,),
        "head": (3,),
        "idle": None,
    }
    counts = [layer.parameters for layer in found.values()]
    assert counts == [20, 0, 38, 38, 0, 0, 99, 30]
    assert found["block"].kind == "Sequential"


def test_what_methods_can_use_is_marked() -> None:
    torch.manual_seed(0)
    found = listed(Net())
    assert [name for name, layer in found.items() if layer.is_head] == ["head"]
    assert [name for name, layer in found.items() if layer.is_convolution] == ["first", "block.0"]
    # Around the block leads the skip connection, and the shared layer runs twice.
    assert [name for name, layer in found.items() if layer.divides] == ["first", "both"]
    assert found["first"].uses == ("convolution", "the logits follow from it")
    assert found["idle"].uses == ()


def test_a_network_without_a_linear_head_has_none() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 4), nn.Flatten(), nn.Tanh())
    assert not any(layer.is_head for layer in listed(model).values())
