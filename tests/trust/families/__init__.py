"""The families, in the order of docs/trust.md."""

from __future__ import annotations

from tests.trust.families import (
    coverage,
    degenerate_tables,
    graph_files,
    hostile_files,
    invariance,
    markup,
    nasty_documents,
    odd_networks,
    spec_mutants,
    store_damage,
)
from tests.trust.family import Family

FAMILIES: tuple[Family, ...] = (
    store_damage.FAMILY,
    spec_mutants.FAMILY,
    nasty_documents.FAMILY,
    hostile_files.FAMILY,
    odd_networks.FAMILY,
    degenerate_tables.FAMILY,
    invariance.FAMILY,
    graph_files.FAMILY,
    markup.FAMILY,
    coverage.FAMILY,
)
