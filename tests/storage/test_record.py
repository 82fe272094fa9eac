from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from causalxai.storage.record import plain_json, prefixed, without_prefix

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
JSON = st.recursive(
    LEAVES | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(JSON)
def test_json_is_copied_as_it_is(value: object):
    assert plain_json(value, "value") == value


def test_a_copy_shares_nothing():
    value = {"a": [1, {"b": []}]}
    copy = plain_json(value, "value")
    value["a"][1]["b"].append(2)
    assert copy == {"a": [1, {"b": []}]}


def test_numbers_of_numpy_and_tuples_become_plain():
    copy = plain_json({"a": (np.float64(0.5), True)}, "value")
    assert copy == {"a": [0.5, True]}
    assert [type(item) for item in copy["a"]] == [float, bool]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [math.inf]}, r"value\['a'\]\[0\] must be finite, not inf"),
        ({"a": {1: 2}}, r"value\['a'\] has the key 1, but keys in JSON are texts"),
        ([{1, 2}], r"value\[0\] is a set, which JSON cannot store"),
        (np.zeros(2), "value is a ndarray"),
    ],
)
def test_what_json_cannot_hold_is_refused_by_its_place(value: object, message: str):
    with pytest.raises(ValueError, match=message):
        plain_json(value, "value")


def test_names_of_parts_come_off_again():
    tensors = {"weight": torch.ones(2), "a.b": torch.zeros(1)}
    both = prefixed("one", tensors) | prefixed("one more", {"weight": torch.zeros(2)})
    assert set(both) == {"one.weight", "one.a.b", "one more.weight"}
    found = without_prefix("one", both)
    assert list(found) == list(tensors)
    assert all(found[name] is tensors[name] for name in tensors)
