from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from causalxai.classifier import Classifier
from causalxai.dataset import Dataset, Split
from causalxai.errors import DataError
from causalxai.image_data.lazy import LazyImages
from causalxai.memory import limited_to
from causalxai.progress import SILENT, Advance, Progress
from causalxai.seeding import seeded, torch_generator
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.testing import Keeper, KilledError
from causalxai_models.celeba_cnn import CelebACnnClassifier
from causalxai_models.lenet import LeNetClassifier
from causalxai_models.resnet18 import ResNet18Classifier
from causalxai_models.training import TrainedClassifier, moved, random_moves
from tests.two_processes import in_two_processes

LENET = LeNetClassifier(epochs=3, batch_size=16, channels=(3, 4), hidden=8)
RESNET = ResNet18Classifier(epochs=3, batch_size=16, width=4)


class Watch(Progress):
    """Remembers what it is told, and kills the run after some steps."""

    def __init__(self, kill_after: int | None = None) -> None:
        self.labels: list[tuple[str, int | None]] = []
        self.steps: list[int] = []
        self.notes: list[str] = []
        self.kill_after = kill_after

    def _task(self, label: str, total: int | None) -> Iterator[Advance]:
        self.labels.append((label, total))
        yield self.advance

    def advance(self, steps: int, note: str = "") -> None:
        self.steps.append(steps)
        self.notes.append(note)
        if self.kill_after is not None and sum(self.steps) >= self.kill_after:
            raise KilledError


def fit(
    source: TrainedClassifier,
    dataset: Dataset,
    *,
    seed: int = 0,
    checkpoint: Checkpoint = NO_CHECKPOINT,
    progress: Progress = SILENT,
) -> Classifier:
    return source.fit(
        dataset,
        rng=torch_generator(seed, "fit"),
        device=torch.device("cpu"),
        progress=progress,
        checkpoint=checkpoint,
    )


def weights(classifier: Classifier) -> dict[str, Tensor]:
    return dict(classifier.model.state_dict())


def same(a: Classifier, b: Classifier) -> bool:
    return all(torch.equal(tensor, weights(b)[name]) for name, tensor in weights(a).items())


@pytest.mark.parametrize("source", [LENET, RESNET], ids=["lenet", "resnet18"])
def test_a_killed_run_goes_on_to_the_same_bits(source: TrainedClassifier, dataset: Dataset) -> None:
    uninterrupted = fit(source, dataset)

    for keeper, progress in [(Keeper(dies_after=1), SILENT), (Keeper(), Watch(kill_after=6))]:
        with pytest.raises(KilledError):
            fit(source, dataset, checkpoint=keeper.checkpoint, progress=progress)
        assert len(keeper.records) == 1
        keeper.dies_after = None
        resumed = fit(source, dataset, checkpoint=keeper.checkpoint)
        assert len(keeper.records) == source.config.epochs
        assert same(resumed, uninterrupted)


def test_a_finished_run_is_not_trained_again(dataset: Dataset) -> None:
    keeper, watch = Keeper(), Watch()
    first = fit(LENET, dataset, checkpoint=keeper.checkpoint)
    again = fit(LENET, dataset, checkpoint=keeper.checkpoint, progress=watch)

    assert same(first, again)
    assert watch.steps == [12]
    assert len(keeper.records) == 3


@pytest.mark.parametrize("augment", [True, False])
def test_the_seed_alone_decides(dataset: Dataset, augment: bool) -> None:
    source = LeNetClassifier(epochs=1, channels=(3, 4), hidden=8, augment=augment)
    torch.manual_seed(1)
    first = fit(source, dataset)
    torch.manual_seed(2)
    again = fit(source, dataset)

    assert same(first, again)
    assert not same(first, fit(source, dataset, seed=1))


def test_the_global_generator_is_left_alone(dataset: Dataset) -> None:
    before = torch.get_rng_state()
    classifier = fit(LENET, dataset)
    LENET.restore(LENET.to_record(classifier), dataset, torch.device("cpu"))

    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_draws_from_the_generator_too_and_goes_on_after_a_kill(dataset: Dataset) -> None:
    source = CelebACnnClassifier(epochs=3, batch_size=16, width=2, hidden=8, dropout=0.5)
    torch.manual_seed(1)
    first = fit(source, dataset)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    keeper = Keeper(dies_after=2)
    with pytest.raises(KilledError):
        fit(source, dataset, checkpoint=keeper.checkpoint)
    keeper.dies_after = None

    assert same(fit(source, dataset, checkpoint=keeper.checkpoint), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not same(first, fit(source, dataset, seed=1))


def test_it_learns_from_the_split_that_is_named(dataset: Dataset) -> None:
    swapped = replace(dataset, train=dataset.test, reference=dataset.train)
    from_train = fit(LENET, dataset)
    config = LENET.config.model_copy(update={"train_on": "reference"})
    from_reference = fit(LeNetClassifier(config), swapped)

    assert same(from_train, from_reference)
    assert not same(from_train, fit(LENET, swapped))


def test_a_reference_that_is_not_there_is_told(dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"train_on: reference needs reference images .*without"):
        fit(LeNetClassifier(train_on="reference"), dataset)


def test_the_initial_weights_come_from_the_generator() -> None:
    a, b, c = (seeded(lambda: nn.Linear(4, 4), torch_generator(seed)) for seed in (0, 0, 1))

    assert torch.equal(a.weight, b.weight)
    assert not torch.equal(a.weight, c.weight)


def test_progress_tells_every_step_and_the_loss(dataset: Dataset) -> None:
    watch = Watch()
    fit(LENET, dataset, progress=watch)

    assert watch.labels == [("train lenet", 12)]
    assert sum(watch.steps) == 12
    assert all(note.startswith("loss ") for note in watch.notes[1:])


def test_the_rate_rises_to_its_peak_and_falls_to_zero(dataset: Dataset) -> None:
    rates: list[float] = []
    hook = register_optimizer_step_post_hook(
        lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"])
    )
    fit(LeNetClassifier(epochs=10, batch_size=16, learning_rate=0.01), dataset)
    hook.remove()
    peak = rates.index(max(rates))

    assert len(rates) == 40
    assert peak + 1 == 8
    assert rates[peak] == pytest.approx(0.01)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] == pytest.approx(0)


