"""Renderers draw the individuals of a data set anew, with some concepts changed."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from causalxai.concept import Concept, Units
from causalxai.errors import DataError
from causalxai.image_data.lazy import Images, batches
from causalxai.intervention import NO_TARGET, Intervention

_INDIVIDUAL = "individual"


class Renderer(ABC):
    """Draws what would have been seen, had a concept of an individual been another.

    An *individual* is all that makes one picture of the data set and is not a concept, such as its
    skeleton and the noise of its structural equations. ``Dataset.renderer`` offers one where the
    data set itself is drawn: its answers are the truth, by which oracles and explanations are
    measured.

    A renderer promises that

    - an individual in its own state is drawn as the picture of the data set, bit for bit;
    - the same individual in the same state is always drawn alike;
    - ``states`` after the same intervention, done again, are the same.

    ``Units`` with other ``values`` and the same ``residual`` are the same individuals in another
    state, from which ``states`` goes on.

    Tensors are on the CPU, except for ``states``, which are where the units are.
    """

    @property
    @abstractmethod
    def concepts(self) -> tuple[Concept, ...]:
        """The ``d`` concepts that can be set, in the order of ``Dataset.concept_names``.

        Their ``scale`` is 1; a space of these concepts sets it.
        """

    @property
    @abstractmethod
    def errors(self) -> tuple[float, ...]:
        """How far ``measure`` may be from the drawn value, in each concept's own values.

        It is kept in at least 95 of 100 pictures whose concepts are set to values that occur in
        the data set. 0 means that the value is read exactly.
        """

    @property
    def mask_names(self) -> tuple[str, ...]:
        """The names of the parts or objects of which ``masks`` tells; empty if of none."""
        return ()

    @abstractmethod
    def recognise(self, images: Tensor) -> Units:
        """Return the individuals of pictures of the data set (*abduction*).

        Parameters
        ----------
        images
            ``[n, c, h, w]``, pictures of ``train``, ``test`` or ``reference``, pixel by pixel.

        Returns
        -------
        Units
            ``values`` ``[n, d]`` are those with which the pictures were drawn
            (``Split.set_concepts``); the residual says which individual it is.

        Raises
        ------
        DataError
            If a picture is not one of the data set.
        """

    @abstractmethod
    def states(self, units: Units, interventions: Intervention) -> Tensor:
        """Return the concepts after interventions with all that follows from them, ``[q, n, d]``.

        Concepts follow by the true structural model, with each individual's own noise. Setting a
        concept to its own value holds it: it then does not follow others. Values that cannot be
        drawn are replaced by the nearest that can.
        """

    @abstractmethod
    def draw(self, units: Units, states: Tensor) -> Tensor:
        """Return pictures of individuals.

        Parameters
        ----------
        units
            ``n`` individuals.
        states
            ``[q, n, d]``, the values of all concepts, as they are drawn: nothing more follows.

        Returns
        -------
        Tensor
            ``[q, n, c, h, w]``, float32 in [0, 1].
        """

    @abstractmethod
    def measure(self, units: Units, images: Tensor) -> Tensor:
        """Measure the concepts on pictures (the *ruler*).

        Parameters
        ----------
        units
            ``n`` individuals, which tell where to look. Their values are not used.
        images
            ``[q, n, c, h, w]``, pictures of these individuals by whatever generator.

        Returns
        -------
        Tensor
            ``[q, n, d]`` float32; nan where there is nothing to measure, as on a blank picture.
        """

    def masks(self, units: Units, states: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Return where each of ``mask_names`` is seen in ``draw(units, states)``.

        Returns
        -------
        Mapping
            By name, bool ``[q, n, h, w]``.
        """
        return {}


@dataclass(frozen=True)
class Mechanism:
    """A structural equation: how a variable of an individual follows from others.

    Parameters
    ----------
    effect
        The column of the variable.
    causes
        The columns of the variables from which it follows.
    follow
        Returns the variable ``[q, n]``, given the numbers ``[n]`` of individuals, whose own noise
        it uses, and the values ``[q, n, v]`` of all variables.
    """

    effect: int
    causes: tuple[int, ...]
    follow: Callable[[Tensor, Tensor], Tensor]


