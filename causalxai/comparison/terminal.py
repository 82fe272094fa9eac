"""The table of a comparison's scores for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from causalxai.comparison.page.score_table import (
    OTHER_CONCEPTS,
    READ_OTHERWISE,
    TRANSLATED,
    Score,
    ScoreTable,
    score_table,
)
from causalxai.comparison.result import Comparison

_MEANING = {
    OTHER_CONCEPTS: "about other concepts than most, not comparable with them",
    READ_OTHERWISE: "pixels were read of it, and concepts of most others, or the reverse: not "
    "comparable with them",
    TRANSLATED: "translated: read through the oracle's pictures",
}


def terminal_table(comparison: Comparison) -> Group:
    """Return the pooled scores: a row for each label, a column for each metric, and a legend."""
    scores = score_table(comparison)
    columns = zip(scores.metrics, scores.alike, strict=True)
    heads = [f"{metric}\n{chance}".strip() for metric, chance in columns]
    table = Table(*scores.axes, *heads, "seconds", box=None)
    for line in scores.lines:
        table.add_row(*map(Text, [*line.labels, *map(_cell, line.scores), line.seconds]))
    return Group(table, Text("\n".join(_legend(scores))))


def _cell(score: Score) -> str:
    """Return a score with its marks and interval, and the lines beneath it."""
    star = " ★" if score.best else ""
    note = f" ({score.note})" if score.note else ""
    own = f"{score.value or 'none'}{star}{score.marks}{note} {score.interval}".strip()
    controls = [f"control: {text}" for text in score.controls]
    return "\n".join([own, *score.beneath, *controls, *score.warnings])


def _legend(scores: ScoreTable) -> Iterator[str]:
    yield (
        "★ the best of comparable means, if its interval is clear of chance and of every control; "
        "[95 % interval]; chance: an explanation that knows nothing"
    )
    for mark, meaning in _MEANING.items():
        if mark in scores.marks:
            yield f"{mark} {meaning}"
    for place, note in enumerate(scores.notes, start=1):
        yield f"({place}) {note}"
