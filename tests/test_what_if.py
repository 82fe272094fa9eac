from __future__ import annotations

import pytest
import torch

from causalxai.intervention import Action
from causalxai.what_if import Change, WhatIf, what_ifs_from_record, what_ifs_to_record

UP = Change("a", Action.SHIFT, 1.0, "a +1 sd")
OFF = Change("b", Action.SET, 0.0, "not b")


def test_words_are_the_methods_own_or_those_of_the_changes():
    logits = torch.zeros(2)
    assert WhatIf(0, (UP, OFF), logits).words == "a +1 sd, not b"
    assert WhatIf(0, (UP, OFF), logits, name="both").words == "both"
    assert WhatIf(0, (), logits).words == "as perceived"


def test_a_what_if_is_shown_by_its_words():
    told = "WhatIf(image 2: a +1 sd, not b)"
    assert repr(WhatIf(2, (UP, OFF), torch.zeros(2), torch.rand(1, 2, 2))) == told


def test_confidence_is_the_softmax():
    assert WhatIf(0, (), torch.tensor([0.0, 1.0])).confidence(1) == pytest.approx(0.7310586)


def test_shared_interventions_are_stored_once():
    many = tuple(WhatIf(row, (UP,), torch.zeros(2)) for row in range(50))
    record = what_ifs_to_record((*many, WhatIf(0, (UP,), torch.zeros(2), name="named")))
    assert len(record.meta["what_ifs"]) == 2
    assert "what_if/images" not in record.tensors
    back = what_ifs_from_record(record)
    assert [one.row for one in back] == [*range(50), 0]
    assert {one.changes for one in back} == {(UP,)}
    assert back[-1].name == "named"


def test_no_what_ifs_are_no_tensors():
    record = what_ifs_to_record(())
    assert record.tensors == {}
    assert what_ifs_from_record(record) == ()
