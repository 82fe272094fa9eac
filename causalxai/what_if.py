"""What-ifs: what an oracle answers for an explained image after an intervention on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor

from causalxai.intervention import Action
from causalxai.storage.record import Json, Record


@dataclass(frozen=True)
class Change:
    """What an intervention does to one concept.

    Parameters
    ----------
    concept
        The concept's name.
    action
        Whether its value is set, shifted or flipped.
    value
        The new value, or the amount of a shift, in the concept's own values; it has no meaning for
        a flip.
    words
        A description of the change, such as "thickness +1 sd".
    """

    concept: str
    action: Action
    value: float
    words: str


@dataclass(frozen=True, eq=False)
class WhatIf:
    """What the oracle answers for one of the explained images after an intervention.

    Parameters
    ----------
    row
        The index of the image among those that are explained.
    changes
        The changes of the intervention. If empty, the answer is the image as the oracle perceives
        it.
    logits
        ``[K]``, on the CPU.
    image
        ``[c, h, w]`` in [0, 1], on the CPU; ``None`` where none was rendered or kept.
    name
        What the method calls the intervention, as in "all bits flipped"; the words of the changes
        unless given.
    """

    row: int
    changes: tuple[Change, ...]
    logits: Tensor
    image: Tensor | None = None
    name: str = ""

    def __repr__(self) -> str:
        return f"WhatIf(image {self.row}: {self.words})"

    @property
    def words(self) -> str:
        """What is done, for a reader."""
        return self.name or ", ".join(change.words for change in self.changes) or "as perceived"

    def confidence(self, klass: int) -> float:
        """Return the probability of a class."""
        return float(self.logits.softmax(dim=0)[klass])


def fault_of(what_if: WhatIf, n: int, image_shape: Sequence[int], classes: int) -> str | None:
    """Return what is wrong with a what-if, in words; ``None`` where nothing is.

    Parameters
    ----------
    what_if
        Of one of ``n`` explained images of ``image_shape`` ``(c, h, w)``.
    n, image_shape, classes
        What it has to fit; ``classes`` is the number K of logits.
    """
    if not 0 <= what_if.row < n:
        return f"is of image {what_if.row}, and {n} were explained"
    if tuple(what_if.logits.shape) != (classes,):
        return f"has logits {list(what_if.logits.shape)}, not [{classes}]"
    if not bool(torch.isfinite(what_if.logits).all()):
        return "has logits that are not finite"
    if what_if.image is None:
        return None
    if tuple(what_if.image.shape) != tuple(image_shape):
        return f"has an image {list(what_if.image.shape)}, not {list(image_shape)}"
    if not bool(torch.isfinite(what_if.image).all()):
        return "has an image that is not finite"
    return None


def what_ifs_to_record(what_ifs: Sequence[WhatIf]) -> Record:
    """Return what-ifs as they are stored: interventions that many share are listed once."""
    done = list(dict.fromkeys((one.name, one.changes) for one in what_ifs))
    place = {intervention: number for number, intervention in enumerate(done)}
    meta: dict[str, Json] = {
        "what_ifs": [
            {"name": name, "changes": [cast("Json", asdict(change)) for change in changes]}
            for name, changes in done
        ]
    }
    if not what_ifs:
        return Record(meta=meta)
    images = [one.image for one in what_ifs if one.image is not None]
    tensors = {
        "what_if/row": torch.tensor([one.row for one in what_ifs]),
        "what_if/intervention": torch.tensor([place[one.name, one.changes] for one in what_ifs]),
        "what_if/has_image": torch.tensor([one.image is not None for one in what_ifs]),
        "what_if/logits": torch.stack([one.logits for one in what_ifs]),
        **({"what_if/images": torch.stack(images)} if images else {}),
    }
    return Record(tensors=tensors, meta=meta)


def what_ifs_from_record(record: Record) -> tuple[WhatIf, ...]:
    """Undo ``what_ifs_to_record``."""
    done = [
        (entry["name"], tuple(_change(change) for change in entry["changes"]))
        for entry in cast("list[dict[str, Any]]", record.meta["what_ifs"])
    ]
    if not done:
        return ()
    tensors = record.tensors
    images = iter(tensors.get("what_if/images", ()))
    columns = (tensors[f"what_if/{name}"].tolist() for name in ("row", "intervention", "has_image"))
    found = []
    for row, place, has_image, logits in zip(*columns, tensors["what_if/logits"], strict=True):
        name, changes = done[place]
        found.append(WhatIf(row, changes, logits, next(images) if has_image else None, name))
    return tuple(found)


def _change(entry: dict[str, Any]) -> Change:
    return Change(**{**entry, "action": Action(entry["action"])})
