"""Training a code: the same bytes after a kill; table 1's figures by hand; collapse is told."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from causalxai import Classifier
from causalxai.errors import CapabilityError, DataError
from causalxai.network.hidden_layer import HiddenLayer
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.testing import Keeper
from causalxai.training.loop import StepwiseTraining
from causalxai_dvae import complement
from causalxai_dvae.autoencoder import AutoencoderConfig, DiscreteAutoencoder
from causalxai_dvae.autoencoder_training import TERMS, CodeQuality, measure_code, train_autoencoder
from tests.two_processes import in_two_processes

CPU = torch.device("cpu")
SMALL = AutoencoderConfig(bits=4, hidden=(12, 8), steps=7, batch_size=16, turn=0)
QUALITY = CodeQuality(
    n=4,
    changed=0.5,
    changed_from_phi=0.75,
    accuracy=1.0,
    accuracy_reconstructed=0.75,
    agreement=0.75,
    explained=0.9,
    information=(0.6, 0.5),
    ones=(0.5, 0.25),
    distinct_codes=3,
)


class Head(nn.Module):
    """The first layer passes its input on, the second tells the sign of the first unit."""

    def __init__(self, width: int, bias: float = 0.0) -> None:
        super().__init__()
        self.look = nn.Flatten()
        self.tell = nn.Linear(width, 2)
        self.tell.weight.data = torch.zeros(2, width)
        self.tell.weight.data[1, 0] = 1
        self.tell.bias.data = torch.tensor([0.0, bias])

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.tell(self.look(images))
        return logits


def layer_of(width: int, bias: float = 0.0) -> HiddenLayer:
    shape = (1, 1, width)
    return Classifier(Head(width, bias), class_names=("a", "b"), image_shape=shape).hidden("look")


def clusters(n: int, share: float = 0.5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two classes along the first unit, another concept along the second, and noise."""
    rng = torch.Generator().manual_seed(seed)
    labels = (torch.rand(n, generator=rng) < share).long()
    other = torch.randint(2, (n,), generator=rng)
    phi = 0.2 * torch.randn(n, 6, generator=rng)
    phi[:, 0] += 4.0 * labels - 2
    phi[:, 1] += 3.0 * other
    return phi, labels


def train(
    config: AutoencoderConfig = SMALL,
    checkpoint: Checkpoint = NO_CHECKPOINT,
    seed: int = 0,
    layer: HiddenLayer | None = None,
) -> tuple[DiscreteAutoencoder, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    phi, _ = clusters(60)
    return train_autoencoder(phi, config, device=CPU, rng=rng, layer=layer, checkpoint=checkpoint)


def same_bytes(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_the_same_seed_gives_the_same_bytes_whatever_torchs_own():
    one, history = train()
    torch.manual_seed(7)
    other, again = train()
    assert same_bytes(one, other)
    assert torch.equal(history, again)
    assert not same_bytes(one, train(seed=1)[0])


@pytest.mark.parametrize("changes", [{}, {"decoder": "transposed"}, {"turn": 0.1}])
@pytest.mark.parametrize("saved", [0, 1])
def test_a_killed_training_goes_on_to_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], saved: int
):
    monkeypatch.setattr(StepwiseTraining, "save_every", 3)
    config, layer = SMALL.model_copy(update=changes), layer_of(6)
    keeper = Keeper()
    whole, history = train(config, keeper.checkpoint, layer=layer)
    assert [record.meta["steps"] for record in keeper.records] == [3, 6]
    resumed, rest = train(
        config, replace(NO_CHECKPOINT, load=lambda: keeper.records[saved]), seed=99, layer=layer
    )
    assert same_bytes(resumed, whole)
    assert torch.equal(rest, history)


def test_a_checkpoint_of_another_code_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(StepwiseTraining, "save_every", 3)
    keeper = Keeper()
    train(checkpoint=keeper.checkpoint)
    with pytest.raises(DataError, match="not belong to this training"):
        train(SMALL.model_copy(update={"bits": 5}), keeper.checkpoint)


