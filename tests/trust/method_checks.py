"""Checks of single methods on networks of odd habits against naive computations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai import Classifier, Dataset, Split
from causalxai.errors import CapabilityError
from causalxai.explainer import Explainer, ExplanationInputs
from causalxai.intervention import Intervention
from causalxai.network.dividing_layers import dividing_layers
from causalxai_baselines.deep_lift import DeepLift
from causalxai_baselines.grad_cam import GradCam
from causalxai_baselines.lime import Lime
from causalxai_interventional.mechanisms import SelectionRule, find_mechanisms
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterSpace
from tests.trust.odd_networks import CLASSES, SHAPE, OddNetwork

_IMAGES = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(7))
_LABELS = torch.arange(4) % CLASSES
_NAMES = tuple(map(str, range(CLASSES)))
_EDITS = 16


def check_methods(odd: OddNetwork) -> str:
    """Check every method; return which of them refused the network."""
    checks: dict[str, Callable[[OddNetwork], None]] = {
        "grad-cam": _grad_cam,
        "deep-lift": _deep_lift,
        "lime": _lime,
        "sweeps": _sweeps,
        "units": _units_of_the_last_layer,
        "hidden layers": _hidden_layers,
        "head": _head,
    }
    refused = []
    for name, check in checks.items():
        try:
            check(odd)
        except CapabilityError:
            refused.append(name)
    return f"refused by {', '.join(refused)}" if refused else ""


def _classifier(odd: OddNetwork) -> Classifier:
    return Classifier(odd.build(), class_names=_NAMES, image_shape=SHAPE)


def _dataset() -> Dataset:
    split = Split(_IMAGES.clone(), _LABELS)
    return Dataset(split, split, class_names=_NAMES)


def _map(explainer: Explainer, classifier: Classifier) -> Tensor:
    inputs = ExplanationInputs(
        classifier=classifier, dataset=_dataset(), rng=torch.Generator().manual_seed(0)
    )
    found = explainer.explain(_IMAGES.clone(), _LABELS, inputs)
    return next(iter(found.maps.values()))


def _close(odd: OddNetwork, got: Tensor, expected: Tensor, scale: float | None = None) -> None:
    scale = float(expected.abs().max()) if scale is None else scale
    apart = float((got - expected).abs().max())
    assert apart <= odd.tolerance * scale + 1e-7, f"differs by {apart:.3g} of {scale:.3g}"


def _grad_cam(odd: OddNetwork) -> None:
    classifier = _classifier(odd)
    found = _map(GradCam(relu=False), classifier)
    runs: list[Tensor] = []
    network = classifier.model
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _l, _a, out: runs.append(out))
    logits = network(_IMAGES.clone().requires_grad_())
    last = runs[-1]
    (slope,) = torch.autograd.grad(logits.gather(1, _LABELS[:, None]).sum(), last)
    last, slope = last.float(), slope.float()
    coarse = (slope.mean(dim=(2, 3), keepdim=True) * last).sum(dim=1, keepdim=True)
    fine = F.interpolate(coarse.detach(), size=SHAPE[1:], mode="bilinear", align_corners=False)
    _close(odd, found, fine[:, 0])


def _deep_lift(odd: OddNetwork) -> None:
    classifier = _classifier(odd)
    found = _map(DeepLift(), classifier).sum(dim=(1, 2))
    change = classifier.logits(_IMAGES) - classifier.logits(torch.zeros_like(_IMAGES))
    expected = change.gather(1, _LABELS[:, None])[:, 0]
    assert float((found - expected).abs().max()) <= 0.02 * max(1e-3, float(expected.abs().max()))


def _hidden_layers(odd: OddNetwork) -> None:
    """What is put into a layer goes through the rest of the network."""
    classifier = _classifier(odd)
    for found in dividing_layers(classifier.model, _IMAGES):
        hidden = classifier.hidden(found.name)
        own = hidden.activations(_IMAGES.clone())
        _close(odd, hidden.logits(own), classifier.logits(_IMAGES))
        other = own + own.std() * torch.randn(own.shape, generator=torch.Generator().manual_seed(1))
        layer = classifier.model.get_submodule(found.name)

        def put(
            _layer: object,
            _inputs: object,
            output: Tensor | tuple[Tensor, ...],
            new: Tensor = other,
        ) -> object:
            if isinstance(output, tuple):
                return (new.to(output[0].dtype), *output[1:])
            return new.to(output.dtype)

        handle = layer.register_forward_hook(put)
        expected = classifier.logits(_IMAGES)
        handle.remove()
        _close(odd, hidden.logits(other), expected)


def _head(odd: OddNetwork) -> None:
    """The linear head gives the logits from the embedding by its weights and its bias alone."""
    classifier = _classifier(odd)
    layer = classifier.head.layer
    product = classifier.embed(_IMAGES) @ layer.weight.flatten(1).T.float()
    expected = product if layer.bias is None else product + layer.bias.float()
    _close(odd, classifier.logits(_IMAGES), expected)


def _lime(odd: OddNetwork) -> None:
    first, second = (_map(Lime(samples=20, segments=6), _classifier(odd)) for _ in range(2))
    assert torch.equal(first, second), "not the same twice"


def _oracle(odd: OddNetwork, classifier: Classifier) -> ParameterOracle:
    del odd
    space = ParameterSpace().fit(classifier, _dataset(), rng=torch.Generator())
    return ParameterOracle().bind(classifier, space)


def _sweeps(odd: OddNetwork) -> None:
    """Black images come first, which must not prove a strategy; then several values."""
    classifier = _classifier(odd)
    oracle = _oracle(odd, classifier)
    targets = torch.linspace(0, len(oracle.space.concepts) - 1, _EDITS).long().unique()
    oracle.query(oracle.space.encode(torch.zeros_like(_IMAGES)), Intervention.ablate(targets))
    units = oracle.space.encode(_IMAGES.clone())
    plain = classifier.logits(_IMAGES)
    for value in (0.0, 0.5, -3.0):
        got = oracle.query(units, Intervention.set(targets, value)).logits
        expected = torch.stack([_edited(classifier, oracle, t, value) for t in targets.tolist()])
        # What counts is the effect, which may be small beside the logits.
        effect = float((expected - plain).abs().max())
        rounding = 1e-5 * float(expected.abs().max()) / odd.tolerance
        _close(odd, got, expected, max(10 * effect, rounding))


@torch.no_grad()
def _edited(classifier: Classifier, oracle: ParameterOracle, concept: int, value: float) -> Tensor:
    """Write into the weight, run the network, and put the weight back."""
    layer = next(layer for layer in oracle.space.layers if concept in layer.indices)
    weight = classifier.model.get_submodule(layer.name).weight
    k, n = divmod(concept - layer.first, layer.sources)
    before = weight[k, n].clone()
    weight[k, n] *= value
    logits: Tensor = classifier.model(_IMAGES.clone())
    weight[k, n] = before
    return logits


def _units_of_the_last_layer(odd: OddNetwork) -> None:
    """Algorithm 1 tests every edge of the last layer that moves the logit."""
    classifier = _classifier(odd)
    oracle = _oracle(odd, classifier)
    targets = _LABELS[:, None]
    found = find_mechanisms(oracle, oracle.space.encode(_IMAGES), targets, SelectionRule())
    last = next(layer for layer in found.layers.values() if layer.layer.is_last)
    plain = classifier.logits(_IMAGES)
    ask = partial(_edited, classifier, oracle, value=0.0)
    moved = torch.stack([ask(concept) for concept in last.layer.indices]) - plain
    delta = moved.transpose(0, 1).gather(2, _LABELS[:, None, None].expand(-1, len(moved), -1))
    tested, effect = last.tested[:, 0].flatten(1), delta[..., 0]
    rounding = 10 * odd.tolerance * float(effect.abs().max()) + 1e-5 * float(plain.abs().max())
    untested = effect.abs().masked_fill(tested, 0).max()
    assert float(untested) <= rounding, f"an edge that moves the logit by {untested:.3g} is missed"
    assert tested.any()
    _close(odd, last.delta[:, 0].flatten(1), effect * tested, rounding / odd.tolerance)
