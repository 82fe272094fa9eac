"""The loop of a training: what it keeps, where it goes on, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
import torch
from torch import nn

from causalxai.errors import DataError
from causalxai.progress import Advance, Progress
from causalxai.testing import Keeper, KilledError
from causalxai.training.loop import NotFiniteError, StepwiseTraining, descend
from causalxai.training.state import TrainingState


class Walk(StepwiseTraining):
    """A weight that follows drawn targets; every third step has a second term."""

    trains = "the walk"
    terms = ("distance", "toll")
    shown = ("distance",)
    save_every = 3

    def __init__(self, seed: int = 0, breaks_in: int | None = None) -> None:
        super().__init__()
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.model.weight)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.1)
        self.rng = torch.Generator().manual_seed(seed)
        self.breaks_in = breaks_in
        self.taken: list[int] = []

    @property
    def state(self) -> TrainingState:
        return TrainingState({"model": self.model}, {"adam": self.optimizer}, self.rng)

    def step(self, number: int) -> Mapping[str, float]:
        self.taken.append(number)
        loss = (self.model.weight - torch.randn(1, generator=self.rng)).square().sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        toll = {"toll": 1.0} if number % 3 == 0 else {}
        broken = number + 1 == self.breaks_in
        return {"distance": float("nan") if broken else loss.item(), **toll}


def run(walk: Walk, keeper: Keeper, steps: int = 8) -> torch.Tensor:
    return walk.run(steps, remedy="walk slower", checkpoint=keeper.checkpoint)


def test_it_saves_every_so_many_steps_but_not_the_last():
    keeper = Keeper()
    history = run(Walk(), keeper, steps=6)
    assert [record.meta["steps"] for record in keeper.records] == [3]
    assert history.shape == (6, 2)
    assert history.dtype == torch.float64


def test_terms_that_a_step_left_out_are_zero():
    assert run(Walk(), Keeper())[:, 1].tolist() == [1, 0, 0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize("kills", [1, 2])
def test_it_goes_on_where_it_was_killed(kills: int):
    whole = Walk()
    history = run(whole, Keeper())
    keeper = Keeper(dies_after=kills)
    with pytest.raises(KilledError):
        run(Walk(), keeper)
    keeper.dies_after = None
    resumed = Walk(seed=99)
    assert torch.equal(run(resumed, keeper), history)
    assert torch.equal(resumed.model.weight, whole.model.weight)
    assert resumed.taken == list(range(3 * kills, 8))


def test_a_checkpoint_of_another_training_is_refused():
    keeper = Keeper()
    run(Walk(), keeper)
    record = keeper.records[-1]
    without = {name: tensor for name, tensor in record.tensors.items() if name != "history"}
    for tensors in (without, {**record.tensors, "history": torch.zeros(3, 5)}):
        keeper.records = [replace(record, tensors=tensors)]
        with pytest.raises(DataError, match="does not belong to this training: the walk"):
            run(Walk(), keeper)


def test_a_breakdown_names_the_term_the_step_and_the_remedy():
    message = "the training of the walk failed in step 5: distance is not finite; walk slower"
    with pytest.raises(DataError, match=message):
        run(Walk(breaks_in=5), Keeper())


def test_a_first_step_that_breaks_down_blames_what_is_learned_from():
    message = r"step 1: distance is not finite; this was the first step.*if there are none, walk"
    with pytest.raises(DataError, match=message):
        run(Walk(breaks_in=1), Keeper())


class Falls(Walk):
    """Walks well, and leaves no number behind in the end."""

    def step(self, number: int) -> Mapping[str, float]:
        losses = super().step(number)
        if number == 7:
            nn.init.constant_(self.model.weight, float("inf"))
        return losses


def test_what_the_last_step_leaves_is_looked_at():
    with pytest.raises(DataError, match="step 8: a weight after it is not finite; walk slower"):
        run(Falls(), Keeper())


class Slow(Walk):
    """Half a minute goes by in each step."""

    save_every = 100
    now = 0.0

    def step(self, number: int) -> Mapping[str, float]:
        Slow.now += 25.0
        return super().step(number)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causalxai.training.loop.time.monotonic", lambda: Slow.now)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(
    ("every", "seconds", "saved"),
    [(100, 60, [3, 6]), (2, 60, [2, 4, 6]), (4, 60, [3, 6]), (100, 10, [1, 2, 3, 4, 5, 6, 7])],
)
def test_it_saves_by_time_as_well(
    monkeypatch: pytest.MonkeyPatch, every: int, seconds: float, saved: list[int]
):
    monkeypatch.setattr(Slow, "save_every", every)
    monkeypatch.setattr(Slow, "save_seconds", seconds)
    keeper, walk, quick = Keeper(), Slow(), Walk()
    history = run(walk, keeper)
    assert [record.meta["steps"] for record in keeper.records] == saved
    assert torch.equal(history, run(quick, Keeper()))
    assert torch.equal(walk.model.weight, quick.model.weight)


class Told(Progress):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.advanced: list[int] = []
        self.notes: list[str] = []

    def _task(self, label: str, total: int | None) -> Iterator[Advance]:
        self.labels.append(f"{label} of {total}")

        def advance(steps: int, note: str = "") -> None:
            self.advanced.append(steps)
            self.notes.append(note)

        yield advance


def test_progress_tells_where_a_training_goes_on():
    keeper, first, second = Keeper(dies_after=1), Told(), Told()
    with pytest.raises(KilledError):
        Walk().run(8, remedy="", progress=first, checkpoint=keeper.checkpoint)
    keeper.dies_after = None
    Walk().run(8, remedy="", progress=second, checkpoint=keeper.checkpoint)
    assert first.labels == ["train the walk of 8"]
    assert second.labels == ["train the walk, continued from step 3 of 8"]
    assert second.advanced == [3, 1, 1, 1, 1, 1]
    assert all(note.startswith("distance ") for note in second.notes[1:])


class TestDescend:
    @pytest.mark.parametrize(("steepest", "taken"), [(None, 1.0), (50.0, 1.0), (2.5, 0.5)])
    def test_a_step_by_hand(self, steepest: float | None, taken: float):
        """The gradient of 3 x + 2 y^2 in y = 1 is (3, 4), of length 5."""
        weights = nn.Parameter(torch.tensor([2.0, 1.0]))
        weights.grad = torch.full((2,), 9.0)
        idle = nn.Parameter(torch.ones(1))
        optimizer = torch.optim.SGD([weights, idle], lr=0.1)
        losses = {"line": 3 * weights[0], "square": 2 * weights[1].square()}
        before = descend(optimizer, losses, steepest=steepest)
        assert before == {"line": 6.0, "square": 2.0}
        expected = torch.tensor([2 - 0.3 * taken, 1 - 0.4 * taken])
        torch.testing.assert_close(weights.detach(), expected)

    @pytest.mark.parametrize("steepest", [None, 10.0])
    @pytest.mark.parametrize(
        ("start", "wrong"), [(0.0, "the gradient"), (-1.0, "root"), (torch.inf, "root")]
    )
    def test_what_is_not_finite_is_named_and_not_followed(
        self, steepest: float | None, start: float, wrong: str
    ):
        weights = nn.Parameter(torch.tensor([start, 1.0]))
        optimizer = torch.optim.Adam([weights], lr=0.1)
        # At 0 the root is 0, and infinitely steep; below there is none.
        losses = {"root": weights[0].sqrt(), "square": weights[1].square()}
        with pytest.raises(NotFiniteError, match=f"^{wrong}$"):
            descend(optimizer, losses, steepest=steepest)
        assert torch.equal(weights.detach(), torch.tensor([start, 1.0]))
        assert not optimizer.state

    def test_a_training_that_meets_it_ends_in_words(self):
        class Steep(Walk):
            def step(self, number: int) -> Mapping[str, float]:
                if number < 4:
                    return super().step(number)
                root = (0 * self.model.weight.sum()).sqrt()
                return descend(self.optimizer, {"distance": root})

        message = "the walk failed in step 5: the gradient is not finite; walk slower"
        with pytest.raises(DataError, match=message):
            run(Steep(), Keeper())