def test_what_is_trained_comes_back_frozen_with_its_history():
    autoencoder, history = train()
    assert not autoencoder.training
    assert not any(weight.requires_grad for weight in autoencoder.parameters())
    assert history.shape == (7, len(TERMS))
    assert torch.isfinite(history).all()
    assert history[:, :2].all() and not history[:, 2].any()
    _, turning = train(SMALL.model_copy(update={"turn": 0.1}), layer=layer_of(6))
    assert turning[:, 2].all()


def test_a_flip_cannot_be_trained_without_the_layer():
    with pytest.raises(CapabilityError, match="set turn to 0"):
        train(SMALL.model_copy(update={"turn": 0.1}))


def test_a_breakdown_names_the_step_and_what_to_lower():
    with pytest.raises(DataError, match=r"step \d: .* lower learning_rate"):
        train(SMALL.model_copy(update={"learning_rate": 1e30}))


@pytest.mark.parametrize("decoder", ["linear", "transposed"])
def test_a_code_finds_the_classes_and_its_flip_turns_them(decoder: str):
    phi, _ = clusters(400)
    config = AutoencoderConfig(bits=6, hidden=(32, 16), steps=400, decoder=decoder, turn=0)
    rng = torch.Generator().manual_seed(0)
    autoencoder, history = train_autoencoder(phi, config, device=CPU, rng=rng)
    assert history[-50:, 0].mean() < 0.3 * history[:10, 0].mean()
    held_out, labels = clusters(200, seed=1)
    quality = measure_code(autoencoder, layer_of(6), held_out, labels)
    assert quality.accuracy == quality.agreement == 1
    assert quality.changed == quality.changed_from_phi == 1
    assert quality.explained > 0.9


@pytest.mark.parametrize(
    ("decoder", "dropout", "least"), [("linear", 0.0, 0.8), ("transposed", 0.1, 0.98)]
)
def test_training_the_flip_turns_what_the_bound_alone_does_not(
    decoder: str, dropout: float, least: float
):
    """Of four clusters in a row, the last is a class: the inner two are each other's mirrors."""
    rng = torch.Generator().manual_seed(0)
    cluster = torch.randint(4, (400,), generator=rng)
    phi = 0.2 * torch.randn(400, 6, generator=rng)
    phi[:, 0] += 2.0 * cluster - 3
    layer, shares = layer_of(6, bias=-2.0), []
    for turn in (0.0, 0.3):
        config = AutoencoderConfig(
            bits=6, hidden=(32, 16), steps=600, decoder=decoder, dropout=dropout, turn=turn
        )
        rng = torch.Generator().manual_seed(0)
        autoencoder, _ = train_autoencoder(phi, config, device=CPU, rng=rng, layer=layer)
        quality = measure_code(autoencoder, layer, phi, (cluster == 3).long())
        assert quality.agreement > 0.95
        shares.append(quality.changed)
    assert shares[0] < 0.65
    assert shares[1] > least


def reader(centre: float = 0.0) -> DiscreteAutoencoder:
    """Its two bits are the signs of two units; it decodes them to -1 or 1 about a centre."""
    autoencoder = DiscreteAutoencoder(2, AutoencoderConfig(bits=2, hidden=()))
    for layers, bias in ((autoencoder.encoder, 0.0), (autoencoder.decoder, centre)):
        layers[0].weight.data = torch.eye(2)
        layers[0].bias.data = torch.full((2,), bias)
    return autoencoder.requires_grad_(False)


def test_the_figures_of_a_hand_made_example():
    # Predicted from unit 0 with the decision at 0; bits are the signs of both units.
    phi = torch.tensor([[2.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-2.0, 1.0]])
    labels = torch.tensor([1, 0, 0, 0])
    quality = measure_code(reader(), layer_of(2), phi, labels)
    assert (quality.n, quality.distinct_codes) == (4, 3)
    assert quality.changed == quality.changed_from_phi == quality.agreement == 1
    assert quality.accuracy == quality.accuracy_reconstructed == 0.75
    assert quality.ones == (0.5, 0.75)
    # Errors 1, 0, 0, 1 of a spread of 10 + 3 about the mean (0, 1/2).
    assert quality.explained == pytest.approx(1 - 2 / 13)
    logits = torch.distributions.Bernoulli(logits=phi)
    mean = torch.distributions.Bernoulli(logits.probs.mean(dim=0).expand(4, 2))
    nats = torch.distributions.kl_divergence(logits, mean).mean(dim=0)
    assert quality.information == pytest.approx((nats / math.log(2)).tolist(), abs=1e-6)


