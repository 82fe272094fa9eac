from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from causalxai import Explainer, Explanation, ScoringInputs
from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.errors import CapabilityError, ContractError
from causalxai.intervention import Action
from causalxai.storage.store import Store
from causalxai.testing import toy_world
from causalxai.what_if import Change, WhatIf

N = 3
DOWN = Change("ü/b", Action.SHIFT, -1.5, "ü/b \N{MINUS SIGN}1.5 sd")


def what_ifs() -> tuple[WhatIf, ...]:
    """Return some in no order, with and without images."""
    return (
        WhatIf(2, (DOWN,), torch.rand(2), torch.rand(1, 2, 4)),
        WhatIf(0, (DOWN, Change("a", Action.FLIP, 0.0, "not a")), torch.rand(2), name="both"),
        WhatIf(0, (), torch.rand(2), torch.rand(1, 2, 4)),
        WhatIf(1, (DOWN,), torch.rand(2)),
    )


class Given(Explainer):
    """Explains with what it is given."""

    claims: Callable[[int], dict[str, Any]]

    def _explain(self, images: Tensor, target: Tensor, inputs: ScoringInputs) -> Explanation:
        return Explanation(images, target, **self.claims(len(images)))


def explain(inputs: ScoringInputs, target: Tensor | int = 1, **claims: Any) -> Explanation:
    explainer = Given()
    explainer.claims = lambda _: claims
    return explainer.explain(inputs.dataset.test.images[:N], target, inputs)


def test_one_target_serves_all_images(inputs: ScoringInputs):
    explanation = explain(inputs, 1, maps={"m": torch.zeros(N, 2, 4)})
    assert explanation.target.tolist() == [1, 1, 1]
    assert explanation.target.dtype == torch.int64
    assert len(explanation) == N
    several = explain(inputs, torch.tensor([0, 1, 0]), maps={"m": torch.zeros(N, 2, 4)})
    assert several.target.tolist() == [0, 1, 0]


def test_importance_or_maps_are_enough(inputs: ScoringInputs):
    assert explain(inputs, concepts=("a",), importance=torch.ones(N, 1)).maps == {}
    assert explain(inputs, maps={"m": torch.ones(N, 2, 4)}).importance is None


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({}, "explains nothing: neither importance nor a map"),
        ({"concepts": ("a", "b")}, "explains nothing"),
        (
            {"concepts": ("a", "b"), "importance": torch.zeros(N, 3)},
            r"importance is \[3, 2\], not \[3, 3\]",
        ),
        ({"maps": {"m": torch.zeros(N, 4, 2)}}, r"map m is \[3, 2, 4\], not \[3, 4, 2\]"),
        ({"maps": {"m": torch.zeros(N, 1, 2, 4)}}, r"map m is \[3, 2, 4\], not \[3, 1, 2, 4\]"),
        (
            {"maps": {"m": torch.zeros(N, 2, 4), "n": torch.full((N, 2, 4), torch.nan)}},
            "map n holds values that are not finite",
        ),
        (
            {"concepts": ("a",), "importance": torch.full((N, 1), torch.inf)},
            "importance holds values that are not finite",
        ),
        (
            {"maps": {"m": torch.zeros(N, 2, 4)}, "units": Units(torch.zeros(2, 1))},
            "2 units were kept of 3 images",
        ),
    ],
)
def test_an_explanation_that_breaks_the_contract_is_blamed_on_the_explainer(
    claims: dict[str, Any], message: str, inputs: ScoringInputs
):
    with pytest.raises(ContractError, match=message) as raised:
        explain(inputs, **claims)
    assert str(raised.value).startswith(f"{__name__}.Given")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"row": N}, "'raised' is of image 3, and 3 were explained"),
        ({"row": -1}, "is of image -1"),
        ({"logits": torch.zeros(3)}, r"has logits \[3\], not \[2\]"),
        ({"logits": torch.tensor([0.0, torch.nan])}, "has logits that are not finite"),
        ({"image": torch.zeros(1, 4, 2)}, r"has an image \[1, 4, 2\], not \[1, 2, 4\]"),
        ({"image": torch.full((1, 2, 4), torch.inf)}, "has an image that is not finite"),
    ],
)
def test_a_what_if_that_breaks_the_contract_is_blamed_on_the_explainer(
    broken: dict[str, Any], message: str, inputs: ScoringInputs
):
    sound = WhatIf(0, (), torch.zeros(2), torch.zeros(1, 2, 4), "raised")
    heat = {"m": torch.zeros(N, 2, 4)}
    assert explain(inputs, maps=heat, what_ifs=(sound,)).what_ifs == (sound,)
    with pytest.raises(ContractError, match=message) as raised:
        explain(inputs, maps=heat, what_ifs=(sound, replace(sound, **broken)))
    assert str(raised.value).startswith(f"{__name__}.Given: the what-if 'raised'")


