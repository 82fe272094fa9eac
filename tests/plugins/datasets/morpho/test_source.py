from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import load_file

from causalxai.dataset import Dataset
from causalxai.errors import DataError
from causalxai.seeding import torch_generator
from causalxai_datasets.digits import Digits
from causalxai_datasets.mnist import Mnist
from causalxai_datasets.morpho import Morpho, cached_rendering, measure
from causalxai_datasets.morpho.concepts import RANGES

REAL = Path(__file__).parents[4].parent / "shared/data/mnist"
needs_mnist = pytest.mark.skipif(not REAL.is_dir(), reason=f"no MNIST in {REAL}")
FEW: dict[str, Any] = {"limit": 60, "test_limit": 20}
TINY: dict[str, Any] = {"limit": 12, "test_limit": 4}
WORTH_KEEPING = cached_rendering._WORTH_KEEPING
NOISE = {"distribution": "normal", "sd": 0.3}


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drawings")


@pytest.fixture(autouse=True)
def shared_drawings(drawings: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the digits once that several tests look at."""
    monkeypatch.setattr("causalxai_datasets.caching.cache_folder", lambda: drawings)
    monkeypatch.setattr(cached_rendering, "_WORTH_KEEPING", 1)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave images black, for tests of the values that are set."""

    def skeletons(images: torch.Tensor, *_: object) -> list[None]:
        return [None] * len(images)

    def pictures(_: object, values: np.ndarray, size: int, *__: object) -> tuple[Any, Any]:
        return torch.zeros(len(values), 1, size, size), values

    monkeypatch.setattr("causalxai_datasets.morpho.source.skeletons_of", skeletons)
    monkeypatch.setattr("causalxai_datasets.morpho.source.pictures_of", pictures)


@pytest.fixture
def own_cache(shared_drawings: None, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that is empty, for tests of what is drawn anew."""
    monkeypatch.setattr("causalxai_datasets.caching.cache_folder", lambda: cache)
    monkeypatch.setattr(cached_rendering, "_WORTH_KEEPING", WORTH_KEEPING)
    return cache


def load(seed: int = 0, **settings: Any) -> Dataset:
    return Morpho(**{"scenario": "TI", **FEW, **settings}).load(rng=torch_generator(seed))


def agreement(data: Dataset) -> dict[str, float]:
    """Correlate what was set with what is measured."""
    assert data.train.set_concepts is not None
    assert data.train.concepts is not None
    pairs = zip(data.train.set_concepts.T.numpy(), data.train.concepts.T.numpy(), strict=True)
    values = [float(np.corrcoef(a, b)[0, 1]) for a, b in pairs]
    return dict(zip(data.concept_names, values, strict=True))


def test_concepts_are_measured_on_the_images_and_follow_what_was_set() -> None:
    data = load(scenario="TSWI")
    assert data.concept_names == ("thickness", "slant", "width", "intensity")
    assert data.image_shape == (1, 32, 32)
    assert (len(data.train), len(data.test)) == (60, 20)
    for split in (data.train, data.test):
        assert split.images.dtype == torch.float32
        assert split.concepts is not None
        measured = measure(split.images[:, 0].numpy())
        assert split.concepts.numpy() == pytest.approx(measured, abs=0.02)
    lowest = {"thickness": 0.95, "slant": 0.97, "width": 0.97, "intensity": 0.99}
    found = agreement(data)
    assert {name: value for name, value in found.items() if value < lowest[name]} == {}


def test_the_graph_is_the_truth_over_the_concepts_of_the_scenario() -> None:
    data = load(scenario="IT", limit=3, test_limit=2)
    assert data.concept_names == ("thickness", "intensity")
    assert data.graph is not None
    assert data.graph.nodes == data.concept_names
    assert [(edge.source, edge.target) for edge in data.graph.edges] == [("intensity", "thickness")]


def test_a_1_is_left_out_where_width_is_set_and_names_stay_right() -> None:
    narrow = load(scenario="TSWI", limit=5, test_limit=1)
    assert narrow.class_names == tuple("023456789")
    plain = load(limit=5, test_limit=1)
    assert plain.class_names == tuple("0123456789")
    # The same split of the same digits: 2 is class 1 of the one and class 2 of the other.
    names = [narrow.class_names[label] for label in narrow.train.labels[:4]]
    others = [plain.class_names[label] for label in plain.train.labels]
    assert names == [name for name in others if name != "1"][:4]


def test_digits_can_be_left_out_or_kept_at_will() -> None:
    assert load(leave_out=[0, 9], limit=5, test_limit=1).class_names == tuple("12345678")
    assert load(scenario="TSWI", leave_out=[], limit=5, test_limit=1).class_names[1] == "1"


@pytest.mark.usefixtures("own_cache")
def test_the_seed_decides_everything() -> None:
    first, again, other = load(**TINY), load(**TINY), load(seed=1, **TINY)
    assert torch.equal(first.train.images, again.train.images)
    assert torch.equal(first.test.labels, again.test.labels)
    assert torch.equal(first.train.concepts, again.train.concepts)
    assert not torch.equal(first.train.set_concepts, other.train.set_concepts)


def test_draws_are_other_pictures_of_the_same_digits() -> None:
    two = {"leave_out": [0, 1, 2, 3, 4, 5, 6, 7], "test_limit": 1}
    n = int((Digits(size=8).load(rng=torch_generator(0)).train.labels > 7).sum())
    twice = load(**two, draws=2, limit=n + 5).train
    assert len(twice) == n + 5
    assert torch.equal(twice.labels[n:], twice.labels[:5])
    assert not torch.equal(twice.images[n:], twice.images[:5])
    assert len(load(draws=3, limit=7, test_limit=1).train) == 7


@pytest.mark.usefixtures("undrawn")
def test_independent_concepts_have_the_same_values_and_no_relation() -> None:
    caused, shuffled = load(limit=300), load(limit=300, independent=True)
    assert shuffled.graph is not None
    assert not shuffled.graph.edges
    assert caused.train.set_concepts is not None
    assert shuffled.train.set_concepts is not None
    a, b = caused.train.set_concepts, shuffled.train.set_concepts
    assert torch.equal(a.sort(dim=0).values, b.sort(dim=0).values)
    assert torch.corrcoef(a.T)[0, 1] > 0.8
    assert abs(torch.corrcoef(b.T)[0, 1]) < 0.2


def test_a_scenario_of_ones_own_is_the_built_in_one_where_the_equations_are() -> None:
    own = {
        "intensity": {
            "expression": "64 + 191 * sigmoid(2 * thickness - 5) + noise",
            "noise": {"distribution": "normal", "sd": 1},
        },
        "thickness": {
            "expression": "0.5 + noise",
            "noise": {"distribution": "gamma", "shape": 10, "rate": 5},
        },
    }
    mine, built_in = load(scenario=None, equations=own), load(scenario="TI")
    assert torch.equal(mine.train.images, built_in.train.images)
    assert mine.graph == built_in.graph


def test_what_was_drawn_once_is_read_from_the_cache(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = own_cache
    monkeypatch.setattr(cached_rendering, "_WORTH_KEEPING", 1)
    fresh = load(**TINY)
    assert sorted(path.suffix for path in cache.iterdir()) == [".safetensors"] * 2
    with monkeypatch.context() as patch:
        patch.delattr(cached_rendering, "_on_all_cores")
        kept = load(**TINY)
    assert torch.equal(kept.train.images, fresh.train.images)
    assert torch.equal(kept.test.concepts, fresh.test.concepts)
    load(scenario="TS", **TINY)  # The same skeletons, other pictures.
    load(seed=1, **TINY)  # Another split, other skeletons.
    assert len(list(cache.iterdir())) == 5


def test_a_damaged_cache_and_one_that_cannot_be_written_are_no_harm(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = own_cache
    monkeypatch.setattr(cached_rendering, "_WORTH_KEEPING", 1)
    fresh = load(**TINY)
    for path in cache.iterdir():
        path.write_bytes(b"no tensors")
    again = load(**TINY)
    assert torch.equal(again.train.images, fresh.train.images)
    assert caplog.text.count("is computed again") == 2
    assert all(load_file(path) for path in cache.iterdir())
    monkeypatch.setattr(
        "causalxai_datasets.caching.cache_folder", lambda: next(cache.iterdir()) / "no folder"
    )
    assert torch.equal(load(**TINY).train.images, fresh.train.images)
    assert "cannot be written" in caplog.text


def test_few_images_are_not_kept(own_cache: Path) -> None:
    load(**TINY)
    assert not own_cache.exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scenario": None}, r"either a scenario \(TI, TID, IT, TS, TSWI\) or equations"),
        ({"equations": {"slant": {"expression": "noise", "noise": NOISE}}}, "either a scenario"),
        ({"scenario": "TID", "variant": "paper"}, "the paper has no TID"),
        ({"path": "somewhere"}, "path needs base: mnist"),
        ({"scenario": "ST"}, "'TI', 'TID', 'IT', 'TS' or 'TSWI'"),
        ({"leave_out": [10]}, "less than or equal to 9"),
        ({"leave_out": [*range(10)]}, "leaves 0 of the ten digits: 2 must remain"),
        ({"leave_out": [*range(9), 3]}, "leaves 1 of the ten digits: 2 must remain"),
        (
            {"scenario": None, "equations": {"slant": {"expression": 3}}},
            "the expression '3' is constant",
        ),
        (
            {
                "scenario": None,
                "variant": "paper",
                "equations": {"slant": {"expression": "noise", "noise": NOISE}},
            },
            "variant needs a scenario",
        ),
        (
            {"scenario": None, "equations": {"slant": {"expression": "width"}}},
            "slant depends on width, which has no equation",
        ),
        (
            {"scenario": None, "equations": {"slant": {"expression": "os.system('true')"}}},
            "not allowed in an expression|unknown",
        ),
        ({"scenario": None, "equations": {"colour": {"expression": "1"}}}, "'thickness'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Morpho(**{"scenario": "TI", **settings})


def test_values_that_are_no_numbers_name_the_equation() -> None:
    equations = {"width": {"expression": "sqrt(noise)", "noise": NOISE}}
    with pytest.raises(DataError, match=r"width: the equation 'sqrt\(noise\)'"):
        load(scenario=None, equations=equations)


def test_values_that_cannot_be_drawn_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        load(limit=20, test_limit=5)
        assert not caplog.text
        load(scenario="TSWI", variant="paper", limit=50, test_limit=5)
    assert (
        "of the values of slant lie outside the range that can be drawn (-60 to 60)" in caplog.text
    )


@pytest.mark.usefixtures("undrawn")
def test_set_concepts_are_what_was_drawn_and_their_effects_follow_from_that() -> None:
    data = load(scenario="TSWI", variant="paper", limit=300, test_limit=5, references=20)
    for split in (data.train, data.test, data.reference):
        assert split is not None and split.set_concepts is not None
        for name, values in zip(data.concept_names, split.set_concepts.T, strict=True):
            low, high = RANGES[name]
            assert low <= values.min() and values.max() <= high
    thickness, slant, width, _ = data.train.set_concepts.double().numpy().T
    at_the_end = slant == RANGES["slant"][1]
    assert at_the_end.mean() > 0.2
    # The equation of width, of noise 1, where slant would have been as much as 100.
    left = width - 10 - 15 / (1 + np.exp(-thickness / 2)) + slant / 4
    assert np.abs(left[at_the_end]).max() < 5
    assert left[at_the_end].mean() == pytest.approx(0, abs=0.5)


def test_a_concept_that_is_the_same_in_all_images_is_told_by_its_equation() -> None:
    for text in ("thickness - thickness + 90", "300 + 20 * noise ** 2"):
        equations = {
            "thickness": {"expression": "2 + noise", "noise": NOISE},
            "intensity": {"expression": text} | ({"noise": NOISE} if "noise" in text else {}),
        }
        with pytest.raises(
            DataError, match=r"intensity: .* in all 80 images, but a concept must vary"
        ):
            load(scenario=None, equations=equations)


def test_identity_has_no_path_but_the_equations() -> None:
    source = Morpho(scenario=None, equations={"slant": {"expression": "noise", "noise": NOISE}})
    config = source.portable_config()
    assert "path" not in config
    equation = {"expression": "noise", "noise": NOISE | {"mean": 0.0}}
    assert config["equations"] == {"slant": equation}
    assert source.fingerprint() == ""


@needs_mnist
def test_mnist_is_drawn_from_its_files() -> None:
    source = Morpho(scenario="TS", base="mnist", path=REAL, limit=40, test_limit=10)
    data = source.load(rng=torch_generator(0))
    assert source.fingerprint() == Mnist(path=REAL).fingerprint()
    assert (
        data.train.labels.tolist()
        == Mnist(path=REAL, limit=40).load(rng=torch_generator(0)).train.labels.tolist()
    )
    assert min(agreement(data).values()) > 0.97


@pytest.mark.slow
@needs_mnist
@pytest.mark.parametrize("scenario", ["TI", "TID", "IT", "TS", "TSWI"])
def test_mnist_measures_what_was_set(scenario: str) -> None:
    found = agreement(load(scenario=scenario, base="mnist", path=REAL, limit=2000, test_limit=1))
    lowest = {"thickness": 0.97, "slant": 0.995, "width": 0.99, "intensity": 0.995}
    assert {name: value for name, value in found.items() if value < lowest[name]} == {}


def test_references_have_the_same_values_and_no_relation() -> None:
    data = load(limit=300, references=600)
    reference = data.reference
    assert reference is not None and len(reference) == 600
    assert reference.set_concepts is not None and data.train.set_concepts is not None
    for drawn, own in zip(reference.set_concepts.T, data.train.set_concepts.T, strict=True):
        assert torch.equal(drawn.unique(), own.unique())
    related = np.corrcoef(data.train.set_concepts.T.numpy())[0, 1]
    assert related > 0.8
    assert abs(np.corrcoef(reference.set_concepts.T.numpy())[0, 1]) < 0.15
    assert reference.concepts is not None
    measured = measure(reference.images[:, 0].numpy())
    assert reference.concepts.numpy() == pytest.approx(measured[:, [0, 3]], abs=0.02)


def test_references_change_nothing_else() -> None:
    without, with_some = load(), load(references=30)
    assert without.reference is None
    assert torch.equal(with_some.train.images, without.train.images)
    assert torch.equal(with_some.test.images, without.test.images)


def test_pictures_of_one_digit_share_a_group() -> None:
    data = load(limit=90, draws=2, references=100)
    groups = data.train.groups
    assert groups is not None and data.reference is not None and data.test.groups is not None
    first = int((groups == groups[0]).sum())
    assert first >= 1
    assert set(data.test.groups.tolist()).isdisjoint(groups.tolist())
    assert data.reference.groups is not None
    assert set(data.reference.groups.tolist()) <= set(groups.tolist())
    labels = {int(g): int(y) for g, y in zip(groups, data.train.labels, strict=True)}
    found = zip(data.reference.groups, data.reference.labels, strict=True)
    assert all(labels[int(g)] == int(y) for g, y in found)
