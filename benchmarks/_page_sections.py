"""What the page of all speeds says of each benchmark."""

from __future__ import annotations

from collections.abc import Mapping

from _page import Column, Line, Section, written


def _percent(key: str) -> Column:
    heads = {"share_of_limit": "share of limit"}

    def share(line: Line) -> str:
        value = line.get(key)
        return "" if value is None else f"{value:.1%}" if value < 0.1 else f"{value:.0%}"

    return Column(heads[key], share)


def _of(some: str, every: str) -> str | None:
    return some if some == every else f"{some} of {every}"


def _edits(line: Line) -> str | None:
    return _of(written(line["edits"]), written(line["edits_of"]))


def _layers(line: Line) -> str | None:
    return None if "layers" not in line else _of(str(line["layers"]), str(line["layers_of"]))


def _oracle_goal(line: Line) -> str | None:
    if line.get("met") is None:
        return None
    share = line.get("goal_share")
    return written(line["goal"]) + ("" if share is None else f" and {share:.0%} of the limit")


def _oracle_missed(line: Line) -> str:
    slowest = line.get("slowest_layer")
    most = f"; the layer with the largest part of the time is {slowest}" if slowest else ""
    unreachable = ", which is itself below the goal" if line["limit"] < (line["goal"] or 0) else ""
    return (
        f"{line['case']}: {written(line['ratio_vs_naive'])} where {_oracle_goal(line)} was asked "
        f"for. The limit by arithmetic is {written(line['limit'])}{unreachable}, and "
        f"{line['share_of_limit']:.1%} of it is reached{most}."
    )


def _difference(line: Line) -> str:
    effect = line.get("median_effect")
    beside = "" if effect is None else f" ({effect:.0e})"
    return f"{line['max_abs_diff']:.0e}{beside}"


ORACLE = Section(
    "oracle",
    "Edits of a network",
    """
The interventional method asks what the network would answer if one of its weights, or a whole
filter, were zero. The naive loop zeroes it, runs the network and restores it; captum is
LayerFeatureAblation, which can ablate whole filters only. Both are in units of this project's own
time on the same edits, on one thread: 100 means a hundred times as long. They run for a sample of
the edits, in turn with the oracle and on the same images, and their time is scaled up. "first",
"a third", "two thirds", "before last" and "last" are layers in the order in which they run; the
last one is the last linear layer.

The limit is the number of operations of the naive loop in units of those of an ideal
implementation: one forward pass, and for each edit what is multiplied with values that the edit
changes (`benchmarks/_arithmetic.py` has the exact definition). The operations of convolutions and
matrix products are counted and nothing else. Time is not in proportion to them, so that the share
of the limit can be above 100 %: the naive loop runs one edit at a time, while a batch goes through
the same network faster; and what is not counted, such as normalisation and pooling, can be saved as
well. "Limit in batches" is the limit times the gain of the network's best batch, as measured.

The difference is the largest one between the logits of the naive loop and of the oracle; the median
effect of an edit is beside it. "To begin" is spent once for each layer: it is tried on a few
edits whether the fast way is exact.
""",
    (
        Column("case", "case"),
        Column("edits", _edits),
        Column("layers", _layers),
        Column("naive / ours", "ratio_vs_naive"),
        Column("goal", _oracle_goal),
        Column("reached", "met"),
        Column("captum / ours", "ratio_vs_captum"),
        Column("limit", "limit"),
        _percent("share_of_limit"),
        Column("limit in batches", "limit_in_batches"),
        Column("difference (effect)", _difference),
        Column("seconds", "seconds"),
        Column("to begin", "setup_seconds"),
    ),
    shortfall=_oracle_missed,
)

GROWTH = Section(
    "growth",
    "How the time grows",
    """
The exponents of power laws: 1 means that twice as much takes twice as long, 2 that it takes four
times as long. Each is the slope of a line through the logarithms, with its standard error. Edits
are answered by the oracle and by the naive loop, on one thread.
""",
    (
        Column("with the number of", "case"),
        Column("at", "at"),
        Column("exponent", lambda line: f"{line['exponent']} ± {line['standard_error']}"),
        Column(
            "of the naive loop",
            lambda line: f"{line['naive_exponent']} ± {line['naive_standard_error']}",
        ),
        Column("seconds", "seconds"),
        Column("held fixed", "conditions"),
    ),
)

