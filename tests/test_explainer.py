from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from causalxai import Explainer, Explanation, ScoringInputs
from causalxai.capabilities import Capability
from causalxai.errors import CapabilityError, ContractError
from causalxai.storage.store import Store

N = 3


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
    ],
)
def test_an_explanation_that_breaks_the_contract_is_blamed_on_the_explainer(
    claims: dict[str, Any], message: str, inputs: ScoringInputs
):
    with pytest.raises(ContractError, match=message) as raised:
        explain(inputs, **claims)
    assert str(raised.value).startswith(f"{__name__}.Given")


def test_a_missing_capability_is_told_by_the_explainers_name(inputs: ScoringInputs):
    class Asking(Given):
        requires = frozenset({Capability.GRAPH})

    with pytest.raises(CapabilityError, match=r"Asking needs a causal graph .*; this run has none"):
        Asking().explain(inputs.dataset.test.images, 0, inputs)


@pytest.mark.parametrize("importance", [None, torch.rand(N, 2)], ids=["maps alone", "concepts"])
def test_a_stored_explanation_is_the_same_explanation(importance: Tensor | None, tmp_path: Path):
    explanation = Explanation(
        images=torch.rand(N, 1, 2, 4),
        target=torch.tensor([1, 0, 1]),
        concepts=() if importance is None else ("conv2[3,1]", "ü/b"),
        importance=importance,
        maps={"z, first": torch.rand(N, 2, 4), "a/second": torch.rand(N, 2, 4)},
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
    ours, theirs = explanation.to_record(), back.to_record()
    assert json.dumps(ours.meta) == json.dumps(theirs.meta)
    assert list(ours.tensors) == list(theirs.tensors)
    for name, tensor in ours.tensors.items():
        assert tensor.dtype == theirs.tensors[name].dtype
        assert torch.equal(tensor, theirs.tensors[name])