def test_the_images_are_read_for_whoever_scores_the_explanation():
    inputs, heat = toy_world(0).inputs(), {"m": torch.zeros(N, 8, 8)}
    images, explainer = inputs.dataset.test.images[:N], Given()
    explainer.claims = lambda _: {"maps": heat}
    expected = inputs.space.encode(images)
    kept = explainer.explain(images, 0, inputs)
    assert torch.equal(kept.units.values, expected.values)
    assert explainer.explain(images, 0, inputs, with_units=False).units is None
    assert explainer.explain(images, 0, replace(inputs, space=None)).units is None
    own = Units(torch.ones(N, 4))
    explainer.claims = lambda _: {"maps": heat, "units": own}
    assert explainer.explain(images, 0, inputs).units is own


def test_a_missing_capability_is_told_by_the_explainers_name(inputs: ScoringInputs):
    class Asking(Given):
        requires = frozenset({Capability.GRAPH})

    message = r"Asking needs a causal graph .*; this run has no capability"
    with pytest.raises(CapabilityError, match=message):
        Asking().explain(inputs.dataset.test.images, 0, inputs)


@pytest.mark.parametrize("importance", [None, torch.rand(N, 2)], ids=["maps alone", "concepts"])
def test_a_stored_explanation_is_the_same_explanation(importance: Tensor | None, tmp_path: Path):
    explanation = Explanation(
        images=torch.rand(N, 1, 2, 4),
        target=torch.tensor([1, 0, 1]),
        concepts=() if importance is None else ("conv2[3,1]", "ü/b"),
        importance=importance,
        maps={"z, first": torch.rand(N, 2, 4), "a/second": torch.rand(N, 2, 4)},
        what_ifs=what_ifs(),
        units=Units(torch.rand(N, 2), {"texture/1": torch.rand(N, 5)}),
        details={"tested": torch.zeros(N, 2, dtype=torch.uint8)},
        meta={"layers": ["conv1"], "share": 0.1, "nested": {"none": None}},
    )
    Store(tmp_path).write("explain", "key", explanation.to_record())
    record = Store(tmp_path).read("explain", "key")
    assert record is not None
    back = Explanation.from_record(record)
    assert list(back.maps) == ["z, first", "a/second"]  # The first one is the method's own.
    assert (back.concepts, back.meta) == (explanation.concepts, explanation.meta)
    assert (back.importance is None) == (importance is None)
    assert torch.equal(back.units.values, explanation.units.values)
    for mine, other in zip(explanation.what_ifs, back.what_ifs, strict=True):
        assert (mine.row, mine.changes, mine.name) == (other.row, other.changes, other.name)
        assert torch.equal(mine.logits, other.logits)
        assert (mine.image is None) == (other.image is None)
        assert mine.image is None or torch.equal(mine.image, other.image)
    ours, theirs = explanation.to_record(), back.to_record()
    assert json.dumps(ours.meta) == json.dumps(theirs.meta)
    assert list(ours.tensors) == list(theirs.tensors)
    for name, tensor in ours.tensors.items():
        assert tensor.dtype == theirs.tensors[name].dtype
        assert torch.equal(tensor, theirs.tensors[name])


def test_units_are_stored_without_what_is_said_already():
    images = torch.rand(N, 1, 2, 4)
    units = Units(torch.ones(()).expand(N, 1000), {"inputs": images})
    explanation = Explanation(images, torch.zeros(N, dtype=torch.int64), units=units)
    record = explanation.to_record()
    assert sum(tensor.numel() for tensor in record.tensors.values()) == images.numel() + N + 1
    back = Explanation.from_record(record).units
    assert torch.equal(back.values, units.values)
    assert torch.equal(back.residual["inputs"], images)


def test_an_explanation_is_shown_by_what_it_has():
    images, importance = torch.rand(N, 1, 2, 4), torch.rand(N, 2)
    maps = {"heat": torch.rand(N, 2, 4)}
    whole = Explanation(images, torch.zeros(N), ("a", "b"), importance, maps, what_ifs())
    assert repr(whole) == (
        "Explanation(images [3, 1, 2, 4], importance [3, 2], maps: 1, what-ifs: 4)"
    )
    assert repr(Explanation(images, torch.zeros(N))) == "Explanation(images [3, 1, 2, 4])"
