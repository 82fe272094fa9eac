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

SECTIONS = (ORACLE, GROWTH)
