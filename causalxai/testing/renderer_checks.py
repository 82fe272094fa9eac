"""What the renderer of a data set promises."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from scipy import stats
from torch import Tensor

from causalxai.concept import Units
from causalxai.dataset import Dataset, Split
from causalxai.errors import DataError
from causalxai.image_data.split import evenly_spaced_rows
from causalxai.intervention import Intervention
from causalxai.renderer import Renderer
from causalxai.testing.bench import BrokenPromiseError

_SHARE, _SURE = 0.95, 0.99


def check_renderer(dataset: Dataset, *, images: int = 12) -> None:
    """Check what the renderer of a data set promises.

    Parameters
    ----------
    dataset
        With a renderer.
    images
        How many images of each split are tried, evenly spaced.

    Raises
    ------
    BrokenPromiseError
        If a promise is broken; the message says which.
    """
    renderer = dataset.renderer
    if renderer is None:
        raise BrokenPromiseError("the data set has no renderer")
    names = tuple(concept.name for concept in renderer.concepts)
    _require(names == dataset.concept_names, f"the concepts are {names}, not the data set's")
    _require(len(renderer.errors) == len(names), "there is not one error for each concept")
    renderer = _through_a_file(renderer)
    for kind, split in _splits(dataset):
        chosen = split[evenly_spaced_rows(len(split), images)]
        trial = _Trial(renderer, kind, chosen)
        trial.gives_the_pictures_back()
        trial.draws_each_alone()
        trial.does_twice_as_once()
        trial.holds_what_is_set()
        trial.shows_masks()
        trial.measures_within_the_errors()
        trial.refuses_other_pictures()


def _through_a_file(renderer: Renderer) -> Renderer:
    """Return a copy as another process gets it, which must keep the same promises."""
    try:
        copy = pickle.loads(pickle.dumps(renderer))  # noqa: S301
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BrokenPromiseError(
            f"renderer: it cannot be pickled, and so cannot be sent to another process: {error}"
        ) from error
    assert isinstance(copy, Renderer)
    return copy


def _splits(dataset: Dataset) -> Iterator[tuple[str, Split]]:
    yield "train", dataset.train
    yield "test", dataset.test
    if dataset.reference is not None:
        yield "reference", dataset.reference


@dataclass(frozen=True)
class _Trial:
    """A renderer and some pictures of a split."""

    renderer: Renderer
    kind: str
    split: Split

    @property
    def units(self) -> Units:
        return self.renderer.recognise(self.split.images[:])

    @property
    def each(self) -> Intervention:
        """Each concept set to the value that it has in the next picture, ``d`` interventions."""
        own = self.units.values
        return Intervention.set(torch.arange(own.shape[1]), own.roll(1, dims=0).T[..., None])

    def gives_the_pictures_back(self) -> None:
        units, known = self.units, self.split.set_concepts
        if known is not None:
            self.require(torch.equal(units.values, known), "values are not set_concepts")
        states = self.renderer.states(units, Intervention.none())
        self.require(torch.equal(states[0], units.values), "states change where nothing is done")
        drawn = self.renderer.draw(units, states)
        self.require(torch.equal(drawn[0], self.split.images[:]), "pictures are drawn differently")

    def draws_each_alone(self) -> None:
        units = self.units
        states = self.renderer.states(units, self.each)
        drawn = self.renderer.draw(units, states)
        self.require(drawn.dtype == torch.float32, f"pictures are {drawn.dtype}")
        self.require(0 <= float(drawn.min()) <= float(drawn.max()) <= 1, "pictures leave [0, 1]")
        for row in (0, len(units) - 1):
            some = slice(row, row + 1)
            alone = self.renderer.draw(units[some], states[:, some])
            self.require(torch.equal(alone, drawn[:, some]), "pictures depend on the batch")

    def does_twice_as_once(self) -> None:
        units, each = self.units, self.each
        for row, states in enumerate(self.renderer.states(units, each)):
            again = self.renderer.states(Units(states, units.residual), each[row : row + 1])[0]
            self.require(torch.equal(again, states), "done twice is not done once")

    def holds_what_is_set(self) -> None:
        units, each = self.units, self.each
        states = self.renderer.states(units, each)
        for place in range(states.shape[2]):
            values = each.values[place, :, 0]
            kept = torch.equal(states[place, :, place], values)
            self.require(kept, f"concept {place} does not keep the value to which it is set")
            held = units.values.clone()
            held[:, place] = values
            every = torch.arange(states.shape[2])[None]
            found = self.renderer.states(units, Intervention.set(every, held[None]))[0]
            self.require(torch.equal(found, held), "a concept that is held follows another")

    def shows_masks(self) -> None:
        states = self.renderer.states(self.units, self.each)
        masks = self.renderer.masks(self.units, states)
        self.require(tuple(masks) == self.renderer.mask_names, "the masks have other names")
        shape = (*states.shape[:2], *self.split.images.shape[2:])
        for name, mask in masks.items():
            fits = mask.dtype == torch.bool and tuple(mask.shape) == shape
            self.require(fits, f"mask {name!r} is {mask.dtype} {list(mask.shape)}")

    def measures_within_the_errors(self) -> None:
        states = self.renderer.states(self.units, self.each)
        found = self.renderer.measure(self.units, self.renderer.draw(self.units, states))
        self.require(found.shape == states.shape, f"measurements are {list(found.shape)}")
        gaps = (found - states).abs().flatten(0, 1)
        for concept, gap, error in zip(
            self.renderer.concepts, gaps.T, self.renderer.errors, strict=True
        ):
            misses = int((gap > error + _rounding(states)).sum())
            told = f"{concept.name}: {misses} of {len(gap)} measurements are not within {error:g}"
            self.require(misses <= _most_misses(len(gap)), told)

    def refuses_other_pictures(self) -> None:
        other = self.split.images[:1].clone()
        other[..., 0, 0] = 1 - other[..., 0, 0]
        try:
            self.renderer.recognise(other)
        except DataError:
            return
        self.require(False, "a picture that is not of the data set is recognised")

    def require(self, kept: bool, complaint: str) -> None:
        _require(kept, f"{self.kind}: {complaint}")


def _most_misses(n: int) -> int:
    """Return the most misses of ``n`` that chance allows where 5 of 100 measurements miss."""
    return int(stats.binom.ppf(_SURE, n, 1 - _SHARE))


def _rounding(values: Tensor) -> float:
    return 1e-5 * max(1.0, float(values.abs().max()))


def _require(kept: bool, complaint: str) -> None:
    if not kept:
        raise BrokenPromiseError(f"renderer: {complaint}")
