"""Measure counterfactual pictures: what do() changes in them, and what it should leave alone.

    python benchmarks/counterfactuals.py [--quick] [--only NAME;NAME] [--by NAME;NAME]
        [--base mnist] [--path FOLDER] [--out runs] [--to docs/results.md] [--jobs 2]

On data sets that are drawn, a ruler measures pictures. Each generator sets one concept one unit up
and down while all others are held, and shows each image with nothing done. Each measurement is
printed as a line of JSON; the table of all follows. ``twin`` is GLANCE's; ``renderer`` draws the
truth, which shows what the ruler itself gets wrong. What the store of ``--out`` has is reused.
``--to`` writes the section of the page of results. ``--quick`` takes smaller data sets, fewer steps
and fewer images: with ``--base mnist``, less than ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import logging
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from _papers import PAPERS
from joblib import Parallel, delayed
from results import write
from threadpoolctl import threadpool_limits
from torch import Tensor

from causalxai import Intervention, Run, __version__, run

METRICS = ("effectiveness", "composition", "reversibility", "minimality")
SCENARIOS = ("TI", "TID", "IT", "TS", "TSWI")
FACES = "faces"
_SECTION = "counterfactuals"
_FEW_ATTRIBUTES = ("young", "beard", "lipstick", "open mouth", "male")

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Line:
    """What was measured of one generator on one data set.

    Parameters
    ----------
    subject, generator
        Their names.
    own
        The least and the largest mean change, in units, of a concept that was set one unit up or
        down; of a boolean one the share of images in which it turned. 1 where do() is obeyed.
    leakage
        The largest mean change of a concept that was held, up or down, in units; of a boolean one
        the share of images in which it turned.
    untouched
        The least correlation, over concepts, of the picture's concepts with the image's where
        nothing was done; of a boolean one the share that are the same.
    class_kept
        The share of pictures with a changed concept whose predicted class is that of the image.
    scores
        The metrics' scores.
    answered
        How many of the measured pictures the ruler could measure, as a share.
    seconds
        For the concepts, with the generator's training, when they were computed.
    """

    subject: str
    generator: str
    own: tuple[float, float]
    leakage: float
    untouched: float
    class_kept: float
    scores: Mapping[str, float | None]
    answered: float
    seconds: float


def subjects(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return data sets and classifiers by name, as in a spec."""
    digits: dict[str, Any] = {"use": "morpho", "base": options.base}
    if options.base == "mnist":
        size = (3000, 600, 1500) if options.quick else (8000, 1000, 4000)
        digits |= {"limit": size[0], "test_limit": size[1], "references": size[2]}
        digits |= {} if options.path is None else {"path": str(options.path)}
    else:
        size = (1, 1200, 600) if options.quick else (4, 6000, 3000)
        digits |= {"draws": size[0], "limit": size[1], "references": size[2]}
    faces = {"use": "cartoon-faces", "task": "smiling"}
    if options.quick:
        faces |= {"count": 1000, "test_count": 200, "concepts": list(_FEW_ATTRIBUTES)}
    lenet = {"use": "lenet", "epochs": 2 if options.quick else 3}
    found = {
        f"{options.base}, {scenario}": {
            "dataset": {**digits, "scenario": scenario},
            "classifier": lenet,
        }
        for scenario in SCENARIOS
    }
    return {**found, FACES: {"dataset": faces, "classifier": "celeba-cnn"}}


def generators(*, quick: bool) -> dict[str, Spec]:
    """Return concepts and oracles by the generator's name."""
    twin: dict[str, Any] = {"use": "glance", "steps": 200 if quick else 1000}
    if quick:
        twin["channels"] = 32
    return {
        "renderer": {"concepts": "rendered", "oracle": "renderer"},
        "twin": {"concepts": twin, "oracle": "glance"},
        "scm-vae": {
            "concepts": {"use": "scm-vae", "steps": 300 if quick else 1500},
            "oracle": "scm-vae",
        },
    }


