"""Measure explanations by what drawing the same individuals anew shows: ``effect-error``.

    python benchmarks/truth.py [--quick] [--only "SUBJECT; SUBJECT"] [--jobs 2] [--threads 1]
                               [--out runs] [--to FILE]

Every method explains a trained classifier of each data set that is drawn, and classifiers whose use
of the concepts is known by construction (*planted*). Each score is printed as a line of JSON; the
tables of all follow. ``renderer`` asks the renderer itself for the effect of each concept, which is
the truth; ``random`` and ``constant`` know nothing. What the store of ``--out`` has is reused.
``--quick`` takes smaller data sets, fewer steps and fewer images.

Only what the scores depend on is computed, and no reports of the runs. The methods that share their
concepts are one job. The jobs that train the classifiers come first, then those that train twins,
and the short ones last.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from causalxai.config import ResolvedSpec, Stage, load_grid
from causalxai.errors import CausalxaiError
from causalxai.metric import MetricResult
from causalxai.pipeline.execution import exact_convolutions, open_pipeline

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
    shortcut
        The one concept that a planted classifier uses; empty where it uses others or none.
    only
        The methods; by default all.
    """

    dataset: Spec
    classifier: Spec | str
    quick: Spec
    planted: bool = False
    quick_classifier: Spec = field(default_factory=dict)
    shortcut: str = ""
    only: Sequence[str] = ()


_LENET = {"use": "lenet", "epochs": 3}
_DIGITS = {"use": "morpho", "base": "digits", "draws": 2, "limit": 3000, "references": 1500}
_FEW_DIGITS = {"draws": 1, "limit": 1200, "references": 600}
_FEW = {"count": 1500, "test_count": 300}
_SHAPES = {"use": "shapes", "confounding": 0.95}
_FEW_LESSONS = {"pictures": 12_000, "epochs": 3}
_SHORTCUT = "striped"
_FORMULAS: dict[str, Spec] = {
    "additive": {"effects": {"large": 2.0, "blue": -2.0, _SHORTCUT: 1.0}},
    "interaction": {"interactions": [{"between": ["large", "blue"], "effect": 2.0}]},
    "shortcut": {"effects": {_SHORTCUT: 2.0}},
}
"""What planted classifiers of ``shapes`` use, by the name of the formula.

None uses ``cube``, which the reader of the quick run reads with an R² of .78 only."""

