from __future__ import annotations

import pytest

from causalxai.config import load_grid
from causalxai.errors import SpecError
from causalxai.network.layer_list import LayerInfo
from causalxai.pipeline.layers import as_text, layer_tables
from tests.trust.small_runs import spec

LENET = """lenet for images 1 x 16 x 16 and 10 classes, untrained

layer  kind    output       parameters  methods can use it as
conv1  Conv2d  4 x 12 x 12         104  convolution, the logits follow from it
conv2  Conv2d  6 x 2 x 2           606  convolution, the logits follow from it
fc1    Linear  16                  112  the logits follow from it
fc2    Linear  10                  170  linear last layer"""


def test_the_layers_of_a_spec_are_listed_once_for_each_classifier() -> None:
    assert layer_tables(load_grid(spec("patches"))) == [LENET]
    vary = {"classifier.hidden": [16, 17], "seed": [0, 1]}
    one, two = layer_tables(load_grid({**spec("patches"), "vary": vary}))
    assert one == LENET
    assert two == LENET.replace("16                  112", "17                  119").replace(
        "170", "180"
    )


def test_a_data_set_and_a_classifier_are_enough() -> None:
    kept = {key: spec("patches")[key] for key in ("causalxai", "name", "dataset", "classifier")}
    with pytest.raises(SpecError, match="the spec asks for nothing"):
        load_grid(kept)
    assert layer_tables(load_grid(kept, may_ask_nothing=True)) == [LENET]


def test_layers_that_run_otherwise_are_told() -> None:
    layers = [
        LayerInfo("shared", "Tanh", (1, 2), 0, runs=3, is_convolution=True),
        LayerInfo("twice", "Tanh", (1, 2), 0, runs=2),
        LayerInfo("idle", "Linear", None, 1234, runs=0),
        LayerInfo("words", "Text", None, 0, runs=1),
        LayerInfo("sum", "Sum", (), 0, runs=1),
    ]
    assert as_text(layers).splitlines()[1:] == [
        "shared  Tanh    1 x 2                  0  convolution (runs 3 times)",
        "twice   Tanh    1 x 2                  0  (runs 2 times)",
        "idle    Linear  does not run       1,234",
        "words   Text    no tensor              0",
        "sum     Sum     1                      0",
    ]
