"""Completes the pages on specs and on the API from the code, while mkdocs builds them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from causalxai.api import API
from causalxai.config import json_schema
from causalxai.config.schema_words import values_in_words

_TITLES = {
    "datasets": "Data sets",
    "classifiers": "Classifiers",
    "concept_spaces": "Concept spaces",
    "oracles": "Oracles",
    "graph_discoverers": "Graph discoverers",
    "explainers": "Explainers",
    "metrics": "Metrics",
}
_STAGES = {
    "datasets": "dataset",
    "classifiers": "classifier",
    "concept_spaces": "concepts",
    "oracles": "oracle",
    "graph_discoverers": "graph",
    "explainers": "explain",
    "metrics": "metrics",
}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return a page's text, to which the generated part is added where there is one."""
    generated = {"specs.md": _specs, "api.md": _api}.get(page.file.src_uri)
    return markdown if generated is None else "\n".join([markdown, *generated()])


def _specs() -> Iterator[str]:
    schema = json_schema()
    yield "## The spec itself\n"
    group_of = {stage: group for group, stage in _STAGES.items()}
    for stage in group_of.keys() & schema["properties"].keys():
        # All plugins with all settings would fill pages; they have sections of their own below.
        title = _TITLES[group_of[stage]]
        known = schema["properties"][stage]
        link = f"[{title.lower()}](#{title.lower().replace(' ', '-')})"
        schema["properties"][stage] = {**known, "values": f"one of the {link}", "default": None}
    yield from _table(schema["properties"])
    for group, title in _TITLES.items():
        yield f"\n## {title}\n\nNamed by `{_STAGES[group]}`."
        for key, body in schema["$defs"].items():
            if key.startswith(f"{group}:") and key.count(":") == 1:
                yield f"\n### {body['title']}\n\n{body['description']}\n"
                settings = {name: s for name, s in body["properties"].items() if name != "use"}
                yield from _table(settings) if settings else ["It has no settings."]
                yield from _nested(schema, key)


def _nested(schema: Mapping[str, Any], plugin: str) -> Iterator[str]:
    """Yield the settings inside settings of one plugin."""
    for key, body in schema["$defs"].items():
        if key.startswith(f"{plugin}:") and body.get("properties"):
            yield f"\n**{body.get('title', key.rpartition(':')[2])}**\n"
            yield from _table(body["properties"])


def _table(settings: Mapping[str, Any]) -> Iterator[str]:
    yield "| setting | values | default | |"
    yield "|---|---|---|---|"
    for name, setting in settings.items():
        default = f"`{json.dumps(setting['default'])}`" if "default" in setting else ""
        text = setting.get("description", "").replace("|", "\\|")
        yield f"| `{name}` | {values_in_words(setting)} | {default} | {text} |"


def _api() -> Iterator[str]:
    for section in API:
        yield f"\n## {section.purpose}\n"
        for module, names in section.modules.items():
            for name in names:
                yield f"::: {module}.{name}\n"
