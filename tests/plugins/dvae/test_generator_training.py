"""Training the generator: the same bytes after a kill; what the regulariser is for, it does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier, Dataset
from causalxai.errors import DataError
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.testing import Keeper
from causalxai.training.loop import StepwiseTraining
from causalxai_dvae.autoencoder import AutoencoderConfig, DiscreteAutoencoder
from causalxai_dvae.autoencoder_training import train_autoencoder
from causalxai_dvae.fisher_overlap import shared_information
from causalxai_dvae.generator import Generator, GeneratorConfig
from causalxai_dvae.generator_training import TERMS, train_generator
from tests.two_processes import in_two_processes

CPU = torch.device("cpu")
SMALL = GeneratorConfig(channels=8, steps=9, batch_size=8, information_every=2)


@pytest.fixture(scope="module")
def code(bar_classifier: Classifier, bar_data: Dataset) -> DiscreteAutoencoder:
    config = AutoencoderConfig(bits=6, hidden=(32, 16), steps=300, turn=0)
    rng = torch.Generator().manual_seed(0)
    phi = bar_classifier.embed(bar_data.train.images)
    return train_autoencoder(phi, config, device=CPU, rng=rng)[0]


@pytest.fixture(scope="module")
def train(bar_classifier: Classifier, bar_data: Dataset, code: DiscreteAutoencoder):
    images = bar_data.train.images[:120]
    phi, layer = bar_classifier.embed(images), bar_classifier.hidden()

    def trained(
        checkpoint: Checkpoint = NO_CHECKPOINT, seed: int = 0, **settings: object
    ) -> tuple[Generator, Tensor]:
        config = SMALL.model_copy(update=settings)
        rng = torch.Generator().manual_seed(seed)
        return train_generator(
            code, layer, phi, images, config, device=CPU, rng=rng, checkpoint=checkpoint
        )

    return trained


def same_bytes(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_the_same_seed_gives_the_same_bytes_whatever_torchs_own(train):
    one, history = train()
    torch.manual_seed(7)
    other, again = train()
    assert same_bytes(one, other)
    assert torch.equal(history, again)
    assert not same_bytes(one, train(seed=1)[0])


@pytest.mark.parametrize("information", [0.0, 0.1])
@pytest.mark.parametrize("saved", [0, 1])
def test_a_killed_training_goes_on_to_the_same_bytes(
    train, monkeypatch: pytest.MonkeyPatch, information: float, saved: int
):
    monkeypatch.setattr(StepwiseTraining, "save_every", 3)
    keeper = Keeper()
    whole, history = train(keeper.checkpoint, information=information)
    assert [record.meta["steps"] for record in keeper.records] == [3, 6]
    back = replace(NO_CHECKPOINT, load=lambda: keeper.records[saved])
    resumed, rest = train(back, seed=99, information=information)
    assert same_bytes(resumed, whole)
    assert torch.equal(rest, history)


def test_the_rest_is_not_changed(train, bar_classifier: Classifier, code: DiscreteAutoencoder):
    before = [
        {name: tensor.clone() for name, tensor in module.state_dict().items()}
        for module in (code, bar_classifier.model)
    ]
    generator, _ = train()
    for module, state in zip((code, bar_classifier.model), before, strict=True):
        assert all(torch.equal(module.state_dict()[name], state[name]) for name in state)
    assert not generator.training
    assert not any(weight.requires_grad for weight in generator.parameters())


def test_information_counts_lazily_as_a_multiple_of_its_first_value(train):
    _, history = train(information=0.1)
    assert history.shape == (9, len(TERMS))
    counted = history[:, 1] != 0
    assert counted.tolist() == [step % 2 == 0 for step in range(9)]
    assert float(history[0, 1]) == pytest.approx(0.1 * 2)
    _, without = train(information=0.0)
    assert not without[:, 1].any() and without[:, 0].all()


def test_pictures_come_to_resemble_the_images(
    train, code: DiscreteAutoencoder, bar_classifier: Classifier, bar_data: Dataset
):
    generator, history = train(steps=150, information=0.0, channels=16)
    assert history[-20:, 0].mean() < history[:5, 0].mean()
    test = bar_data.test
    with torch.no_grad():
        painted = generator.paint(code.reconstruct(bar_classifier.embed(test.images)))
    mean = bar_data.train.images[:120].mean(dim=0)
    assert (painted - test.images).square().mean() < 0.95 * (mean - test.images).square().mean()


def test_the_regulariser_makes_both_draw_from_the_same_units(
    train, code: DiscreteAutoencoder, bar_classifier: Classifier, bar_data: Dataset
):
    phi, layer = bar_classifier.embed(bar_data.test.images), bar_classifier.hidden()
    cosines = []
    for settings in ({"information": 0.0}, {"similarity": "dot"}, {"similarity": "cosine"}):
        generator, _ = train(steps=150, **{"information": 0.3, **settings})
        rng = torch.Generator().manual_seed(0)
        shared = shared_information(generator, layer, code, phi, rng=rng, samples=8)
        cosines.append(shared.cosine())
    assert cosines[0] + 0.05 < min(cosines[1:])


def test_a_breakdown_names_the_step_and_what_to_lower(train):
    with pytest.raises(DataError, match=r"step \d: .* lower learning_rate"):
        train(learning_rate=1e30)


@pytest.mark.slow
def test_two_processes_train_to_the_weights_of_one(train, tmp_path: Path):
    """Without the information, whose inverse is no mean over the images of a batch."""

    def trained() -> dict[str, Tensor]:
        generator, history = train(information=0.0)
        return {"history": history, **generator.state_dict()}

    alone = trained()
    first, second = in_two_processes(trained, tmp_path)
    for name, found in first.items():
        assert torch.equal(found, second[name])
        torch.testing.assert_close(found, alone[name], rtol=1e-4, atol=1e-5)
