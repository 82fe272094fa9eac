"""Minimal sets: for each image a few concepts whose change turns the prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor
from torch.nn import functional

from causalxai.capabilities import Capability
from causalxai.concept import Units, unit_changes
from causalxai.dataset import class_index
from causalxai.explainer import Explainer, Explanation, ExplanationInputs
from causalxai.generic.scope import Scope, ScopeConfig, choose
from causalxai.generic.unit_effects import concepts_at, unit_effects
from causalxai.generic.what_ifs import as_perceived, change_of, pictured_rows
from causalxai.intervention import NO_TARGET, Intervention
from causalxai.oracle import Oracle, Response, Want
from causalxai.outline import Outline
from causalxai.short_repr import short_repr
from causalxai.what_if import WhatIf

_IMPOSSIBLE = float("-inf")


@dataclass(frozen=True)
class MinimalSets:
    """For each unit, a small set of concepts whose change turns the prediction.

    No single concept can be removed from it. If concepts act together, there may still be smaller
    sets, even subsets of it, because only single removals were tried.

    Parameters
    ----------
    changed
        ``[n, m]``, bool: the set. It is empty if nothing had to be changed, or if the prediction
        could not be turned.
    set_to
        ``[n, m]``, the concepts' values, changed or not.
    turned
        ``[n]``, bool: whether the prediction is turned.
    logits
        ``[n, K]``, once the set is changed.
    """

    changed: Tensor
    set_to: Tensor
    turned: Tensor
    logits: Tensor

    __repr__ = short_repr

    @property
    def size(self) -> Tensor:
        """``[n]``, how many concepts the sets have."""
        return self.changed.sum(dim=1)


def minimal_sets(
    oracle: Oracle,
    units: Units,
    target: Tensor | None = None,
    *,
    places: Tensor | None = None,
    largest: int | None = None,
) -> MinimalSets:
    """Find, for each unit, few concepts that turn its prediction when each changes by one unit.

    Concepts are added one by one, each time the one that raises the margin most, until the
    prediction turns; then those that are not needed (any more) are taken back, the one whose
    absence leaves the largest margin first, until no single one can be. The search is greedy:
    there may be a smaller set that it does not see, even a part of the one it returns (without two
    concepts at once), and units that no path of it turns.

    Parameters
    ----------
    oracle
        Any bound oracle.
    units
        ``n`` of them.
    target
        ``[n]``, the class that each prediction is to become; the margin is that of this class
        over the best other one. Without, the margin is that of the best other class over the one
        predicted: any other will do, and with two classes there is only one.
    places
        ``[m]``, the concepts that may be changed, by their places; all unless given.
    largest
        The largest set that is tried; any unless given.

    Returns
    -------
    MinimalSets
        A prediction is turned where its margin is positive.
    """
    if places is None:
        places = torch.arange(len(oracle.space.concepts))
    search = _Search.begin(oracle, units, target, places)
    search.add_until_turned(len(places) if largest is None else min(largest, len(places)))
    search.take_back_what_is_not_needed()
    return search.result()


def ask_sets(
    oracle: Oracle,
    units: Units,
    places: Tensor,
    changed: Tensor,
    set_to: Tensor,
    want: tuple[Want, ...] = ("logits",),
) -> Response:
    """Query an oracle about sets of concepts that differ between units.

    Parameters
    ----------
    oracle, units
        The oracle, and ``n`` individuals.
    places
        ``[m]``, the indices of the concepts.
    changed, set_to
        ``[q, n, m]``: which concepts belong to each set, and their values.
    want
        The answers that are wanted.
    """
    if not oracle.propagates and all(one.is_measured for one in concepts_at(oracle, places)):
        # One query: to set the other concepts to their own values is to do nothing.
        done = Intervention.set(places.expand(len(set_to), -1), set_to)
        return oracle.query(units, done, want=want)
    # Those that share their sets are asked together: [q, n, m] becomes [n, q * m].
    patterns, group = changed.transpose(0, 1).flatten(1).unique(dim=0, return_inverse=True)
    found: dict[Want, Tensor] = {}
    for number, pattern in enumerate(patterns):
        rows = (group == number).nonzero()[:, 0]
        targets = places.where(pattern.view(len(changed), -1).cpu(), torch.tensor(NO_TARGET))
        done = Intervention.set(targets, set_to[:, rows])
        response = oracle.query(units[rows], done, want=want)
        for name in want:
            answer = response.answer(name)
            if name not in found:
                found[name] = answer.new_empty(len(changed), len(units), *answer.shape[2:])
            found[name][:, rows] = answer
    return Response(**found)


@dataclass
class _Search:
    """The sets so far; all units that are not done yet go forward together."""

    oracle: Oracle
    units: Units
    places: Tensor
    options: Tensor
    """``[c + 1, n, m]``, the values that concepts may take: their own, and up to two changes."""
    favoured: Tensor
    """``[n, K]``, bool: the classes of which one must win."""
    chosen: Tensor
    """``[n, m]``, int64: which of the options each concept has; 0 for its own value."""
    margin: Tensor

    @classmethod
    def begin(cls, oracle: Oracle, units: Units, target: Tensor | None, places: Tensor) -> _Search:
        logits = oracle.query(units, Intervention.none()).answer("logits")[0]
        index = logits.argmax(dim=1) if target is None else target.to(logits.device)
        favoured = functional.one_hot(index, logits.shape[1]).bool()
        favoured = ~favoured if target is None else favoured
        own, concepts = units.values[:, places], concepts_at(oracle, places)
        up, down = (unit_changes(concepts, own, up=way).set_to for way in (True, False))
        options = [own, up] if torch.equal(up, down) else [own, up, down]
        chosen = torch.zeros_like(own, dtype=torch.int64)
        margin = _margin(logits, favoured)
        return cls(oracle, units, places, torch.stack(options), favoured, chosen, margin)

    def add_until_turned(self, largest: int) -> None:
        changes = range(1, len(self.options))
        for _ in range(largest):
            rows = (self.margin <= 0).nonzero()[:, 0]
            if not len(rows):
                break
            taken = (self.chosen[rows] > 0).repeat(1, len(changes))
            margins = self._if_changed(rows, changes).masked_fill(taken, _IMPOSSIBLE)
            self._change(rows, margins, changes)
        self.chosen[self.margin <= 0] = 0

    def take_back_what_is_not_needed(self) -> None:
        rows = self.chosen.any(dim=1).nonzero()[:, 0]
        while len(rows):
            margins = self._if_changed(rows, [0])
            margins = margins.masked_fill(self.chosen[rows] == 0, _IMPOSSIBLE)
            spare = (margins > 0).any(dim=1)
            rows = rows[spare]
            self._change(rows, margins[spare], [0])

    def result(self) -> MinimalSets:
        every = torch.arange(len(self.units), device=self.chosen.device)
        logits = self._logits(every, self.chosen[None])[0]
        turned = _margin(logits, self.favoured) > 0
        return MinimalSets(self.chosen > 0, self._values(every, self.chosen), turned, logits)

    def _change(self, rows: Tensor, margins: Tensor, options: Sequence[int]) -> None:
        """Give, in some units, the concept and option with the largest margin ``[r, c * m]``."""
        self.margin[rows], best = margins.max(dim=1)
        option = torch.tensor(options, device=best.device)[best // len(self.places)]
        self.chosen[rows, best % len(self.places)] = option

    def _if_changed(self, rows: Tensor, options: Sequence[int]) -> Tensor:
        """Return the margins ``[r, c * m]`` if each concept had each of ``c`` options."""
        m = len(self.places)
        each = torch.eye(m, dtype=torch.bool, device=self.chosen.device)[:, None]
        sets = [torch.where(each, option, self.chosen[rows]) for option in options]
        return _margin(self._logits(rows, torch.cat(sets)), self.favoured[rows]).T

    def _logits(self, rows: Tensor, chosen: Tensor) -> Tensor:
        """Return the logits ``[q, r, K]`` of some units with options ``[q, r, m]``."""
        units, values = self.units[rows], self._values(rows, chosen)
        return ask_sets(self.oracle, units, self.places, chosen > 0, values).answer("logits")

    def _values(self, rows: Tensor, chosen: Tensor) -> Tensor:
        """Return the values of options ``[..., r, m]``."""
        options = self.options[:, rows]
        values = options[0].expand(chosen.shape)
        for number in range(1, len(options)):
            values = torch.where(chosen == number, options[number], values)
        return values


def _margin(logits: Tensor, favoured: Tensor) -> Tensor:
    """Return how far the best favoured class is above the best other one, ``[..., n]``."""
    ours, others = (
        logits.masked_fill(~mine, _IMPOSSIBLE).amax(dim=-1) for mine in (favoured, ~favoured)
    )
    return ours - others


def class_to_reach(
    towards: str | None, n: int, class_names: Sequence[str], setting: str
) -> Tensor | None:
    """Return the class that predictions are to become, ``[n]``, or ``None`` for any other.

    Raises
    ------
    CapabilityError
        If there is no such class; ``setting`` is what the user wrote its name in.
    """
    if towards is None:
        return None
    return torch.full((n,), class_index(towards, class_names, setting))


class MinimalSetsExplainer(Explainer):
    """Finds small sets of concepts that turn the prediction when each changes by one unit.

    Continuous concepts may go up or down by a standard deviation, boolean ones are flipped,
    parameters removed. The sets are found greedily (see ``minimal_sets``): no single concept can
    be taken back from them, but there may be smaller ones. ``importance`` is that of the single
    effects: what each concept alone adds to the target's logit.

    ``details`` hold, for n images and m concepts, ``minimal`` ``[n, m]``, bool, the sets; ``size``
    ``[n]``; and ``turned`` ``[n]``, bool, whether the prediction turns. A what-if of each image
    shows its set.
    """

    requires = frozenset({Capability.CONCEPTS, Capability.ORACLE})

    class Config(ScopeConfig):
        """Settings, beside ``layers`` and ``most``.

        Parameters
        ----------
        most
            How many concepts the sets are chosen from, at most.
        towards
            The class that the sets are to bring about; by default any other than the predicted.
        largest
            The largest set that is tried.
        pictures
            For how many images pictures are kept, where there are any.
        """

        most: PositiveInt = 32
        towards: str | None = None
        largest: PositiveInt = 16
        pictures: NonNegativeInt = 24

    config: Config

    def check_outline(self, outline: Outline) -> None:
        """Check that there is the class ``towards``."""
        if self.config.towards is not None:
            class_index(self.config.towards, outline.class_names, "explain.towards")

    def _explain(self, images: Tensor, target: Tensor, inputs: ExplanationInputs) -> Explanation:
        oracle, n = inputs.need_oracle(), len(images)
        names = inputs.classifier.class_names
        goal = class_to_reach(self.config.towards, n, names, "explain.towards")
        units = oracle.space.encode(images)
        scope = choose(oracle, units, target, self.config)
        found = minimal_sets(oracle, units, goal, places=scope.places, largest=self.config.largest)
        effects = unit_effects(oracle, units, target, scope.places)
        details = {"minimal": found.changed, "size": found.size, "turned": found.turned}
        return Explanation(
            images=images.cpu(),
            target=target.cpu(),
            concepts=scope.names,
            importance=effects.importance,
            what_ifs=_what_ifs(oracle, units, scope, found, target, self.config.pictures),
            units=units,
            details={name: tensor.cpu() for name, tensor in details.items()},
            meta={**scope.summary(), "towards": self.config.towards},
        )


def _what_ifs(
    oracle: Oracle, units: Units, scope: Scope, found: MinimalSets, target: Tensor, most: int
) -> tuple[WhatIf, ...]:
    rows = pictured_rows(oracle, target, most)
    if not len(rows):
        return ()
    here = rows.to(units.values.device)
    some, changed, set_to = units[here], found.changed[here], found.set_to[here]
    answer = ask_sets(oracle, some, scope.places, changed[None], set_to[None], ("logits", "images"))
    logits, images = answer.answer("logits")[0].cpu(), answer.answer("images")[0].cpu()
    own = some.values[:, scope.places]
    what_ifs = as_perceived(oracle, some, rows)
    for index, row in enumerate(rows.tolist()):
        members = changed[index].nonzero()[:, 0].tolist()
        changes = tuple(
            change_of(scope.concepts[one], float(own[index, one]), float(set_to[index, one]))
            for one in members
        )
        if changes:
            what_ifs.append(WhatIf(row, changes, logits[index], images[index]))
    return tuple(what_ifs)
