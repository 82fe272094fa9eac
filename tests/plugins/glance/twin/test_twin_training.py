"""Training: the same seed gives the same bytes, also after a kill; a breakdown ends in words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from causalxai import Classifier
from causalxai.errors import DataError
from causalxai.testing import Keeper, KilledError
from causalxai.testing.footprint import changes, of_classifier
from causalxai.training.loop import StepwiseTraining
from causalxai_glance.twin import training
from causalxai_glance.twin.objective import Batch
from causalxai_glance.twin.training import TERMS, TwinConfig, TwinTraining, train_twin
from causalxai_glance.twin.twin import Twin
from tests.two_processes import in_two_processes

CONFIG = TwinConfig(latents=6, steps=7, channels=8, batch_size=8, layers=1)


def train(
    looker: Classifier, material: Batch, seed: int = 0, keeper: Keeper | None = None, **settings
) -> tuple[Twin, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    checkpoint = (keeper or Keeper()).checkpoint
    config = CONFIG.model_copy(update=settings)
    return train_twin(looker, material, config, rng=rng, checkpoint=checkpoint)


def same_bytes(one: Twin, other: Twin) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_the_same_seed_gives_the_same_bytes(looker: Classifier, material: Batch):
    (one, history), (other, again) = train(looker, material), train(looker, material)
    assert same_bytes(one, other)
    assert torch.equal(history, again)
    another, _ = train(looker, material, seed=1)
    assert not same_bytes(one, another)


@pytest.mark.parametrize("losses", ["do-cycle", "paper"])
@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_training_goes_on_to_the_same_bytes(
    looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch, losses: str, kills: int
):
    monkeypatch.setattr(StepwiseTraining, "save_every", 3)
    whole, history = train(looker, material, losses=losses)
    keeper = Keeper(dies_after=kills)
    with pytest.raises(KilledError):
        train(looker, material, keeper=keeper, losses=losses)
    assert keeper.records[-1].meta["steps"] == 3 * kills
    # The seed of the second process does not matter: its generator goes on from the record.
    resumed, rest = train(looker, material, seed=99, keeper=keeper, losses=losses)
    assert same_bytes(resumed, whole)
    assert torch.equal(rest, history)


def test_a_checkpoint_of_another_twin_is_refused(
    looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(StepwiseTraining, "save_every", 3)
    keeper = Keeper()
    train(looker, material, keeper=keeper)
    with pytest.raises(DataError, match="not belong to this training"):
        train(looker, material, keeper=keeper, latents=7)


@pytest.mark.parametrize(
    ("losses", "absent"),
    [("do-cycle", set()), ("paper", {"decorrelation", "do-cycle", "kept"})],
)
def test_each_objective_has_its_terms(looker: Classifier, material: Batch, losses: str, absent):
    twin, history = train(looker, material, losses=losses)
    assert history.shape == (7, len(TERMS))
    assert torch.isfinite(history).all()
    silent = {term for term, column in zip(TERMS, history.T, strict=True) if not column.any()}
    assert silent == absent & set(TERMS)
    assert not twin.training
    assert not any(weight.requires_grad for weight in twin.parameters())


def test_unlabelled_images_train_as_well(looker: Classifier, material: Batch):
    bare = replace(material, concepts=torch.zeros(len(material), 0))
    _, history = train(looker, bare)
    column = dict(zip(TERMS, history.T, strict=True))
    assert not column["alignment"].any() and not column["do-cycle"].any()
    assert column["reconstruction"].all()


def test_training_learns(looker: Classifier, material: Batch):
    _, history = train(looker, material, steps=60)
    column = dict(zip(TERMS, history.T, strict=True))
    for term in ("reconstruction", "alignment"):
        assert column[term][-10:].mean() < 0.7 * column[term][:10].mean()


def test_a_breakdown_names_the_step_and_what_to_lower(
    looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch
):
    whole = training.TwinTraining.step

    def breaks(self, number: int) -> dict[str, float]:
        losses = whole(self, number)
        return {**losses, "alignment": float("nan")} if number == 4 else losses

    monkeypatch.setattr(training.TwinTraining, "step", breaks)
    with pytest.raises(DataError, match=r"step 5: alignment is not finite.*learning_rate.*0\.002"):
        train(looker, material)


@pytest.mark.parametrize("losses", ["do-cycle", "paper"])
@pytest.mark.parametrize("rate", [1e30, 1e38])
def test_no_twin_is_left_that_paints_nothing(
    looker: Classifier, material: Batch, losses: str, rate: float
):
    """The only step's own loss and gradient are sound; what it leaves is not."""
    message = r"in step 1: .* is not finite; lower learning_rate \(it is 1e\+3[08]\)"
    with pytest.raises(DataError, match=message):
        train(looker, material, learning_rate=rate, steps=1, losses=losses)


