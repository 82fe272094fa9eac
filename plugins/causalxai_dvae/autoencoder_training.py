"""Training of a discrete autoencoder, which resumes exactly on a CPU, and its measures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log
from typing import Self, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from causalxai.errors import CapabilityError
from causalxai.network.hidden_layer import HiddenLayer
from causalxai.progress import SILENT, Progress
from causalxai.seeding import seeded
from causalxai.storage.checkpoint import NO_CHECKPOINT, Checkpoint
from causalxai.storage.record import Json
from causalxai.training.data_parallel import own_rows
from causalxai.training.learning_rate import linear_decay, set_learning_rate
from causalxai.training.loop import StepwiseTraining, descend
from causalxai.training.optimizers import fused_on
from causalxai.training.state import TrainingState
from causalxai_dvae.autoencoder import AutoencoderConfig, DiscreteAutoencoder
from causalxai_dvae.binary_concrete import bernoulli_kl, sample_binary_concrete
from causalxai_dvae.complement import ComplementedCode, in_batches

TERMS = ("reconstruction", "divergence", "turn")
"""The columns of the training history: weighted losses, 0 for a term that is not used."""

_LEAST_BITS = 0.02  # The entropy of a bit that is the same for 99.8 % of the images.


def train_autoencoder(
    activations: Tensor,
    config: AutoencoderConfig,
    *,
    device: torch.device,
    rng: torch.Generator,
    layer: HiddenLayer | None = None,
    progress: Progress = SILENT,
    checkpoint: Checkpoint = NO_CHECKPOINT,
) -> tuple[DiscreteAutoencoder, Tensor]:
    """Minimise the negative evidence lower bound on a layer's activations.

    Parameters
    ----------
    activations
        ``[n, d]``, on any device.
    config
        The settings.
    device
        Where to train.
    rng
        A CPU generator for all random draws, including the initial weights.
    layer
        The hidden layer, on ``device``; needed only if ``config.turn`` is not 0.

    Returns
    -------
    DiscreteAutoencoder
        The autoencoder in evaluation mode and frozen, on ``device``.
    Tensor
        ``[steps, len(TERMS)]``, the history.

    Raises
    ------
    CapabilityError
        If flips are trained (``config.turn`` is not 0) and there is no layer.
    DataError
        If the activations do not vary, or the loss is not finite.

    Notes
    -----
    Source: *Latent space explanation by intervention*, equation 1, with the minus sign that its
    second term lacks; mean squared error and Gumbel-softmax as there, straight-through.
    """
    training = _AutoencoderTraining(activations.detach().to(device), config, device, rng, layer)
    history = training.run(
        config.steps,
        remedy=f"lower learning_rate (it is {config.learning_rate:g})",
        progress=progress,
        checkpoint=checkpoint,
    )
    return training.autoencoder.eval().requires_grad_(False), history


class _AutoencoderTraining(StepwiseTraining):
    """The training of a discrete autoencoder, step by step."""

    trains = "the discrete autoencoder"
    terms = shown = TERMS

    def __init__(
        self,
        activations: Tensor,
        config: AutoencoderConfig,
        device: torch.device,
        rng: torch.Generator,
        layer: HiddenLayer | None,
    ) -> None:
        if config.turn > 0 and layer is None:
            raise CapabilityError(
                f"turn is {config.turn:g}, and the effect of a flip on the prediction depends on "
                "the rest of the classifier: give train_autoencoder the layer, or set turn to 0"
            )
        super().__init__()
        self.activations, self.config, self.rng, self.layer = activations, config, rng, layer
        autoencoder = seeded(lambda: DiscreteAutoencoder(activations.shape[1], config), rng)
        self.autoencoder = autoencoder.to(device)
        self.autoencoder.begin_at(activations)
        self.optimizer = torch.optim.Adam(
            self.autoencoder.parameters(), lr=config.learning_rate, fused=fused_on(device)
        )

    @property
    def state(self) -> TrainingState:
        return TrainingState({"autoencoder": self.autoencoder}, {"adam": self.optimizer}, self.rng)

    def step(self, number: int) -> dict[str, float]:
        share = linear_decay(number / self.config.steps)
        set_learning_rate(self.optimizer, self.config.learning_rate * share)
        rows = torch.randint(
            len(self.activations), (self.config.batch_size,), generator=self.rng
        ).to(self.activations.device)
        losses = self._losses(self.activations[own_rows(rows)], number / self.config.steps)
        return descend(self.optimizer, dict(zip(TERMS, losses, strict=True)))

    def _losses(self, phi: Tensor, done: float) -> Tensor:
        hot, cold = self.config.temperature
        logits = self.autoencoder.code_logits(phi, self.rng)
        code = sample_binary_concrete(logits, hot * (cold / hot) ** done, self.rng, hard=True)
        decoded = self.autoencoder.decode(code, self.rng)
        standardise = self.autoencoder.standardise
        divergence = bernoulli_kl(logits).sum(dim=1).mean()
        losses = [
            F.mse_loss(standardise(decoded), standardise(phi)),
            self.config.beta * divergence,
            divergence.new_zeros(()),
        ]
        if self.layer is not None and self.config.turn > 0:
            losses[2] = self.config.turn * self._unturned(self.layer, phi, code)
        return torch.stack(losses)

    def _unturned(self, layer: HiddenLayer, phi: Tensor, code: Tensor) -> Tensor:
        """Return the mean of -log(1 - p), with p that of the image's class after the flip."""
        with torch.no_grad():
            predicted = layer.logits(phi).argmax(dim=1, keepdim=True)
        flipped = layer.logits(self.autoencoder.decode(1 - code, self.rng)).log_softmax(dim=1)
        return -flipped.scatter(1, predicted, -torch.inf).logsumexp(dim=1).mean()


