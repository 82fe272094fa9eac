"""Live objects in specs are shared, and written as far as a file can hold them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch

from causalxai.config.live import Live, held, missing_objects
from causalxai.config.resolved import as_yaml


def test_objects_of_causalxai_and_torch_are_held_and_never_copied() -> None:
    network = torch.nn.Linear(1, 1)
    live = held(network)
    assert isinstance(live, Live)
    assert deepcopy(live).value is network
    assert held(live) is live
    assert repr(live) == "a Linear in Python"


@pytest.mark.parametrize("value", ["text", 3, None, 0.5, {"use": "lime"}, [1]])
def test_plain_data_stay_as_they_are(value: object) -> None:
    assert held(value) is value


def test_an_object_is_written_as_live() -> None:
    assert as_yaml({"classifier": Live(3)}) == "classifier:\n  use: live\n"


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        ({"classifier": "lenet", "metrics": None}, ""),
        ({"classifier": {"use": "live"}}, "classifier of this run were objects"),
        ({"metrics": ["deletion", {"use": "live"}]}, "metrics of this run"),
        ({"dataset": {"use": "live"}, "images": {"use": "live"}}, "dataset and images of this"),
    ],
)
def test_what_a_written_spec_lacks_is_named(data: dict[str, Any], missing: str) -> None:
    assert missing_objects(data).startswith(missing)
    assert bool(missing_objects(data)) == bool(missing)
