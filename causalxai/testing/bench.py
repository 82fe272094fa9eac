"""The bench: a plugin with everything that is needed to try it, and ways to check promises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Generic, TypeVar

import torch
from safetensors import torch as safetensors
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.dataset import Dataset
from causalxai.errors import CapabilityError
from causalxai.explainer import Explanation
from causalxai.metric import ScoringInputs
from causalxai.plugin import Plugin, registry
from causalxai.report.builder import ReportInputs
from causalxai.report.section import Section
from causalxai.short_repr import short_repr
from causalxai.storage.record import Record
from causalxai.testing.footprint import changes, of_classifier, of_dataset, of_explanation

PluginT = TypeVar("PluginT", bound=Plugin)


class BrokenPromiseError(AssertionError):
    """A plugin does not do what its interface promises; the message begins with its name."""


@dataclass(frozen=True, kw_only=True)
class Bench(Generic[PluginT]):
    """A plugin and everything that is needed to try it.

    Parameters
    ----------
    plugin
        The configured plugin, neither fitted nor bound.
    inputs
        The inputs of the plugin. A concept space is fitted on its classifier and
        data set; an oracle is bound to its classifier and its fitted space; a discoverer, an
        explainer or a metric needs what it requires.
    images
        ``[n, c, h, w]``, two or more images that the classifier can process.
    explanation
        The explanation that a metric scores; by default random maps and importances.
    tolerance
        How much two computations of the same may differ, as a share of the largest value.
    report_builder
        Builds the plugin's sections of the report; unless given, the one that is registered for
        the plugin's class, if there is one.
    fidelity
        How much the logits of the empty intervention may differ from those of the image itself. It
        is above ``tolerance`` only for oracles that reconstruct the image imperfectly.
    kept
        What a check computed and others that share the bench can use; a changed bench has its own.
    """

    plugin: PluginT
    inputs: ScoringInputs
    images: Tensor
    explanation: Explanation | None = None
    tolerance: float = 1e-4
    fidelity: float | None = None
    report_builder: Callable[..., Any] | None = None
    kept: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)

    __repr__ = short_repr

    @property
    def who(self) -> str:
        """The full name of the plugin, with which messages begin."""
        return f"{type(self.plugin).__module__}.{type(self.plugin).__qualname__}"

    def fresh(self) -> PluginT:
        """Return a new instance of the plugin with the same settings."""
        return type(self.plugin)(self.plugin.config)

    def seeded(self, seed: int = 0) -> ScoringInputs:
        """Return the inputs with a newly seeded generator."""
        return replace(self.inputs, rng=torch.Generator().manual_seed(seed))

    def report_inputs(self) -> ReportInputs:
        """Return the inputs of a report builder, with a newly seeded generator."""
        inputs = self.seeded()
        return ReportInputs(
            classifier=inputs.classifier,
            dataset=inputs.dataset,
            rng=inputs.rng,
            progress=inputs.progress,
            space=inputs.space,
            oracle=inputs.oracle,
            graph=inputs.graph,
            explanation=self.explanation,
        )

    def lacking(self, capability: str) -> ScoringInputs:
        """Return the inputs without the part that gives a capability."""
        match capability:
            case Capability.CONCEPTS:
                # An oracle speaks of concepts: without them there is none.
                return replace(self.seeded(), space=None, oracle=None)
            case Capability.GRAPH:
                return replace(self.seeded(), graph=None)
            case Capability.OBSERVATIONS:
                return replace(self.seeded(), dataset=_without_concepts(self.inputs.dataset))
            case Capability.REFERENCE:
                dataset = replace(self.inputs.dataset, reference=None)
                return replace(self.seeded(), dataset=dataset)
            case Capability.RENDERER:
                dataset = replace(self.inputs.dataset, renderer=None)
                return replace(self.seeded(), dataset=dataset)
        return replace(self.seeded(), oracle=None)

    def require(self, kept: bool, complaint: str) -> None:
        """Raise BrokenPromiseError, with the plugin's name, unless a promise is kept."""
        if not kept:
            raise BrokenPromiseError(f"{self.who}: {complaint}")

    def require_same(
        self, found: Tensor, expected: Tensor, complaint: str, *, within: float | None = None
    ) -> None:
        """Require two tensors to be alike up to rounding, as a share of the largest value."""
        same_shape = found.shape == expected.shape
        shapes = f"{list(found.shape)}, not {list(expected.shape)}"
        self.require(same_shape, f"{complaint}: the shape is {shapes}")
        if expected.numel() == 0:
            return
        found, expected = found.cpu().double(), expected.cpu().double()
        gap, largest = float((found - expected).abs().max()), float(expected.abs().max())
        share = self.tolerance if within is None else within
        far = f"{gap:.3g} apart, where the largest value is {largest:.3g}"
        self.require(gap <= share * largest, f"{complaint}: {far}")

    def require_same_record(self, found: Record, expected: Record, complaint: str) -> None:
        """Require two records to hold the same, up to rounding."""
        self.require(
            set(found.tensors) == set(expected.tensors), f"{complaint}: the tensors' names differ"
        )
        for name, tensor in expected.tensors.items():
            self.require_same(found.tensors[name], tensor, f"{complaint}: {name!r} differs")
        self.require(_plain(found.meta) == _plain(expected.meta), f"{complaint}: meta differs")
        self.require(dict(found.texts) == dict(expected.texts), f"{complaint}: texts differ")
        self.require(dict(found.files) == dict(expected.files), f"{complaint}: files differ")

    @contextmanager
    def refuses(self, error: type[Exception], question: str) -> Iterator[None]:
        """Require the block to raise ``error``, and nothing else."""
        try:
            yield
        except error:
            return
        except Exception as other:
            wrong = f"{type(other).__name__} ({other})"
            raise BrokenPromiseError(
                f"{self.who}: {question} must raise {error.__name__}, not {wrong}"
            ) from other
        raise BrokenPromiseError(f"{self.who}: {question} must raise {error.__name__}")

    @contextmanager
    def untouched(self, during: str) -> Iterator[None]:
        """Require the block to leave classifier, data set, images and explanation alone."""
        tensors = {"the images": self.images, **of_dataset(self.inputs.dataset)}
        if self.explanation is not None:
            tensors |= of_explanation(self.explanation)
        before = of_classifier(self.inputs.classifier)
        with self.unchanged(during, tensors):
            yield
        changed = changes(before, of_classifier(self.inputs.classifier))
        self.require(not changed, f"{during} changes {', '.join(changed)}")

    @contextmanager
    def unchanged(self, during: str, tensors: Mapping[str, Tensor]) -> Iterator[None]:
        """Require the block to change no bit of some tensors, nor to ask for their gradients."""
        before = {name: tensor.clone() for name, tensor in tensors.items()}
        needed = {name: tensor.requires_grad for name, tensor in tensors.items()}
        yield
        for name, tensor in tensors.items():
            self.require(torch.equal(tensor, before[name]), f"{during} changes {name}")
            tracked = tensor.requires_grad != needed[name] or tensor.grad is not None
            self.require(not tracked, f"{during} turns on gradients of {name}")


