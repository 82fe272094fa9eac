from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from causalxai import Classifier, Concept, ConceptSpace, Intervention, Oracle, Response, Units
from causalxai.capabilities import Capability
from causalxai.errors import CapabilityError, ContractError
from causalxai.oracle import Want
from causalxai.storage.record import Record

D, K = 3, 2
BYTES = 4 * K  # What a pair of an intervention and a unit takes where logits are asked for.


class Pixels(ConceptSpace):
    """The three pixels of an image are its concepts."""

    concepts = tuple(Concept(f"pixel {i}") for i in range(D))

    def fit(self, *_: Any, **__: Any) -> Self:
        return self

    def encode(self, images: Tensor) -> Units:
        return Units(images.flatten(1), {"row": torch.arange(len(images))})

    def to_record(self) -> Record:
        return Record()

    def restore(self, *_: Any) -> Self:
        return self


class Exact(Oracle):
    """Shows the changed pixels to the network; remembers the size of each chunk."""

    capabilities = frozenset({Capability.IMAGES, Capability.READBACK})

    def _respond(
        self, units: Units, interventions: Intervention, want: tuple[Want, ...]
    ) -> Response:
        self.__dict__.setdefault("chunks", []).append((len(interventions), len(units)))
        after = interventions.apply(units.values)
        images = after.unflatten(2, (1, 1, D))
        logits = self.classifier.model(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        return Response(logits=logits, readback=after, images=images)


class Blind(Exact):
    """Has no capability at all."""

    capabilities = frozenset()


def bound(oracle: Oracle, ceiling: int = 2**20) -> Oracle:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(D, K))
    classifier = Classifier(model, class_names=("no", "yes"), image_shape=(1, 1, D))
    return oracle.bind(classifier, Pixels(), memory_ceiling=ceiling)


def some_units(n: int = 4) -> Units:
    return Pixels().encode(torch.rand(n, 1, 1, D, generator=torch.Generator().manual_seed(0)))


def some_interventions(q: int = 5) -> Intervention:
    return Intervention.set(torch.arange(q) % D, torch.arange(q) / 10)


def test_logits_are_the_classifiers_for_what_was_set():
    oracle = bound(Exact())
    units, asked = some_units(), some_interventions()
    logits = oracle.query(units, asked).answer("logits")
    for row, target in enumerate(asked.targets[:, 0].tolist()):
        images = units.values.clone()
        images[:, target] = asked.values[row]
        assert torch.allclose(logits[row], oracle.classifier.logits(images[:, None, None]))


@given(q=st.integers(1, 7), n=st.integers(1, 7), answers=st.integers(0, 60), by_unit=st.booleans())
def test_chunks_keep_to_the_ceiling_and_change_no_answer(
    q: int, n: int, answers: int, by_unit: bool
):
    oracle = bound(Exact(), ceiling=answers * BYTES)
    asked = some_interventions(q)
    if by_unit:
        values = torch.rand(q, n, 1, generator=torch.Generator().manual_seed(1))
        asked = Intervention(asked.targets, values)
    logits = oracle.query(some_units(n), asked).answer("logits")
    whole = bound(Exact()).query(some_units(n), asked).answer("logits")
    assert torch.allclose(logits, whole)
    assert all(rows * units <= max(answers, 1) for rows, units in oracle.chunks)
    assert sum(rows * units for rows, units in oracle.chunks) == q * n


def test_what_is_asked_for_decides_the_size_of_chunks():
    oracle = bound(Exact(), ceiling=4 * (K + D + D))
    oracle.query(some_units(2), some_interventions(2), want=("logits",))
    assert oracle.chunks == [(2, 2)]
    oracle.chunks.clear()
    oracle.query(some_units(2), some_interventions(2), want=("logits", "readback", "images"))
    assert oracle.chunks == [(1, 1)] * 4


def test_units_keep_what_belongs_to_them():
    units = some_units(5)
    some = units[torch.tensor([3, 1])]
    assert len(some) == 2
    assert torch.equal(some.values, units.values[[3, 1]])
    assert some.residual["row"].tolist() == [3, 1]


def test_only_what_is_asked_for_is_answered_and_once():
    response = bound(Exact()).query(
        some_units(), some_interventions(), want=("readback", "readback")
    )
    assert response.answer("readback").shape == (5, 4, D)
    assert response.logits is None
    assert response.images is None
    with pytest.raises(ContractError, match="has no images"):
        response.answer("images")


def test_answers_carry_no_gradient():
    oracle = bound(Exact())
    oracle.classifier.model.requires_grad_(True)
    assert not oracle.query(some_units(), some_interventions()).answer("logits").requires_grad


