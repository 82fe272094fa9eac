"""What is stored with a classifier: its answers on fixed pictures, and what was noticed of it.

The answers show whether it is still the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from causalxai.classifier import Classifier
from causalxai.errors import CausalxaiError, DataError
from causalxai.network.probe_images import probe_images
from causalxai.pipeline.watch import record_of
from causalxai.plugin.provenance import Provenance
from causalxai.storage.record import Record, prefixed, without_prefix

_ANSWERS, _CLASSIFIER, _NOTICE = "answers", "classifier", "no better than chance"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClassifierRecords:
    """Stores a classifier with its answers on fixed pictures, and compares them when it is read.

    Parameters
    ----------
    plugin
        The origin of the classifier's source.
    source_record, source_restore
        What the source stores, and how it reads that.
    """

    plugin: Provenance
    source_record: Callable[[Classifier], Record]
    source_restore: Callable[[Record], Classifier]

    def to_record(self, classifier: Classifier, notice: str = "") -> Record:
        """Return what the source stores, the classifier's answers, and a notice about them."""
        own = record_of(self.plugin, "classifier", lambda: self.source_record(classifier))
        tensors = {**prefixed(_CLASSIFIER, own.tensors), _ANSWERS: _answers(classifier)}
        noticed = {_NOTICE: notice} if notice else {}
        return Record(tensors, {**own.meta, **noticed}, own.texts, own.files)

    def restore(self, record: Record) -> Classifier:
        """Return the stored classifier.

        Raises
        ------
        DataError
            If it does not answer as it did when it was stored.
        """
        found = self.source_restore(_without_answers(record))
        if _change(found, record):
            raise DataError(
                f"the stored classifier of {self.plugin} does not answer as it did when it was "
                "stored: its code has changed, but not its version; run again with --fresh (in "
                "Python, fresh='everything')"
            )
        return found

    def changed_answers(self, record: Record) -> str:
        """Return the answers of the stored classifier, rounded, if they are no longer the stored.

        Returns
        -------
        str
            Empty if the answers are the stored ones. If the classifier cannot be restored, what
            the error says.
        """
        try:
            changed = _change(self.source_restore(_without_answers(record)), record)
        except CausalxaiError as error:
            changed = str(error)
        if changed:
            _logger.warning(
                "the network of %s does not answer as it did when it was stored, although its "
                "code and its weights are the same; it and all that rests on it is computed anew",
                self.plugin,
            )
        return changed


def notice_in(record: Record) -> str:
    """Return what was noticed of a classifier when it was stored; empty if that was nothing."""
    return str(record.meta.get(_NOTICE, ""))


def _without_answers(record: Record) -> Record:
    own = without_prefix(_CLASSIFIER, record.tensors)
    meta = {name: value for name, value in record.meta.items() if name != _NOTICE}
    return Record(own, meta, record.texts, record.files)


def _answers(classifier: Classifier) -> Tensor:
    return classifier.logits(probe_images(classifier.image_shape)).cpu()


def _change(classifier: Classifier, record: Record) -> str:
    """Return the rounded answers if they differ from the stored ones.

    They do if a logit differs by more than the square root of its type's relative precision, as a
    share of the largest logit: half of the digits must agree. Other processors and other numbers
    of threads change the last digits only.
    """
    now, stored = _answers(classifier), record.tensors[_ANSWERS]
    if now.shape == stored.shape:
        scale = float(stored.nan_to_num().abs().max())
        tolerance = torch.finfo(stored.dtype).eps ** 0.5 * scale
        if torch.allclose(now, stored, rtol=0, atol=tolerance, equal_nan=True):
            return ""
    return " ".join(f"{value:.2g}" for value in now.flatten().tolist())
