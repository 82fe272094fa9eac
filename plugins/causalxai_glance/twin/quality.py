"""Measures of a twin's faithfulness on images that it was not trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Self, cast

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.errors import DataError
from causalxai.image_data.lazy import Images, batches
from causalxai.storage.record import Json
from causalxai_glance.twin.intervened import values_of_do
from causalxai_glance.twin.twin import Twin

FAITHFUL_READBACK = 0.9
FAITHFUL_EFFECT = 0.8

MOST_AT_ONCE = 256
"""The most pictures that are painted together."""


@dataclass(frozen=True)
class Quality:
    """Measures of a twin on images that it was not trained on.

    Parameters
    ----------
    n
        The number of images.
    reconstruction, mean_image
        Mean squared error of the twin's reconstructions, and of the mean training image.
    agreement
        Share of images whose reconstruction has the same predicted class as the image.
    alignment
        R² of each named latent as a reading of its concept; ``None`` where it is undefined, because
        labels are missing or have only one value.
    readback
        R² of each named latent that is read back from the twin's image, as a reading of the latent
        from which the image was generated.
    validity
        The same after do(): one concept set to values from N(0, 1), the others as they were
        (*intervention validity*).
    effect
        ``[k][k]``: the change of the reading of concept j for each unit by which do() moves concept
        i; the diagonal is the own effect.
    alignment_auc, validity_auc
        For boolean concepts, the AUC of the latent for the label, and of the reading for the value
        that do() set. ``None`` for other concepts, and empty if no concept is boolean. do() sets
        boolean concepts to absence or presence.
    """

    n: int
    reconstruction: float
    mean_image: float
    agreement: float
    alignment: tuple[float | None, ...]
    readback: tuple[float, ...]
    validity: tuple[float, ...]
    effect: tuple[tuple[float, ...], ...]
    alignment_auc: tuple[float | None, ...] = ()
    validity_auc: tuple[float | None, ...] = ()

    @property
    def own_effect(self) -> tuple[float, ...]:
        """The change of each concept's reading for each unit of its own do()."""
        return tuple(row[i] for i, row in enumerate(self.effect))

    @property
    def faithful(self) -> bool:
        """Whether every concept's readback R² is .9 or more, and its own effect .8 or more.

        A twin without named concepts is never faithful.
        """
        each = map(self.faithful_in, range(len(self.readback)))
        return bool(self.readback) and all(each)

    def faithful_in(self, concept: int) -> bool:
        """Return the same for one concept, by its index."""
        obeys = self.effect[concept][concept] >= FAITHFUL_EFFECT
        return obeys and self.readback[concept] >= FAITHFUL_READBACK

    def summary(self, named: Sequence[str], *, boolean: bool) -> dict[str, Json]:
        """Return the measures by name, for a run's summary.

        Parameters
        ----------
        named
            The names of the named concepts.
        boolean
            Whether one of them is boolean.
        """

        def each(values: Sequence[float | None]) -> Json:
            return dict(zip(named, values, strict=True))

        return {
            "reconstruction error": self.reconstruction,
            "error of the mean image": self.mean_image,
            "classifier's agreement": self.agreement,
            "alignment R2": each(self.alignment),
            **({"alignment AUC": each(self.alignment_auc)} if boolean else {}),
            "readback R2": each(self.readback),
            "intervention-validity": each(self.validity),
            "own effect": each(self.own_effect),
            "faithful": self.faithful,
        }

    def to_json(self) -> dict[str, Json]:
        """Return plain values."""
        return cast("dict[str, Json]", asdict(self))

    @classmethod
    def from_json(cls, record: dict[str, Json]) -> Self:
        """Undo ``to_json``."""
        fields = dict(record)
        for name in ("alignment", "readback", "validity", "alignment_auc", "validity_auc"):
            fields[name] = tuple(cast("list[float]", fields[name]))  # type: ignore[assignment]
        rows = cast("list[list[float]]", fields["effect"])
        fields["effect"] = tuple(tuple(row) for row in rows)  # type: ignore[assignment]
        return cls(**fields)  # type: ignore[arg-type]


@torch.no_grad()
def measure_quality(
    twin: Twin,
    classifier: Classifier,
    images: Images,
    concepts: Tensor,
    *,
    mean_image: Tensor,
    levels: Tensor | None = None,
    rng: torch.Generator,
    at_once: int = MOST_AT_ONCE,
) -> Quality:
    """Measure a twin in batches.

    Parameters
    ----------
    twin, classifier
        On one device.
    images, concepts
        ``[n, c, h, w]``, and labels ``[n, k]``, standardised as in training and not finite where a
        label is missing.
    mean_image
        ``[c, h, w]``, of the training images.
    levels
        ``[k, 2]``, the latents of a concept's absence and presence; NaN for concepts that are not
        boolean.
    rng
        Draws the values that do() sets.
    at_once
        The number of pictures that are painted together.

    Raises
    ------
    DataError
        If readings of the images or of the twin's reconstructions are not finite.
    """
    named = concepts.shape[1]
    embeddings = classifier.embed(images)
    latents = _finite(twin.latents(embeddings))
    again = _embed_pictures(twin, classifier, latents, at_once)
    readback = _finite(twin.latents(again))[:, :named]

    def read(values: Tensor) -> Tensor:
        units = torch.cat([values, latents[:, named:]], dim=1)
        return _finite(twin.latents(_embed_pictures(twin, classifier, units, at_once)))[:, :named]

    own = latents[:, :named]
    levels = (torch.full((named, 2), torch.nan) if levels is None else levels).to(own)
    effect, validity, aucs = _asked(read, own, levels, rng)
    classes, classes_again = (classifier.head.logits(x).argmax(dim=1) for x in (embeddings, again))
    return Quality(
        n=len(images),
        reconstruction=_squared_error(_pictures(twin, latents, at_once), images, at_once),
        mean_image=_squared_error((mean_image for _ in batches(latents, at_once)), images, at_once),
        agreement=float((classes == classes_again).cpu().double().mean()),
        alignment=_alignment(own, concepts),
        readback=r_squared(readback, own),
        validity=validity,
        effect=effect,
        alignment_auc=_alignment_auc(own, concepts, levels),
        validity_auc=aucs if bool(torch.isfinite(levels).any()) else (),
    )


