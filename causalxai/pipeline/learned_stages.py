"""The stages in which a run learns something: its classifier, and its concepts."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from causalxai.classifier import Classifier, ClassifierSource
from causalxai.concept_space import ConceptSpace
from causalxai.config import ResolvedPlugin, Stage
from causalxai.dataset import Dataset
from causalxai.pipeline.chance import no_better_than_chance
from causalxai.pipeline.stored_answers import ClassifierRecords, notice_in
from causalxai.pipeline.watch import Watch
from causalxai.plugin.guard import guarded
from causalxai.progress import Progress
from causalxai.storage.checkpoint import Checkpoint
from causalxai.storage.record import Record

_logger = logging.getLogger(__name__)


class ClassifierStage:
    """The source of a run's classifier, which trains it, or reads what was stored of it.

    Parameters
    ----------
    part
        The source, as the spec names it.
    data
        Returns the data set, which is loaded when it is needed.
    device
        The device of the network.
    watch
        Guards the calls into the source.

    Attributes
    ----------
    notice
        What was noticed of the classifier and told; empty if that was nothing.
    """

    notice: str = ""

    def __init__(
        self,
        part: ResolvedPlugin[ClassifierSource],
        data: Callable[[], Dataset],
        device: torch.device,
        watch: Watch,
    ) -> None:
        self.source = part.build()
        self._origin = part.provenance
        self._data = data
        self._device = device
        self._watch = watch

    def train(self, rng: torch.Generator, progress: Progress, checkpoint: Checkpoint) -> Classifier:
        """Return the classifier; a warning says if a loaded one is no better than chance."""
        found = self._watch.call(
            self._origin,
            Stage.CLASSIFIER,
            Classifier,
            lambda: self.source.fit(
                self._data(),
                rng=rng,
                device=self._device,
                progress=progress,
                checkpoint=checkpoint,
            ),
        )
        if not self.source.trains:
            self.tell(no_better_than_chance(found, self._data()))
        return found

    def to_record(self, classifier: Classifier) -> Record:
        """Return the classifier as it is stored, with what was noticed of it."""
        return self.records.to_record(classifier, self.notice)

    def restore(self, record: Record) -> Classifier:
        """Return the stored classifier; a warning says what was noticed of it."""
        self.tell(notice_in(record))
        return self.records.restore(record)

    def tell(self, notice: str) -> None:
        """Warn of what was noticed of the classifier."""
        self.notice = notice
        if notice:
            _logger.warning("%s", notice)

    @property
    def records(self) -> ClassifierRecords:
        """How the classifier is stored and read."""
        return ClassifierRecords(
            self._origin,
            self.source.to_record,
            lambda record: self._watch.call(
                self._origin,
                Stage.CLASSIFIER,
                Classifier,
                lambda: self.source.restore(record, self._data(), self._device),
            ),
        )

    @property
    def held_out(self) -> bool | None:
        """Whether the classifier was never trained on the test images; ``None`` if not known."""
        with guarded(self._origin, "what it was trained on"):
            return self.source.held_out(self._data())


class ConceptStage:
    """A run's concept space, which is fitted, or restored from what was stored of it.

    Parameters
    ----------
    part
        The space, as the spec names it.
    watch
        Guards the calls into it.
    """

    def __init__(self, part: ResolvedPlugin[ConceptSpace], watch: Watch) -> None:
        self._space = part.build()
        self._part = part
        self._watch = watch

    def fit(
        self,
        classifier: Classifier,
        dataset: Dataset,
        rng: torch.Generator,
        progress: Progress,
        checkpoint: Checkpoint,
    ) -> ConceptSpace:
        """Return the fitted space; one that was given fitted is only restored."""
        if self._part.learned is not None:
            return self.restore(self._part.learned.record, classifier, dataset)
        return self._watch.call(
            self._part.provenance,
            Stage.CONCEPTS,
            ConceptSpace,
            lambda: self._space.fit(
                classifier, dataset, rng=rng, progress=progress, checkpoint=checkpoint
            ),
        )

    def restore(self, record: Record, classifier: Classifier, dataset: Dataset) -> ConceptSpace:
        """Return the space that was stored."""
        return self._watch.call(
            self._part.provenance,
            Stage.CONCEPTS,
            ConceptSpace,
            lambda: self._space.restore(record, classifier).attach(dataset),
        )
