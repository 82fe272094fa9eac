"""Networks of odd habits: each is answered for as a naive computation does, or is refused."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from causalxai import Classifier, Dataset, Split
from causalxai.errors import CapabilityError, CausalxaiError
from causalxai.explainer import Explainer, ExplanationInputs
from causalxai.intervention import Intervention
from causalxai_baselines.gradients import IntegratedGradients, Saliency
from causalxai_baselines.occlusion import Occlusion
from causalxai_interventional.parameter_oracle import ParameterOracle
from causalxai_interventional.parameter_space import ParameterSpace
from tests.trust.family import Case, Family
from tests.trust.method_checks import check_methods
from tests.trust.odd_networks import ANSWERED, CLASSES, SHAPE, OddNetwork
from tests.trust.odd_structures import STRUCTURES
from tests.trust.refused_networks import REFUSED

_IMAGES = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(5))
_LABELS = torch.arange(len(_IMAGES)) % CLASSES
_NAMES = tuple(map(str, range(CLASSES)))
_TILE = 4
_STEPS = 8
_EDITS = 24


def _classifier(odd: OddNetwork) -> Classifier:
    return Classifier(odd.build(), class_names=_NAMES, image_shape=SHAPE)


def _dataset() -> Dataset:
    return Dataset(
        Split(_IMAGES.clone(), _LABELS), Split(_IMAGES.clone(), _LABELS), class_names=_NAMES
    )


def _inputs(classifier: Classifier) -> ExplanationInputs:
    return ExplanationInputs(
        classifier=classifier, dataset=_dataset(), rng=torch.Generator().manual_seed(0)
    )


def _close(odd: OddNetwork, got: Tensor, expected: Tensor) -> None:
    assert got.dtype == torch.float32, got.dtype
    apart, scale = float((got - expected).abs().max()), float(expected.abs().max())
    assert apart <= odd.tolerance * scale, f"differs by {apart:.3g} of {scale:.3g}"


def _naive(odd: OddNetwork, images: Tensor) -> Tensor:
    """Return the logits of a fresh network, asked about one image at a time."""
    network = odd.build().eval()
    # Its own type, where it takes no other.
    dtype = next(network.parameters()).dtype
    rows = []
    for image in images:
        try:
            row = network(image[None].clone())
        except RuntimeError:
            row = network(image[None].clone().to(dtype))
        rows.append(row.detach().clone().float())
    return torch.cat(rows)


def _naive_gradient(odd: OddNetwork, images: Tensor, target: Tensor) -> Tensor:
    network = odd.build().eval()
    dtype = next(network.parameters()).dtype
    rows = []
    for image, klass in zip(images, target.tolist(), strict=True):
        leaf = image[None].clone().requires_grad_()
        try:
            # A copy, because a leaf cannot be written into.
            logits = network(leaf.clone())
        except RuntimeError:
            logits = network(leaf.clone().to(dtype))
        rows.append(torch.autograd.grad(logits[0, klass], leaf)[0])
    return torch.cat(rows)


def _logits(odd: OddNetwork, _folder: Path) -> None:
    classifier, images = _classifier(odd), _IMAGES.clone()
    expected = _naive(odd, images)
    classifier.examine(images)
    for _ in range(2):
        _close(odd, classifier.logits(images), expected)
        _close(odd, classifier.model(images), expected)
        _close(odd, classifier.logits(images, batch_size=1), expected)
        _close(odd, classifier.logits(images.flip(0)).flip(0), expected)
    kept = [classifier.model(image[None]) for image in images]
    _close(odd, torch.cat(kept), expected)
    assert torch.equal(images, _IMAGES), "the images were changed"


def _map(explainer: Explainer, classifier: Classifier) -> Tensor:
    images = _IMAGES.clone()
    found = explainer.explain(images, _LABELS, _inputs(classifier))
    assert torch.equal(images, _IMAGES), "the images were changed"
    return next(iter(found.maps.values()))


def _attributions(odd: OddNetwork, _folder: Path) -> None:
    classifier = _classifier(odd)
    _occlusion(odd, classifier)
    _gradients(odd, classifier)


def _gradients(odd: OddNetwork, classifier: Classifier) -> None:
    explainers = (
        Saliency(Saliency.Config(absolute=False)),
        IntegratedGradients(IntegratedGradients.Config(steps=_STEPS)),
    )
    if not odd.gradients:
        for explainer in explainers:
            _refused(partial(_map, explainer, classifier), "needs gradients")
        return
    slope = _naive_gradient(odd, _IMAGES, _LABELS)
    _close(odd, _map(explainers[0], classifier), slope.sum(dim=1))
    points, weights = np.polynomial.legendre.leggauss(_STEPS)
    expected = torch.zeros_like(_IMAGES)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        expected += weight * _IMAGES * _naive_gradient(odd, point * _IMAGES, _LABELS)
    _close(odd, _map(explainers[1], classifier), expected.sum(dim=1))


def _occlusion(odd: OddNetwork, classifier: Classifier) -> None:
    got = _map(Occlusion(Occlusion.Config(window=_TILE, stride=_TILE)), classifier)
    rows = torch.arange(len(_IMAGES))
    whole = _naive(odd, _IMAGES)[rows, _LABELS]
    expected = torch.empty_like(got)
    for top in range(0, SHAPE[1], _TILE):
        for left in range(0, SHAPE[2], _TILE):
            covered = _IMAGES.clone()
            covered[:, :, top : top + _TILE, left : left + _TILE] = 0
            drop = whole - _naive(odd, covered)[rows, _LABELS]
            expected[:, top : top + _TILE, left : left + _TILE] = drop[:, None, None]
    # A drop is a difference of logits, which are rounded.
    scale = float(whole.abs().max()) * odd.tolerance
    assert float((got - expected).abs().max()) <= 2 * scale + odd.tolerance


def _sweep(odd: OddNetwork, _folder: Path) -> str | None:
    classifier = _classifier(odd)
    try:
        space = ParameterSpace().fit(classifier, _dataset(), rng=torch.Generator())
        oracle = ParameterOracle().bind(classifier, space)
        count = len(space.concepts)
        targets = torch.linspace(0, count - 1, _EDITS).long().unique()
        got = oracle.query(space.encode(_IMAGES), Intervention.ablate(targets)).logits
    except CapabilityError:
        return "refused"
    for answer, target in zip(got, targets.tolist(), strict=True):
        _close(odd, answer, _naive_edited(odd, space, target))
    return None


def _naive_edited(odd: OddNetwork, space: ParameterSpace, concept: int) -> Tensor:
    layer = next(layer for layer in space.layers if concept in layer.indices)
    one = torch.tensor([concept])

    def edited() -> torch.nn.Module:
        network = _classifier(odd).model
        weight = network.get_submodule(layer.name).weight
        with torch.no_grad():
            weight[layer.destination_of(one), layer.source_of(one)] = 0
        return network

    return _naive(OddNetwork(odd.name, edited), _IMAGES)


def _refused_when_loaded(odd: OddNetwork, _folder: Path) -> None:
    _refused(lambda: _classifier(odd), odd.says)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def _refused(attempt: Callable[[], object], says: str) -> None:
    try:
        attempt()
    except CausalxaiError as refusal:
        told = str(refusal)
        assert re.search(says, told), told
        assert "Traceback" not in told, told
    else:
        raise AssertionError("was not refused")


def _quietly(check: Callable[[OddNetwork, Path], str | None], odd: OddNetwork, folder: Path) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return check(odd, folder) or ""


def _methods(odd: OddNetwork, _folder: Path) -> str:
    return check_methods(odd)


def _everything(odd: OddNetwork, folder: Path) -> str:
    """Check all at once, which saves the start of processes."""
    _logits(odd, folder)
    _attributions(odd, folder)
    sweep = _sweep(odd, folder)
    return ", ".join(filter(None, [f"sweep {sweep}" if sweep else "", _methods(odd, folder)]))


_CHECKS = {
    "logits": _logits,
    "attributions": _attributions,
    "sweep of weights": _sweep,
    "methods": _methods,
}


def _cases() -> Iterator[Case]:
    for odd in ANSWERED:
        for what, check in _CHECKS.items():
            yield Case(f"{odd.name}: {what}", partial(_quietly, check, odd), quick=what == "logits")
    for odd in STRUCTURES:
        yield Case(f"{odd.name}: everything", partial(_quietly, _everything, odd))
    for odd in REFUSED:
        yield Case(f"{odd.name}: refused", partial(_quietly, _refused_when_loaded, odd), quick=True)


FAMILY = Family(
    "odd-networks",
    "A network is explained as naive computation does, one image at a time on copies, or it is "
    "refused in one sentence when it is loaded.",
    _cases,
)
