"""The first sentences of a comparison: what was compared and found, and what not to believe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from causalxai.comparison.formatting import listed
from causalxai.comparison.page.score_table import OTHER_CONCEPTS, READ_OTHERWISE, ScoreTable
from causalxai.comparison.result import REPLICATES, Comparison


def findings(comparison: Comparison, scores: ScoreTable, lead: str) -> tuple[str, ...]:
    """Return up to five sentences, built from the results.

    Parameters
    ----------
    comparison
        A finished comparison.
    scores
        The scores that several rows have.
    lead
        One sentence on what explains what; may be empty.
    """
    failed = len(comparison.failures())
    if failed == len(comparison.entries):
        return (f"All {failed} runs failed; the list of runs below says why.",)
    said = [lead, *_best(scores), _how_sure(comparison) if scores.metrics else ""]
    doubts = [*_incomparable(scores)]
    if failed:
        doubts.insert(0, f"{failed} of {len(comparison.entries)} runs failed and are left out.")
    return tuple(sentence for sentence in [*said, *doubts] if sentence)[:5]


def _best(scores: ScoreTable) -> Iterator[str]:
    """Say which methods have stars, and by which metrics there is none."""
    by_method: dict[str, list[str]] = defaultdict(list)
    nobody = []
    for place, column in enumerate(scores.columns):
        winners = [line for line in scores.lines if line.scores[place].best]
        for line in winners:
            by_method[", ".join(line.labels)].append(column.name)
        if column.is_directed and not winners:
            nobody.append(column.name)
    if by_method:
        each = [f"{method} by {listed(names)}" for method, names in by_method.items()]
        yield (
            "Best among comparable methods, and clear of chance and of every control: "
            f"{'; '.join(each)}."
        )
    if nobody:
        yield (
            f"By {listed(nobody)}, do not call any method the best: none stands out among "
            "comparable ones and is clear of chance and of every control."
        )


def _how_sure(comparison: Comparison) -> str:
    """Say what the intervals are about."""
    seeds: Sequence[object] = next(
        (axis.labels for axis in comparison.axes if axis.name == REPLICATES), ()
    )
    if len(seeds) > 1:
        return f"How sure: the intervals are about the choice of the seed, over {len(seeds)} seeds."
    return (
        "How sure: each score is from a single run, so the intervals are about the choice of the "
        "images, and say nothing of other seeds."
    )


def _incomparable(scores: ScoreTable) -> Iterator[str]:
    """Say which rows have scores that cannot be compared with the rest of their column."""
    marked = [
        ", ".join(line.labels)
        for line in scores.lines
        if any({OTHER_CONCEPTS, READ_OTHERWISE} & set(score.marks) for score in line.scores)
    ]
    if marked:
        yield (
            f"Do not compare scores with {OTHER_CONCEPTS} or {READ_OTHERWISE} with the rest of "
            f"their column: they answer another question ({listed(marked)})."
        )