@pytest.mark.parametrize("want", ["readback", "images"])
def test_an_oracle_is_not_asked_for_what_it_cannot_do(want: Want):
    oracle = bound(Blind())
    with pytest.raises(CapabilityError, match=f"Blind cannot answer {want}, only logits"):
        oracle.query(some_units(), some_interventions(), want=("logits", want))
    assert (oracle.ledger.calls, oracle.ledger.answers) == (0, 0)


NAN = torch.full((1, 1), torch.nan)


@pytest.mark.parametrize(
    ("units", "asked", "want", "message"),
    [
        (some_units(), some_interventions(), (), "tuple of one or more of 'logits', 'readback'"),
        (some_units(), some_interventions(), "logits", "tuple of .* 'images', not 'logits'"),
        (
            some_units(),
            some_interventions(),
            ("logit",),
            "'logit' is not one of 'logits', 'readback'",
        ),
        (some_units()[:0], some_interventions(), ("logits",), "at least one unit"),
        (some_units(), Intervention.none(0), ("logits",), "at least one unit and one intervention"),
        (Units(torch.zeros(4, 2)), some_interventions(), ("logits",), r"\[n, 3\] .* not \[4, 2\]"),
        (Units(torch.zeros(3)), some_interventions(), ("logits",), r"not \[3\]"),
        (
            some_units(),
            Intervention.set(torch.tensor([0]), torch.zeros(1, 3, 1)),
            ("logits",),
            "values for 3 units, but there are 4 units",
        ),
        (some_units(), Intervention.ablate(torch.tensor([3])), ("logits",), "concepts 0 to 2"),
        (some_units(), Intervention.ablate(torch.tensor([-2])), ("logits",), "concepts 0 to 2"),
        (some_units(), Intervention.set(torch.tensor([0]), NAN), ("logits",), "not finite"),
    ],
    ids=[
        "no want",
        "text",
        "unknown",
        "no unit",
        "no intervention",
        "width",
        "dim",
        "by unit",
        "high",
        "low",
        "nan",
    ],
)
def test_questions_that_do_not_fit_are_refused(
    units: Units, asked: Intervention, want: tuple[Want, ...], message: str
):
    oracle = bound(Exact())
    with pytest.raises(ValueError, match=message):
        oracle.query(units, asked, want=want)
    assert "chunks" not in vars(oracle)


def test_an_oracle_that_is_not_bound_says_so():
    with pytest.raises(CapabilityError, match=r"^Exact has no classifier .*; bind it first$"):
        Exact().query(some_units(), some_interventions())


class Spoiling(Exact):
    """Answers as ``Exact`` does, and then spoils its answer."""

    spoil: Callable[[Response], Response]

    def _respond(self, *question: Any) -> Response:
        return self.spoil(super()._respond(*question))


@pytest.mark.parametrize(
    ("want", "spoil", "message"),
    [
        ("logits", lambda r: Response(logits=r.logits.movedim(0, 1)), r"\[5, 4, 2\], not \[4, 5"),
        ("logits", lambda r: Response(logits=r.logits[..., 0]), r"\[5, 4, 2\], not \[5, 4\]"),
        ("logits", lambda r: Response(logits=r.logits[..., :1]), r"\[5, 4, 2\], not \[5, 4, 1\]"),
        (
            "logits",
            lambda r: Response(logits=r.logits * torch.nan),
            "logits contain values .* finite",
        ),
        ("logits", lambda r: Response(logits=r.logits / 0), "logits contain values .* not finite"),
        ("logits", lambda r: Response(images=r.images), "response has no logits"),
        ("readback", lambda r: Response(readback=r.readback[..., 1:]), r"\[5, 4, 3\], not"),
        ("images", lambda r: Response(images=r.images[:, :, 0]), r"\[5, 4, 1, 1, 3\], not"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_blamed_on_the_oracle(
    want: Want, spoil: Callable[[Response], Response], message: str
):
    oracle = bound(Spoiling())
    oracle.spoil = spoil
    with pytest.raises(ContractError, match=message) as raised:
        oracle.query(some_units(), some_interventions(), want=(want,))
    if "response has no" not in message:
        assert str(raised.value).startswith(f"{__name__}.Spoiling: {want}")


def test_the_ledger_counts_pairs_however_they_are_cut_up():
    for ceiling in (1, 2**20):
        oracle = bound(Exact(), ceiling)
        oracle.query(some_units(4), some_interventions(5))
        oracle.query(some_units(1), some_interventions(2))
        assert (oracle.ledger.calls, oracle.ledger.answers) == (2, 22)
        assert bound(oracle).ledger.calls == 0


def test_the_text_of_a_response_has_shapes_and_no_values():
    shown = repr(Response(logits=torch.zeros(2, 3, 4), images=torch.zeros(2, 3, 1, 5, 5)))
    assert shown == "Response(logits [2, 3, 4], images [2, 3, 1, 5, 5])"
