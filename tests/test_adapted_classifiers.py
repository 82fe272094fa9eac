"""Networks as people have them: each setting of the classifier, and what methods see of them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessorPil

from causalxai import Classifier
from causalxai.errors import CapabilityError, ContractError
from causalxai.metrics.parameter_randomisation import randomised
from causalxai.network.adaptation import name_of
from causalxai.network.state import state_of
from causalxai.network.tracing import traced

SHAPE = (3, 8, 8)
IMAGES = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0))
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def normalised(images: Tensor) -> Tensor:
    return (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


class Net(nn.Module):
    """Takes normalised images; what it returns is made of its logits by ``end``."""

    def __init__(self, end=lambda logits: logits, width: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 5, 3)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(5, width)
        self.end = end

    def raw(self, images: Tensor) -> Tensor:
        return self.fc(self.drop(F.relu(self.conv(images)).mean(dim=(2, 3))))

    def forward(self, images: Tensor) -> Any:
        return self.end(self.raw(images))


def classifier_of(network: nn.Module, names: str = "abc", **settings: Any) -> Classifier:
    given = {"image_shape": SHAPE, "mean": MEAN, "std": STD, **settings}
    return Classifier(network, class_names=names, **given)


def expected_of(network: Net) -> Tensor:
    with torch.no_grad():
        return deepcopy(network).eval().raw(normalised(IMAGES))


def one_sided(logits: Tensor) -> Tensor:
    return torch.cat([-logits / 2, logits / 2], dim=1)


CASES = {
    "normalised outside": (Net(), "abc", {}, lambda x: x),
    "a tuple": (Net(lambda x: (x, x.exp())), "abc", {"answer": 0}, lambda x: x),
    "a dict": (Net(lambda x: {"a": x, "b": 2 * x}), "abc", {"answer": "a"}, lambda x: x),
    "a dict with logits": (Net(lambda x: {"b": 2 * x, "logits": x}), "abc", {}, lambda x: x),
    "some classes": (Net(width=9), "abc", {"classes": [8, 0, 3]}, lambda x: x[:, [8, 0, 3]]),
    "by name": (Net(width=9), "ab", {"classes": {"b": 1, "a": 4}}, lambda x: x[:, [4, 1]]),
    "a softmax": (Net(nn.Softmax(1)), "abc", {"output": "probabilities"}, lambda x: x),
    "a softmax as a method": (
        Net(lambda x: x.softmax(-1)),
        "abc",
        {"output": "probabilities"},
        lambda x: x,
    ),
    "some classes of a softmax in a tuple": (
        Net(lambda x: (x.softmax(-1),), width=5),
        "abc",
        {"output": "probabilities", "classes": (4, 3, 0)},
        lambda x: x[:, [4, 3, 0]],
    ),
    "a log-softmax": (
        Net(lambda x: F.log_softmax(x, 1)),
        "abc",
        {"output": "log-probabilities"},
        lambda x: x,
    ),
    "one logit": (Net(width=1), "ab", {"output": "binary-logit"}, one_sided),
    "one flat logit": (Net(lambda x: x[:, 0], 1), "ab", {"output": "binary-logit"}, one_sided),
    "a sigmoid": (
        Net(lambda x: torch.sigmoid(x).squeeze(1), 1),
        "ab",
        {"output": "binary-probability"},
        one_sided,
    ),
}
BEHIND_A_STEP = {
    "colder": (
        Net(lambda x: (x / 2).softmax(1)),
        "abc",
        {"output": "probabilities"},
        lambda x: (x / 2).log_softmax(1),
    ),
    "colder, of two": (
        Net(lambda x: (x / 2).sigmoid(), 1),
        "ab",
        {"output": "binary-probability"},
        lambda x: one_sided(x / 2),
    ),
}


@pytest.mark.parametrize(
    "case", [*CASES.values(), *BEHIND_A_STEP.values()], ids=[*CASES, *BEHIND_A_STEP]
)
def test_the_logits_are_those_of_the_network_in_its_own_terms(case):
    network, names, settings, makes = case
    classifier = classifier_of(network, names, **settings)
    expected = makes(expected_of(network))
    torch.testing.assert_close(classifier.logits(IMAGES), expected)
    classifier.examine(IMAGES)
    torch.testing.assert_close(classifier.for_images((3, 9, 9)).logits(IMAGES), expected)
    torch.testing.assert_close(traced(classifier.model)(IMAGES), expected)
    torch.testing.assert_close(deepcopy(classifier.model)(IMAGES), expected)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_linear_head_and_the_layers_are_found(case):
    network, names, settings, _ = case
    classifier = classifier_of(network, names, **settings)
    logits = classifier.logits(IMAGES)
    assert classifier.head.name == "fc"
    torch.testing.assert_close(classifier.head.logits(classifier.embed(IMAGES)), logits)
    for layer in (classifier.hidden(), classifier.hidden("conv")):
        torch.testing.assert_close(layer.logits(layer.activations(IMAGES)), logits)
    assert classifier.layers(nn.Conv2d, nn.Linear) == ("conv", "fc")
    assert list(classifier.model.state_dict()) == list(network.state_dict())


@pytest.mark.parametrize("case", BEHIND_A_STEP.values(), ids=BEHIND_A_STEP)
def test_probabilities_of_no_layer_have_no_linear_head_but_hidden_layers(case):
    network, names, settings, _ = case
    classifier = classifier_of(network, names, **settings)
    with pytest.raises(CapabilityError, match="are the softmax or sigmoid of no layer's output"):
        _ = classifier.head
    layer = classifier.hidden("conv")
    torch.testing.assert_close(layer.logits(layer.activations(IMAGES)), classifier.logits(IMAGES))


def test_the_network_stays_as_it_is():
    network = Net(nn.Softmax(1)).train()
    network.fc.bias.requires_grad_(False)
    network.conv.register_forward_hook(lambda *_: None)
    before, attributes = state_of(network), dict(vars(network))
    classifier = classifier_of(network, output="probabilities", preprocess=None)
    classifier.examine(IMAGES)
    _ = classifier.head, classifier.hidden("conv"), classifier.logits(IMAGES)
    assert state_of(network) == before
    assert vars(network) == attributes and type(network) is Net
    with torch.no_grad():
        network.fc.weight.zero_()
    assert float(classifier.model.fc.weight.abs().min()) > 0


def test_the_shape_of_images_may_be_left_to_them():
    classifier = Classifier(Net(), class_names="abc", mean=MEAN, std=STD)
    assert not classifier.has_image_shape
    with pytest.raises(ContractError, match="does not know the shape of its images yet"):
        _ = classifier.image_shape
    found = classifier.for_images(SHAPE)
    assert found.image_shape == SHAPE and found.has_image_shape
    assert found.for_images(SHAPE) is found
    torch.testing.assert_close(found.logits(IMAGES), expected_of(Net()))
    with pytest.raises(ContractError, match="mean has 3 numbers, but the images have 1 channels"):
        classifier.for_images((1, 8, 8))


def test_a_network_of_hugging_face_answers_with_an_object():
    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], num_labels=5)
    network = ResNetForImageClassification(config)
    processor = ViTImageProcessorPil(image_mean=MEAN, image_std=STD)
    classifier = Classifier(
        network, class_names="abc", image_shape=SHAPE, preprocess=processor, classes=[4, 0, 1]
    )
    expected = deepcopy(network).eval()(normalised(IMAGES)).logits.detach()[:, [4, 0, 1]]
    torch.testing.assert_close(classifier.logits(IMAGES), expected)
    assert classifier.head.name == "classifier.1"
    torch.testing.assert_close(classifier.head.logits(classifier.embed(IMAGES)), expected)
    assert network.training and type(classifier.model).__name__ == type(network).__name__


class Called(Net):
    """Does in its call what others do in their forward()."""

    def __call__(self, images: Tensor) -> Tensor:
        return 2 * super().__call__(1 - images)


def hooked() -> nn.Module:
    network = Net()
    network.register_forward_pre_hook(lambda _net, args: (1 - args[0],))
    network.register_forward_hook(lambda _net, _args, output: 2 * output)
    return network


def with_own_forward() -> nn.Module:
    network = Net()
    network.forward = lambda images: 2 * network.raw(1 - images)  # type: ignore[method-assign]
    return network


@pytest.mark.parametrize(
    "build", [Called, hooked, with_own_forward], ids=["call", "hooks", "forward"]
)
def test_whatever_a_call_does_is_done_to_prepared_images(build):
    network = build()
    classifier = classifier_of(network)
    with torch.no_grad():
        expected = 2 * deepcopy(Net()).eval().raw(1 - normalised(IMAGES))
    for one in (classifier, classifier.for_images((3, 9, 9))):
        torch.testing.assert_close(one.logits(IMAGES), expected)
    assert classifier.layers(nn.Conv2d, nn.Linear) == ("conv", "fc")
    layer = classifier.hidden("conv")
    torch.testing.assert_close(layer.logits(layer.activations(IMAGES)), expected)
    with torch.no_grad():
        classifier.model.fc.weight.zero_()
        classifier.model.fc.bias.fill_(1)
    torch.testing.assert_close(classifier.logits(IMAGES), torch.full((6, 3), 2.0))
    assert network.training and float(network.fc.weight.detach().abs().min()) > 0


def folded(*ends: nn.Module) -> nn.Sequential:
    """Return a network in a form that torch.fx and TorchScript can follow."""
    torch.manual_seed(0)
    parts = (nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*parts, nn.Linear(5, 4), *ends)


COMPILED = {
    "torch.fx": lambda: fx.symbolic_trace(folded(nn.Softmax(1))),
    "torch.jit.script": lambda: torch.jit.script(folded(nn.Softmax(1))),
    "torch.jit.trace": lambda: torch.jit.trace(folded(nn.Softmax(1)).eval(), IMAGES),
}


@pytest.mark.parametrize("build", COMPILED.values(), ids=COMPILED)
def test_networks_that_were_compiled_are_adapted_too(build):
    settings = {"output": "probabilities", "classes": [3, 0, 1]}
    classifier = classifier_of(build(), **settings)
    expected = folded()(normalised(IMAGES)).detach()[:, [3, 0, 1]].log_softmax(1)
    for one in (classifier, classifier.for_images((3, 9, 9))):
        torch.testing.assert_close(one.logits(IMAGES).log_softmax(1), expected)
    assert classifier.model.training is False


def test_layers_are_read_in_what_torch_fx_generated_and_not_in_what_torchscript_compiled():
    settings = {"output": "probabilities", "classes": [3, 0, 1]}
    assert classifier_of(COMPILED["torch.fx"](), **settings).head.name == "4"
    scripted = classifier_of(COMPILED["torch.jit.script"](), **settings)
    assert name_of(scripted.model) == "Sequential"
    for ask in (scripted.describe_layers, scripted.hidden, lambda: scripted.head):
        with pytest.raises(
            CapabilityError, match=r"compiled by TorchScript, .* take a method that"
        ):
            ask()


def test_an_adapted_network_is_adapted_once():
    classifier = classifier_of(Net(nn.Softmax(1)), output="probabilities")
    again = Classifier(classifier.model, class_names="abc", image_shape=SHAPE)
    torch.testing.assert_close(again.logits(IMAGES), classifier.logits(IMAGES))
    with pytest.raises(ContractError, match="is adapted already"):
        Classifier(classifier.model, class_names="abc", image_shape=SHAPE, mean=MEAN)
    shuffled = randomised(classifier, rng=torch.Generator().manual_seed(0))
    assert not torch.allclose(shuffled.logits(IMAGES), classifier.logits(IMAGES))


@pytest.mark.parametrize(
    ("network", "settings", "says"),
    [
        (Net(nn.Softmax(1)), {}, 'returns probabilities.*say output="probabilities"'),
        (Net(), {"output": "probabilities"}, 'say output="logits"'),
        (Net(width=9), {}, "say with classes= which of the 9 outputs each of the 3 class names"),
        (Net(lambda x: (x, x)), {}, "say with answer="),
        (Net(), {"preprocess": lambda x: None, "mean": None, "std": None}, "returns NoneType"),
        (Net(), {"classes": [0, 1, 3]}, "names output 3, but there are 3"),
    ],
)
def test_what_is_said_wrongly_is_noticed(network: nn.Module, settings, says: str):
    with pytest.raises(ContractError, match=says):
        classifier_of(network, **settings)
