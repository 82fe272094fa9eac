"""Each setting of the adapter, on networks of other libraries, which stay as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import ViTImageProcessorPil

from causalxai import Classifier
from causalxai.network.state import state_of
from causalxai.network.weights import load_weights, read_weights
from tests.test_third_party_networks import IMAGES, NETWORKS, SHAPE, Network

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
NORMALISED = {"mean": MEAN, "std": STD}


def normalised(images: Tensor) -> Tensor:
    return (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def two(logits: Tensor) -> Tensor:
    """Return the logit of the second of the first two classes, if there are no others."""
    return logits[:, 1:2] - logits[:, :1]


@dataclass(frozen=True)
class Option:
    """A way in which somebody has a network, and says so.

    Parameters
    ----------
    settings
        What is said of the network.
    end
        What the network returns for its logits; ``None`` for what the library's returns.
    classes
        The logits of the classes that are explained; ``None`` for all.
    takes
        What the network takes for images in [0, 1].
    """

    settings: dict[str, Any]
    end: Callable[[Tensor], Any] | None = None
    classes: list[int] | None = None
    takes: Callable[[Tensor], Tensor] = normalised


OPTIONS = {
    "a mean and a deviation of each channel": Option(NORMALISED),
    "a scale": Option(
        {"scale": 255, "mean": 127.0, "std": 128.0}, takes=lambda x: (255 * x - 127) / 128
    ),
    "a function": Option({"preprocess": normalised}),
    "a processor of Hugging Face": Option(
        {"preprocess": ViTImageProcessorPil(image_mean=MEAN, image_std=STD)}
    ),
    "a config of timm": Option({"preprocess": {"input_size": SHAPE, **NORMALISED}}),
    "a preset of torchvision": Option({"preprocess": SimpleNamespace(**NORMALISED)}),
    "its own config of timm": Option({"preprocess": "own"}, end=lambda x: x),
    "an attribute": Option({**NORMALISED, "answer": "b"}, lambda x: SimpleNamespace(a=x[0], b=x)),
    "a key": Option({**NORMALISED, "answer": "b"}, lambda x: {"a": x[0], "b": x}),
    "an index": Option({**NORMALISED, "answer": 1}, lambda x: (x.exp(), x)),
    "probabilities": Option({**NORMALISED, "output": "probabilities"}, nn.Softmax(1)),
    "log-probabilities": Option({**NORMALISED, "output": "log-probabilities"}, nn.LogSoftmax(1)),
    "a binary logit": Option({**NORMALISED, "output": "binary-logit"}, two, [0, 1]),
    "a binary probability": Option(
        {**NORMALISED, "output": "binary-probability"}, lambda x: two(x).sigmoid()[:, 0], [0, 1]
    ),
    "classes by their numbers": Option(
        {**NORMALISED, "classes": (3, 0, 1)}, classes=[3, 0, 1]
    ),
    "classes by their names": Option(
        {**NORMALISED, "classes": {"c1": 2, "c0": 3}}, classes=[3, 2]
    ),
    "classes in a file of names": Option({**NORMALISED, "classes": "file"}, classes=[2, 0]),
    "some of the probabilities in a tuple": Option(
        {**NORMALISED, "output": "probabilities", "classes": [2, 1]},
        lambda x: (x.softmax(1),),
        [2, 1],
    ),
}  # fmt: skip


class Ending(nn.Module):
    """A network with an end of the user's own, and with a config as timm's networks have it."""

    pretrained_cfg = NORMALISED

    def __init__(self, network: nn.Module, end: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.network = network
        self.end = end

    def forward(self, images: Tensor) -> Any:
        return self.end(logits_of(self.network(images)))


def logits_of(answer: Any) -> Tensor:
    return getattr(answer, "logits", answer)


@dataclass(frozen=True)
class Owned:
    """A network as its user has it: in training mode, with a hook and a frozen weight."""

    name: str
    network: nn.Module
    seen: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, network: Network) -> Owned:
        own = cls(network.name, network.build().train())
        last = [layer for layer in own.network.modules() if isinstance(layer, nn.Linear)][-1]
        last.register_forward_hook(lambda *_given: own.seen.append(len(own.seen)))
        last.bias.requires_grad_(False)
        return own

    def logits(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return logits_of(deepcopy(self.network).eval()(images))


ON_ALL = {
    "a scale", "its own config of timm", "probabilities", "a binary probability",
    "classes in a file of names",
}  # fmt: skip
"""The options that are tried on all networks by default, because some take their time."""
QUICK = {"resnet", "convnext", "vit"}


def pairs() -> Iterator[Any]:
    for network in NETWORKS:
        for name, option in OPTIONS.items():
            marks = () if network.name in QUICK or name in ON_ALL else (pytest.mark.slow,)
            yield pytest.param(network, option, id=f"{network.name}, {name}", marks=marks)


@pytest.fixture(scope="module")
def owned(request: pytest.FixtureRequest) -> Iterator[Owned]:
    own = Owned.of(request.param)
    before = state_of(own.network)
    yield own
    assert state_of(own.network) == before


def names_in_a_file(folder: Path, count: int) -> Path:
    """Write the names of all outputs, in which class 0 is the third and class 1 the first."""
    names = [f"other {number}" for number in range(count)]
    names[2], names[0] = "c0, the first", "c1"
    file = folder / "names.txt"
    file.write_text("\n".join(names))
    return file


@pytest.mark.parametrize(("owned", "option"), pairs(), indirect=["owned"])
def test_the_logits_are_the_networks_own(owned: Owned, option: Option, tmp_path: Path):
    expected = owned.logits(option.takes(IMAGES))
    settings = dict(option.settings)
    if settings.get("classes") == "file":
        settings["classes"] = names_in_a_file(tmp_path, expected.shape[1])
    if option.classes is not None:
        expected = expected[:, option.classes]
    network = owned.network if option.end is None else Ending(owned.network, option.end)
    parts = {name: (type(part), dict(vars(part))) for name, part in network.named_modules()}
    state, drawn = state_of(network), torch.get_rng_state()

    names = tuple(f"c{number}" for number in range(expected.shape[1]))
    classifier = Classifier(network, class_names=names, image_shape=SHAPE, **settings)
    found = classifier.logits(IMAGES)
    classifier.examine(IMAGES)

    torch.testing.assert_close(found.log_softmax(1), expected.log_softmax(1), atol=1e-4, rtol=1e-4)
    assert state_of(network) == state
    assert torch.equal(torch.get_rng_state(), drawn)
    for name, part in network.named_modules():
        assert (type(part), dict(vars(part))) == parts[name], name
    assert not any(part.training for part in classifier.model.modules())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module.", "model."])
@pytest.mark.parametrize("owned", NETWORKS, ids=lambda network: network.name, indirect=True)
def test_wrapped_checkpoints_have_the_same_weights(owned: Owned, prefix: str, tmp_path: Path):
    weights = owned.network.state_dict()
    wrapped = {f"{prefix}{name}": weight for name, weight in weights.items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "checkpoint.pt")
    other = deepcopy(owned.network)
    for weight in other.parameters():
        weight.data.zero_()
    load_weights(other, read_weights(tmp_path / "checkpoint.pt"), origin="checkpoint.pt")
    assert all(torch.equal(weight, weights[name]) for name, weight in other.state_dict().items())
