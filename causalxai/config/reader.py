"""Reads YAML or Python data into plain data, and notes where each value was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

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
        self._yaml = YAML(typ="safe", pure=True)
        self._open: list[Node] = []

    def parse(self, text: str) -> Any:
        """Return the data of a YAML document; ``None``, and a mistake, if it is not valid."""
        try:
            node = self._yaml.compose(text)
        except MarkedYAMLError as error:
            line = 1 + (error.problem_mark.line if error.problem_mark else 0)
            self._note((), _syntax(error), line)
        except ReaderError as error:
            line = 1 + text.count("\n", 0, error.position)
            self._note((), f"not valid YAML: {error.reason}", line)
        else:
            return None if node is None else self._value(node, (), node.start_mark.line + 1)
        return None

    def copy(self, value: Any, path: KeyPath) -> Any:
        """Return a copy of Python data in which mappings are ``dict`` and sequences ``list``."""
        self.places[path] = self._locate(0)
        if isinstance(value, list | tuple):
            return [self.copy(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, Mapping):
            return value
        mapping: dict[str, Any] = {}
        for key, item in value.items():
            if isinstance(key, str):
                mapping[key] = self.copy(item, (*path, key))
            else:
                self._note((*path, str(key)), f"keys should be text, not {said(key)}", 0)
        return mapping

    def _value(self, node: Node, path: KeyPath, line: int) -> Any:
        self.places[path] = self._locate(line)
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if node.tag not in _COLLECTIONS:
            return self._give_up(path, f"the tag {node.tag!r} has no meaning here", line)
        if node in self._open:
            return self._give_up(path, "contains itself", line)
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
                self._note(at, f"keys should be text; write '{key}'", line)
            elif key in mapping:
                self._note(at, f"is given twice, first at {self.places[at].where}", line)
            else:
                mapping[key] = self._value(value_node, at, line)
        return mapping

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        if node.tag in _TEXT:
            return node.value
        line = node.start_mark.line + 1
        if node.tag not in _CONSTRUCTED:
            return self._give_up(path, f"the tag {node.tag!r} has no meaning here", line)
        try:
            return self._yaml.constructor.construct_document(node)
        except (YAMLError, ValueError, LookupError):
            return self._give_up(path, f"{node.value!r} is not what its tag says", line)

    def _note(self, path: KeyPath, message: str, line: int) -> None:
        self.mistakes.append(Mistake(path, message, self._locate(line)))

    def _give_up(self, path: KeyPath, message: str, line: int) -> None:
        self.mistakes.append(Mistake(path, message, self._locate(line), kind="unreadable"))


def _syntax(error: MarkedYAMLError) -> str:
    problem = error.problem or "it cannot be parsed"
    if r"'\t'" in problem:
        return "a tab cannot indent or separate; use spaces"
    context = f" ({error.context})" if error.context else ""
    return f"not valid YAML: {problem}{context}"
