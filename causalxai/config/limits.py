"""Limits on what a spec may contain, so that a document cannot exhaust time or memory."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.scanner import Scanner

BYTES = 2**18
"""The most bytes of a document."""

DEPTH = 40
"""The most mappings and lists around a value."""

VALUES = 3_000
"""The most values of a document; an alias counts as often as it is used."""

KEYS = 1_000
"""The most keys of one mapping."""

DIGITS = 100
"""The most characters of a number."""

RUNS = 1_000
"""The most runs of a grid."""

NAME = 100
"""The most characters of the name of a run, which is part of the name of a folder."""

MISTAKES = 100
"""The most mistakes that a message lists."""

TOO_DEEP = f"is nested deeper than {DEPTH} levels"
TOO_MANY_VALUES = f"has more than {VALUES} values, those that aliases repeat included"
TOO_MANY_KEYS = f"has more than {KEYS} keys"

# What XML 1.0 cannot hold, and graphs are written as XML: most control characters, halves of
# surrogate pairs, and two numbers that are not characters.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class LimitError(MarkedYAMLError):
    """A document exceeds a limit."""


def wrong_character(text: str) -> str | None:
    """Return a mistake about a character that files of text cannot hold; ``None`` if all can."""
    found = _NOT_TEXT.search(text)
    return found and f"contains U+{ord(found[0]):04X}, which is not a character of any text"


def limited_yaml() -> YAML:
    """Return a reader of YAML 1.2 that raises ``LimitError`` as soon as a limit is exceeded."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Scanner = _LimitedScanner
    yaml.Composer = _LimitedComposer
    return yaml


class _LimitedScanner(Scanner):
    """A scanner whose time would grow with the square of the depth."""

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803
        super().fetch_flow_collection_start(TokenClass, to_push)
        self._check_depth()

    def add_indent(self, column: int) -> bool:
        added: bool = super().add_indent(column)
        self._check_depth()
        return added

    def scan_flow_scalar(self, style: Any) -> Any:
        start = self.reader.get_mark()
        try:
            return super().scan_flow_scalar(style)
        except (ValueError, OverflowError) as error:
            # The scanner takes any number that is written in hexadecimal for a character.
            problem = "an escape such as \\U00110000 does not stand for any character"
            raise MarkedYAMLError(problem=problem, problem_mark=start) from error

    def _check_depth(self) -> None:
        if self.flow_level + len(self.indents) > DEPTH:
            raise LimitError(problem=TOO_DEEP, problem_mark=self.reader.get_mark())


class _LimitedComposer(Composer):
    """A composer that counts what it composes."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        # An anchor may be used again, and a later alias means the last one.
        self.warn_double_anchors = False
        self._left = 2 * VALUES

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            mark = self.parser.peek_event().start_mark
            raise LimitError(problem=TOO_MANY_VALUES, problem_mark=mark)
        return super().compose_node(parent, index)
