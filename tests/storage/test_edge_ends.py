from __future__ import annotations

from itertools import product

import pytest

from causalxai.storage.edge_ends import DRAWN, SIGNS, SYMMETRIC, claim_of_heads, edge_of

ENDS = {"source": "a", "target": "b"}


def test_every_kind_follows_from_its_heads_in_both_orders():
    for kind, (tail, head) in DRAWN.items():
        assert claim_of_heads("a", "b", tail, head) == ENDS | {"kind": kind}
        turned = {"source": "b", "target": "a", "kind": kind}
        assert claim_of_heads("a", "b", head, tail) in (turned, ENDS | {"kind": kind})
        assert (tail == head) == (kind in SYMMETRIC)


def test_heads_of_graphviz_are_read_as_it_draws_them():
    drawn = {"forward": (False, True), "back": (True, False), "both": (True, True)}
    for way, (tail, head) in drawn.items():
        expected = claim_of_heads("a", "b", *("normal" if end else "none" for end in (tail, head)))
        assert edge_of(ENDS | {"dir": way}, directed=True) == expected
        assert edge_of(ENDS | {"dir": way}, directed=False) == expected
    for tail, head in product(("none", "normal", "odot"), repeat=2):
        if {tail, head} != {"none", "odot"}:
            both = {"dir": "both", "arrowtail": tail, "arrowhead": head}
            assert edge_of(ENDS | both, directed=True) == claim_of_heads("a", "b", tail, head)


@pytest.mark.parametrize("sign", SIGNS)
def test_signs_are_read(sign: str):
    assert edge_of(ENDS | {"type": sign}, directed=True) == claim_of_heads("a", "b", *SIGNS[sign])


def test_other_attributes_are_kept():
    attributes = ENDS | {"type": "causal", "directed": True, "weight": 2}
    assert edge_of(attributes, directed=False) == ENDS | {
        "kind": "directed", "type": "causal", "weight": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"kind": "directed", "directed": False}, "directed says False, but the edge is directed"),
        ({"kind": "undirected", "directed": "true"}, "directed says True, but the edge is undir"),
        ({"kind": "directed", "dir": "back"}, "kind says 'a' to 'b', directed, but dir says 'b'"),
        ({"dir": "back", "type": "->"}, "dir says 'b' to 'a', directed, but type says 'a' to 'b'"),
        ({"directed": "perhaps"}, "directed must be true or false, not 'perhaps'"),
    ],
)
def test_contradictions_are_refused(attributes: dict[str, object], message: str):
    with pytest.raises(ValueError, match=f"edge of 'a' and 'b': {message}"):
        edge_of(ENDS | attributes, directed=True)
