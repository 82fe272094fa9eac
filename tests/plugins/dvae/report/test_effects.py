from __future__ import annotations

import torch

from causalxai import Explanation
from causalxai.concept import Units
from causalxai_dvae.report.effects import bit_meanings


def explanation(code: list[list[float]], concepts: tuple[str, ...]) -> Explanation:
    n = len(code)
    importance = torch.zeros(n, len(concepts))
    units = Units(torch.tensor(code))
    images = torch.rand(n, 1, 2, 2)
    return Explanation(images, torch.zeros(n), concepts, importance, units=units)


def test_a_bit_means_the_images_that_have_it_on_and_off():
    code = [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]
    meanings = bit_meanings(explanation(code, ("bit 0", "bit 1")))
    assert meanings["bit 0"].text == "On in 75% of the explained images."
    assert [one.alt for one in meanings["bit 0"].pictures] == [
        "image 0, on",
        "image 1, on",
        "image 3, on",
        "image 2, off",
    ]
    assert [one.caption for one in meanings["bit 1"].pictures] == ["off"] * 4


def test_without_units_of_bits_nothing_is_shown():
    assert bit_meanings(None) == {}
    assert bit_meanings(explanation([[1.0, 0.0]], ("pixel",))) == {}
