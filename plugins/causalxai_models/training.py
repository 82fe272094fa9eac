"""Training of image classifiers by one seeded loop, which resumes after an interruption."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from causalxai.classifier import Classifier, ClassifierSource
from causalxai.dataset import Dataset, Split
from causalxai.errors import DataError
from causalxai.memory import tell_if_too_large
from causalxai.network.weights import load_weights
from causalxai.network.working_memory import bytes_for_gradients
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Record
from causalxai.training.data_parallel import Rank, batches_divided, own_rows, share_buffers
from causalxai.training.learning_rate import set_learning_rate
from causalxai.training.loop import NotFiniteError, descend
from causalxai.training.optimizers import fused_on
from causalxai.training.state import TrainingState

_TRIED = 2
# The weights, their gradients, Adam's two moments, a checkpoint and the examined copy.
_COPIES_OF_WEIGHTS = 6
_WARM_UP = 0.2
_MAX_TURN = 0.15  # radians
_MAX_SCALE = 0.1
_MAX_SHIFT = 0.15  # As a share of half the side, the unit of grid_sample.


class TrainingConfig(PluginConfig):
    """Settings of a classifier's training.

    Parameters
    ----------
    epochs
        The number of passes over the training images; 0 keeps the initial weights.
    batch_size
        The largest number of images in one step; the batches of an epoch differ by at most one
        image.
    learning_rate
        AdamW's [1]_ rate at its peak: it rises over the first fifth of the steps and falls along
        a cosine to zero [2]_.
    weight_decay
        AdamW's decoupled decay.
    augment
        Rotate, scale and shift every training image slightly, with new random values in each epoch.
    train_on
        The split to train on: ``reference`` are images whose concepts are independent of one
        another, if the data set has them.

    References
    ----------
    .. [1] Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019.
    .. [2] Smith, Topin, "Super-convergence: very fast training of neural networks using large
       learning rates", 2017.
    """

    epochs: NonNegativeInt = 12
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 5e-3
    weight_decay: NonNegativeFloat = 0.01
    augment: bool = True
    train_on: Literal["train", "reference"] = "train"


class TrainedClassifier(ClassifierSource):
    """A network that is trained on the data set; subclasses define the network."""

    config: TrainingConfig
    name: ClassVar[str]
    feature_layer: ClassVar[str]

    @abstractmethod
    def _build(self, outline: Outline) -> nn.Module:
        """Return the network for the data set's images and classes, freshly initialised."""

    def _check(self, dataset: Dataset) -> None:
        """Check what the training needs of the data set besides images and labels."""

    def _start(self, model: nn.Module) -> None:
        """Set the weights from which training starts, if they are not the initial ones."""

    def _loss(self, model: nn.Module, batch: Split) -> Tensor:
        """Return the loss, a scalar, for images on the model's device."""
        return functional.cross_entropy(model(batch.images), batch.labels)

    def fit(
        self,
        dataset: Dataset,
        *,
        rng: torch.Generator,
        device: torch.device,
        progress: Progress = SILENT,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Classifier:
        """Train on the split that the config names.

        The weights depend only on ``rng`` and not on torch's global generator. On a CPU with the
        same number of threads, a run that resumes from a checkpoint has the same result, to the
        bit, as one that was never interrupted.

        Raises
        ------
        DataError
            If the loss is not finite, or the data set has no such split.
        """
        split = split_named(self.config.train_on, dataset)
        self._check(dataset)
        model = seeded(lambda: self._build(dataset.outline), rng)
        self._start(model)
        model.to(device)
        train(
            model,
            split,
            self.config,
            self._loss,
            label=f"train {self.name}",
            rng=rng,
            progress=progress,
            checkpoint=checkpoint,
        )
        return self._classifier(model, dataset.outline, device)

    def preview(self, outline: Outline, device: torch.device) -> Classifier:
        """Return the classifier with the weights from which training starts.

        Raises
        ------
        DataError
            If the images are too small, or given weights do not fit.
        """
        model = seeded(lambda: self._build(outline), torch.Generator())
        self._start(model)
        return self._classifier(model, outline, device)

    def held_out(self, dataset: Dataset) -> bool | None:  # noqa: ARG002
        """Return that the classifier was trained on no test image."""
        return True

    def restore(self, record: Record, dataset: Dataset, device: torch.device) -> Classifier:
        """Restore a classifier from the tensors of ``to_record``.

        Raises
        ------
        DataError
            If they belong to another network.
        """
        model = seeded(lambda: self._build(dataset.outline), torch.Generator())
        load_weights(model, record.tensors, origin=f"the stored {self.name}")
        return self._classifier(model, dataset.outline, device)

    @property
    def trains(self) -> bool:
        """Whether there is any epoch."""
        return self.config.epochs > 0

    def _classifier(self, model: nn.Module, outline: Outline, device: torch.device) -> Classifier:
        return Classifier(
            model,
            class_names=outline.class_names,
            image_shape=outline.image_shape,
            feature_layer=self.feature_layer,
            device=device,
        )


def split_named(name: Literal["train", "reference"], dataset: Dataset) -> Split:
    """Return the split to train on.

    Raises
    ------
    DataError
        If it is ``reference`` and the data set has none.
    """
    if name == "train":
        return dataset.train
    if dataset.reference is None:
        raise DataError(
            "train_on: reference needs reference images (whose concepts are independent), and "
            "the data set comes without; morpho and cartoon-faces draw them with `references: N`, "
            "celeba draws them from its training images with `balance: ATTRIBUTE`"
        )
    return dataset.reference


def train(
    model: nn.Module,
    split: Split,
    config: TrainingConfig,
    loss: Callable[[nn.Module, Split], Tensor],
    *,
    label: str,
    rng: torch.Generator,
    progress: Progress = SILENT,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> None:
    """Minimise a loss, in place, on the device where the model lives.

    After each epoch everything that the next one depends on goes to ``checkpoint``.

    Parameters
    ----------
    model
        The network and its targets.
    split
        The training data.
    config
        How.
    loss
        A function of the model and a batch on its device, which returns a scalar.
    label
        The name of the task in the progress display.
    rng
        The source of all random draws, including those of the network (dropout).
    progress, checkpoint
        Receivers of the progress and of the training states.

    Raises
    ------
    DataError
        If the loss is not finite.
    """
    optimizer = torch.optim.AdamW(
        model.parameters(),
        weight_decay=config.weight_decay,
        fused=fused_on(next(model.parameters()).device),
    )
    training = _ClassifierTraining(model, optimizer, loss, rng)
    stored = checkpoint.load()
    first = 0 if stored is None else training.resume(stored)
    steps = math.ceil(len(split) / config.batch_size)
    total = config.epochs * steps
    if first < config.epochs:
        _tell_of_memory(model, split, config.batch_size, label)
    model.train()
    with progress.task(label, total) as advance, batches_divided() as rank:
        advance(first * steps)
        for epoch in range(first, config.epochs):
            # Batches of equal size, because batch normalisation fails for a last batch of one
            # image.
            batches = torch.randperm(len(split), generator=rng).tensor_split(steps)
            with _own_randomness(rng, training.device, rank):
                for number, rows in enumerate(batches, start=epoch * steps + 1):
                    own = own_rows(rows, even=False)
                    batch = split[own]
                    if config.augment:
                        moves = own_rows(random_moves(len(rows), rng), even=False)
                        batch = replace(batch, images=moved(batch.images[:], moves))
                    rate = config.learning_rate * _share_of_peak(number / total)
                    try:
                        now = training.step(batch, rate, rank.count * len(own) / len(rows))
                    except NotFiniteError as error:
                        raise DataError(
                            f"{label}: {error} is not finite in epoch {epoch + 1}; "
                            f"lower learning_rate (it is {config.learning_rate:g})"
                        ) from error
                    advance(1, f"loss {now:.3f}")
            checkpoint.save(training.state.to_record(epochs=epoch + 1))


def _tell_of_memory(model: nn.Module, split: Split, batch_size: int, label: str) -> None:
    """Warn if the images of a step take more memory than the run may."""
    device = next(model.parameters()).device
    each = bytes_for_gradients(model.eval(), split.images[:_TRIED].to(device), [model])
    images = min(batch_size, len(split))
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    tell_if_too_large(
        f"{label}: the {images} images of a step and the weights",
        images * each + _COPIES_OF_WEIGHTS * weights,
        "lower batch_size",
    )


@contextmanager
def _own_randomness(rng: torch.Generator, device: torch.device, rank: Rank) -> Iterator[None]:
    """Let layers with random draws (dropout) use a seed from ``rng``, which is not advanced.

    Processes that divide the batches have seeds of their own, so that no two images are dropped out
    alike.
    """
    twin = torch.Generator()
    twin.set_state(rng.get_state())
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=twin)) + rank.index)
        yield


