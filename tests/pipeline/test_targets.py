from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from causalxai import Classifier
from causalxai.errors import CapabilityError
from causalxai.pipeline.targets import class_indices, target_of

NAMES = ("ant", "bee", "cat")
IMAGES = torch.rand(2, 1, 1, 3, generator=torch.Generator().manual_seed(0))
CLASSIFIER = Classifier(nn.Flatten(), class_names=NAMES, image_shape=(1, 1, 3))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (2, [2, 2]),
        ("bee", [1, 1]),
        (np.int64(1), [1, 1]),
        (torch.tensor(0), [0, 0]),
        ([2, 0], [2, 0]),
        (("cat", "ant"), [2, 0]),
        (np.array(["cat", "bee"]), [2, 1]),
        (torch.tensor([0, 1]), [0, 1]),
    ],
)
def test_classes_are_asked_for_by_index_or_name(target: Any, expected: list[int]) -> None:
    assert target_of(target, IMAGES, CLASSIFIER).tolist() == expected


def test_by_default_they_are_the_predicted_ones() -> None:
    assert torch.equal(target_of(None, IMAGES, CLASSIFIER), IMAGES.flatten(1).argmax(1))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (3, "images.target: should be a class's index or name, from 0 to 2, not 3"),
        ([0, -1], "from 0 to 2"),
        ("dog", "images.target: there is no class 'dog'"),
        (["ant", "dog"], "there is no class 'dog'"),
        (0.5, "should be a class's index or name, or one for each image, not 0.5"),
        (True, "or one for each image, not True"),
        ([0, 1, 2], "or 2 of them, one for each image"),
        (object(), "should be a class's index or name"),
        ([[0, 1]], "should be a class's index or name"),
    ],
)
def test_what_is_no_class_is_refused(target: Any, said: str) -> None:
    with pytest.raises(CapabilityError, match=said) as refusal:
        target_of(target, IMAGES, CLASSIFIER, "images.target")
    assert refusal.value.setting == "images.target"


def test_indices_of_classes_keep_their_form() -> None:
    assert class_indices("cat", NAMES, "x").shape == ()
    assert class_indices(["cat"], NAMES, "x").tolist() == [2]