def check(promise: Callable[[Bench[PluginT]], None]) -> Callable[[Bench[PluginT]], None]:
    """Turn a function into a check: an error of the plugin in it is a broken promise, too."""

    @wraps(promise)
    def judge(bench: Bench[PluginT]) -> None:
        try:
            promise(bench)
        except BrokenPromiseError:
            raise
        except Exception as error:
            what = f"{promise.__name__} ends in {type(error).__name__}: {error}"
            raise BrokenPromiseError(f"{bench.who}: {what}") from error

    return judge


def require_declared_needs(
    bench: Bench[PluginT], requires: frozenset[Capability], use: Callable[[ScoringInputs], object]
) -> None:
    """Require a plugin to refuse a run that lacks a required capability, and to need no other.

    Only the capabilities in ``requires`` can be checked before training.
    """
    for part in sorted(requires | {Capability.CONCEPTS, Capability.ORACLE, Capability.GRAPH}):
        inputs = bench.lacking(part)
        if requires <= inputs.capabilities:
            try:
                use(inputs)
            except Exception as error:
                raise BrokenPromiseError(
                    f"{bench.who}: does not require {part!r}, yet without it ends in "
                    f"{type(error).__name__}: {error}"
                ) from error
        else:
            with bench.refuses(CapabilityError, f"a run without {part!r}"):
                use(inputs)


def report_builders(
    bench: Bench[PluginT], group: registry.ReportedGroup
) -> list[Callable[..., Any]]:
    """Return the builder that the bench names, or those that are registered for the plugin."""
    if bench.report_builder is not None:
        return [bench.report_builder]
    registered = registry.names_of(group, type(bench.plugin))
    builders = [registry.load_report_builder(group, name) for name in registered]
    return [builder for builder in builders if builder is not None]


def require_sections(bench: Bench[PluginT], sections: Sequence[Section]) -> None:
    """Require a plugin's sections to be sections with a title."""
    for section in sections:
        found = type(section).__name__
        bench.require(isinstance(section, Section), f"the report shows {found}, no Section")
        bench.require(bool(section.title), "a section of the report has no title")


def stored(record: Record) -> Record:
    """Write a record as it is kept, safetensors and JSON, and read it back."""
    tensors = {name: t.detach().cpu().contiguous().clone() for name, t in record.tensors.items()}
    return Record(
        tensors=safetensors.load(safetensors.save(tensors)),
        meta=json.loads(json.dumps(record.meta, allow_nan=False)),
        texts=dict(record.texts),
        files=dict(record.files),
    )


def _plain(meta: object) -> object:
    return json.loads(json.dumps(meta))


def _without_concepts(dataset: Dataset) -> Dataset:
    train, test = (replace(split, concepts=None) for split in (dataset.train, dataset.test))
    return replace(dataset, train=train, test=test)