def test_the_twin_that_is_returned_has_the_averaged_weights(
    looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch
):
    made: list[TwinTraining] = []

    class Noted(TwinTraining):
        def __init__(self, *given) -> None:
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(training, "TwinTraining", Noted)
    twin, _ = train(looker, material)
    assert same_bytes(twin, made[0].average)
    for name, weight in made[0].twin.named_parameters():
        if name.endswith("weight"):
            assert not torch.equal(twin.get_parameter(name), weight), name


@pytest.mark.parametrize("losses", ["do-cycle", "paper"])
def test_progress_tells_terms_that_there_are(looker: Classifier, material: Batch, losses: str):
    trains = prepared(looker, material, losses=losses)
    terms = trains.step(1)
    assert set(trains.shown) <= terms.keys()
    assert all(terms[name] for name in trains.shown)


LAMBDAS = (10.0, 40.0, 80.0, 1.0)


def test_the_papers_second_set_can_be_had(looker: Classifier, material: Batch):
    config = TwinConfig.model_validate({"losses": "paper", "lambdas": list(LAMBDAS)})
    assert config.lambdas == LAMBDAS
    (_, first), (_, second) = (
        train(looker, material, losses="paper", lambdas=lambdas) for lambdas in (None, LAMBDAS)
    )
    ratio = dict(zip(TERMS, (second[0] / first[0]).tolist(), strict=True))
    # The first step's losses, before the weights have gone separate ways.
    assert ratio["alignment"] == pytest.approx(40 / 30)
    assert ratio["reconstruction"] == pytest.approx(80 / 30)
    assert [ratio[name] for name in ("consistency", "adversarial", "path length")] == (
        pytest.approx([1, 1, 1])
    )


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"lambdas": LAMBDAS}, "losses is 'do-cycle'; leave lambdas out, or set losses to paper"),
        ({"losses": "paper", "lambdas": LAMBDAS[:3]}, "lambdas"),
        ({"losses": "paper", "lambdas": (*LAMBDAS[:3], -1)}, "greater than or equal to 0"),
        ({"losses": "paper", "lambdas": (*LAMBDAS[:3], float("inf"))}, "finite number"),
    ],
)
def test_lambdas_that_mean_nothing_are_refused(wrong: dict[str, object], complaint: str):
    with pytest.raises(ValidationError, match=complaint):
        TwinConfig.model_validate(wrong)


@pytest.mark.parametrize("losses", ["do-cycle", "paper"])
@pytest.mark.parametrize("rate", [1e3, 1e25])
def test_a_wild_rate_ends_in_words(looker: Classifier, material: Batch, losses: str, rate: float):
    with pytest.raises(DataError, match=r"in step \d+: .*lower learning_rate"):
        train(looker, material, learning_rate=rate, steps=40, losses=losses)


def test_the_narrowest_twin_trains_and_a_narrower_one_is_refused(
    looker: Classifier, material: Batch
):
    with pytest.raises(ValidationError, match="channels"):
        TwinConfig(channels=1)
    _, history = train(looker, material, channels=2, steps=2)
    assert torch.isfinite(history).all()