def measured(
    name: str, subject: Spec, generator: str, parts: Spec, options: argparse.Namespace
) -> Line:
    """Measure one generator on one data set."""
    done = run(
        {
            "causalxai": 1,
            "name": "counterfactuals-" + "-".join(f"{name} {generator}".replace(",", "").split()),
            "seed": options.seed,
            **subject,
            **parts,
            "explain": "random",
            "images": {"count": images_of(options), "only": "any"},
            "metrics": list(METRICS),
        },
        out=options.out,
    )
    found = _Pictures(done)
    effects = [found.effect(place, up=up) for place in found.places for up in (True, False)]
    results = done.metrics
    return Line(
        subject=name,
        generator=generator,
        own=(
            round(min(effect.own for effect in effects), 3),
            round(max(effect.own for effect in effects), 3),
        ),
        leakage=round(max(effect.leakage for effect in effects), 3),
        untouched=round(found.untouched(), 3),
        class_kept=round(sum(effect.class_kept for effect in effects) / len(effects), 3),
        scores={metric: _score(results[metric]) for metric in METRICS},
        answered=round(min(effect.answered for effect in effects), 3),
        seconds=round(done.pipeline.costs["concepts"].seconds, 1),
    )


@dataclass(frozen=True)
class Effect:
    """What one intervention does, on average over images; see ``Line``."""

    own: float
    leakage: float
    class_kept: float
    answered: float


class _Pictures:
    """The pictures of a run's oracle, as the ruler of its data set measures them."""

    def __init__(self, done: Run) -> None:
        self._oracle, self._classifier = done.oracle, done.classifier
        renderer = done.dataset.renderer
        assert renderer is not None
        self._renderer, self._images = renderer, done.explanation.images
        self._individuals = renderer.recognise(self._images)
        self._units = done.space.encode(self._images.to(done.classifier.device))
        self._concepts = done.space.concepts
        ruled = [concept.name for concept in renderer.concepts]
        self._columns = {
            place: ruled.index(concept.name)
            for place, concept in enumerate(self._concepts)
            if concept.name in ruled
        }
        labels = done.dataset.test.concepts
        assert labels is not None
        spread = dict(zip(done.dataset.concept_names, labels.std(dim=0).tolist(), strict=True))
        self._unit = {
            place: 1.0 if concept.is_binary else spread[concept.name]
            for place, concept in enumerate(self._concepts)
            if place in self._columns
        }
        self._before, self._classes = self._shown(Intervention.none())

    @property
    def places(self) -> list[int]:
        """The concepts of the run that the ruler measures, by their places."""
        return list(self._columns)

    def effect(self, place: int, *, up: bool) -> Effect:
        """Set one concept one unit up or down, or to the opposite, and hold the others."""
        states = self._units.values.clone()
        binary = self._concepts[place].is_binary
        step = self._unit[place] if up else -self._unit[place]
        states[:, place] = 1 - states[:, place].round() if binary else states[:, place] + step
        after, classes = self._shown(
            Intervention.set(torch.arange(states.shape[1])[None], states[None])
        )
        usable = (after.isfinite() & self._before.isfinite()).all(dim=1)
        change = (after - self._before)[usable]
        turned = change[:, self._columns[place]].abs() if binary else change[
            :, self._columns[place]
        ] * (1 if up else -1)  # fmt: skip
        others = [
            float(self._moved(other, change[:, column]))
            for other, column in self._columns.items()
            if other != place
        ]
        return Effect(
            own=float(turned.mean()) / self._unit[place],
            leakage=max(others, default=0.0),
            class_kept=float((classes == self._own_classes()).float().mean()),
            answered=float(usable.float().mean()),
        )

    def untouched(self) -> float:
        """Return the least agreement of pictures with images where nothing was done."""
        image = self._renderer.measure(self._individuals, self._images[None])[0].double()
        usable = (image.isfinite() & self._before.isfinite()).all(dim=1)
        found = []
        for place, column in self._columns.items():
            pair = torch.stack([image[usable, column], self._before[usable, column]])
            same = float((pair[0] == pair[1]).double().mean())
            correlation = float(torch.corrcoef(pair)[0, 1])
            found.append(same if self._concepts[place].is_binary else correlation)
        return min(found)

    def _moved(self, place: int, change: Tensor) -> Tensor:
        if self._concepts[place].is_binary:
            return change.abs().mean()
        return change.mean().abs() / self._unit[place]

    def _own_classes(self) -> Tensor:
        return self._classifier.predict(self._images).cpu()

    def _shown(self, done: Intervention) -> tuple[Tensor, Tensor]:
        """Return the concepts ``[n, m]`` of pictures after an intervention, and their classes."""
        answer = self._oracle.query(self._units, done, want=("images", "logits"))
        measured = self._renderer.measure(self._individuals, answer.answer("images").cpu())
        return measured[0].double(), answer.answer("logits")[0].argmax(dim=1).cpu()


