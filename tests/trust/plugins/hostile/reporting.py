"""Report builders that raise, exit, meddle or return what are no sections."""

from __future__ import annotations

import sys
from typing import Any

from causalxai.report.section import Figure, Section, Table, Text


def raises(*_: Any) -> Any:
    raise RuntimeError("boom")


def exits(*_: Any) -> Any:
    sys.exit(0)


def nothing(*_: Any) -> Any:
    return None


def numbers(*_: Any) -> Any:
    return [5]


def number_in_section(*_: Any) -> Any:
    return [Section("title", [5])]


def empty_figure(*_: Any) -> Any:
    return [Section("title", [Figure("caption", "alternative")])]


def zeroes_weights(_: Any, __: Any, inputs: Any) -> Any:
    for parameter in inputs.classifier.model.parameters():
        parameter.data.zero_()
    return []


def markup(*_: Any) -> Any:
    table = Table(("<b>column</b>",), (("<i>cell</i>",),))
    return [Section("<script>alert(1)</script>", [Text("<script>alert(2)</script>"), table])]


def traverses(*_: Any) -> Any:
    return [Section("../../../escaped", [Figure("caption", "alternative", png=b"x")])]
