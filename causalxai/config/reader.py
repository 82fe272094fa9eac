"""Reads YAML or Python data into plain data, and notes where each value was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from causalxai.config.limits import (
    DEPTH,
    DIGITS,
    KEYS,
    TOO_DEEP,
    TOO_MANY_KEYS,
    TOO_MANY_VALUES,
    VALUES,
    LimitError,
    limited_yaml,
    wrong_character,
)
from causalxai.config.live import held
from causalxai.config.messages import said
from causalxai.config.mistake import KeyPath, Mistake, Place

_TAG = "tag:yaml.org,2002:"
_CONSTRUCTED = {f"{_TAG}{kind}" for kind in ("bool", "float", "int", "null")}
# YAML 1.2 has no dates, no merge key and no default value: what looks like one is text.
_TEXT = {f"{_TAG}{kind}" for kind in ("str", "timestamp", "merge", "value")}
_COLLECTIONS = {f"{_TAG}map", f"{_TAG}seq"}


class Reader:
    """Makes plain data; collects the place of each value and the mistakes in the YAML."""

    def __init__(self, locate: Callable[[int], Place]) -> None:
        self.places: dict[KeyPath, Place] = {}
        self.mistakes: list[Mistake] = []
        self._locate = locate
        self._yaml = limited_yaml()
        self._open: list[Node] = []

    def parse(self, text: str) -> Any:
        """Return the data of a YAML document; ``None``, and a mistake, if it is not valid."""
        try:
            node = self._yaml.compose(text)
            return None if node is None else self._value(node, (), node.start_mark.line + 1)
        except LimitError as error:
            self._give_up((), str(error.problem), _line(error))
        except MarkedYAMLError as error:
            self._note((), _syntax(error), _line(error))
        except ReaderError as error:
            line = 1 + text.count("\n", 0, error.position)
            self._note((), f"not valid YAML: {error.reason}", line)
        return None

    def copy(self, value: Any) -> Any:
        """Return a copy of Python data in which mappings are ``dict`` and sequences ``list``."""
        try:
            return self._copy(value, ())
        except LimitError as error:
            self._give_up((), str(error.problem), 0)
            return None

    def _copy(self, value: Any, path: KeyPath) -> Any:
        self._place(path, 0)
        if isinstance(value, list | tuple):
            return [self._copy(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, Mapping):
            return self._text(value, path, 0) if isinstance(value, str) else held(value)
        if len(value) > KEYS:
            return self._give_up(path, TOO_MANY_KEYS, 0)
        mapping: dict[str, Any] = {}
        for key, item in value.items():
            if isinstance(key, str) and self._text(key, (*path, key), 0) is not None:
                mapping[key] = self._copy(item, (*path, key))
            elif not isinstance(key, str):
                self._note((*path, str(key)), f"keys should be text, not {said(key)}", 0)
        return mapping

    def _place(self, path: KeyPath, line: int) -> None:
        """Note the place of a value, and check the limits."""
        self.places[path] = self._locate(line)
        if len(path) > DEPTH:
            raise LimitError(problem=TOO_DEEP)
        if len(self.places) > VALUES:
            raise LimitError(problem=TOO_MANY_VALUES)

    def _value(self, node: Node, path: KeyPath, line: int) -> Any:
        self._place(path, line)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if node.tag not in _COLLECTIONS:
            return self._give_up(path, f"the tag {said(str(node.tag))} has no meaning here", line)
        if node in self._open:
            return self._give_up(path, "contains itself", line)
        if isinstance(node, MappingNode) and len(node.value) > KEYS:
            return self._give_up(path, TOO_MANY_KEYS, line)
        self._open.append(node)
        read = self._mapping if isinstance(node, MappingNode) else self._list
        value = read(node, path)
        self._open.pop()
        return value

    def _list(self, node: Node, path: KeyPath) -> list[Any]:
        return [
            self._value(item, (*path, index), item.start_mark.line + 1)
            for index, item in enumerate(node.value)
        ]

    def _mapping(self, node: Node, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            at = (*path, str(key))
            if not isinstance(key_node, ScalarNode):
                self._note(path, "keys should be text, not a list or a mapping", line)
            elif key_node.tag not in _TEXT:
                self._note(at, f"keys should be text; write {said(key)}", line)
            elif key in mapping:
                self._note(at, f"is given twice, first at {self.places[at].where}", line)
            elif self._text(key, at, line) is not None:
                mapping[key] = self._value(value_node, at, line)
        return mapping

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        if node.tag in _TEXT:
            return self._text(node.value, path, line)
        if node.tag not in _CONSTRUCTED:
            return self._give_up(path, f"the tag {said(str(node.tag))} has no meaning here", line)
        if len(node.value) > DIGITS:
            return self._give_up(path, f"is a number of more than {DIGITS} digits", line)
        try:
            return self._yaml.constructor.construct_document(node)
        except (YAMLError, ValueError, LookupError):
            return self._give_up(path, f"{said(node.value)} is not what its tag says", line)

    def _text(self, text: str, path: KeyPath, line: int) -> str | None:
        """Return a text, or ``None`` and a mistake if it has characters that no file can hold."""
        wrong = wrong_character(text)
        if wrong is None:
            return text
        self._give_up(path, wrong, line)
        return None

    def _note(self, path: KeyPath, message: str, line: int) -> None:
        self.mistakes.append(Mistake(path, message, self._locate(line)))

    def _give_up(self, path: KeyPath, message: str, line: int) -> None:
        self.mistakes.append(Mistake(path, message, self._locate(line), kind="unreadable"))


def _line(error: MarkedYAMLError) -> int:
    return 1 + (error.problem_mark.line if error.problem_mark else 0)


def _syntax(error: MarkedYAMLError) -> str:
    problem = error.problem or "it cannot be parsed"
    if r"'\t'" in problem:
        return "a tab cannot indent or separate; use spaces"
    context = f" ({error.context})" if error.context else ""
    return f"not valid YAML: {problem}{context}"