def _asked(
    read: Callable[[Tensor], Tensor], own: Tensor, levels: Tensor, rng: torch.Generator
) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...], tuple[float | None, ...]]:
    """Apply do() to each concept in turn; return the effects, and R² and AUC of the readings."""
    effect, validity, aucs = [], [], []
    for concept, (absent, present) in enumerate(levels):
        up, down, anywhere = own.clone(), own.clone(), own.clone()
        boolean = bool(torch.isfinite(present))
        up[:, concept] = present if boolean else own[:, concept] + 1
        down[:, concept] = absent if boolean else own[:, concept] - 1
        drawn = torch.randn(len(own), generator=rng).to(own)
        anywhere[:, concept] = values_of_do(drawn[:, None], levels[concept : concept + 1])[:, 0]
        apart = float(present - absent) if boolean else 2.0
        effect.append(tuple(((read(up) - read(down)) / apart).mean(dim=0).tolist()))
        seen = read(anywhere)
        validity.append(r_squared(seen, anywhere)[concept])
        aucs.append(_auc(seen[:, concept], drawn > 0) if boolean else None)
    return tuple(effect), tuple(validity), tuple(aucs)


def _finite(latents: Tensor) -> Tensor:
    """Return latents unchanged, or raise DataError if some of them are not finite."""
    if not bool(torch.isfinite(latents).all()):
        raise DataError(
            "the latents of test images, or those read back from the twin's pictures of them, "
            "are not finite: lower learning_rate, or look for images that the classifier does not "
            "embed in finite values"
        )
    return latents


def _alignment_auc(readings: Tensor, labels: Tensor, levels: Tensor) -> tuple[float | None, ...]:
    """Return the AUC of each boolean concept's latent for its label, and ``None`` for others."""
    boolean = torch.isfinite(levels).all(dim=1).tolist()
    middle = levels.mean(dim=1).cpu()
    known = torch.isfinite(labels).all(dim=0).tolist()
    scores = (
        _auc(readings[:, i], labels[:, i] > middle[i]) if boolean[i] and known[i] else None
        for i in range(len(levels))
    )
    return tuple(scores) if any(boolean) else ()


def _auc(readings: Tensor, present: Tensor) -> float | None:
    """Return the probability that a reading with the concept is above one without it."""
    from sklearn.metrics import roc_auc_score

    present = present.cpu()
    if bool(present.all()) or not bool(present.any()):
        return None
    return float(roc_auc_score(present.numpy(), readings.cpu().double().numpy()))


def r_squared(readings: Tensor, truth: Tensor) -> tuple[float, ...]:
    """Return R² of each column of readings ``[n, k]``; 0 where the truth does not vary.

    The result is NaN where a reading or the truth is NaN.
    """
    readings, truth = readings.cpu().double(), truth.cpu().double()
    errors = (readings - truth).square().mean(dim=0)
    spread = (truth - truth.mean(dim=0)).square().mean(dim=0)
    constant = (spread == 0) & errors.isfinite()
    scores = torch.where(constant, torch.zeros_like(spread), 1 - errors / spread)
    return tuple(scores.tolist())


def _alignment(readings: Tensor, labels: Tensor) -> tuple[float | None, ...]:
    known = torch.isfinite(labels).all(dim=0) & (labels.amax(dim=0) > labels.amin(dim=0))
    scores = zip(r_squared(readings, labels), known.tolist(), strict=True)
    return tuple(score if measured else None for score, measured in scores)


def _pictures(twin: Twin, latents: Tensor, at_once: int) -> Iterator[Tensor]:
    for part in latents.split(at_once):
        yield twin.render(part)


def _embed_pictures(twin: Twin, classifier: Classifier, latents: Tensor, at_once: int) -> Tensor:
    return torch.cat([classifier.embed(pictures) for pictures in _pictures(twin, latents, at_once)])


def _squared_error(pictures: Iterable[Tensor], images: Images, at_once: int) -> float:
    """Return the mean squared error over all pixels of images in batches."""
    parts = zip(pictures, batches(images, at_once), strict=True)
    total = sum(
        float((painted.cpu() - part.cpu()).double().square().sum()) for painted, part in parts
    )
    return total / math.prod(images.shape)
