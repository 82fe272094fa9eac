"""The budget: the most answers that the explanations may take from the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from causalxai.config import ResolvedSpec
from causalxai.errors import CapabilityError
from causalxai.oracle import BudgetError, QueryLedger
from causalxai.storage.cost import Cost


@contextmanager
def within_budget(spec: ResolvedSpec, ledger: QueryLedger) -> Iterator[None]:
    """Limit the answers that the oracle gives in the block to the spec's budget.

    Raises
    ------
    CapabilityError
        If the block asks for more; the message names the settings that can be lowered.
    """
    try:
        with ledger.at_most(spec.budget):
            yield
    except BudgetError as error:
        raise _over_budget(spec, str(error)) from error


def check_budget(spec: ResolvedSpec, cost: Cost | None) -> None:
    """Raise CapabilityError if stored explanations took more answers than the budget."""
    if spec.budget is not None and cost is not None and cost.answers > spec.budget:
        raise _over_budget(
            spec, f"they took {cost.answers} answers of the oracle when they were computed"
        )


def _over_budget(spec: ResolvedSpec, why: str) -> CapabilityError:
    settings = spec.explain.config.model_dump() if spec.explain else {}
    counts = [name for name, value in settings.items() if type(value) is int]
    lower = " or ".join(["images.count", *(f"explain.{name}" for name in counts)])
    return CapabilityError(
        f"the explanations exceed budget: {spec.budget}: {why}; lower {lower}, or raise the budget"
    )