def test_changes_are_told_from_the_code_and_from_the_layer():
    # Decoded 1.5 too high: unit 0 becomes .5 or 2.5, and everything is predicted 1.
    phi = torch.tensor([[2.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-2.0, 1.0]])
    quality = measure_code(reader(1.5), layer_of(2), phi, torch.tensor([1, 1, 0, 0]))
    assert quality.changed == 0
    assert quality.changed_from_phi == quality.agreement == 0.5
    assert (quality.accuracy, quality.accuracy_reconstructed) == (1, 0.5)


def test_batches_are_put_together(monkeypatch: pytest.MonkeyPatch):
    phi, labels = clusters(50)
    autoencoder = train()[0]
    whole = measure_code(autoencoder, layer_of(6), phi, labels).to_json()
    monkeypatch.setattr(complement, "_AT_ONCE", 7)
    parts = measure_code(autoencoder, layer_of(6), phi, labels).to_json()
    assert {name: pytest.approx(value, abs=1e-6) for name, value in parts.items()} == whole


def test_figures_come_back_from_json():
    assert CodeQuality.from_json(json.loads(json.dumps(QUALITY.to_json()))) == QUALITY


def test_dead_bits_are_told():
    assert QUALITY.dead == ()
    assert QUALITY.collapse_warning() is None
    assert replace(QUALITY, information=(0.6, 0.019)).dead == (1,)
    both = replace(QUALITY, information=(0.0, 0.001))
    assert "2 of 2 bits have no information about the image (0, 1)" in both.collapse_warning()
    assert "same one" in replace(both, distinct_codes=1).collapse_warning()


@pytest.mark.parametrize("constant", [0.0, 40.0])
def test_a_bit_that_is_a_coin_or_always_the_same_is_dead(constant: float):
    """The encoder is sure, in the second case, and tells nothing of the image all the same."""
    phi = torch.tensor([[40.0, constant], [-40.0, constant]]).repeat(50, 1)
    quality = measure_code(reader(), layer_of(2), phi, torch.ones(100).long())
    assert quality.information == pytest.approx((1, 0), abs=1e-9)
    assert quality.dead == (1,)


def test_a_sure_bit_tells_no_more_than_its_entropy():
    phi = torch.full((20, 2), 40.0)
    phi[0] = -40
    quality = measure_code(reader(), layer_of(2), phi, torch.ones(20).long())
    entropy = -(0.05 * math.log2(0.05) + 0.95 * math.log2(0.95))
    assert quality.information == pytest.approx((entropy, entropy))
    assert quality.dead == ()


def test_a_heavy_divergence_collapses_the_code():
    phi, labels = clusters(200)
    config = SMALL.model_copy(update={"beta": 10.0, "steps": 400})
    autoencoder, _ = train(config)
    quality = measure_code(autoencoder, layer_of(6), phi, labels)
    assert len(quality.dead) == 4
    assert quality.collapse_warning() is not None


@pytest.mark.slow
def test_two_processes_train_to_the_weights_of_one(tmp_path: Path):
    activations, _ = clusters(60)
    config = SMALL.model_copy(update={"dropout": 0.2, "turn": 1.0})

    def trained() -> dict[str, Tensor]:
        rng, layer = torch.Generator().manual_seed(0), layer_of(activations.shape[1])
        found, history = train_autoencoder(activations, config, device=CPU, rng=rng, layer=layer)
        return {"history": history, **found.state_dict()}

    alone = trained()
    first, second = in_two_processes(trained, tmp_path)
    for name, found in first.items():
        assert torch.equal(found, second[name])
        torch.testing.assert_close(found, alone[name], rtol=1e-4, atol=1e-5)
