"""A data set that is in memory already, as the source of a run's data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields

import torch
from pydantic import ConfigDict, Field, InstanceOf
from torch import Tensor

from causalxai.dataset import Dataset, DatasetSource, Split
from causalxai.image_data.lazy import Images, LazyImages
from causalxai.intervention import Intervention
from causalxai.outline import Outline
from causalxai.plugin import PluginConfig
from causalxai.progress import SILENT, Progress
from causalxai.renderer import Renderer

_BATCH = 512
_DRAWN = 4
"""The number of images that a renderer draws anew for its digest."""


class LiveDataset(DatasetSource):
    """A ``Dataset`` that the caller has made; it is filed under a digest of all that is in it."""

    class Config(PluginConfig):
        """Settings.

        Parameters
        ----------
        dataset
            The data set.
        digest
            That of ``dataset_digest``, taken when the run was asked for.
        """

        model_config = ConfigDict(arbitrary_types_allowed=True)

        dataset: InstanceOf[Dataset] = Field(exclude=True, repr=False)
        digest: str

    config: Config

    def outline(self) -> Outline:
        """Return the names and shapes of the data set."""
        return self.config.dataset.outline

    def load(self, *, rng: torch.Generator, progress: Progress = SILENT) -> Dataset:  # noqa: ARG002
        """Return the data set."""
        return self.config.dataset

    def portable_config(self) -> dict[str, object]:
        """Return nothing, because the fingerprint says everything."""
        return {}

    def fingerprint(self) -> str:
        """Return the digest."""
        return self.config.digest


def dataset_digest(dataset: Dataset) -> str:
    """Return a digest of a data set: its images, labels, concepts, names, graph and renderer."""
    told = (dataset.class_names, dataset.concept_names, dataset.held_out)
    found = hashlib.sha256(repr(told).encode())
    if dataset.graph is not None:
        found.update(repr(dataset.graph.to_json()).encode())
    for split in (dataset.train, dataset.test, dataset.reference):
        found.update((split_digest(split) if split else "none").encode())
    if dataset.renderer is not None:
        found.update(_renderer_digest(dataset.renderer, dataset.test).encode())
    return found.hexdigest()


def _renderer_digest(renderer: Renderer, split: Split) -> str:
    """Return a digest of what a renderer draws of some images, each concept set to another value.

    A renderer is code and cannot be digested itself.
    """
    units = renderer.recognise(split.images[:_DRAWN])
    others = units.values.roll(1, dims=0).T[..., None]
    states = renderer.states(units, Intervention.set(torch.arange(len(others)), others))
    told = f"{renderer.concepts!r} {renderer.errors!r} {values_digest(states)}"
    return f"{told} {values_digest(renderer.draw(units, states).flatten(0, 1))}"


def split_digest(split: Split) -> str:
    """Return a digest of the tensors of a split."""
    found = hashlib.sha256()
    for field in fields(split):
        values = getattr(split, field.name)
        found.update(f"{field.name} {'none' if values is None else values_digest(values)}".encode())
    return found.hexdigest()


def values_digest(values: Images) -> str:
    """Return a digest of the type, the shape and all values of a tensor of rows.

    Lazy images are not read: theirs is a digest of their files.
    """
    if isinstance(values, LazyImages):
        return values.digest()
    found = hashlib.sha256(f"{values.dtype} {list(values.shape)}".encode())
    for batch in _batches(values):
        found.update(batch.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def _batches(values: Tensor) -> Iterator[Tensor]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