def _score(result: Any) -> float | None:
    estimate = result.estimate
    return None if estimate is None else round(float(estimate.value), 4)


def table(lines: Sequence[Line]) -> str:
    """Return all measurements as a table in Markdown."""
    head = (
        *("data set", "generator", "own effect", "leakage", "untouched", "class kept"),
        *METRICS,
        "seconds",
    )
    rows = [
        (
            line.subject,
            line.generator,
            f"{line.own[0]:.2f} to {line.own[1]:.2f}",
            *(f"{value:.2f}" for value in (line.leakage, line.untouched, line.class_kept)),
            *(_cell(line.scores[metric]) for metric in METRICS),
            f"{line.seconds:.0f}",
        )
        for line in lines
    ]
    ruled = [head, ("---", "---", *["--:"] * (len(head) - 2)), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _cell(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def section(lines: Sequence[Line], options: argparse.Namespace) -> str:
    """Return the section of the page of results, without what was left out by the options."""
    published = PAPERS[_SECTION]
    steps = {
        name: parts["concepts"]["steps"]
        for name, parts in generators(quick=options.quick).items()
        if name != "renderer"
    }
    told = " and ".join(f"{count} of {name}" for name, count in steps.items())
    asked = [*(["--quick"] if options.quick else []), f"--base {options.base}"]
    command = " ".join(["python benchmarks/counterfactuals.py", *asked])
    parts = [
        f"## {published.title}",
        f"`{command}` (causalxai {__version__}): {images_of(options)} explained images, training "
        f"steps: {told}, 1 seed.",
        textwrap.fill(published.remark, 100, break_on_hyphens=False),
        table(lines),
        textwrap.fill(published.lesson, 100, break_on_hyphens=False),
    ]
    return "\n\n".join(parts)


def images_of(options: argparse.Namespace) -> int:
    """Return how many images are measured."""
    return 40 if options.quick else 200


def lines_of(options: argparse.Namespace) -> Iterator[Line]:
    """Measure all generators that are asked for on all data sets that are asked for.

    Data sets are measured side by side, each with its own classifier. All generators of one explain
    the same classifier.
    """
    only = _listed(options.only)
    chosen = {
        name: subject
        for name, subject in subjects(options).items()
        if not only or only & {name, name.rpartition(", ")[2]}
    }
    with Parallel(n_jobs=options.jobs, return_as="generator") as parallel:
        jobs = (delayed(_lines_of_one)(name, subject, options) for name, subject in chosen.items())
        for lines in parallel(jobs):
            yield from lines


def _lines_of_one(name: str, subject: Spec, options: argparse.Namespace) -> list[Line]:
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    torch.set_num_threads(1)
    by = _listed(options.by)
    with threadpool_limits(1):
        return [
            measured(name, subject, generator, parts, options)
            for generator, parts in generators(quick=options.quick).items()
            if not by or generator in by
        ]


def _listed(text: str) -> set[str]:
    return {name.strip() for name in text.split(";") if name.strip()}


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    found = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    found.add_argument("--quick", action="store_true", help="smaller data sets, fewer steps")
    found.add_argument("--only", default="", help="data sets, separated by semicolons, as TI;faces")
    found.add_argument("--by", default="", help="generators, separated by semicolons")
    found.add_argument("--base", choices=("digits", "mnist"), default="digits")
    found.add_argument("--path", type=Path, help="the folder of MNIST's idx files")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--out", type=Path, default=Path("runs"))
    found.add_argument("--to", type=Path, help="the page for the section, as docs/results.md")
    found.add_argument("--jobs", type=int, default=2, help="data sets at a time, a thread each")
    return found


def main() -> None:
    """Print the measurements and their table."""
    options = parser().parse_args()
    lines = []
    for line in lines_of(options):
        print(json.dumps(asdict(line)), flush=True)
        lines.append(line)
    print(table(lines))
    if options.to is not None:
        write(options.to, {_SECTION: section(lines, options)})


if __name__ == "__main__":
    main()
