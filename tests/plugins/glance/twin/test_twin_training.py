"""Training: the same seed gives the same bytes, also after a kill; a breakdown ends in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from causalxai import Classifier, Dataset
from causalxai.checkpoint import Checkpoint
from causalxai.errors import DataError
from causalxai.record import Record
from causalxai.testing.bench import stored
from causalxai.testing.footprint import changes, of_classifier
from causalxai_glance.twin import training
from causalxai_glance.twin.objective import Batch
from causalxai_glance.twin.training import TERMS, TwinConfig, train_twin
from causalxai_glance.twin.twin import Twin

CONFIG = TwinConfig(latents=6, steps=7, channels=8, batch_size=8, layers=1)


class Killed(Exception):
    """Stands for the end of a process."""


class Keeper:
    """Keeps the last record as it would lie on disk, and dies after so many of them."""

    def __init__(self, dies_after: int | None = None) -> None:
        self.record: Record | None = None
        self.saved = 0
        self.dies_after = dies_after

    def save(self, record: Record) -> None:
        self.record = stored(record)
        self.saved += 1
        if self.saved == self.dies_after:
            raise Killed

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(load=lambda: self.record, save=self.save)


@pytest.fixture(scope="module")
def material(looker: Classifier, squares: Dataset) -> Batch:
    train = squares.train[:40]
    concepts = (train.concepts - train.concepts.mean(dim=0)) / train.concepts.std(dim=0)
    logits = looker.logits(train.images)
    return Batch(train.images, looker.embed(train.images), logits, concepts)


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
    monkeypatch.setattr(training, "_SAVE_EVERY", 3)
    whole, history = train(looker, material, losses=losses)
    keeper = Keeper(dies_after=kills)
    with pytest.raises(Killed):
        train(looker, material, keeper=keeper, losses=losses)
    assert keeper.record.meta["steps"] == 3 * kills
    # The seed of the second process does not matter: its generator goes on from the record.
    resumed, rest = train(looker, material, seed=99, keeper=keeper, losses=losses)
    assert same_bytes(resumed, whole)
    assert torch.equal(rest, history)


def test_a_checkpoint_of_another_twin_is_refused(
    looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(training, "_SAVE_EVERY", 3)
    keeper = Keeper()
    train(looker, material, keeper=keeper)
    with pytest.raises(DataError, match="not one of this training"):
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


def test_a_wild_rate_ends_in_words(looker: Classifier, material: Batch):
    with pytest.raises(DataError, match="lower learning_rate"):
        train(looker, material, learning_rate=1e25, steps=40)


def test_the_classifier_is_left_alone(looker: Classifier, material: Batch):
    before = of_classifier(looker)
    state = torch.default_generator.get_state()
    train(looker, material)
    assert not changes(before, of_classifier(looker))
    assert torch.equal(torch.default_generator.get_state(), state)
    assert not any(weight.requires_grad for weight in looker.model.parameters())
