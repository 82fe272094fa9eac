"""Specs: what a user writes, checked and resolved to plugins; all mistakes told at once."""

from causalxai.spec.document import Document, read_document
from causalxai.spec.grid import Cell, Grid, Source, load_grid
from causalxai.spec.model import ImageSelection
from causalxai.spec.overrides import apply_overrides
from causalxai.spec.resolve import load_spec
from causalxai.spec.resolved import ResolvedPlugin, ResolvedSpec
from causalxai.spec.schema import json_schema

__all__ = [
    "Cell",
    "Document",
    "Grid",
    "ImageSelection",
    "ResolvedPlugin",
    "ResolvedSpec",
    "Source",
    "apply_overrides",
    "json_schema",
    "load_grid",
    "load_spec",
    "read_document",
]
