"""Checks, before any training, that the settings of a run fit its data set and its network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from causalxai.capabilities import OFFERED_BY_DATA, Capability, require
from causalxai.classifier import Classifier
from causalxai.config import KeyPath, Mistake, ResolvedPlugin, ResolvedSpec, Stage, missing_paths
from causalxai.dataset import Dataset, class_index
from causalxai.dataset_dependent import DatasetDependent
from causalxai.errors import CapabilityError, CausalxaiError, DataError, SpecError, UndecidedError
from causalxai.live.images import GivenImages
from causalxai.memory import limited_to
from causalxai.outline import Outline
from causalxai.pipeline.targets import LABEL, PREDICTED, class_indices
from causalxai.plugin.guard import guarded

if TYPE_CHECKING:
    from causalxai.pipeline.previews import Previews

_DEPENDENT = (Stage.CONCEPTS, Stage.GRAPH, Stage.EXPLAIN)


class EarlyChecks:
    """The checks of one run, each of which is made once, as soon as there is what it needs.

    Parameters
    ----------
    spec
        The spec of the run.
    previews
        What is known of the data set and the network before they are loaded and trained.
    """

    def __init__(self, spec: ResolvedSpec, previews: Previews) -> None:
        self._spec = spec
        self._previews = previews
        self._done: set[str] = set()

    def before_loading(self) -> None:
        """Check what is known before the data set is loaded.

        Raises
        ------
        SpecError
            If the data set lacks what a setting needs.
        DataError
            If files of the data set are missing or damaged.
        """
        if self._is_new("outline"):
            outline = self._previews.outline(self._spec)
            if outline is not None:
                refuse(self._spec, outline_mistakes(self._spec, outline))

    def before_training(self, dataset: Dataset) -> None:
        """Check the loaded data set, and the network as it is before its training.

        Raises
        ------
        SpecError
            If the data set or the network lacks what a setting needs.
        """
        self.of_dataset(dataset)
        if self._is_new("network") and self._spec.classifier.build().trains:
            network = self._previews.classifier(self._spec, dataset.outline)
            if network is not None:
                refuse(self._spec, classifier_mistakes(self._spec, network, trained=False))

    def of_dataset(self, dataset: Dataset) -> None:
        """Check that the data set has what settings need; SpecError if not."""
        if self._is_new("dataset"):
            refuse(self._spec, dataset_mistakes(self._spec, dataset))

    def of_classifier(self, classifier: Classifier) -> None:
        """Check that the network has the layers that settings name; SpecError if not."""
        if self._is_new("classifier"):
            refuse(self._spec, classifier_mistakes(self._spec, classifier))

    def _is_new(self, check: str) -> bool:
        is_new = check not in self._done
        self._done.add(check)
        return is_new


def refuse(spec: ResolvedSpec, mistakes: Iterable[Mistake]) -> None:
    """Raise SpecError if there are mistakes, each with its place in the spec."""
    if found := list(mistakes):
        raise SpecError(spec.problems(found))


def path_mistakes(spec: ResolvedSpec) -> Iterator[Mistake]:
    """Yield a mistake for each setting with a file or a folder that is not there."""
    for at, part in spec.parts.items():
        yield from missing_paths(part.config, at)


def outline_mistakes(spec: ResolvedSpec, outline: Outline) -> Iterator[Mistake]:
    """Yield the mistakes that show in the names and shapes of the data set."""
    for name in () if isinstance(spec.images, GivenImages) else spec.images.classes or ():
        setting = "images.classes"
        yield from noted(("images",), partial(class_index, name, outline.class_names, setting))
    if (target := spec.images.target) not in (None, PREDICTED, LABEL):
        check = partial(class_indices, target, outline.class_names, "images.target")
        yield from noted(("images",), check)
    offered = outline.offers | (frozenset(Capability) - OFFERED_BY_DATA)
    for stage, part in _parts(spec, Stage.GRAPH, Stage.EXPLAIN):
        who = part.plugin_class.__name__
        yield from noted((stage,), partial(require, part.requires(), offered, who))
    yield from _asked(spec, "checking the data set", lambda part: part.check_outline(outline))


def dataset_mistakes(spec: ResolvedSpec, dataset: Dataset) -> Iterator[Mistake]:
    """Yield the mistakes that show in the data set, or in its outline.

    What parts need of each other was checked with the spec. Metrics are not checked: one that
    cannot be computed is left out of the results, which say why.
    """
    found = list(outline_mistakes(spec, dataset.outline))
    yield from found
    if isinstance(spec.images, GivenImages):
        yield from noted(("images",), partial(spec.images.check, dataset))
    if not found:
        yield from _asked(spec, "checking the data set", lambda part: part.check_dataset(dataset))


def classifier_mistakes(
    spec: ResolvedSpec, classifier: Classifier, *, trained: bool = True
) -> Iterator[Mistake]:
    """Yield the mistakes that show in the network, such as the name of a layer.

    Parameters
    ----------
    spec
        The spec of the run.
    classifier
        Its classifier.
    trained
        Whether it is trained. What cannot be decided before the training is then no mistake.
    """

    def check(part: DatasetDependent) -> None:
        try:
            part.check_classifier(classifier)
        except UndecidedError:
            if trained:
                raise

    yield from _asked(spec, "checking the network", check)


def noted(at: KeyPath, call: Callable[[], object]) -> Iterator[Mistake]:
    """Yield the error for the user that a call raises, as a mistake at the setting it names."""
    try:
        call()
    except (CapabilityError, DataError) as error:
        yield mistake_of(error, at)


def mistake_of(error: CausalxaiError, at: KeyPath) -> Mistake:
    """Return an error as a mistake in the setting that it names, or else at ``at``."""
    if not error.setting:
        return Mistake(at, str(error))
    path = tuple(error.setting.split("."))
    return Mistake(path, str(error).removeprefix(f"{error.setting}: "))


def _parts(spec: ResolvedSpec, *stages: Stage) -> Iterator[tuple[Stage, ResolvedPlugin[Any]]]:
    for stage, part in spec.stages.items():
        if stage in stages:
            yield stage, part


def _asked(
    spec: ResolvedSpec, what: str, ask: Callable[[DatasetDependent], object]
) -> Iterator[Mistake]:
    for stage, part in _parts(spec, *_DEPENDENT):

        def call(part: ResolvedPlugin[Any] = part) -> None:
            with guarded(part.provenance, what), limited_to(spec.memory):
                ask(part.build())

        yield from noted((stage,), call)