MEMORY = Section(
    "memory",
    "Memory",
    """
A spec's `memory_mb` limits how much a stage takes beyond what the process needs before the first
one. Each run explains images that do not fit into its limit; its peak may be 15 % above, because
allocators and libraries keep some memory.
""",
    (
        Column("run", "run"),
        Column("stage", "stage"),
        Column("peak, MiB", "peak_mb"),
        Column("limit, MiB", "limit_mb"),
        Column("kept", "keeps"),
    ),
    met=lambda line: line.get("keeps"),
    shortfall=lambda line: (
        f"{line['stage']} of {line['run']} takes {written(line['peak_mb'])} MiB, where "
        f"{written(line['limit_mb'])} are allowed."
    ),
)

LARGE_FOLDER = Section(
    "large_folder",
    "A large folder",
    """
Photographs as JPEG files, 224 pixels high, are opened and 16 of them explained with a small
network. As numbers they would take 12 GB. A run that read them all before it began would have to
decode each; "computed" are the seconds for which the process computed, on all its threads.
""",
    (
        Column("step", "case"),
        Column("seconds", "seconds"),
        Column("computed", "computed"),
        Column("goal, seconds", "goal"),
        Column("peak, GB", "peak_gb"),
        Column("goal, GB", "peak_goal_gb"),
        Column("reached", "met"),
    ),
    shortfall=lambda line: (
        f"{line['case']}: {written(line.get('seconds'))} seconds and {written(line['peak_gb'])} GB."
    ),
)

_TWICE, _SHARE_AT_64PX = 2.0, 0.6


def _training_goals(line: Line) -> str:
    share = f" and {_SHARE_AT_64PX:.0%}" if "64px" in line["case"] else ""
    return f"{written(_TWICE)}{share}"


def _training_met(line: Line) -> bool:
    share = _SHARE_AT_64PX if "64px" in line["case"] else 0.0
    return bool(line["ratio_vs_stylegan2"] >= _TWICE and line["share_of_limit"] >= share)


TRAINING = Section(
    "training",
    "A step of a twin's training",
    """
A step of the twin's training is compared with one of a straightforward StyleGAN2 that is as wide,
with a batch of as many images, on one thread and in turn: 2 means that StyleGAN2's step takes twice
as long. The twin's step includes what StyleGAN2 does not have, the classifier's readings of all
rendered images. Regularisers count in both with the share of the steps that have them.

The limit is the speed of the machine's own convolutions: those of the twin's step, of the same
shapes, forward and backward, repeated alone. The share is that of the step without regularisers, in
operations of convolutions and matrix products a second.
""",
    (
        Column("case", "case"),
        Column("images", "images"),
        Column("StyleGAN2 / ours", "ratio_vs_stylegan2"),
        _percent("share_of_limit"),
        Column("goals", _training_goals),
        Column("reached", _training_met),
        Column("seconds", "seconds"),
        Column("StyleGAN2's", "stylegan2_seconds"),
        Column("GFLOP/s", "gflop_per_second"),
        Column("convolutions alone", "convolutions_gflop_per_second"),
        Column("threads", "threads"),
    ),
    met=_training_met,
    shortfall=lambda line: (
        f"{line['case']}: {written(line['ratio_vs_stylegan2'])} times and "
        f"{line['share_of_limit']:.0%} of the convolutions' speed, where {_training_goals(line)} "
        "were asked for."
    ),
)

SCREENED_REPORT = Section(
    "screened_report",
    "The interventional method on a network of ImageNet",
    """
The interventional method explains a photograph of 224 pixels as EfficientNet-Lite0 sees it, with an
empty store, from the spec to the report, on all cores. The slices of all kernels are screened: a
first-order estimate says which of them are tested exactly. Testing each would take a forward pass
of the network for each. The numbers of the screening are the rank correlations between the estimate
and the exact effect, over the tested edges of a layer. The recall is the share of the 1 % of edges
with the largest exact effects that are among the 1 % with the largest estimates, in random samples
of the edges of some layers before the last one, with its 95 % interval; it is measured after the
report.
""",
    (
        Column("case", "case"),
        Column("edges", "concepts"),
        Column("seconds", "seconds"),
        Column("of all cores", "cpu_seconds"),
        Column("goal", "goal"),
        Column("reached", "met"),
        Column("stages", "stages"),
        Column("screening", lambda line: _range(line.get("screening"))),
        Column("recall of the top 1 %", "recall_of_top_1_percent"),
        Column("its interval", "recall_interval"),
    ),
    shortfall=lambda line: (
        f"{line['case']}: {written(line['seconds'])} seconds, where {written(line['goal'])} were "
        f"asked for: {written(line['stages'])}."
    ),
)

_MOST_ADDED, _LEAST_GAIN = 0.05, 1.6


def _comparison_met(line: Line) -> bool:
    if line.get("added") is not None:
        return bool(line["added"] <= _MOST_ADDED)
    return bool(line["times as fast"] >= _LEAST_GAIN)