@dataclass(frozen=True)
class CodeQuality:
    """Measures of a code: how well it reconstructs the layer, and the effect of flipping all bits.

    Parameters
    ----------
    n
        How many images.
    changed
        Share of images whose prediction changes from phi' to psi = decode(1 - z).
    changed_from_phi
        The same from phi, the layer itself, to psi.
    accuracy, accuracy_reconstructed
        Share of images that are classified correctly from phi, and from phi'.
    agreement
        Share of images whose predictions with phi and with phi' are the same.
    explained
        Share of phi's variance that phi' explains, all units together; 1 at best.
    information
        The mutual information of each bit and the image, in bits, in [0, 1]. The bit is drawn with
        the encoder's probability ``p``, so that this is ``H(mean p) - mean H(p)``. It is at most
        the entropy of the bit itself: a bit that is 1 for nearly all images has little information,
        however certain the encoder is.
    ones
        Each bit's share of ones.
    distinct_codes
        The number of distinct codes of the images.

    Notes
    -----
    Source: *Latent space explanation by intervention*, table 1: ``changed``, ``accuracy``,
    ``accuracy_reconstructed`` and ``agreement``.
    """

    n: int
    changed: float
    changed_from_phi: float
    accuracy: float
    accuracy_reconstructed: float
    agreement: float
    explained: float
    information: tuple[float, ...]
    ones: tuple[float, ...]
    distinct_codes: int

    @property
    def dead(self) -> tuple[int, ...]:
        """The bits with almost no information about the image: less than 0.02 bits.

        They are random, or the same for all but a few images in a thousand.
        """
        return tuple(
            bit for bit, information in enumerate(self.information) if information < _LEAST_BITS
        )

    def collapse_warning(self) -> str | None:
        """Return a warning if bits are dead or all images have the same code, else ``None``."""
        if self.distinct_codes < 2:
            return "the code has collapsed: all images have the same one; lower beta"
        if not self.dead:
            return None
        which = ", ".join(map(str, self.dead))
        return (
            f"{len(self.dead)} of {len(self.ones)} bits have no information about the image "
            f"({which}): take fewer bits, or lower beta"
        )

    def to_json(self) -> dict[str, Json]:
        """Return plain values."""
        return cast("dict[str, Json]", asdict(self))

    @classmethod
    def from_json(cls, record: dict[str, Json]) -> Self:
        """Undo ``to_json``."""
        fields = dict(record)
        for name in ("information", "ones"):
            fields[name] = tuple(cast("list[float]", fields[name]))  # type: ignore[assignment]
        return cls(**fields)  # type: ignore[arg-type]


@torch.no_grad()
def measure_code(
    autoencoder: DiscreteAutoencoder, layer: HiddenLayer, activations: Tensor, labels: Tensor
) -> CodeQuality:
    """Measure a code on images that it was not trained on, in batches.

    Parameters
    ----------
    autoencoder, layer
        On one device.
    activations
        ``[n, d]``, the layer's; or ``[n, *shape]``.
    labels
        ``[n]``, the images' own classes.
    """
    phi = activations.flatten(1).to(autoencoder.mean.device)
    labels = labels.to(phi.device)
    seen = ComplementedCode.of(autoencoder, layer, phi)
    unexplained = (phi - seen.kept).square().sum() / (phi - phi.mean(dim=0)).square().sum()
    return CodeQuality(
        n=len(phi),
        changed=_share(seen.prediction_changed),
        changed_from_phi=_share(seen.classes != seen.classes_flipped),
        accuracy=_share(seen.classes == labels),
        accuracy_reconstructed=_share(seen.classes_kept == labels),
        agreement=_share(seen.classes == seen.classes_kept),
        explained=1 - float(unexplained),
        information=tuple(_information(in_batches(autoencoder.code_logits, phi)).tolist()),
        ones=tuple(seen.code.cpu().double().mean(dim=0).tolist()),
        distinct_codes=len(seen.code.unique(dim=0)),
    )


def _information(logits: Tensor) -> Tensor:
    """Return ``[b]``, the mutual information in bits of each bit and the ``n`` images."""
    logits = logits.cpu().double()
    one, zero = torch.sigmoid(logits), torch.sigmoid(-logits)

    def entropy(p: Tensor, q: Tensor) -> Tensor:
        nats: Tensor = torch.special.entr(p) + torch.special.entr(q)
        return nats / log(2)

    information = entropy(one.mean(dim=0), zero.mean(dim=0)) - entropy(one, zero).mean(dim=0)
    return information.clamp(min=0)


def _share(hits: Tensor) -> float:
    return float(hits.cpu().double().mean())
