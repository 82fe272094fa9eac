from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from causalxai.errors import ContractError
from causalxai.network.outputs import (
    checked_reading,
    layer_before_end,
    layer_explains,
    refuse_values,
)
from causalxai.network.reading import PLAIN, Output, Reading

IMAGES = torch.rand(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
LOGITS = 3 * torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
ONE = LOGITS[:, :1]


def check(values: Tensor, stated: Reading = PLAIN, classes: int = 3) -> Reading:
    return checked_reading(values, stated, classes, "Net", (1, 2, 2))


def test_the_form_of_the_outputs_is_found():
    assert check(LOGITS[:1]) == PLAIN
    assert check(LOGITS[:1, :, None, None]) == Reading(is_flat=False)
    assert check((LOGITS[:1],)) == Reading(answer=0)
    binary = Reading(output="binary-logit")
    assert check(ONE[0], binary, 2) == check(ONE[:1], binary, 2) == binary


@pytest.mark.parametrize(
    ("values", "stated", "classes", "says"),
    [
        (LOGITS[:1], PLAIN, 2, r"logits \[n, 2\]; one image gives \[1, 3\]; say with classes="),
        (LOGITS[:1], PLAIN, 4, r"logits \[n, 4\]; one image gives \[1, 3\]$"),
        (ONE[:1], PLAIN, 2, 'say output="binary-logit" or output="binary-probability"'),
        (LOGITS[:1], Reading(output="binary-logit"), 2, r"binary-logit \[n\] or \[n, 1\]; .*1, 3"),
        (ONE[:1], Reading(output="binary-logit"), 3, "has two classes, but there are 3"),
        (ONE[:1], Reading(output="binary-logit", classes=(0, 1)), 2, "leave out classes"),
        (LOGITS[:1], Reading(classes=(0, 3)), 2, "classes names output 3, but there are 3"),
        (LOGITS, PLAIN, 3, r"one image gives \[5, 3\]"),
        (LOGITS[0], PLAIN, 3, r"one image gives \[3\]"),
        (LOGITS[:1].long(), PLAIN, 3, "not numbers of torch.int64"),
        ((LOGITS, LOGITS), PLAIN, 3, r"Net must map \[n, 1, 2, 2\] to logits .* gives tuple"),
        ({"a": LOGITS}, Reading(answer="b"), 3, "no tensor 'b'"),
    ],
)
def test_another_form_is_told_with_the_remedy(values, stated, classes: int, says: str):
    with pytest.raises(ContractError, match=says):
        check(values, stated, classes)


GOOD: dict[Output, Tensor] = {
    "logits": LOGITS,
    "probabilities": LOGITS.softmax(1),
    "log-probabilities": LOGITS.log_softmax(1),
    "binary-logit": ONE,
    "binary-probability": ONE.sigmoid(),
}


@pytest.mark.parametrize("output", GOOD)
def test_outputs_may_be_what_they_are_said_to_be(output: Output, caplog):
    refuse_values(GOOD[output], Reading(output=output), "Net")
    assert not caplog.text


@pytest.mark.parametrize(
    ("output", "values", "says"),
    [
        ("logits", LOGITS.softmax(1), 'returns probabilities.*say output="probabilities"'),
        ("probabilities", LOGITS, 'does not return probabilities.*say output="logits"'),
        ("probabilities", LOGITS.sigmoid(), "each output is a sigmoid of its own"),
        ("log-probabilities", LOGITS, 'does not return log-prob.*say output="logits"'),
        ("log-probabilities", LOGITS.softmax(1), 'output="probabilities"'),
        ("log-probabilities", LOGITS.sigmoid().log(), "sums of their exponentials lie between"),
        ("binary-probability", ONE, 'does not return a probability.*say output="binary-logit"'),
    ],
)
def test_other_outputs_are_refused_with_the_remedy(output: Output, values: Tensor, says: str):
    with pytest.raises(ContractError, match=says):
        refuse_values(values, Reading(output=output), "Net")


def test_logits_that_might_be_probabilities_are_remarked_on(caplog):
    refuse_values(LOGITS.sigmoid(), PLAIN, "Net")
    assert "all outputs of Net for 5 pictures lie between 0 and 1" in caplog.text
    caplog.clear()
    refuse_values(ONE.sigmoid(), Reading(output="binary-logit"), "Net")
    assert 'say output="binary-probability"' in caplog.text


class Net(nn.Module):
    """A linear layer and what follows it."""

    def __init__(self, end, width: int = 3) -> None:
        super().__init__()
        self.features = nn.Flatten()
        self.fc = nn.Linear(4, width)
        self.idle = nn.Identity()
        self.end = end

    def forward(self, images: Tensor) -> Tensor:
        return self.end(self.idle(self.fc(self.features(images))))


@pytest.mark.parametrize(
    ("output", "end", "width", "layer"),
    [
        ("probabilities", nn.Softmax(1), 3, "fc"),
        ("probabilities", lambda x: x.softmax(1), 3, "fc"),
        ("log-probabilities", nn.LogSoftmax(1), 3, "fc"),
        ("log-probabilities", lambda x: torch.log_softmax(x, 1), 3, "fc"),
        ("binary-probability", nn.Sigmoid(), 1, "fc"),
        ("binary-probability", lambda x: x.sigmoid()[:, 0], 1, "fc"),
        ("probabilities", lambda x: (x / 2).softmax(1), 3, ""),
        ("binary-probability", lambda x: (3 * x).sigmoid(), 1, ""),
        ("probabilities", lambda x: x.softmax(1).round(), 3, ""),
        ("logits", lambda x: x, 3, ""),
    ],
)
def test_the_layer_before_the_end_is_found(output: Output, end, width: int, layer: str):
    torch.manual_seed(0)
    network = Net(end, width)
    reading = Reading(output=output)
    assert layer_before_end(network, IMAGES, reading) == layer
    assert not network.fc._forward_hooks


def test_a_layer_that_runs_twice_is_not_taken():
    network = Net(None)
    network.end = lambda x: network.fc(torch.zeros(1, 4)).sum() * 0 + x.softmax(1)
    assert layer_before_end(network, IMAGES, Reading(output="probabilities")) != "fc"


@pytest.mark.parametrize(
    ("reading", "logits", "values"),
    [
        (Reading(output="probabilities", layer="fc"), LOGITS, LOGITS.softmax(1)),
        (
            Reading(output="probabilities", layer="fc", classes=(2, 0)),
            LOGITS[:, [2, 0]],
            LOGITS.softmax(1),
        ),
        (
            Reading(output="binary-probability", layer="fc"),
            torch.cat([-ONE / 2, ONE / 2], dim=1),
            ONE.sigmoid(),
        ),
    ],
)
def test_a_layer_explains_its_own_probabilities_alone(reading, logits: Tensor, values: Tensor):
    assert layer_explains(logits, values, reading)
    assert not layer_explains(2 * logits, values, reading)