def _comparison_goal(line: Line) -> str:
    if line.get("added") is not None:
        return f"{_MOST_ADDED:.0%} added"
    return f"{_LEAST_GAIN} times as fast"


COMPARISON = Section(
    "comparison",
    "A comparison with several jobs",
    """
The command `causalxai compare` with an empty store, each time in a new process, with one job at a
time and with several, each on one thread. "Stages" is the sum of the seconds of all stages; what
the comparison adds to them includes all imports.
""",
    (
        Column("spec", "spec"),
        Column("jobs", "jobs"),
        Column("seconds", "seconds"),
        Column("stages", "stages"),
        Column("added", lambda line: _as_percent(line.get("added"))),
        Column("times as fast as one", "times as fast"),
        Column("goal", _comparison_goal),
        Column("reached", _comparison_met),
    ),
    applies=lambda line: "spec" in line,
    met=_comparison_met,
    shortfall=lambda line: (
        f"{line['spec']} with {line['jobs']} at a time: {_as_percent(line.get('added'))}"
        f"{written(line.get('times as fast'))}, where {_comparison_goal(line)} was asked for. The "
        f"stages alone take {written(line['stages'])} of {written(line['seconds'])} seconds."
    ),
)

EMPTY_JOBS = Section(
    "empty_jobs",
    "Jobs that do nothing",
    """
What each backend takes for jobs that do nothing, each in a child process as in a comparison. The
start of the workers is counted apart.
""",
    (
        Column("backend", "backend"),
        Column("jobs", "empty jobs"),
        Column("at a time", "at a time"),
        Column("start, seconds", "start"),
        Column("seconds", "seconds"),
        Column("milliseconds a job", "milliseconds per job"),
    ),
)


_OUR_SEARCH = "mdl-links"
_GOALS_OF_SEARCH = {4: 30.0, 10: 60.0}
"""The seconds that were asked for, by the number of concepts, with 5 000 rows."""


def _concepts(line: Line) -> int | None:
    kind, _, count = str(line.get("scenario", "")).partition("-")
    return int(count) if kind == "growth" else None


def _search_goal(line: Line) -> float | None:
    return _GOALS_OF_SEARCH.get(_concepts(line) or 0) if line["method"] == _OUR_SEARCH else None


def _search_met(line: Line) -> bool | None:
    goal = _search_goal(line)
    return None if goal is None else bool(line.get("seconds", float("inf")) <= goal)


GRAPH_DISCOVERY = Section(
    "graph_discovery",
    "The search for a causal graph",
    """
Methods look at the values of the concepts of random structural models, with three neighbours a
concept on average, on one thread. `mdl-links` is GLANCE's search, which also says of which
directions it is certain. `mdl-order` is its search for many concepts alone: the graph of the best
order that it finds, every edge with a direction. The index is 1 if all edges are found and no
others; shd counts the pairs that differ from the truth (`benchmarks/graph_discovery.py` has the
definitions). A method that did not end in its time, 150 seconds for `mdl-links` and `mdl-order` and
20 for the others, is left out, with more concepts as well.
""",
    (
        Column("concepts", _concepts),
        Column("method", "method"),
        Column("rows", "n"),
        Column("index", "index"),
        Column("shd", "shd"),
        Column("seconds", "seconds"),
        Column("goal, seconds", _search_goal),
        Column("reached", _search_met),
        Column("left out", "skipped"),
    ),
    applies=lambda line: "scenario" in line,
    met=_search_met,
    shortfall=lambda line: (
        f"{line['method']} with {_concepts(line)} concepts: "
        f"{line.get('skipped') or written(line['seconds']) + ' seconds'}, where "
        f"{written(_search_goal(line))} were asked for."
    ),
)

GRAPH_GROWTH = Section(
    "graph_discovery",
    "How the search for a graph grows with the number of concepts",
    """
The exponents of the times above, as in the section on how the time of edits grows.
""",
    (
        Column("method", "case"),
        Column("concepts", "at"),
        Column("exponent", lambda line: f"{line['exponent']} ± {line['standard_error']}"),
        Column("seconds", "seconds"),
    ),
    applies=lambda line: "exponent" in line,
)


def _as_percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _range(found: Mapping[str, float] | None) -> str:
    if not found:
        return ""
    return f"{min(found.values()):.2f} to {max(found.values()):.2f}"


SECTIONS = (
    ORACLE,
    GROWTH,
    SCREENED_REPORT,
    TRAINING,
    GRAPH_DISCOVERY,
    GRAPH_GROWTH,
    COMPARISON,
    EMPTY_JOBS,
    MEMORY,
    LARGE_FOLDER,
)