def prepared(looker: Classifier, material: Batch, **settings) -> TwinTraining:
    config = CONFIG.model_copy(update=settings)
    return TwinTraining(looker, material, config, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("named", [1, 2, 4])
def test_do_sets_one_concept_or_more_and_leaves_the_rest(
    looker: Classifier, material: Batch, named: int
):
    concepts = torch.randn(len(material), named, generator=torch.Generator().manual_seed(1))
    trains = prepared(looker, replace(material, concepts=concepts))
    latents = torch.randn(4000, 6, generator=torch.Generator().manual_seed(2))
    before = latents.clone()
    after = trains._intervene(latents)
    assert torch.equal(latents, before)
    assert torch.equal(after[:, named:], latents[:, named:])
    changed = after[:, :named] != latents[:, :named]
    assert changed.any(dim=1).all()
    # One for sure, the others every other time; what is set is N(0, 1).
    expected = (1 + 0.5 * (named - 1)) / named
    torch.testing.assert_close(
        changed.double().mean(dim=0), torch.full((named,), expected).double(), rtol=0, atol=0.04
    )
    assert (changed.sum(dim=1) == 1).any()
    values = after[:, :named][changed]
    assert abs(float(values.mean())) < 0.06 and abs(float(values.std()) - 1) < 0.05
    correlation = torch.corrcoef(torch.stack([values, latents[:, :named][changed]]))[0, 1]
    assert abs(float(correlation)) < 0.06


@pytest.mark.parametrize("ema", [0.0, 0.15, 0.98])
def test_the_average_is_of_the_weights_after_each_step(
    looker: Classifier, material: Batch, ema: float
):
    trains = prepared(looker, material, ema=ema)
    expected = [weight.double() for weight in trains.twin.parameters()]
    for number, kept in enumerate([1 / 10, 2 / 11, 3 / 12]):
        trains.step(number)
        kept = min(kept, ema)
        expected = [
            kept * mean + (1 - kept) * weight.detach().double()
            for mean, weight in zip(expected, trains.twin.parameters(), strict=True)
        ]
        for mean, average in zip(expected, trains.average.parameters(), strict=True):
            torch.testing.assert_close(average.double(), mean, rtol=1e-5, atol=1e-6)
    assert not torch.equal(trains.twin.align.weight, expected[0])


@pytest.mark.parametrize("losses", ["do-cycle", "paper"])
def test_half_precision_trains_to_the_same_shapes(looker: Classifier, material: Batch, losses: str):
    full, expected = train(looker, material, losses=losses)
    half, history = train(looker, material, losses=losses, precision="mixed")
    again, _ = train(looker, material, losses=losses, precision="mixed")
    assert same_bytes(half, again)
    assert torch.isfinite(history).all()
    assert history.shape == expected.shape and not torch.equal(history, expected)
    # The first step's losses, before rounding has had its way with the weights.
    torch.testing.assert_close(history[0], expected[0], rtol=0.05, atol=0.05)
    theirs = full.state_dict()
    for name, tensor in half.state_dict().items():
        assert tensor.isfinite().all(), name
        assert (tensor.shape, tensor.dtype) == (theirs[name].shape, theirs[name].dtype)


def test_the_classifier_is_left_alone(looker: Classifier, material: Batch):
    before = of_classifier(looker)
    state = torch.default_generator.get_state()
    train(looker, material)
    assert not changes(before, of_classifier(looker))
    assert torch.equal(torch.default_generator.get_state(), state)
    assert not any(weight.requires_grad for weight in looker.model.parameters())


def test_what_is_there_or_not_is_set_to_one_of_its_levels(looker: Classifier, material: Batch):
    levels = torch.tensor([[-0.5, 2.0], [torch.nan, torch.nan]])
    rng = torch.Generator().manual_seed(0)
    trains = TwinTraining(looker, material, CONFIG, rng, levels)
    latents = torch.randn(400, 6, generator=rng)
    after = trains._intervene(latents)
    moved = after[:, 0] != latents[:, 0]
    assert set(after[moved, 0].tolist()) == {-0.5, 2.0}
    assert (after[moved, 0] == 2.0).float().mean() == pytest.approx(0.5, abs=0.1)
    others = after[after[:, 1] != latents[:, 1], 1]
    assert len(others.unique()) == len(others)


@pytest.mark.slow
def test_two_processes_train_one_twin_on_the_same_draws(
    looker: Classifier, material: Batch, tmp_path: Path
):
    def trained() -> dict[str, torch.Tensor]:
        twin, history = train(looker, material)
        return {"history": history, **twin.state_dict()}

    _, alone = train(looker, material)
    first, second = in_two_processes(trained, tmp_path)
    for name, found in first.items():
        assert torch.equal(found, second[name])
    # The other terms are no means over images: they rest on statistics of a process's own images.
    means = ("reconstruction", "consistency", "adversarial", "alignment", "do-cycle")
    columns = [TERMS.index(name) for name in means]
    torch.testing.assert_close(first["history"][0, columns], alone[0, columns])
