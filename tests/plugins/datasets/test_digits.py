from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from causalxai.seeding import torch_generator
from causalxai_datasets.digits import Digits
from causalxai_models.lenet import LeNetClassifier


def test_all_digits_are_there_at_the_size_asked_for_and_fill_the_range() -> None:
    data = Digits(size=20).load(rng=torch_generator(0))
    images = torch.cat([data.train.images, data.test.images])

    assert data.image_shape == (1, 20, 20)
    assert data.class_names == tuple("0123456789")
    assert len(images) == 1797
    assert images.dtype == torch.float32
    assert torch.equal(images.amin(dim=(1, 2, 3)), torch.zeros(1797))
    assert torch.equal(images.amax(dim=(1, 2, 3)), torch.ones(1797))


def test_a_quarter_of_each_digit_is_held_out() -> None:
    data = Digits().load(rng=torch_generator(0))
    train, test = data.train.labels.bincount(), data.test.labels.bincount()

    assert torch.equal(test, ((train + test) / 4).round().long())


def test_the_seed_decides_the_split() -> None:
    first, again, other = (Digits().load(rng=torch_generator(seed)).test for seed in (0, 0, 1))

    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.images, other.images)


def test_classes_group_digits_and_leave_the_others_out() -> None:
    all_digits = Digits().load(rng=torch_generator(0)).test
    data = Digits(classes={"nine or one": (9, 1), "4": (4,)}).load(rng=torch_generator(0))
    kept = torch.isin(all_digits.labels, torch.tensor([1, 4, 9]))

    assert data.class_names == ("nine or one", "4")
    assert torch.equal(data.test.images, all_digits.images[kept])
    assert torch.equal(data.test.labels, (all_digits.labels[kept] == 4).long())


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValidationError):
        Digits(test_fraction=1.0)


@pytest.mark.slow
def test_lenet_learns_them_in_seconds() -> None:
    data = Digits().load(rng=torch_generator(0))
    classifier = LeNetClassifier().fit(
        data, rng=torch_generator(0, "fit"), device=torch.device("cpu")
    )

    assert classifier.accuracy(data.test.images, data.test.labels) >= 0.97
