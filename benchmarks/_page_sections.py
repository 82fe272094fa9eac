"""What the page of all speeds says of each benchmark."""

from __future__ import annotations

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
    unreachable = (
        ", so that the goal is beyond what the naive loop's arithmetic leaves to be saved"
        if line["limit"] < (line["goal"] or 0)
        else ""
    )
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
changes (`benchmarks/_arithmetic.py` has the exact definition). Operations are not all equally fast,
so that the share of the limit can be above 100 %: the naive loop runs one edit at a time, and a
batch of edits goes through the same network faster. "Limit in batches" is the limit times this
gain, as measured with the network itself.

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

SECTIONS = (ORACLE, GROWTH, TRAINING, MEMORY, LARGE_FOLDER)
