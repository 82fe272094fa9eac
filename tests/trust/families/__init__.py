"""The families, in the order of docs/trust.md."""

from __future__ import annotations

from tests.trust.families import graph_files, hostile_files, odd_networks, store_damage
from tests.trust.family import Family

FAMILIES: tuple[Family, ...] = (
    store_damage.FAMILY,
    hostile_files.FAMILY,
    odd_networks.FAMILY,
    graph_files.FAMILY,
)
