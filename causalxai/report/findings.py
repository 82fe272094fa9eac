"""The first sentences of a report: what was explained and found, how sure, what not to believe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from causalxai.explainer import Explanation
from causalxai.graph import CausalGraph
from causalxai.metric import MetricResult
from causalxai.report.rivals import unbeaten
from causalxai.report.section import Section

if TYPE_CHECKING:
    from causalxai.config import ResolvedSpec

_MOST_FOUND = 2
_MOST_SENTENCES = 5


def findings(
    spec: ResolvedSpec,
    *,
    accuracy: str,
    explanation: Explanation | None,
    graph: CausalGraph | None,
    metrics: Sequence[MetricResult],
    sections: Sequence[Section],
) -> tuple[str, ...]:
    """Return three to five sentences, built from the results.

    The first says what was explained. Then come what the sections found, how sure the scores are,
    and what is not to be believed; there is always a sentence on the last two. Where a section has
    measured how far the run can be trusted, this is the second sentence.

    Parameters
    ----------
    spec
        The resolved spec of the run.
    accuracy
        The classifier's accuracy, in words.
    explanation, graph
        The results; ``None`` for a stage that the run does not have. What they show is said in
        general words where no section says it.
    metrics, sections
        The scores, and the sections of the report.
    """
    trust = next((section.trust for section in sections if section.trust), "")
    sure, unsure = _sure(metrics)
    # Without scores, how sure the run is stands in what was measured alone.
    certain = [sure] if not trust or any(map(_is_scored, metrics)) else []
    doubts = [section.doubt for section in sections if section.doubt]
    doubts = list(dict.fromkeys(doubts + ([unsure] if unsure else [])))
    if not doubts:
        doubts = [_GENERAL_DOUBT]
    found = [section.finding for section in sections if section.finding]
    found = (found or list(_in_general(explanation, graph)))[:_MOST_FOUND]
    room = _MOST_SENTENCES - 1 - len(certain) - bool(trust)
    doubts = doubts[: max(1, room - min(1, len(found)))]
    found = found[: room - len(doubts)]
    first = (_explained(spec, accuracy, explanation), *([trust] if trust else []))
    return (*first, *found, *certain, *doubts)


_GENERAL_DOUBT = (
    "The intervals are about the choice of the images: of other seeds, data or networks they say "
    "nothing."
)


def _explained(spec: ResolvedSpec, accuracy: str, explanation: Explanation | None) -> str:
    """Say what was explained, by what actually ran."""
    network = f"the classifier {spec.classifier.provenance.name}"
    data = f"{spec.dataset.provenance.name} ({accuracy})"
    if spec.explain is not None and explanation is not None:
        images = "1 image" if len(explanation) == 1 else f"{len(explanation)} images"
        who = spec.explain.provenance.name
        return f"The method {who} explains what {network} predicts for {images} of {data}."
    if spec.graph is not None:
        who = spec.graph.provenance.name
        return f"The method {who} searches the causal graph of {network} on {data}."
    return f"This report is about {network} on {data}."


def _in_general(explanation: Explanation | None, graph: CausalGraph | None) -> Iterator[str]:
    """Say which concept matters most, and which edge is the strongest."""
    if explanation is not None and explanation.importance is not None and explanation.concepts:
        size = explanation.importance.abs().double().mean(dim=0)
        most = explanation.concepts[int(size.argmax())]
        yield (
            f"Of {len(explanation.concepts)} concepts, {most} has the largest importance, "
            f"{float(size.max()):.2f} on average over the images, whatever its sign."
        )
    if graph is not None:
        weighed = [edge for edge in graph.edges if edge.weight is not None and not edge.doubt]
        strongest = max(weighed, key=lambda edge: abs(edge.weight or 0.0), default=None)
        edges = "1 edge" if len(graph.edges) == 1 else f"{len(graph.edges)} edges"
        which = "" if strongest is None else f"; the strongest is {strongest}"
        yield f"The causal graph has {len(graph.nodes)} nodes and {edges}{which}."


def _sure(metrics: Sequence[MetricResult]) -> tuple[str, str]:
    """Say which scores are clear of chance and of their controls, and which are not."""
    scored = [one for one in metrics if _is_scored(one)]
    if not scored:
        return "No score was computed, so nothing here says how far to trust the explanation.", ""
    compared = [one for one in scored if one.chance is not None or one.controls]
    clear = [one.metric for one in compared if not unbeaten(one)]
    if not compared:
        sure = "No score has a chance level or a control to be compared with."
    elif not clear:
        sure = "None of the scores is clear of chance and of its controls."
    else:
        which = "" if len(clear) == len(compared) else f"{len(clear)} of "
        sure = (
            f"How sure: {which}{_scores(len(compared))} {'is' if len(clear) == 1 else 'are'} "
            "better than chance and than every control by more than the 95 % intervals: "
            f"{_listed(clear)}."
        )
    return sure, _unsure(compared)


def _is_scored(one: MetricResult) -> bool:
    return one.estimate is not None and one.higher_is_better is not None


def _unsure(compared: Sequence[MetricResult]) -> str:
    """Say which scores are not clear of chance, and which are only not clear of a control."""
    by_chance = [one.metric for one in compared if "chance" in unbeaten(one)]
    by_control = [one.metric for one in compared if unbeaten(one) and one.metric not in by_chance]
    clauses = []
    if by_chance:
        clauses.append(f"{_listed(by_chance)}, which {_be(by_chance)} not clear of chance")
    if by_control:
        clauses.append(f"{_listed(by_control)}, which {_be(by_control)} not clear of a control")
    return f"Do not rely on {', nor on '.join(clauses)}." if clauses else ""


def _be(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _scores(count: int) -> str:
    return "1 score" if count == 1 else f"{count} scores"


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
