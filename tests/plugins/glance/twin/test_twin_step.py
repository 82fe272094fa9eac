"""One step of a twin's training, taken apart: what each side sees, pays for, and may change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from causalxai import Classifier
from causalxai.errors import DataError
from causalxai.training.loop import NotFiniteError
from causalxai_glance.twin import training
from causalxai_glance.twin.objective import Batch
from causalxai_glance.twin.training import TERMS, TwinConfig, TwinTraining

CONFIG = TwinConfig(latents=6, steps=100, channels=8, batch_size=8, layers=1)


def prepared(looker: Classifier, material: Batch, **settings) -> TwinTraining:
    config = CONFIG.model_copy(update=settings)
    return TwinTraining(looker, material, config, torch.Generator().manual_seed(0))


def gradients(module: nn.Module) -> list[Tensor]:
    return [weight.grad for weight in module.parameters() if weight.grad is not None]


def norm(tensors: list[Tensor]) -> float:
    return float(torch.cat([tensor.flatten() for tensor in tensors]).norm())


class TestDraws:
    def test_batches_come_from_all_rows(self, looker: Classifier, material: Batch):
        trains = prepared(looker, material)
        found = set()
        for _ in range(60):
            batch = trains._draw()
            assert len(batch) == 8
            # Which row of the material is each one? The same for all parts.
            rows = [
                (part[:, None] == whole[None]).flatten(2).all(dim=2).int().argmax(dim=1)
                for part, whole in (
                    (batch.images, material.images),
                    (batch.concepts, material.concepts),
                    (batch.logits, material.logits),
                    (batch.embeddings, material.embeddings),
                )
            ]
            assert all(torch.equal(rows[0], other) for other in rows[1:])
            found |= set(rows[0].tolist())
        assert found == set(range(40))

    @pytest.mark.parametrize("noise", [0.0, 0.1, 0.5])
    def test_noise_is_a_share_of_each_units_sd(
        self, looker: Classifier, material: Batch, noise: float
    ):
        trains = prepared(looker, material, noise=noise)
        scale = torch.arange(1.0, 1 + looker.head.width)
        trains.twin.scale.copy_(scale)
        drawn = trains._noise(torch.zeros(20000, looker.head.width))
        torch.testing.assert_close(drawn.std(dim=0), noise * scale, rtol=0.03, atol=0)
        assert (drawn.mean(dim=0).abs() <= 0.04 * noise * scale).all()

    def test_the_twin_is_shown_embeddings_with_noise(
        self, looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch
    ):
        trains, shown = prepared(looker, material), []
        noise = torch.full((8, looker.head.width), 0.25)
        monkeypatch.setattr(trains, "_noise", lambda _: noise)
        whole = trains.twin.latents

        def latents(embeddings: Tensor) -> Tensor:
            shown.append(embeddings.detach())
            return whole(embeddings)

        monkeypatch.setattr(trains.twin, "latents", latents)
        batch = trains._draw()
        trains._paint(batch, 1)
        assert torch.equal(shown[0], batch.embeddings + noise)


class TestRate:
    @pytest.mark.parametrize(
        ("number", "share"),
        [(0, 1 / 30), (14, 15 / 30), (29, 1), (40, 1), (50, 1), (75, 0.55), (99, 0.118)],
    )
    def test_it_rises_stays_and_falls_in_the_second_half(
        self, looker: Classifier, material: Batch, number: int, share: float
    ):
        trains = prepared(looker, material, learning_rate=0.02)
        assert trains._share_of_rate(number) == pytest.approx(share)
        trains.step(number)
        for optimizer in (trains.painter, trains.critic):
            assert [group["lr"] for group in optimizer.param_groups] == [
                pytest.approx(0.02 * share)
            ]


class TestBeginning:
    def test_it_begins_with_the_mean_picture_and_the_embeddings_scale(
        self, looker: Classifier, material: Batch
    ):
        trains = prepared(looker, material)
        mean = material.images.mean(dim=0).clamp(0.02, 0.98)
        for twin in (trains.twin, trains.average):
            torch.testing.assert_close(twin.generate.bias.detach().sigmoid(), mean)
            torch.testing.assert_close(twin.centre, material.embeddings.mean(dim=0))
            spread = material.embeddings.std(dim=0)
            often = spread > spread[spread > 0].median() / 10
            assert often.any()
            torch.testing.assert_close(twin.scale[often], spread[often])


class Alone(nn.Module):
    """Stands for an objective: one of its terms, times a factor."""

    def __init__(self, whole: nn.Module, term: str, factor: float = 1.0) -> None:
        super().__init__()
        self.whole, self.term, self.factor = whole, term, factor
        self.weights = whole.weights

    def forward(self, *given) -> dict[str, Tensor]:
        return {self.term: self.factor * self.whole(*given)[self.term]}


class TestPainter:
    @pytest.mark.parametrize("term", ["do-cycle", "kept", "consistency", "adversarial"])
    def test_what_is_read_from_a_picture_teaches_the_generator(
        self, looker: Classifier, material: Batch, term: str
    ):
        trains = prepared(looker, material)
        trains.objective = Alone(trains.objective, term)
        before = deepcopy(trains.twin.generate.state_dict())
        trains._paint(trains._draw(), 1)
        assert norm(gradients(trains.twin.generate)) > 0
        for name, weight in trains.twin.generate.named_parameters():
            if name.endswith("conv.weight"):
                assert not torch.equal(weight, before[name]), name

    def test_the_discriminator_stays_as_it_is(self, looker: Classifier, material: Batch):
        trains = prepared(looker, material)
        before = deepcopy(trains.discriminator.state_dict())
        trains._paint(trains._draw(), 1)
        # Its own step comes later, from the same logits.
        assert not gradients(trains.discriminator)
        assert all(torch.equal(before[k], v) for k, v in trains.discriminator.state_dict().items())

    @pytest.mark.parametrize(("factor", "cut"), [(1e-3, False), (1e5, True)])
    def test_a_steep_gradient_is_cut(
        self, looker: Classifier, material: Batch, factor: float, cut: bool
    ):
        trains = prepared(looker, material)
        trains.objective = Alone(trains.objective, "reconstruction", factor)
        trains._paint(trains._draw(), 1)
        steepness = norm(gradients(trains.twin))
        assert steepness == pytest.approx(10, rel=1e-4) if cut else steepness < 5

    @pytest.mark.parametrize(("losses", "weight"), [("do-cycle", 0.2), ("paper", 10)])
    def test_the_path_penalty_is_weighed_by_its_interval(
        self, looker: Classifier, material: Batch, losses: str, weight: float
    ):
        trains = prepared(looker, material, losses=losses)
        latents = torch.randn(8, 6, generator=torch.Generator().manual_seed(1))
        again = torch.Generator()
        again.set_state(trains.rng.get_state())
        penalty = trains._path_penalty(latents)
        some = latents[:4].clone().requires_grad_()
        pictures = trains.twin.render(some, again)
        y = torch.randn(pictures.shape, generator=again) / 16
        (slopes,) = torch.autograd.grad((pictures * y).sum(), some)
        # For the first time, around the mean of its own lengths.
        expected = 8 * weight * slopes.norm(dim=1).var(correction=0)
        torch.testing.assert_close(penalty.detach(), expected, rtol=1e-4, atol=1e-9)

    def test_regularisers_come_at_their_intervals(self, looker: Classifier, material: Batch):
        trains = prepared(looker, material)
        paid = [number for number in range(18) if "path length" in trains.step(number)]
        assert paid == [0, 8, 16]


def criticised_by_hand(
    discriminator: nn.Module, batch: Batch, painted: Tensor, *, regularised: bool, named: bool
) -> Tensor:
    real = batch.images.clone().requires_grad_()
    realism = discriminator(real, batch.concepts)
    loss = F.softplus(discriminator(painted, batch.concepts)).mean() + F.softplus(-realism).mean()
    if named:
        # Each image with the concepts of the one before it.
        others = torch.cat([batch.concepts[-1:], batch.concepts[:-1]])
        loss = loss + 0.5 * F.softplus(discriminator(real, others)).mean()
    if regularised:
        (slope,) = torch.autograd.grad(realism.sum(), real, create_graph=True)
        # R1 with gamma = 1 in every 16th step.
        loss = loss + 16 / 2 * slope.square().sum(dim=(1, 2, 3)).mean()
    return loss


class TestCritic:
    @pytest.mark.parametrize("losses", ["do-cycle", "paper"])
    @pytest.mark.parametrize(("number", "regularised"), [(0, True), (1, False), (16, True)])
    def test_a_step_by_hand(
        self, looker: Classifier, material: Batch, number: int, regularised: bool, losses: str
    ):
        trains = prepared(looker, material, losses=losses)
        rng = torch.Generator().manual_seed(1)
        painted = torch.rand(8, 1, 16, 16, generator=rng)
        batch = material[torch.arange(8)]
        copy = deepcopy(trains.discriminator)
        # Without a step of its own, what the gradient is can be seen.
        trains.critic.param_groups[0]["lr"] = 0.0
        realism = trains.discriminator(painted, batch.concepts)
        told = trains._criticise(batch, realism, number)
        loss = criticised_by_hand(
            copy, batch, painted, regularised=regularised, named=losses == "do-cycle"
        )
        loss.backward()
        assert told == {"discriminator": pytest.approx(loss.item(), rel=1e-5)}
        for found, expected in zip(gradients(trains.discriminator), gradients(copy), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)

    def test_it_learns_in_each_step(self, looker: Classifier, material: Batch):
        trains = prepared(looker, material)
        before = deepcopy(trains.discriminator.state_dict())
        trains.step(1)
        after = trains.discriminator.state_dict()
        assert not any(torch.equal(before[k], after[k]) for k in before if k.endswith("weight"))

    @pytest.mark.parametrize(("losses", "count"), [("do-cycle", 16), ("paper", 8)])
    def test_it_sees_the_batch_and_judges_all_that_was_painted_once(
        self,
        looker: Classifier,
        material: Batch,
        monkeypatch: pytest.MonkeyPatch,
        losses: str,
        count: int,
    ):
        trains = prepared(looker, material, losses=losses)
        painted, drawn, judged, seen = [], [], [], []

        def noted(where: list, whole):
            def note(*given):
                where.append(whole(*given))
                return where[-1]

            return note

        monkeypatch.setattr(trains.twin, "render", noted(painted, trains.twin.render))
        monkeypatch.setattr(trains, "_draw", noted(drawn, trains._draw))
        monkeypatch.setattr(
            trains.discriminator, "forward", noted(judged, trains.discriminator.forward)
        )
        whole = trains._criticise

        def criticise(batch: Batch, realism: Tensor, number: int) -> dict[str, float]:
            seen.append((batch, realism, number))
            return whole(batch, realism, number)

        monkeypatch.setattr(trains, "_criticise", criticise)
        losses_of_step = trains.step(1)
        ((batch, realism, number),) = seen
        assert batch is drawn[0] and number == 1
        assert realism is judged[0] and len(painted[0]) == len(realism) == count
        # With concepts, the batch is judged once more, with those of other images.
        assert [len(logits) for logits in judged] == [count, 8] + [8] * (losses == "do-cycle")
        assert losses_of_step["discriminator"] > 0 and set(losses_of_step) <= set(TERMS)


@contextmanager
def steep(trains: TwinTraining, side: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give one side a loss of 0 whose gradient is not a number."""

    def rooted(loss: Tensor) -> Tensor:
        return (0 * loss).sqrt()

    with monkeypatch.context() as patch:
        if side == "painter":
            whole = trains.objective
            patch.setattr(
                whole, "forward", lambda *_: {"alignment": rooted(trains.twin.align.weight.sum())}
            )
        else:
            patch.setattr(training, "discriminator_loss", lambda real, _: rooted(real.sum()))
        yield


class TestBreakdown:
    @pytest.mark.parametrize("side", ["painter", "critic"])
    def test_a_gradient_that_is_not_finite_is_not_followed(
        self, looker: Classifier, material: Batch, monkeypatch: pytest.MonkeyPatch, side: str
    ):
        trains = prepared(looker, material)
        for number in range(2):
            trains.step(number)
        network = trains.twin if side == "painter" else trains.discriminator
        before = deepcopy(network.state_dict())
        with (
            steep(trains, side, monkeypatch),
            pytest.raises(NotFiniteError, match=r"^the gradient$"),
        ):
            trains.step(2)
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, before[name]), name

    def test_concepts_of_no_number_are_not_the_rates_fault(
        self, looker: Classifier, material: Batch
    ):
        concepts = material.concepts.clone()
        concepts[:, 0] = torch.nan
        trains = prepared(looker, replace(material, concepts=concepts))
        with pytest.raises(
            DataError, match="step 1: alignment is not finite; this was the first step"
        ):
            trains.run(3, remedy="lower learning_rate")
