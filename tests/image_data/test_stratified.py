from __future__ import annotations

import pytest
import torch

from causalxai.image_data.stratified import stratified_split
from causalxai.seeding import torch_generator

LABELS = torch.tensor([0] * 40 + [1] * 8 + [2] * 2 + [3])


def test_every_class_is_shared_out_and_no_row_is_lost() -> None:
    train, test = stratified_split(LABELS, 0.25, torch_generator(0))

    assert sorted([*train.tolist(), *test.tolist()]) == list(range(len(LABELS)))
    assert LABELS[test].bincount(minlength=4).tolist() == [10, 2, 1, 0]
    assert train.tolist() == sorted(train.tolist())
    assert test.tolist() == sorted(test.tolist())


@pytest.mark.parametrize("fraction", [0.001, 0.999])
def test_a_class_of_two_is_on_both_sides_however_extreme_the_fraction(fraction: float) -> None:
    train, test = stratified_split(LABELS, fraction, torch_generator(0))

    assert LABELS[train].bincount(minlength=4).min() >= 1
    assert LABELS[test].bincount(minlength=4)[:3].min() >= 1


def test_the_seed_alone_decides() -> None:
    first, again, other = (
        stratified_split(LABELS, 0.25, torch_generator(seed))[1] for seed in (0, 0, 1)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
