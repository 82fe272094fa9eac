from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.stats import binomtest
from torch import nn

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset, Split
from causalxai.metric import ScoringInputs
from causalxai.plugin import Plugin
from causalxai.seeding import torch_generator
from causalxai.testing import Bench, Case, Check, parametrize_with_checks
from causalxai_datasets.colored_digits import CONCEPTS, HUES, ColoredDigits


def load(seed: int = 0, **settings: Any) -> Dataset:
    return ColoredDigits(**settings).load(rng=torch_generator(seed))


def has_own_hue(split: Split | None, classes: int = 10) -> np.ndarray:
    """Return which digits are nearer to their class's hue than to that of any other."""
    assert split is not None
    assert split.concepts is not None
    own = split.labels / (classes - 1) * HUES[1]
    return ((split.concepts[:, 0] - own).abs() < HUES[1] / (classes - 1) / 2).numpy()


def fits(values: np.ndarray, share: float) -> bool:
    return bool(binomtest(int(values.sum()), len(values), share).pvalue > 1e-5)


def test_digits_labels_and_concepts_have_their_form() -> None:
    data = load(references=30)

    assert data.image_shape == (3, 32, 32)
    assert data.class_names == tuple("0123456789")
    assert data.concept_names == CONCEPTS
    assert (len(data.train) + len(data.test), len(data.reference or ())) == (1797, 30)
    assert data.graph is not None
    assert (data.graph.nodes, data.graph.edges) == (CONCEPTS, ())
    assert 0.98 < float(data.train.images[:].amax()) <= 1
    # Strokes are not cut off at the border.
    border, whole = data.train.images[:, :, 0].mean(), data.train.images[:].mean()
    assert border < 0.05 * whole


def test_strength_is_the_share_of_digits_with_the_hue_of_their_class() -> None:
    # A class's hue is also taken by one in ten of those that may have any hue.
    data = load(strength=0.7, test_strength=0.0, references=400)
    assert fits(has_own_hue(data.train), 0.7 + 0.3 / 10)
    assert fits(has_own_hue(data.test), 1 / 10)
    assert fits(has_own_hue(data.reference), 1 / 10)
    same = load(strength=1.0)
    assert has_own_hue(same.test).mean() > 0.98


def test_brightness_depends_on_neither_label_nor_hue() -> None:
    data = load(strength=1.0)
    assert data.train.concepts is not None
    hue, brightness = data.train.concepts.T.numpy()
    table = np.corrcoef([hue, brightness, data.train.labels.numpy()])
    assert abs(table[1, [0, 2]]).max() < 4 / np.sqrt(len(hue))
    assert table[0, 2] > 0.99
    assert 0.5 <= brightness.min() < 0.51
    assert 0.99 < brightness.max() <= 1


def test_classes_share_the_range_of_hues() -> None:
    data = load(classes={"low": (0, 1), "high": (8, 9)}, strength=1.0)
    assert data.class_names == ("low", "high")
    assert has_own_hue(data.train, classes=2).all()


def test_draws_give_each_digit_several_colours_and_a_group() -> None:
    data = load(draws=2, limit=2000, test_limit=5)
    train = data.train
    assert (len(train), len(data.test)) == (2000, 5)
    assert train.groups is not None
    assert train.concepts is not None
    again = int((train.groups[1:] == 0).nonzero()[0]) + 1
    assert train.labels[0] == train.labels[again]
    assert train.concepts[0, 1] != train.concepts[again, 1]
    assert data.test.groups is not None
    assert not set(train.groups.tolist()) & set(data.test.groups.tolist())


def test_the_seed_alone_decides_and_training_does_not_depend_on_the_rest() -> None:
    first, again = load(limit=50), load(limit=50, references=20, test_limit=9)
    other = load(seed=1, limit=50)

    assert torch.equal(first.train.images[:], again.train.images[:])
    assert not torch.equal(first.train.images[:], other.train.images[:])


def _write_idx(path: Path, values: np.ndarray) -> None:
    header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


def test_mnist_is_read_from_its_files_and_coloured(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 28, 28))
    pixels[0] = 0
    for part in ("train", "t10k"):
        _write_idx(tmp_path / f"{part}-images-idx3-ubyte", pixels)
        _write_idx(tmp_path / f"{part}-labels-idx1-ubyte", np.arange(6))
    source = ColoredDigits(base="mnist", path=tmp_path, size=28)
    data = source.load(rng=torch_generator(0))

    assert source.outline() == data.outline
    assert "path" not in source.portable_config()
    assert source.fingerprint() != ColoredDigits().fingerprint()
    assert data.train.set_concepts is not None
    brightness = data.train.set_concepts[:, 1]
    peak = torch.from_numpy(pixels).float().amax(dim=(1, 2)).clamp(min=1)
    drawn = data.train.images[:].amax(dim=1)
    expected = torch.from_numpy(pixels).float() / peak[:, None, None] * brightness[:, None, None]
    assert torch.allclose(drawn, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"strength": 1.5}, "less than or equal to 1"),
        ({"path": "somewhere"}, "path needs base: mnist"),
        ({"size": 8}, "greater than or equal to 16"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ColoredDigits(**wrong)


SOURCE = ColoredDigits(limit=40, test_limit=4)


@cache
def few() -> Dataset:
    return SOURCE.load(rng=torch_generator(0))


def bench() -> Bench[Plugin]:
    data = few()
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
    classifier = Classifier(model, class_names=data.class_names, image_shape=data.image_shape)
    inputs = ScoringInputs(classifier=classifier, dataset=data, rng=torch_generator(0))
    return Bench(plugin=SOURCE, inputs=inputs, images=data.test.images[:])


@parametrize_with_checks([Case("colored-digits", ColoredDigits, bench)])
def test_colored_digits_keep_the_promises_of_plugins(case: Case, check: Check) -> None:
    check(case.build())
