"""The watch over what the parts of a run share: no plugin may change it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar

from torch import Tensor

from causalxai.dataset import Dataset
from causalxai.errors import ContractError
from causalxai.explainer import Explanation
from causalxai.image_data.lazy import LazyImages
from causalxai.memory import DEFAULT_LIMIT, limited_to
from causalxai.network.state import changes, tensor_digest
from causalxai.pipeline.process_state import restored
from causalxai.plugin.guard import guarded
from causalxai.plugin.provenance import Provenance
from causalxai.storage.record import Record, fault_of_record

Value = TypeVar("Value")

_NAMED = 4
"""The most changes that a message names."""


class Watch:
    """Sees to it that plugins leave alone what they share: networks, data, results, settings.

    Objects that a plugin replaces inside torch or in other modules are not watched.

    Parameters
    ----------
    seed
        The seed of the run.
    memory
        The most bytes that a plugin may take.
    """

    def __init__(self, seed: int, memory: int = DEFAULT_LIMIT) -> None:
        self._seed = seed
        self._memory = memory
        self._described: dict[str, Callable[[], Mapping[str, str]]] = {}
        self._known: dict[str, Mapping[str, str]] = {}

    def keep(self, what: str, describe: Callable[[], Mapping[str, str]]) -> None:
        """Watch something from now on.

        Parameters
        ----------
        what
            Its name.
        describe
            Returns digests of its parts, by names for messages.
        """
        self._described[what] = describe
        self._known[what] = describe()

    @contextmanager
    def over(self, plugin: Provenance, stage: str) -> Iterator[None]:
        """Guard the call into a plugin, and check afterwards what it may not change.

        Settings of the process and the global random generators are restored in any case.

        Raises
        ------
        ContractError
            If the plugin changed something; the message names what.
        PluginError
            If it raised anything that is not an error of causalxai.
        """
        with guarded(plugin, stage):
            with restored(self._seed, stage) as changed, limited_to(self._memory):
                yield
            for what, describe in self._described.items():
                changed += changes(self._known[what], describe())
            if changed:
                more = len(changed) - _NAMED
                named = ", ".join(changed[:_NAMED]) + (f" and {more} more" if more > 0 else "")
                raise ContractError(
                    f"{plugin}, in {stage}, changes {named}; other parts of the run rely on these, "
                    "so a plugin must work on copies or undo what it does"
                )

    def call(
        self, plugin: Provenance, stage: str, kind: type[Any], call: Callable[[], Value]
    ) -> Value:
        """Return what a plugin returns; ContractError unless it is an instance of ``kind``."""
        with self.over(plugin, stage):
            found = call()
            if not isinstance(found, kind):
                raise ContractError(
                    f"{plugin} returns {type(found).__name__} in {stage}, not {kind.__name__}"
                )
        return found


def record_of(plugin: Provenance, stage: str, make: Callable[[], Record]) -> Record:
    """Return the record that a plugin makes of its result; ContractError if it is unsound."""
    with guarded(plugin, stage):
        record = make()
        fault = fault_of_record(record)
        if fault is not None:
            raise ContractError(f"{plugin}, in {stage}: its result {fault}")
    return record


def digests_of_data(dataset: Dataset) -> dict[str, str]:
    """Return the digests of a data set's tensors, and of the files of lazy images."""
    splits = {"training": dataset.train, "test": dataset.test, "reference": dataset.reference}
    return {
        f"the {kind} split's {field.name}": (
            value.digest() if isinstance(value, LazyImages) else tensor_digest(value)
        )
        for kind, split in splits.items()
        if split is not None
        for field in fields(split)
        if (value := getattr(split, field.name)) is not None
    }


def digests_of_explanation(explanation: Explanation) -> dict[str, str]:
    """Return the digests of an explanation's tensors."""
    tensors: dict[str, Tensor] = {"images": explanation.images, "target": explanation.target}
    if explanation.importance is not None:
        tensors["importance"] = explanation.importance
    tensors |= {f"map {name!r}": tensor for name, tensor in explanation.maps.items()}
    tensors |= {f"detail {name!r}": tensor for name, tensor in explanation.details.items()}
    if explanation.units is not None:
        tensors["units"] = explanation.units.values
        tensors |= {f"residual {name!r}": t for name, t in explanation.units.residual.items()}
    return {f"the explanation's {name}": tensor_digest(t) for name, t in tensors.items()}
