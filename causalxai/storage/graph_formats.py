"""Reads and writes graphs as GraphML, DOT and JSON files, on behalf of ``CausalGraph``.

Graphs are plain data here, in networkx's node-link form: ``nodes`` with an ``id``, ``edges`` with
a ``source`` and a ``target``, and attributes of the ``graph``. In this form annotations are nested
JSON; in GraphML and DOT they are JSON text, because these formats store only numbers and texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from causalxai.storage.dot_graphs import dot_text, read_dot
from causalxai.storage.edge_ends import Attributes
from causalxai.storage.graphml import graphml_text, read_graphml


def write_graph(data: Mapping[str, Any], path: Path) -> None:
    """Write a graph as ``.graphml``, ``.dot`` or ``.json``.

    Raises
    ------
    ValueError
        If the path has another suffix, or a name or label has characters that the format cannot
        store; no file is then written.
    """
    path.write_bytes(graph_text(data, path).encode("utf-8"))


def graph_text(data: Mapping[str, Any], path: Path) -> str:
    """Return what ``write_graph`` would write, and raise what it would raise."""
    write, _ = _format_of(path)
    return write(data)


def read_graph(path: Path) -> Attributes:
    """Read a file of ``write_graph``, of another program or of a person.

    Raises
    ------
    ValueError
        If the file is not a graph, or contains something that would be misread.
    OSError
        If the file cannot be read.
    """
    _, read = _format_of(path)
    return read(path.read_bytes())


def _format_of(
    path: Path,
) -> tuple[Callable[[Mapping[str, Any]], str], Callable[[bytes], Attributes]]:
    try:
        return _FORMATS[path.suffix]
    except KeyError:
        known = ", ".join(_FORMATS)
        raise ValueError(f"{path.name}: the suffix of a graph must be one of {known}") from None


def _json_text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=1)


def _read_json(content: bytes) -> Attributes:
    found = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_without_repeats)
    if not isinstance(found, dict):
        raise ValueError(f"a graph in JSON must be an object, not a {type(found).__name__}")
    return found


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name!r} is repeated in an object")
        found[name] = value
    return found


_FORMATS: dict[str, tuple[Callable[[Mapping[str, Any]], str], Callable[[bytes], Attributes]]] = {
    ".graphml": (graphml_text, read_graphml),
    ".dot": (dot_text, lambda content: read_dot(content.decode("utf-8-sig"))),
    ".json": (_json_text, _read_json),
}
