"""Which method finds the causal graph between concepts? One JSON line a cell, then a table.

    python benchmarks/graph_discovery.py [--scenarios TI,TID,IT,TS,TSWI,random,controls]
        [--methods ges,boss,pc,direct-lingam,resit,random-order,mdl,mdl-links,mdl-order,...]
        [--on labels,perceived,oracle] [--n 1000] [--seeds 0] [--subsets 5] [--repeats 2]
        [--models 20] [--labels set] [--jobs 1] [--limit 60] [--limit-of mdl-links=120]
        [--base mnist] [--path FOLDER]
        [--steps N] [--losses do-cycle] [--references 10000] [--store runs/.store] [--quick]

``--on`` says what the methods look at, and a method is asked wherever it can look; all of it takes
hours, for classifiers and twins are trained, the labels alone take minutes.

- ``labels``: the context labels themselves, which say nothing of what a classifier perceives.
  ``--labels measured`` takes what rendered digits measure instead of what the equations set.
- ``perceived``: what a read-out of a classifier, learned on reference images, says of the
  scenario's images. A classifier and a read-out are trained for each seed; half an hour for all.
- ``oracle``: a twin's answers, and the labels that its SCM layer is fitted to. A twin is trained
  for each seed, which takes minutes; ``seconds`` are those of the decision. What the labels of a
  subset hold is confirmed if the oracle shows the pair's edge either way: its SCM layer was fitted
  to all labels, and would confirm an edge the other way as well (see the turned scenarios).

``--quick`` sets all but ``--methods`` for a trial: two models of few columns, on their labels.
``_scenarios`` says what the scenarios are. All methods see the same subsets: rows drawn with
replacement, columns shuffled anew for each subset and repeat, because the literal order of columns
is the causal one. The random models and the independent columns of labels are drawn ``--models``
times instead, each with one repeat. How long methods take with many columns, and how right they
are, is shown by ``--scenarios growth --on labels``.

``index``
    Over all runs: (|C| + correct - additional) / (|C| + true edges), where the |C| edges from the
    concepts to the image come free to every method, a true edge without direction counts 0, and a
    reversed one is additional. ``index_sd``: between the means of subsets.
``index_oriented``
    The same where directions that a method calls undetermined are left open, as its graph and
    report tell them; null for methods that never do so, or that leave them open in ``index``.
``shd``
    Pairs that differ from the truth; a reversal counts 1, as does a missing direction.
``told``, ``told_wrong``
    How many directions of true edges are told for certain, as in ``index_oriented``, and the share
    of these that are reversed; null where a method tells none.
``false_edges``
    The share of the pairs without an edge that are joined; null where every pair has one.
``consistency``, ``stability``
    The share of pairs on which two repeats on one subset agree, and two subsets; null where every
    subset has a model of its own, and for twins: repeats on one of them mean nothing.
``seconds``
    The median of one call, as time for which the process computed; with ``OMP_NUM_THREADS=1`` these
    are the seconds on a quiet machine. A cell is skipped if a call takes longer than ``--limit``,
    or ``--limit-of`` for some methods, and so are the scenarios ``growth`` with more columns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from _discovery_methods import ABLE, METHODS
from _limits import limited, slow_before
from _scenarios import GROUPS, NAMES, OF_THEIR_OWN, Drawn, draw_labels, draw_world, expand, shows
from _scores import Found, agreement, false_edge_rate, index, shd, told_directions
from _worlds import Settings
from joblib import Parallel, delayed
from rich.console import Console
from rich.table import Table

from causalxai.errors import CapabilityError, DataError
from causalxai.seeding import derive_seed


def draw(cell: Cell, seed: int, subset: int, arguments: argparse.Namespace) -> Drawn:
    """Return a subset of what a cell's method looks at."""
    if cell.on == "labels":
        return draw_labels(cell.scenario, cell.n, seed, subset, arguments.labels)
    return draw_world(cell.scenario, cell.on, cell.n, seed, subset, arguments.worlds)


@dataclass(frozen=True)
class Cell:
    """One line of the results."""

    scenario: str
    method: str
    on: str
    n: int


