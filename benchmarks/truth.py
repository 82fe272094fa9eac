"""Measure explanations by what drawing the same individuals anew shows: ``effect-error``.

    python benchmarks/truth.py [--quick] [--only SET,SET] [--out runs] [--to FILE] [--threads 1]

Every method explains a trained classifier of each data set that is drawn, and classifiers whose use
of the concepts is known by construction (*planted*). Each score is printed as a line of JSON; the
tables of all follow. ``renderer`` asks the renderer itself for the effect of each concept, which is
the truth; ``random`` and ``constant`` know nothing. What the store of ``--out`` has is reused.
``--quick`` takes smaller data sets, fewer steps and fewer images.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from causalxai import compare
from causalxai.comparison.rows import RowKind

_METRIC = "effect-error"
_FOUND = 0.5

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """A classifier of a data set that is drawn.

    Parameters
    ----------
    dataset, classifier
        As in a spec.
    quick, quick_classifier
        What ``--quick`` changes in the data set and in the classifier.
    planted
        Whether the classifier's use of the concepts is known by construction.
    """

    dataset: Spec
    classifier: Spec | str
    quick: Spec
    planted: bool = False
    quick_classifier: Spec = field(default_factory=dict)


_LENET = {"use": "lenet", "epochs": 3}
_DIGITS = {"use": "morpho", "base": "digits", "draws": 2, "limit": 3000, "references": 1500}
_FEW_DIGITS = {"draws": 1, "limit": 1200, "references": 600}
_FEW = {"count": 1500, "test_count": 300}
_FEW_LESSONS = {"pictures": 12_000, "least_r2": 0.95}
_FORMULAS: dict[str, Spec] = {
    "additive": {"effects": {"cube": 2.0, "large": -2.0, "blue": 1.0}},
    "interaction": {"interactions": [{"between": ["cube", "blue"], "effect": 2.0}]},
    "shortcut": {"effects": {"striped": 2.0}},
    "none": {},
}
"""What planted classifiers of ``shapes`` use, by the name of the formula."""

SUBJECTS: dict[str, Subject] = {
    "digits, TI": Subject({**_DIGITS, "scenario": "TI"}, _LENET, _FEW_DIGITS),
    "digits, TSWI": Subject({**_DIGITS, "scenario": "TSWI"}, _LENET, _FEW_DIGITS),
    "colored digits": Subject({"use": "colored-digits", "draws": 2}, _LENET, {"draws": 1}),
    "parts": Subject({"use": "parts"}, _LENET, _FEW),
    "shapes": Subject({"use": "shapes", "confounding": 0.95}, _LENET, _FEW),
    "faces": Subject({"use": "cartoon-faces", "task": "smiling"}, "celeba-cnn", _FEW),
    **{
        f"planted {formula}": Subject(
            {"use": "shapes", "confounding": 0.95},
            {"use": "planted", **uses},
            _FEW,
            planted=True,
            quick_classifier=_FEW_LESSONS,
        )
        for formula, uses in _FORMULAS.items()
    },
}

_RENDERED = {"concepts": "rendered", "oracle": "renderer"}
_PIXELS = (
    *("saliency", "integrated-gradients", "grad-cam", "deep-lift", "deep-shap"),
    *("occlusion", "lime"),
)


def methods(steps: int) -> dict[str, Spec]:
    """Return the methods by name, each as a label of a comparison's axis.

    None has a graph, which explanations do not need.

    Parameters
    ----------
    steps
        Training steps of the generators of GLANCE and of the flips.
    """
    glance = {"concepts": {"use": "glance", "steps": steps}, "oracle": "glance"}
    code = {"use": "dvae", "autoencoder": {"steps": 2 * steps}, "generator": {"steps": steps}}
    by_concepts = {
        "renderer": {**_RENDERED, "explain": "single-effects"},
        "GLANCE": {**glance, "explain": "glance"},
        "GLANCE, single effects": {**glance, "explain": "single-effects"},
        "TCAV": {"concepts": "tcav", "oracle": "tcav", "explain": "single-effects"},
        "CRAFT": {"concepts": "craft", "oracle": "craft", "explain": "craft"},
        "DVAE flip": {"concepts": code, "oracle": "dvae", "explain": "dvae"},
    }
    controls = {
        name: {**_RENDERED, "explain": name, "control": True} for name in ("random", "constant")
    }
    return {**by_concepts, **{name: {"method": name} for name in _PIXELS}, **controls}


@dataclass(frozen=True)
class Line:
    """One score, as it is printed."""

    subject: str
    planted: bool
    method: str
    score: float | None
    low: float | None
    high: float | None
    chance: float | None
    translated: bool | None
    parts: Mapping[str, float]
    reason: str
    seconds: float


def spec_of(name: str, subject: Subject, *, quick: bool) -> dict[str, Any]:
    """Return the spec that compares all methods on one classifier."""
    classifier = subject.classifier
    if quick and isinstance(classifier, Mapping):
        classifier = {**classifier, **subject.quick_classifier}
    return {
        "causalxai": 1,
        "name": "truth-" + "-".join(name.replace(",", "").lower().split()),
        "seed": 0,
        "dataset": {**subject.dataset, **(subject.quick if quick else {})},
        "classifier": classifier,
        "images": {"count": 12 if quick else 50, "only": "any"},
        "metrics": [_METRIC],
        "vary": {"method": methods(80 if quick else 600)},
    }


def measured(name: str, subject: Subject, options: argparse.Namespace) -> Iterator[Line]:
    """Compare all methods on one classifier."""
    spec = spec_of(name, subject, quick=options.quick)
    comparison = compare(spec, out=options.out, jobs=1, threads=options.threads)
    scores = comparison.scores
    for method, rows in scores[scores.metric == _METRIC].groupby("method", sort=False):
        yield _line(name, subject, str(method), rows)


def _line(name: str, subject: Subject, method: str, rows: pd.DataFrame) -> Line:
    score = rows[rows.kind == RowKind.SCORE].iloc[0]
    chance = rows[rows.kind == RowKind.CHANCE]
    parts = rows[rows.kind == RowKind.PART]
    return Line(
        subject=name,
        planted=subject.planted,
        method=method,
        score=_number(score.value),
        low=_number(score.low),
        high=_number(score.high),
        chance=None if chance.empty else _number(chance.iloc[0].value),
        translated=None if score.translated is None else bool(score.translated),
        parts={str(row["name"]): float(row["value"]) for row in parts.to_dict("records")},
        reason=str(score.reason),
        seconds=round(float(score.seconds), 1),
    )


def _number(value: float) -> float | None:
    return None if pd.isna(value) else round(float(value), 4)


def table(lines: Sequence[Line]) -> str:
    """Return the scores as a table in Markdown: methods by classifiers."""
    subjects = list(dict.fromkeys(line.subject for line in lines))
    cells = {(line.method, line.subject): _cell(line) for line in lines}
    head = ["method", *subjects]
    rows = [
        [method, *(cells.get((method, subject), "") for subject in subjects)]
        for method in dict.fromkeys(line.method for line in lines)
    ]
    chance = [
        next(
            (
                f"{line.chance:.2f}"
                for line in lines
                if line.subject == subject and line.chance is not None
            ),
            "",
        )
        for subject in subjects
    ]
    ruled = [head, ["---", *["--:"] * len(subjects)], *rows, ["chance", *chance]]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _cell(line: Line) -> str:
    if line.score is None:
        return "none"
    mark = "†" if line.translated else ""
    reach = "" if line.low is None else f" [{line.low:.2f}, {line.high:.2f}]"
    return f"{line.score:.3f}{mark}{reach}"


def verdicts(lines: Sequence[Line]) -> Iterator[str]:
    """Yield which methods find the concept that a planted classifier uses most."""
    for subject in dict.fromkeys(line.subject for line in lines if line.planted):
        of_subject = [line for line in lines if line.subject == subject]
        found = [line.method for line in of_subject if _finds(line)]
        missed = [line.method for line in of_subject if not _finds(line)]
        yield (
            f"{subject}: the concept with the largest true effect has the largest claimed one in "
            f"most images by {', '.join(found) or 'no method'}. "
            f"Missed by {', '.join(missed) or 'none'}."
        )


def _finds(line: Line) -> bool:
    return line.parts.get("strongest concept", 0.0) > _FOUND


def unscored(lines: Sequence[Line]) -> Iterator[str]:
    """Yield why scores are missing, each reason once."""
    reasons: dict[str, list[str]] = {}
    for line in lines:
        if line.score is None:
            reasons.setdefault(line.reason, []).append(f"{line.method} ({line.subject})")
    for reason, who in reasons.items():
        yield f"- {', '.join(who)}: {reason}"


def main() -> None:
    """Print the scores and their tables."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="smaller data sets, fewer images")
    parser.add_argument("--only", default="", help="names of subjects, separated by semicolons")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--to", type=Path, help="a file for the tables, in Markdown")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    only = [name.strip() for name in options.only.split(";") if name.strip()]
    lines = []
    for name, subject in SUBJECTS.items():
        if not only or name in only:
            for line in measured(name, subject, options):
                print(json.dumps(asdict(line)), flush=True)
                lines.append(line)
    parts = []
    for title, planted in (("Trained classifiers", False), ("Planted classifiers", True)):
        some = [line for line in lines if line.planted == planted]
        if some:
            parts += [f"### {title}", table(some), *verdicts(some)]
    missing = list(unscored(lines))
    if missing:
        parts.append("Without a score:\n\n" + "\n".join(missing))
    text = "\n\n".join(parts)
    print(text)
    if options.to is not None:
        options.to.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