def _share_of_peak(done: float) -> float:
    """Return the learning rate, as a share of its peak, when ``done`` of all steps are done."""
    if done < _WARM_UP:
        return done / _WARM_UP
    return (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))) / 2


def random_moves(count: int, rng: torch.Generator) -> Tensor:
    """Draw rotations (up to 9 degrees), scalings (10 %) and shifts (7.5 % of the side) of images.

    Returns
    -------
    Tensor
        ``[count, 2, 3]``, affine maps for `moved`.
    """
    turn, scale, *shift = (2 * torch.rand(4, count, generator=rng) - 1).unbind()
    cos = (1 + _MAX_SCALE * scale) * torch.cos(_MAX_TURN * turn)
    sin = (1 + _MAX_SCALE * scale) * torch.sin(_MAX_TURN * turn)
    x, y = (_MAX_SHIFT * s for s in shift)
    return torch.stack([cos, -sin, x, sin, cos, y], dim=1).view(-1, 2, 3)


def moved(images: Tensor, moves: Tensor) -> Tensor:
    """Move images ``[n, c, h, w]`` by affine maps; pixels from outside repeat the border."""
    grid = functional.affine_grid(moves, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


@dataclass(frozen=True)
class _ClassifierTraining:
    """The state of the training of a classifier; the learning rate is a function of the step."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Callable[[nn.Module, Split], Tensor]
    rng: torch.Generator

    def step(self, batch: Split, rate: float, weight: float) -> float:
        """Do one step; return the loss before it.

        Parameters
        ----------
        batch
            The images of this process.
        rate
            The learning rate.
        weight
            That of these images in the mean over the processes.
        """
        set_learning_rate(self.optimizer, rate)
        loss = weight * self.loss(self.model, _on_device(batch, self.device))
        before = descend(self.optimizer, {"the loss": loss})
        share_buffers([self.model])
        return before["the loss"]

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return next(self.model.parameters()).device

    @property
    def state(self) -> TrainingState:
        """The state on which the next epoch depends."""
        return TrainingState({"model": self.model}, {"optimizer": self.optimizer}, self.rng)

    def resume(self, record: Record) -> int:
        """Resume from a checkpoint; return the number of epochs done."""
        self.state.restore(record)
        epochs = record.meta["epochs"]
        assert isinstance(epochs, int)
        return epochs


def _on_device(batch: Split, device: torch.device) -> Split:
    concepts = None if batch.concepts is None else batch.concepts.to(device)
    return Split(batch.images[:].to(device), batch.labels.to(device), concepts)