@dataclass(frozen=True)
class Run:
    """One call of a method."""

    seed: int
    subset: int
    repeat: int
    found: Found
    index: float
    index_oriented: float | None
    shd: int
    told: tuple[int, int]
    false_edges: float | None
    columns: int
    seconds: float


def main() -> None:
    arguments = _arguments()
    lines: list[dict[str, object]] = []
    with Parallel(n_jobs=arguments.jobs) as parallel:
        for n in arguments.n:
            for scenario in expand(arguments.scenarios):
                for on in arguments.on:
                    for method in arguments.methods:
                        if method not in ABLE[on] or not shows(scenario, on):
                            continue
                        cell = Cell(scenario, method, on, n)
                        line = slow_before(asdict(cell), lines) or measure(
                            cell, arguments, parallel
                        )
                        print(json.dumps(line), flush=True)
                        lines.append(line)
    if not lines:
        sys.exit("nothing to measure: none of these methods can look at these scenarios there")
    for n in arguments.n:
        for on in arguments.on:
            table = [line for line in lines if (line["n"], line["on"]) == (n, on)]
            if table:
                show(table)


def measure(cell: Cell, arguments: argparse.Namespace, parallel: Parallel) -> dict[str, object]:
    """Run one method on all subsets of one scenario."""
    own = cell.scenario in OF_THEIR_OWN and cell.on == "labels"
    subsets, repeats = (arguments.models, 1) if own else (arguments.subsets, arguments.repeats)
    calls = [
        delayed(run)(cell, seed, subset, repeat, arguments)
        for seed in arguments.seeds
        for subset in range(subsets)
        for repeat in range(repeats)
    ]
    told = {"scenario": cell.scenario, "method": cell.method, "on": cell.on, "n": cell.n}
    if cell.on == "labels":
        told["labels"] = arguments.labels
    if cell.on == "oracle":
        told["losses"] = arguments.losses
    try:
        # Repeats on one twin agree whatever it has learned.
        return {**told, **summary(list(parallel(calls)), own or cell.on == "oracle")}
    except TimeoutError as error:
        return {**told, "skipped": str(error), "too_slow": True}
    except (CapabilityError, DataError) as error:
        return {**told, "skipped": str(error)}


def run(cell: Cell, seed: int, subset: int, repeat: int, arguments: argparse.Namespace) -> Run:
    """Show a method one subset with its columns shuffled."""
    drawn = draw(cell, seed, subset, arguments)
    d = drawn.values.shape[1]
    use = (cell.scenario, str(cell.n), str(subset), str(repeat))
    columns = np.random.default_rng(derive_seed(seed, "columns", *use)).permutation(d)
    rng = np.random.default_rng(derive_seed(seed, "method", *use))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        with limited(arguments.limit_of.get(cell.method, arguments.limit)):
            found = METHODS[cell.method](drawn.shuffled(columns), rng).placed(columns)
        seconds = time.process_time() - start
    truth = drawn.edges
    return Run(
        seed=seed,
        subset=subset,
        repeat=repeat,
        found=found,
        index=index(found, truth, d),
        index_oriented=None if found.guessed is None else index(found.as_oriented(), truth, d),
        shd=shd(found, truth),
        told=told_directions(found, truth),
        false_edges=false_edge_rate(found, truth, d) if 2 * len(truth) < d * (d - 1) else None,
        columns=d,
        seconds=seconds,
    )


def summary(runs: Sequence[Run], own: bool) -> dict[str, object]:
    by_subset: dict[tuple[int, int], list[Run]] = {}
    for one in runs:
        by_subset.setdefault((one.seed, one.subset), []).append(one)
    means = [statistics.fmean(one.index for one in group) for group in by_subset.values()]
    rates = [one.false_edges for one in runs if one.false_edges is not None]
    as_oriented = [one.index_oriented for one in runs if one.index_oriented is not None]
    told, wrong = (sum(counts) for counts in zip(*(one.told for one in runs), strict=True))
    d = runs[0].columns
    graphs = [[one.found for one in group] for group in by_subset.values()]
    consistency = statistics.fmean(agreement(repeats, d) for repeats in graphs)
    stability = agreement([repeats[0] for repeats in graphs], d)
    return {
        "index": round(statistics.fmean(means), 3),
        "index_sd": round(statistics.stdev(means), 3) if len(means) > 1 else None,
        "index_oriented": round(statistics.fmean(as_oriented), 3) if as_oriented else None,
        "shd": round(statistics.fmean(one.shd for one in runs), 2),
        "told": told,
        "told_wrong": round(wrong / told, 3) if told else None,
        "false_edges": round(statistics.fmean(rates), 3) if rates else None,
        "consistency": None if own else round(consistency, 3),
        "stability": None if own else round(stability, 3),
        "seconds": round(statistics.median(one.seconds for one in runs), 4),
    }


