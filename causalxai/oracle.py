"""Oracles predict what the classifier would say after an intervention."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self, final, get_args

import torch
from torch import Tensor

from causalxai.capabilities import Capability
from causalxai.concept import Units
from causalxai.concept_space import ConceptSpace
from causalxai.errors import CapabilityError, ContractError
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.memory import memory_part
from causalxai.plugin import Plugin
from causalxai.storage.record import fault_of_tensor

if TYPE_CHECKING:
    from causalxai.classifier import Classifier

Want = Literal["logits", "readback", "images"]
"""What a query can ask for: see ``Response``."""


@dataclass(frozen=True)
class Response:
    """An oracle's answer to ``q`` interventions on ``n`` units.

    Parameters
    ----------
    logits
        ``[q, n, K]``, the classifier's logits.
    readback
        ``[q, n, d]``, the concepts *measured* after the intervention. They may differ from the
        values that do() set.
    images
        ``[q, n, c, h, w]`` in [0, 1], the images that the classifier saw. Where it saw none
        (``Oracle.judges_pictures`` is false), images that illustrate its changed activations.
    """

    logits: Tensor | None = None
    readback: Tensor | None = None
    images: Tensor | None = None

    def __repr__(self) -> str:
        given = {"logits": self.logits, "readback": self.readback, "images": self.images}
        shapes = [f"{name} {list(t.shape)}" for name, t in given.items() if t is not None]
        return f"Response({', '.join(shapes)})"

    def of_class(self, target: Tensor) -> Tensor:
        """Return ``[q, n]``, the logits of one class for each unit.

        Parameters
        ----------
        target
            ``[n]``, the classes.
        """
        logits = self.answer("logits")
        index = target.to(logits.device)[None, :, None].expand(len(logits), -1, 1)
        return logits.gather(2, index)[..., 0]

    def answer(self, want: Want) -> Tensor:
        """Return one of the three tensors; ContractError if the response does not have it."""
        tensor: Tensor | None = getattr(self, want)
        if tensor is None:
            raise ContractError(f"the oracle's response has no {want}")
        return tensor


class BudgetError(CapabilityError):
    """A query asks for more answers than the oracle may still give."""


@dataclass
class QueryLedger:
    """Counts the questions to an oracle, so that methods can be compared at equal cost."""

    calls: int = 0
    answers: int = 0
    """Pairs of an intervention and a unit."""
    ceiling: int | None = None
    """The maximum number of answers; ``None`` for no limit."""

    def charge(self, answers: int) -> None:
        """Count a call and its answers.

        Raises
        ------
        BudgetError
            If the ceiling leaves fewer answers; they are then not counted.
        """
        if self.ceiling is not None and self.answers + answers > self.ceiling:
            left = max(0, self.ceiling - self.answers)
            raise BudgetError(
                f"{answers} more answers are asked of the oracle, but only {left} are left"
            )
        self.calls += 1
        self.answers += answers

    @contextmanager
    def at_most(self, answers: int | None) -> Iterator[None]:
        """Limit the number of answers from here to the end of the block."""
        before = self.ceiling
        if answers is not None:
            wanted = self.answers + answers
            self.ceiling = wanted if before is None else min(before, wanted)
        try:
            yield
        finally:
            self.ceiling = before


DEFAULT_MEMORY_CEILING = memory_part()
"""The most bytes that one chunk of a query may take, unless a run says otherwise."""


class Oracle(Plugin, ABC):
    """Answers interventions. Users call ``query``; subclasses implement ``_respond``.

    ``query`` promises for every oracle, and ``causalxai.testing`` checks, that

    - the empty intervention changes nothing;
    - answers depend neither on the order of interventions nor on the size of chunks;
    - the classifier's weights are bit-identical afterwards, also when an exception is raised;
    - inputs are not mutated;
    - the same question gets the same answer;
    - answers are finite and of the promised shape; otherwise a ContractError names the oracle.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    """``Capability.READBACK`` and ``Capability.IMAGES``, where the oracle has them."""

    @property
    def answers(self) -> frozenset[Want]:
        """The values that ``want`` may have: the logits, and those that the capabilities add."""
        named = {"readback": Capability.READBACK, "images": Capability.IMAGES}
        return frozenset(
            want for want in get_args(Want) if named.get(want) in (None, *self.capabilities)
        )

    accepts: ClassVar[type[ConceptSpace]] = ConceptSpace  # type: ignore[type-abstract]
    """The kind of concept space that the oracle speaks of; ``bind`` refuses any other."""
    judges_pictures: ClassVar[bool] = True
    """Whether the logits are the classifier's answer to the rendered images. If not, they are its
    answer to changed activations or weights."""

    classifier: Classifier
    space: ConceptSpace

    def bind(
        self,
        classifier: Classifier,
        space: ConceptSpace,
        *,
        memory_ceiling: int = DEFAULT_MEMORY_CEILING,
    ) -> Self:
        """Bind the oracle to a classifier and a concept space; return ``self``.

        Parameters
        ----------
        classifier, space
            The classifier that is explained and the fitted concepts.
        memory_ceiling
            The most bytes that one chunk of a query may take.

        Raises
        ------
        CapabilityError
            If the oracle cannot work with this classifier, or with a concept space that is not
            of the kind that it ``accepts``.
        """
        if not isinstance(space, self.accepts):
            raise CapabilityError(
                f"{type(self).__name__} answers for the concepts of {self.accepts.__name__}, "
                f"not for those of {type(space).__name__}"
            )
        self.classifier = classifier
        self.space = space
        self.memory_ceiling = memory_ceiling
        self.ledger = QueryLedger()
        return self

    @final
    def query(
        self, units: Units, interventions: Intervention, *, want: tuple[Want, ...] = ("logits",)
    ) -> Response:
        """Predict the effect of each intervention on each unit.

        Parameters
        ----------
        units
            ``n`` individuals, from ``ConceptSpace.encode``.
        interventions
            ``q`` interventions.
        want
            Which of ``logits``, ``readback`` and ``images`` to answer.

        Returns
        -------
        Response
            Tensors of shape ``[q, n, ...]``, on the classifier's device.

        Raises
        ------
        CapabilityError
            If the oracle lacks the capability that ``want`` asks for, or is not bound.
        BudgetError
            If the answers would exceed the ledger's ceiling.
        ValueError
            If ``want`` is not a tuple of these names, or units or targets do not fit the space.
        ContractError
            If the oracle's answers have a wrong shape or are not finite.
        """
        want = self._wanted(want)
        self._validate(units, interventions)
        q, n = len(interventions), len(units)
        self.ledger.charge(q * n)
        parts: dict[Want, list[list[Tensor]]] = {name: [] for name in want}
        for rows in self._chunks(q, n, want):
            chunk = interventions[rows]
            answers = [
                self._checked(units[columns], chunk.for_units(columns), want)
                for columns in self._chunks(n, rows.stop - rows.start, want)
            ]
            for name in want:
                parts[name].append([answer.answer(name) for answer in answers])
        # Chunks of units are joined along n (dim 1), then chunks of interventions along q (dim 0).
        return Response(
            **{
                name: torch.cat([_of_all_units(by_unit) for by_unit in by_chunk])
                for name, by_chunk in parts.items()
            }
        )

    @property
    def propagates(self) -> bool:
        """Whether do() on one concept may change others.

        Where it can't, to hold a concept at its own value is to do nothing, and explainers may
        ask for different sets of concepts in different units at once.
        """
        return True

    def states(self, units: Units, interventions: Intervention) -> Tensor:
        """Return all concepts' values after interventions, ``[q, n, d]``, before any picture.

        What was set, and what follows from it where the oracle knows that; unlike the readback,
        nothing is measured.
        """
        return interventions.apply(units.values)

    def read_pictures(
        self,
        images: Tensor,
        units: Units,  # noqa: ARG002
        intervention: Intervention,  # noqa: ARG002
    ) -> Units:
        """Return the individuals that are seen in the oracle's own pictures.

        By default the concept space reads them, as it reads any image. An oracle whose space reads
        no other images than those of the data set says what it painted.

        Parameters
        ----------
        images
            ``[n, c, h, w]``, the oracle's pictures of ``units`` after ``intervention``.
        units
            The ``n`` individuals before it.
        intervention
            A single one.

        Returns
        -------
        Units
            The ``n`` individuals after it.
        """
        return self.space.encode(images.to(self.classifier.device))

    @abstractmethod
    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        """Answer one chunk. The inputs are already validated; ``q`` and ``n`` are at least 1."""

    def _bytes_per_answer(self, want: tuple[Want, ...]) -> int:
        """Estimate the bytes that one pair of intervention and unit takes while it is answered."""
        floats = len(self.classifier.class_names)
        if "readback" in want:
            floats += len(self.space.concepts)
        if "images" in want:
            floats += self.classifier.image_size
        return 4 * floats

    def _chunks(self, count: int, each: int, want: tuple[Want, ...]) -> Iterator[slice]:
        """Yield slices of ``count`` items, each of which takes ``each`` answers."""
        answers = self.memory_ceiling // self._bytes_per_answer(want)
        size = max(1, answers // max(1, each))
        yield from (slice(start, min(start + size, count)) for start in range(0, count, size))

    def _wanted(self, want: tuple[Want, ...]) -> tuple[Want, ...]:
        name = type(self).__name__
        if not hasattr(self, "space"):
            raise CapabilityError(f"{name} has no classifier and no concept space; bind it first")
        known = ", ".join(map(repr, get_args(Want)))
        if not want or isinstance(want, str):
            raise ValueError(f"want must be a tuple of one or more of {known}, not {want!r}")
        for wanted in want:
            if wanted not in get_args(Want):
                raise ValueError(f"want: {wanted!r} is not one of {known}")
            if wanted not in self.answers:
                able = " and ".join(sorted(self.answers))
                raise CapabilityError(f"{name} cannot answer {wanted}, only {able}")
        return tuple(dict.fromkeys(want))

    def _validate(self, units: Units, interventions: Intervention) -> None:
        d = len(self.space.concepts)
        if len(units) == 0 or len(interventions) == 0:
            raise ValueError("a query needs at least one unit and one intervention")
        if units.values.dim() != 2 or units.values.shape[1] != d:
            shape = list(units.values.shape)
            raise ValueError(f"units must have values [n, {d}] in this concept space, not {shape}")
        if interventions.values.dim() == 3 and interventions.values.shape[1] != len(units):
            raise ValueError(
                f"the interventions have values for {interventions.values.shape[1]} units, "
                f"but there are {len(units)} units"
            )
        targets = interventions.targets
        if targets.numel():
            first, last = (int(end) for end in targets.aminmax())
            if not NO_TARGET <= first <= last < d:
                raise ValueError(f"targets must be concepts 0 to {d - 1} (or {NO_TARGET} for none)")
        if not _is_finite(interventions.values):
            raise ValueError("an intervention sets a value that is not finite")

    @torch.no_grad()
    def _checked(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        response = self._respond(units, interventions, want)
        if not isinstance(response, Response):
            kind = type(response).__name__
            raise ContractError(f"{self.origin} must return a Response, not {kind}")
        shapes: dict[Want, tuple[int, ...]] = {
            "logits": (len(self.classifier.class_names),),
            "readback": (len(self.space.concepts),),
            "images": self.classifier.image_shape,
        }
        for name in want:
            tensor = response.answer(name)
            fault = fault_of_tensor(tensor)
            if fault is not None:
                raise ContractError(f"{self.origin}: {name} {fault}")
            if not tensor.is_floating_point():
                raise ContractError(f"{self.origin}: {name} must be floats, not {tensor.dtype}")
            expected = [len(interventions), len(units), *shapes[name]]
            if list(tensor.shape) != expected:
                raise ContractError(
                    f"{self.origin}: {name} must be {expected}, not {list(tensor.shape)}"
                )
            if not _is_finite(tensor):
                raise ContractError(f"{self.origin}: {name} contain values that are not finite")
        return response


def _of_all_units(parts: list[Tensor]) -> Tensor:
    """Join answers along the axis of units; a single part is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def _is_finite(values: Tensor) -> bool:
    """Return whether all values are finite; a sum that is finite proves it at the least cost."""
    return bool(values.sum().isfinite()) or bool(values.isfinite().all())