def test_no_epoch_keeps_the_initial_weights(dataset: Dataset) -> None:
    source = LeNetClassifier(epochs=0)
    initial = seeded(lambda: source._build(dataset), torch_generator(0, "fit"))

    assert torch.equal(fit(source, dataset).model.conv1.weight, initial.conv1.weight)


def test_a_loss_that_is_not_finite_ends_training_at_once(dataset: Dataset) -> None:
    watch = Watch()
    with pytest.raises(
        DataError, match=r"train lenet: the (loss|gradient) is not finite in epoch \d; lower"
    ):
        fit(LeNetClassifier(learning_rate=1e9), dataset, progress=watch)

    assert sum(watch.steps) < 12


def test_a_stored_classifier_comes_back(dataset: Dataset) -> None:
    classifier = fit(RESNET, dataset)
    restored = RESNET.restore(RESNET.to_record(classifier), dataset, torch.device("cpu"))

    assert same(classifier, restored)
    assert torch.equal(restored.logits(dataset.test.images), classifier.logits(dataset.test.images))
    assert restored.feature_layer == "avgpool"


def test_weights_of_another_network_are_told(dataset: Dataset) -> None:
    record = LENET.to_record(fit(LENET, dataset))

    with pytest.raises(DataError, match=r"the stored lenet: conv1.weight has the shape \[3,"):
        LeNetClassifier(epochs=0).restore(record, dataset, torch.device("cpu"))


@pytest.mark.parametrize("augment", [False, True])
def test_lazy_images_train_to_the_same_weights(dataset: Dataset, augment: bool) -> None:
    def lazy(split: Split) -> Split:
        images = split.images[:]
        c, h, w = dataset.image_shape
        numbers = torch.arange(len(images))
        return replace(split, images=LazyImages(lambda rows: images[rows], (c, h, w), numbers, ""))

    later = replace(dataset, train=lazy(dataset.train), test=lazy(dataset.test))
    source = LeNetClassifier(epochs=1, batch_size=16, channels=(3, 4), hidden=8, augment=augment)
    first, second = fit(source, dataset), fit(source, later)
    assert same(first, second)
    assert second.accuracy(later.test.images, later.test.labels) == first.accuracy(
        dataset.test.images, dataset.test.labels
    )


@pytest.mark.slow
def test_two_processes_train_to_the_weights_of_one(dataset: Dataset, tmp_path: Path) -> None:
    # Of 90 images, an epoch has batches of 15, which cannot be divided evenly.
    part = replace(dataset, train=dataset.train[:90])
    alone = weights(fit(LENET, part))
    first, second = in_two_processes(lambda: weights(fit(LENET, part)), tmp_path)
    for name, found in first.items():
        assert torch.equal(found, second[name])
        torch.testing.assert_close(found, alone[name], rtol=1e-4, atol=1e-5)


def test_a_batch_left_over_is_never_a_single_image(colour_dataset: Dataset) -> None:
    assert len(colour_dataset.train) % 4 == 1
    fit(ResNet18Classifier(epochs=1, batch_size=4, width=2), colour_dataset)


def test_training_learns(dataset: Dataset) -> None:
    classifier = fit(LeNetClassifier(epochs=10, batch_size=16, augment=False), dataset)

    assert classifier.accuracy(dataset.test.images, dataset.test.labels) == 1.0


def test_augmentation_moves_every_image_a_little(dataset: Dataset) -> None:
    square = torch.zeros(20, 1, 32, 32)
    square[:, :, 12:20, 12:20] = 1
    found, again = (moved(square, random_moves(20, torch_generator(0))) for _ in range(2))

    assert torch.equal(found, again)
    assert not torch.equal(found, moved(square, random_moves(20, torch_generator(1))))
    assert len({image.numpy().tobytes() for image in found}) == 20
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-6
    assert found[:, :, 15:17, 15:17].mean() > 0.9
    assert found[:, :, :6].max() == 0


def test_augmentation_repeats_the_border() -> None:
    white = Split(torch.ones(4, 3, 8, 8), torch.zeros(4))

    moves = random_moves(4, torch_generator(0))
    torch.testing.assert_close(moved(white.images, moves), white.images)


def test_a_step_that_takes_more_memory_than_the_run_may_is_told(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
):
    with limited_to(2**10):
        fit(LENET, dataset)
    assert "train lenet: the 16 images of a step and the weights take about" in caplog.text
    assert "more than the 0 of memory_mb; lower batch_size" in caplog.text
    caplog.clear()
    fit(LENET, dataset)
    assert caplog.text == ""