SUBJECTS: dict[str, Subject] = {
    "digits, TI": Subject({**_DIGITS, "scenario": "TI"}, _LENET, _FEW_DIGITS),
    "digits, TSWI": Subject({**_DIGITS, "scenario": "TSWI"}, _LENET, _FEW_DIGITS),
    "colored digits": Subject({"use": "colored-digits", "draws": 2}, _LENET, {"draws": 1}),
    "parts": Subject({"use": "parts"}, _LENET, _FEW),
    "shapes": Subject(_SHAPES, _LENET, _FEW),
    "faces": Subject({"use": "cartoon-faces", "task": "smiling"}, "celeba-cnn", _FEW),
    **{
        f"planted {formula}": Subject(
            _SHAPES,
            {"use": "planted", **uses},
            _FEW,
            planted=True,
            quick_classifier=_FEW_LESSONS,
            shortcut=_SHORTCUT if formula == "shortcut" else "",
        )
        for formula, uses in _FORMULAS.items()
    },
    # No method can be compared with effects that are not there, and what no formula uses need not
    # be read well.
    "planted none": Subject(
        _SHAPES,
        {"use": "planted", "epochs": 1, "pictures": 1000},
        _FEW,
        planted=True,
        only=("renderer", "random", "constant"),
    ),
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
    compared = methods(80 if quick else 600)
    # The formula is that of the second class's logit; the other one is constant.
    target = {"target": 1} if subject.planted else {}
    return {
        "causalxai": 1,
        "name": "truth-" + "-".join(name.replace(",", "").lower().split()),
        "seed": 0,
        "dataset": {**subject.dataset, **(subject.quick if quick else {})},
        "classifier": classifier,
        "images": {"count": 12 if quick else 50, "only": "any", **target},
        "metrics": [_METRIC],
        "vary": {"method": {method: compared[method] for method in subject.only or compared}},
    }


@dataclass(frozen=True)
class Job:
    """Methods on one classifier that share their concepts, so that these are trained once.

    Parameters
    ----------
    subject, planted
        The name of the classifier, and whether it is planted.
    specs
        A spec for each method.
    """

    subject: str
    planted: bool
    specs: Mapping[str, ResolvedSpec]


@dataclass(frozen=True)
class Done:
    """The scores of a job, and the seconds that it had a processor."""

    lines: Sequence[Line]
    cpu: float


def jobs_of(subjects: Mapping[str, Subject], *, quick: bool) -> list[Job]:
    """Return the jobs, those first that others wait for, then the longer ones.

    The first group of concepts, which nothing is trained for, comes first with every classifier. A
    later job then finds its classifier in the store. The groups that follow are in the order of
    ``methods``, of which GLANCE, the first, takes the longest.
    """
    groups: dict[str, list[Job]] = {}
    for name, subject in subjects.items():
        found: dict[str, dict[str, ResolvedSpec]] = {}
        for cell in load_grid(spec_of(name, subject, quick=quick)).cells:
            concepts = cell.spec.concepts
            group = "" if concepts is None else concepts.provenance.name
            found.setdefault(group, {})[str(cell.labels["method"])] = cell.spec
        for group, specs in found.items():
            groups.setdefault(group, []).append(Job(name, subject.planted, specs))
    return [job for group in groups.values() for job in group]


def done(job: Job, out: Path, threads: int) -> Done:
    """Return the scores of a job's methods."""
    begun = time.process_time()
    with threadpool_limits(threads), exact_convolutions():
        lines = [_measured(job, method, spec, out) for method, spec in job.specs.items()]
    return Done(lines, time.process_time() - begun)


def _measured(job: Job, method: str, spec: ResolvedSpec, out: Path) -> Line:
    seconds = 0.0
    try:
        pipeline = open_pipeline(spec, out)
        result = pipeline.score(_METRIC)
        costs = pipeline.costs
        explaining = [costs[stage] for stage in (Stage.CONCEPTS, Stage.EXPLAIN) if stage in costs]
        seconds = sum(cost.seconds for cost in explaining)
    except CausalxaiError as error:
        result = MetricResult(_METRIC, status="failed", reason=str(error))
    score = result.estimate
    return Line(
        subject=job.subject,
        planted=job.planted,
        method=method,
        score=_number(score and score.value),
        low=_number(score and score.low),
        high=_number(score and score.high),
        chance=_number(result.chance and result.chance.value),
        translated=result.translated,
        parts={name: part.value for name, part in result.parts.items()},
        reason=result.reason,
        seconds=round(seconds, 1),
    )


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def table(lines: Sequence[Line]) -> str:
    """Return the scores as a table in Markdown: methods by classifiers with any score."""
    subjects = list(dict.fromkeys(line.subject for line in lines if line.score is not None))
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


def verdict(shortcut: str, lines: Sequence[Line]) -> str:
    """Say which methods find the only concept that a planted classifier uses."""
    shares = {line.method: line.parts.get("strongest concept", 0.0) for line in lines}
    found = [f"{method} ({share:.2f})" for method, share in shares.items() if share > _FOUND]
    missed = [f"{method} ({share:.2f})" for method, share in shares.items() if share <= _FOUND]
    return (
        f"The classifier uses `{shortcut}` alone. In most images this concept has the largest "
        f"claimed effect by {', '.join(found) or 'no method'}. "
        f"It is missed by {', '.join(missed) or 'none'}."
    )


def unscored(lines: Sequence[Line]) -> Iterator[str]:
    """Yield why scores are missing, each reason once."""
    reasons: dict[str, list[str]] = {}
    for line in lines:
        if line.score is None:
            reasons.setdefault(line.reason, []).append(f"{line.method} ({line.subject})")
    for reason, who in reasons.items():
        yield f"- {', '.join(who)}: {reason}"


def tables(lines: Sequence[Line]) -> str:
    """Return all tables, what they say of shortcuts, and why scores are missing, in Markdown."""
    parts = []
    for title, planted in (("Trained classifiers", False), ("Planted classifiers", True)):
        if some := [line for line in lines if line.planted == planted]:
            parts += [f"### {title}", table(some)]
    for name, subject in SUBJECTS.items():
        own = [line for line in lines if line.subject == name]
        if subject.shortcut and own:
            parts.append(verdict(subject.shortcut, own))
    if missing := list(unscored(lines)):
        parts.append("Without a score:\n\n" + "\n".join(missing))
    return "\n\n".join(parts)


def in_order(lines: Sequence[Line]) -> list[Line]:
    """Return lines in the order of the subjects and of the methods."""
    subjects, known = list(SUBJECTS), list(methods(1))
    return sorted(lines, key=lambda line: (subjects.index(line.subject), known.index(line.method)))


def chosen(names: str) -> dict[str, Subject]:
    """Return the subjects of names that are separated by semicolons; all without a name.

    Raises
    ------
    SystemExit
        If there is no such subject.
    """
    asked = [name.strip() for name in names.split(";") if name.strip()]
    if unknown := [name for name in asked if name not in SUBJECTS]:
        raise SystemExit(
            f"--only: no subject {', '.join(unknown)}; there are {'; '.join(SUBJECTS)}"
        )
    return {name: subject for name, subject in SUBJECTS.items() if not asked or name in asked}


def main() -> None:
    """Print the scores and their tables."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="smaller data sets, fewer images")
    parser.add_argument("--only", default="", help="names of subjects, separated by semicolons")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--to", type=Path, help="a file for the tables, in Markdown")
    options = parser.parse_args()
    begun = time.monotonic()
    jobs = jobs_of(chosen(options.only), quick=options.quick)
    lines, cpu = [], 0.0
    run = Parallel(n_jobs=options.jobs, return_as="generator_unordered", batch_size=1)
    for each in run(delayed(done)(job, options.out, options.threads) for job in jobs):
        cpu += each.cpu
        for line in each.lines:
            print(json.dumps(asdict(line)), flush=True)
            lines.append(line)
    minutes = (time.monotonic() - begun) / 60
    took = f"{minutes:.1f} minutes with --jobs {options.jobs}, {cpu:.0f} s of processor time"
    text = f"{tables(in_order(lines))}\n\nThis took {took}."
    print(text)
    if options.to is not None:
        options.to.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
