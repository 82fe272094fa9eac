"""How faithful a twin is, measured on images that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Self, cast

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.errors import DataError
from causalxai.storage.record import Json
from causalxai_glance.twin.intervened import values_of_do
from causalxai_glance.twin.twin import Twin

FAITHFUL_READBACK = 0.9
FAITHFUL_EFFECT = 0.8

_AT_ONCE = 256


@dataclass(frozen=True)
class Quality:
    """Held-out figures of a twin.

    Parameters
    ----------
    n
        How many images.
    reconstruction, mean_image
        Mean squared error of the twin's pictures, and of the training images' mean.
    agreement
        Share of images whose picture gets the image's own predicted class.
    alignment
        R² of each named latent as a reading of its concept; ``None`` where that can't be
        measured: labels are missing, or there is only one value.
    readback
        R² of each named latent read back from the twin's picture, as a reading of what was
        painted.
    validity
        The same after do(): one concept set to values from N(0, 1), the others as they were
        (*intervention validity*).
    effect
        ``[k][k]``: how far concept j is read back to move, for each unit that do() moves concept
        i; the diagonal is the own effect.
    alignment_auc, validity_auc
        For concepts that are there or not, how well the latent ranks those that have the label
        above the others, and the readback those that do() gave it; ``None`` for others, and
        empty without any. Their do() goes from absence to presence.
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
        """How far each concept is read back to move for each unit of its own do()."""
        return tuple(row[i] for i, row in enumerate(self.effect))

    @property
    def faithful(self) -> bool:
        """Whether every concept's readback R² is .9 or more, and its own effect .8 or more.

        A twin without named concepts has nothing to be faithful in.
        """
        each = map(self.faithful_in, range(len(self.readback)))
        return bool(self.readback) and all(each)

    def faithful_in(self, concept: int) -> bool:
        """Tell the same of one concept, by its place."""
        obeys = self.effect[concept][concept] >= FAITHFUL_EFFECT
        return obeys and self.readback[concept] >= FAITHFUL_READBACK

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
    images: Tensor,
    concepts: Tensor,
    *,
    mean_image: Tensor,
    levels: Tensor | None = None,
    rng: torch.Generator,
) -> Quality:
    """Measure a twin, some hundred images at a time.

    Parameters
    ----------
    twin, classifier
        On one device.
    images, concepts
        ``[n, c, h, w]`` and ``[n, k]``, standardised as in training; not finite where a label is
        missing.
    mean_image
        ``[c, h, w]``, of the training images.
    levels
        ``[k, 2]``, the latents that absence and presence of a concept stand for; not a number for
        concepts that are not there or not.
    rng
        Draws the values that do() sets.

    Raises
    ------
    DataError
        If what is read from the images, or back from the twin's pictures, is not finite.
    """
    named = concepts.shape[1]
    embeddings = classifier.embed(images)
    latents = _finite(twin.latents(embeddings))
    again = _embed_pictures(twin, classifier, latents)
    readback = _finite(twin.latents(again))[:, :named]

    def read(values: Tensor) -> Tensor:
        units = torch.cat([values, latents[:, named:]], dim=1)
        return _finite(twin.latents(_embed_pictures(twin, classifier, units)))[:, :named]

    own = latents[:, :named]
    levels = (torch.full((named, 2), torch.nan) if levels is None else levels).to(own)
    effect, validity, aucs = _asked(read, own, levels, rng)
    classes, classes_again = (classifier.head.layer(x).argmax(dim=1) for x in (embeddings, again))
    return Quality(
        n=len(images),
        reconstruction=_squared_error(_pictures(twin, latents), images),
        mean_image=_squared_error(mean_image.expand_as(images).split(_AT_ONCE), images),
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
    """Do each concept in turn; return the effects, and R² and AUC of what was set anywhere."""
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
    """Return latents as they are, unless a twin has broken down on images it has not seen."""
    if not bool(torch.isfinite(latents).all()):
        raise DataError(
            "the latents of held-out images, or those read back from the twin's pictures of them, "
            "are not finite: lower learning_rate, or look for images that the classifier does not "
            "embed in finite values"
        )
    return latents


def _alignment_auc(readings: Tensor, labels: Tensor, levels: Tensor) -> tuple[float | None, ...]:
    """Return how well each latent ranks those that have its label; nothing where none is asked."""
    boolean = torch.isfinite(levels).all(dim=1).tolist()
    middle = levels.mean(dim=1).cpu()
    known = torch.isfinite(labels).all(dim=0).tolist()
    scores = (
        _auc(readings[:, i], labels[:, i] > middle[i]) if boolean[i] and known[i] else None
        for i in range(len(levels))
    )
    return tuple(scores) if any(boolean) else ()


def _auc(readings: Tensor, present: Tensor) -> float | None:
    """Return how likely a reading where it is present lies above one where it is not."""
    present = present.cpu()
    if bool(present.all()) or not bool(present.any()):
        return None
    return float(roc_auc_score(present.numpy(), readings.cpu().double().numpy()))


def r_squared(readings: Tensor, truth: Tensor) -> tuple[float, ...]:
    """Return R² of each column of readings ``[n, k]``; 0 where the truth does not vary.

    Not a number where a reading or the truth is none.
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


def _pictures(twin: Twin, latents: Tensor) -> Iterator[Tensor]:
    for part in latents.split(_AT_ONCE):
        yield twin.render(part)


def _embed_pictures(twin: Twin, classifier: Classifier, latents: Tensor) -> Tensor:
    return torch.cat([classifier.embed(pictures) for pictures in _pictures(twin, latents)])


def _squared_error(pictures: Iterable[Tensor], images: Tensor) -> float:
    """Return the mean over all pixels, of pictures that come in parts."""
    parts = zip(pictures, images.split(_AT_ONCE), strict=True)
    total = sum(
        float((painted.cpu() - part.cpu()).double().square().sum()) for painted, part in parts
    )
    return total / images.numel()
