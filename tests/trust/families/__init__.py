"""The families, in the order of docs/trust.md."""

from __future__ import annotations

from tests.trust.families import (
    code_in_specs,
    concurrency,
    coverage,
    degenerate_tables,
    determinism,
    extreme_values,
    false_edges,
    full_disk,
    graph_files,
    hostile_files,
    hostile_plugins,
    invariance,
    kill_and_resume,
    markup,
    nasty_documents,
    odd_networks,
    sockets,
    spec_mutants,
    stale_results,
    store_damage,
)
from tests.trust.family import Family

FAMILIES: tuple[Family, ...] = (
    stale_results.FAMILY,
    code_in_specs.FAMILY,
    kill_and_resume.FAMILY,
    store_damage.FAMILY,
    concurrency.FAMILY,
    full_disk.FAMILY,
    spec_mutants.FAMILY,
    nasty_documents.FAMILY,
    extreme_values.FAMILY,
    hostile_files.FAMILY,
    hostile_plugins.FAMILY,
    odd_networks.FAMILY,
    degenerate_tables.FAMILY,
    invariance.FAMILY,
    graph_files.FAMILY,
    markup.FAMILY,
    determinism.FAMILY,
    sockets.FAMILY,
    coverage.FAMILY,
    false_edges.FAMILY,
)
