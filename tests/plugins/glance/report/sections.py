"""What stands in the sections of a report."""

from __future__ import annotations

from causalxai.report.section import Section, Text


def items(section: Section, kind: type) -> list:
    return [item for item in section.items if isinstance(item, kind)]


def words(section: Section) -> str:
    return " ".join(item.text for item in items(section, Text))