def show(lines: Sequence[dict[str, object]]) -> None:
    """Print index and, where nothing is true, the share of false edges: scenario × method."""
    methods = list(dict.fromkeys(str(line["method"]) for line in lines))
    title = (
        f"correctness index on {lines[0]['on']}, n = {lines[0]['n']} "
        "(after a semicolon: with undetermined directions left open; sd between subsets)"
    )
    table = Table(title=title)
    for column in ("scenario", *methods):
        table.add_column(column, no_wrap=True)
    for scenario in dict.fromkeys(str(line["scenario"]) for line in lines):
        cells = {str(x["method"]): x for x in lines if x["scenario"] == scenario}
        table.add_row(scenario, *(_shown(cells[name]) for name in methods))
    seconds = [
        statistics.fmean(float(str(x["seconds"])) for x in lines if x["method"] == m)
        if all("seconds" in x for x in lines if x["method"] == m)
        else None
        for m in methods
    ]
    table.add_section()
    table.add_row("seconds", *("-" if s is None else f"{s:.3g}" for s in seconds))
    Console(file=sys.stdout, width=48 + 21 * len(methods)).print(table)


def _shown(line: dict[str, object]) -> str:
    if "skipped" in line:
        return "skipped"
    spread, as_oriented = line["index_sd"], line["index_oriented"]
    shown = f"{line['index']:.3f}"
    shown += "" if as_oriented in (None, line["index"]) else f"; {as_oriented:.3f}"
    return shown + (f" ({spread:.2f})" if spread is not None else "")


def _limit_of(text: str) -> tuple[str, float]:
    method, _, seconds = text.partition("=")
    if method not in METHODS:
        raise argparse.ArgumentTypeError(f"{method!r} is none of {', '.join(METHODS)}")
    return method, float(seconds)


def _names_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what reads names between commas, all of which have to be known."""

    def parse(text: str) -> list[str]:
        for name in text.split(","):
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(known)}")
        return text.split(",")

    return parse


def _arguments() -> argparse.Namespace:
    every = "TI,TID,IT,TS,TSWI,random,controls"
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--scenarios", type=_names_of([*NAMES, *GROUPS]), default=every.split(","))
    add(
        "--methods",
        type=_names_of(list(METHODS)),
        default=[m for m in METHODS if m != "mdl-even-noise"],
    )
    add("--on", type=_names_of(list(ABLE)), default=list(ABLE))
    add("--labels", choices=("set", "measured"), default="set")
    add("--n", type=int, nargs="+", default=[1000])
    add("--seeds", type=int, nargs="+", default=[0])
    add("--subsets", type=int, default=5)
    add("--repeats", type=int, default=2)
    add("--models", type=int, default=20)
    add("--jobs", type=int, default=1)
    add("--limit", type=float)
    add("--limit-of", type=_limit_of, nargs="+", default=[])
    add("--base", choices=("mnist", "digits"), default="mnist")
    add("--path")
    add("--steps", type=int)
    add("--losses", choices=("do-cycle", "paper"), default="do-cycle")
    add("--references", type=int, default=10_000)
    add("--store", type=Path, default=Path("runs/.store"))
    add("--quick", action="store_true")
    arguments = parser.parse_args()
    arguments.limit_of = dict(arguments.limit_of)
    if arguments.quick:
        arguments.scenarios, arguments.on = ["growth-4", "uneven-2"], ["labels"]
        arguments.n, arguments.seeds, arguments.models = [200], [0], 1
    arguments.worlds = Settings(
        base=arguments.base,
        path=arguments.path,
        references=arguments.references,
        steps=arguments.steps,
        losses=arguments.losses,
        store=arguments.store,
    )
    return arguments


if __name__ == "__main__":
    main()
