"""Approximate description lengths of a concept given many sets of parents, for pruning a search."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from causalxai_glance.scm.choices import Choice
from causalxai_glance.scm.design import RIDGE, Child, Design
from causalxai_glance.scm.search import USELESS

Values = NDArray[np.float64]


def gaussian_lengths(
    node: Child, left: Values, functions: NDArray[np.int64] | int, n: int
) -> Values:
    """Return description lengths under normal noise, ``[..., links]``.

    Parameters
    ----------
    node
        The child.
    left
        ``[..., links]``, the sums of squares that basis functions of the parents leave.
    functions
        The number of these functions.
    n
        The number of rows.
    """
    rest = np.log(np.maximum(left, node.floors))
    return np.asarray(0.5 * n * rest + 0.5 * np.log(n) * functions + node.gaussian_constants)


def joint_lengths(
    node: Child, design: Design, parents: tuple[int, ...]
) -> tuple[list[Choice], Values]:
    """Return all choices of a basis for each parent, and the lengths under normal noise.

    What one more parent explains beside the others is the same for each of its bases but for the
    part of a small system that is solved, so that the others' systems are solved once.

    Parameters
    ----------
    node
        The child.
    design
        Bases of all columns.
    parents
        One or more, in ascending order.

    Returns
    -------
    list of Choice
        In lexical order.
    numpy.ndarray
        ``[choices, links]``.
    """
    *others, last = parents
    gram, products = design.gram, node.products
    whole = slice(design.slices[last][0].start, design.slices[last][-1].stop)
    before = [*product(*(range(len(design.bases[parent])) for parent in others))]
    parts = []
    for choice in before:
        where = design.where(others, choice)
        own = np.concatenate([gram[where, whole], products[where]], axis=1)
        solved = design.solve(where, own) if len(where) else own
        left = np.concatenate([gram[whole, whole], products[whole]], axis=1)
        left = left - gram[where, whole].T @ solved
        size = whole.stop - whole.start
        known = products[where].T @ solved[:, size:]
        parts.append((left[:, :size], left[:, size:], known, np.array([len(where)])))
    inner, remaining, explained, sizes = (np.stack(own) for own in zip(*parts, strict=True))
    lengths = []
    for basis in design.slices[last]:
        at = slice(basis.start - whole.start, basis.stop - whole.start)
        size = basis.stop - basis.start
        solved = np.linalg.solve(inner[:, at, at] + RIDGE * np.eye(size), remaining[:, at])
        rest = node.squares - node.grid.squares(explained + remaining[:, at].mT @ solved)
        lengths.append(gaussian_lengths(node, rest, sizes + size, design.functions.shape[1]))
    choices = [(*choice, own) for choice in before for own in range(len(lengths))]
    return choices, np.stack(lengths, axis=1).reshape(len(choices), -1)


@dataclass(frozen=True)
class _State:
    """A set of parents with a basis for each, and what one more parent would make of it.

    ``length`` is the set's own length; ``lengths`` and ``choices``, ``[d]``, are the least length
    with one more parent and that parent's basis.
    """

    chosen: tuple[tuple[int, int], ...]
    length: float
    lengths: Values
    choices: NDArray[np.int64]


class Screen:
    """Lengths of one child under normal noise, its parents having been added one at a time.

    Each parent keeps the basis that was best when it was added; of the orders in which a set can be
    built up, the one that leads to the shortest description counts, so that the order of columns
    has no influence. One more parent is tried by the products of columns that all sets share.

    Parameters
    ----------
    child, node
        The column, alone and under every link.
    design
        Bases of all columns.
    price
        The nats that each parent costs besides its basis functions.
    """

    def __init__(self, child: int, node: Child, design: Design, price: float) -> None:
        self._child, self._node, self._design, self._price = child, node, design, price
        self._n, self._d = design.functions.shape[1], len(design.bases)
        self._states: dict[frozenset[int], _State] = {}
        # All bases of one size, whose systems of equations are solved together.
        sizes: dict[int, list[tuple[int, int]]] = {}
        for parent, bases in enumerate(design.bases):
            for choice, basis in enumerate(bases):
                sizes.setdefault(basis.size, []).append((parent, choice))
        self._groups = [
            (
                np.array([parent for parent, _ in places]),
                np.array([choice for _, choice in places]),
                np.stack([np.r_[design.slices[parent][choice]] for parent, choice in places]),
            )
            for places in sizes.values()
        ]

    def __call__(self, parents: frozenset[int]) -> float:
        """Return the approximate length given these parents, in nats."""
        return self._state(parents).length

    def ranked(self, parents: tuple[int, ...], chosen: Choice, link: int) -> list[int]:
        """Return the other columns, those first that shorten the description most as a parent.

        Columns that lengthen it by 5 nats or more are left out. The link is kept, and so are the
        bases of the parents, which takes a fraction of the time of trying all.

        Parameters
        ----------
        parents
            In ascending order.
        chosen
            The basis of each parent.
        link
            The child's link, by index.
        """
        node, gram = self._node, self._design.gram
        where = self._design.where(parents, chosen)
        products = node.products @ node.grid.sums[link]
        own = gram[np.ix_(where, where)] + RIDGE * np.eye(len(where))
        slopes = np.linalg.solve(own, gram[where])
        explained = products[where] @ np.linalg.solve(own, products[where])
        left = max(float(node.squares[link] - explained), float(node.floors[link]))
        remaining = products - products[where] @ slopes
        gains = np.full(self._d, -np.inf)
        for columns, _, rows in self._groups:
            # [groups, functions, where] @ [groups, where, functions]
            known = gram[rows][:, :, where] @ slopes[:, rows].transpose(1, 0, 2)
            inner = gram[rows[:, :, None], rows[:, None, :]] - known
            size = rows.shape[1]
            solved = np.linalg.solve(inner + RIDGE * np.eye(size), remaining[rows][..., None])
            explained = (solved[..., 0] * remaining[rows]).sum(axis=1)
            rest = np.maximum(left - explained, node.floors[link])
            gain = -0.5 * self._n * np.log(rest / left) - 0.5 * size * np.log(self._n)
            np.maximum.at(gains, columns, gain - self._price)
        gains[[self._child, *parents]] = -np.inf
        return [int(j) for j in (-gains).argsort(kind="stable") if gains[j] > -USELESS]

    def _state(self, parents: frozenset[int]) -> _State:
        if parents not in self._states:
            self._states[parents] = self._extended(self._built(parents))
        return self._states[parents]

    def _built(self, parents: frozenset[int]) -> tuple[tuple[int, int], ...]:
        """Return the parents with the bases of the best order of adding them."""
        if not parents:
            return ()
        before = {last: self._state(parents - {last}) for last in sorted(parents)}
        last = min(before, key=lambda parent: before[parent].lengths[parent])
        added = last, int(before[last].choices[last])
        return tuple(sorted((*before[last].chosen, added)))

    def _extended(self, chosen: tuple[tuple[int, int], ...]) -> _State:
        """Try one more parent of each column and each basis."""
        node, design = self._node, self._design
        parents = [parent for parent, _ in chosen]
        where = design.where(parents, [choice for _, choice in chosen])
        gram = design.gram[np.ix_(where, where)] + RIDGE * np.eye(len(where))
        both = np.concatenate([design.gram[where], node.products[where]], axis=1)
        half = solve_triangular(np.linalg.cholesky(gram), both, lower=True, check_finite=False)
        others, own = half[:, : len(design.gram)], half[:, len(design.gram) :]
        left = node.squares - node.grid.squares(own.T @ own)
        remaining = node.products - others.T @ own
        constant = self._price * len(chosen)
        length = float(gaussian_lengths(node, left, len(where), self._n).min()) + constant
        lengths = np.full(self._d, np.inf)
        choices = np.zeros(self._d, dtype=np.int64)
        for columns, number, rows in self._groups:
            tried = others[:, rows].transpose(1, 0, 2)
            inner = design.gram[rows[:, :, None], rows[:, None, :]] - tried.mT @ tried
            products = remaining[rows]
            size = rows.shape[1]
            solved = np.linalg.solve(inner + RIDGE * np.eye(size), products)
            explained = node.grid.squares(products.mT @ solved)
            found = gaussian_lengths(node, left - explained, len(where) + size, self._n)
            least = found.min(axis=-1) + constant + self._price
            better = least < lengths[columns]
            lengths[columns[better]] = least[better]
            choices[columns[better]] = number[better]
        return _State(chosen, length, lengths, choices)
