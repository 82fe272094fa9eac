"""Specs: reads what a user writes, checks it and finds the plugins; reports all mistakes."""

from causalxai.config.document import Document, as_problems, read_document
from causalxai.config.grid import Cell, Grid, Source, load_grid
from causalxai.config.mistake import KeyPath, Mistake, Place
from causalxai.config.model import METHOD_STAGES, ImageSelection, Stage
from causalxai.config.overrides import apply_overrides
from causalxai.config.paths import missing_paths
from causalxai.config.resolve import load_spec, reopen_spec
from causalxai.config.resolved import ResolvedSpec
from causalxai.config.resolved_plugin import ResolvedPlugin
from causalxai.config.schema import json_schema

__all__ = [
    "METHOD_STAGES",
    "Cell",
    "Document",
    "Grid",
    "ImageSelection",
    "KeyPath",
    "Mistake",
    "Place",
    "ResolvedPlugin",
    "ResolvedSpec",
    "Source",
    "Stage",
    "apply_overrides",
    "as_problems",
    "json_schema",
    "load_grid",
    "load_spec",
    "missing_paths",
    "read_document",
    "reopen_spec",
]