class StructuralRenderer(Renderer):
    """A renderer of individuals that are numbered, and whose ``v`` variables are known exactly.

    The variables are the concepts and any others of the structural model; the latter follow, too.
    A variable is computed anew only where one of its causes changed, so that what no intervention
    reaches keeps its exact value. A subclass draws and measures.

    Parameters
    ----------
    concepts
        The ``d`` concepts.
    columns
        The column of each concept among the variables.
    pictures
        The pictures of all splits, ``[n, c, h, w]`` each; together they are those of individuals
        0 to N - 1. Of individuals with the same picture, the first is recognised.
    own
        ``[N, v]`` float64, the variables with which the pictures were drawn.
    mechanisms
        The structural equations, causes before effects. Other variables follow from nothing.
    follows
        ``[N]`` bool: whether the variables of an individual follow the mechanisms. Those of
        reference images don't, as they were drawn independently. By default all do.
    """

    def __init__(
        self,
        concepts: Sequence[Concept],
        columns: Sequence[int],
        pictures: Sequence[Images],
        own: Tensor,
        mechanisms: Sequence[Mechanism] = (),
        follows: Tensor | None = None,
    ) -> None:
        self._concepts = tuple(concepts)
        self._columns = list(columns)
        self._pictures = tuple(pictures)
        self._own = own.double()
        self._mechanisms = tuple(mechanisms)
        self._follows = torch.ones(len(own), dtype=torch.bool) if follows is None else follows

    @property
    def concepts(self) -> tuple[Concept, ...]:
        """The ``d`` concepts."""
        return self._concepts

    def recognise(self, images: Tensor) -> Units:
        """Return the individuals of pictures of the data set, which are known by their pixels.

        Raises
        ------
        DataError
            If a picture is not one of the data set.
        """
        found = [self._numbers.get(digest) for digest in map(_digest, images.detach().cpu())]
        for row, number in enumerate(found):
            if number is None:
                raise DataError(
                    f"image {row} of {len(images)} is not among the {len(self._own)} pictures of "
                    "the data set, so that its renderer does not know what is drawn in it: it "
                    "knows the images of the splits `train`, `test` and `reference`, unchanged"
                )
        individuals = torch.tensor(found, dtype=torch.int64)
        values = self._own[individuals][:, self._columns].float()
        return Units(values, {_INDIVIDUAL: individuals})

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        """Return the concepts after interventions with all that follows from them, ``[q, n, d]``.

        Raises
        ------
        DataError
            If an equation gives a value that is not finite.
        """
        individuals, now = self._individuals(units), units.values.detach().cpu()
        asked = Intervention(
            interventions.targets.cpu(), interventions.values.detach().cpu(), interventions.action
        )
        held = _held(asked, len(self._concepts))
        after = asked.apply(now)
        after = torch.where(held[:, None], self._drawable(after), after)
        before = self._complete(individuals, now[None])[0]
        start = before.expand(len(after), *before.shape).clone()
        start[..., self._columns] = self._exact(individuals, after)
        stays = torch.zeros(len(after), before.shape[1], dtype=torch.bool)
        stays[:, self._columns] = held
        values = self._followed(individuals, start, stays, before)
        return values[..., self._columns].to(units.values)

    def draw(self, units: Units, states: Tensor) -> Tensor:
        """Return pictures ``[q, n, c, h, w]`` of individuals in states ``[q, n, d]``."""
        individuals = self._individuals(units)
        values = self._complete(individuals, states.detach().cpu())
        q, n = values.shape[:2]
        pictures = self._draw(individuals.repeat(q), values.flatten(0, 1))
        return pictures.reshape(q, n, *pictures.shape[1:])

    def measure(self, units: Units, images: Tensor) -> Tensor:
        """Return the concepts ``[q, n, d]`` that are measured on pictures ``[q, n, c, h, w]``."""
        individuals, (q, n) = self._individuals(units), images.shape[:2]
        pictures = images.detach().cpu().float().flatten(0, 1)
        measured = self._measure(individuals.repeat(q), pictures)
        return measured.float().reshape(q, n, len(self._concepts))

    def masks(self, units: Units, states: Tensor) -> Mapping[str, Tensor]:
        """Return where each of ``mask_names`` is seen in ``draw(units, states)``."""
        individuals = self._individuals(units)
        values = self._complete(individuals, states.detach().cpu())
        q, n = values.shape[:2]
        found = self._masks(individuals.repeat(q), values.flatten(0, 1))
        return {name: mask.reshape(q, n, *mask.shape[1:]) for name, mask in found.items()}

    @abstractmethod
    def _drawable(self, values: Tensor) -> Tensor:
        """Return, for values ``[..., d]`` of concepts, the nearest that can be drawn."""

    @abstractmethod
    def _draw(self, individuals: Tensor, values: Tensor) -> Tensor:
        """Return a picture of each of the individuals ``[m]`` with variables ``[m, v]``."""

    @abstractmethod
    def _measure(self, individuals: Tensor, images: Tensor) -> Tensor:
        """Return the concepts ``[m, d]`` that are measured on pictures ``[m, c, h, w]``."""

    def _masks(self, individuals: Tensor, values: Tensor) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Return bool ``[m, h, w]`` for each of ``mask_names``."""
        return {}

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        """The number of the individual of each picture, by the digest of its pixels."""
        numbers: dict[bytes, int] = {}
        every = (image for part in self._pictures for batch in batches(part) for image in batch)
        for number, image in enumerate(every):
            numbers.setdefault(_digest(image), number)
        return numbers

    def _individuals(self, units: Units) -> Tensor:
        return units.residual[_INDIVIDUAL].cpu()

    def _named(self, column: int) -> str:
        if column in self._columns:
            return repr(self._concepts[self._columns.index(column)].name)
        return f"variable {column}"

    def _complete(self, individuals: Tensor, states: Tensor) -> Tensor:
        """Return all variables ``[q, n, v]``, exactly, given concepts ``[q, n, d]``."""
        own = self._own[individuals]
        values = own.expand(len(states), *own.shape).clone()
        values[..., self._columns] = self._exact(individuals, states)
        stays = torch.zeros(len(states), own.shape[1], dtype=torch.bool)
        stays[:, self._columns] = True
        return self._followed(individuals, values, stays, own)

    def _exact(self, individuals: Tensor, states: Tensor) -> Tensor:
        """Return concepts ``[q, n, d]`` in float64: own values as they were before rounding."""
        own = self._own[individuals][:, self._columns]
        return torch.where(states.float() == own.float(), own, states.double())

    def _followed(
        self, individuals: Tensor, values: Tensor, stays: Tensor, before: Tensor
    ) -> Tensor:
        """Return variables after all that follows, ``[q, n, v]``.

        Parameters
        ----------
        individuals
            ``[n]``, their numbers.
        values
            ``[q, n, v]``, the variables as they are set.
        stays
            ``[q, v]`` bool, the variables that follow from nothing.
        before
            ``[n, v]``, the variables before anything was set.
        """
        values, own = values.clone(), self._own[individuals]
        for mechanism in self._mechanisms:
            causes, effect = list(mechanism.causes), mechanism.effect
            moved = (values[..., causes] != before[:, causes]).any(dim=-1)
            moved &= ~stays[:, None, effect] & self._follows[individuals]
            if bool(moved.any()):
                # From the own causes follows the own value, with no rounding of another order.
                as_drawn = (values[..., causes] == own[:, causes]).all(dim=-1)
                found = mechanism.follow(individuals, values)
                found = torch.where(as_drawn, own[:, effect], found)
                if not bool(torch.isfinite(found[moved]).all()):
                    raise DataError(
                        f"the structural equation of {self._named(effect)} is not finite for some "
                        "of the values that were set"
                    )
                values[..., effect] = torch.where(moved, found, values[..., effect])
        return values


def _held(interventions: Intervention, d: int) -> Tensor:
    """Return ``[q, d]`` bool: which concepts each intervention sets."""
    held = torch.zeros(len(interventions), d + 1, dtype=torch.bool)
    # The last column takes what stands for no target, and is cut off.
    targets = interventions.targets.where(interventions.targets != NO_TARGET, torch.tensor(d))
    return held.scatter(1, targets, True)[:, :d]


def _digest(image: Tensor) -> bytes:
    pixels = image.float().contiguous().numpy()
    return hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
