"""What the oracle's benchmark measures: networks, layers, numbers of images, and the goals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from _networks import REAL, lenet, mnist_net, resnet18_64px, svhn_net

from causalxai import Classifier
from causalxai_interventional.parameter_space import Granularity


@dataclass(frozen=True)
class Effort:
    """How much time is given to a layer.

    Parameters
    ----------
    seconds
        About how long a query is to take: as many edits are asked for.
    least, most
        The fewest and the most edits of a query, if the layer has them.
    rounds
        How often both sides take turns.
    naive_most
        The most edits of the naive loop in one round.
    layers
        How many layers are measured for a sweep; all if ``None``.
    """

    seconds: float
    least: int
    most: int
    rounds: int
    naive_most: int
    layers: int | None = None


@dataclass(frozen=True)
class Goal:
    """What was asked for.

    Parameters
    ----------
    ratio
        The ratio to the naive loop, if any was asked for.
    share
        The share of the arithmetic limit, if any was asked for.
    most
        The most edits of a query, in place of the effort's.
    """

    ratio: float | None = None
    share: float | None = None
    most: int | None = None

    def missed_by(self, line: Mapping[str, object]) -> bool:
        """Return whether a line does not reach the goal."""
        ratio, share = float(str(line["ratio_vs_naive"])), float(str(line["share_of_limit"]))
        return ratio < (self.ratio or 0) or share < (self.share or 0)

    def line(self, line: Mapping[str, object]) -> dict[str, object]:
        """Return the goal and whether a line reaches it."""
        if self.ratio is None and self.share is None:
            return {"goal": None, "goal_share": None, "met": None}
        return {"goal": self.ratio, "goal_share": self.share, "met": not self.missed_by(line)}


@dataclass(frozen=True)
class Study:
    """One network, its layers that are measured, and the goals.

    Parameters
    ----------
    network
        Its name.
    build
        Makes it.
    granularity
        What is removed: slices or whole filters.
    effort
        How much time a layer is given.
    images
        How many images the edits are asked about.
    places
        Layers by name, or ``first``, ``a third``, ``two thirds``, ``before last`` and ``last`` in
        the order in which they run; each with its goal.
    sweep
        The goal of all layers together; ``None`` if the sweep is not measured.
    with_captum
        Whether captum is called on the layers, too.
    algorithm
        Whether algorithm 1 of the interventional method is measured, too.
    """

    network: str
    build: Callable[[], Classifier]
    granularity: Granularity
    effort: Effort
    images: tuple[int, ...] = (1, 16)
    places: Mapping[str, Goal] = field(default_factory=dict)
    sweep: Goal | None = None
    with_captum: bool = False
    algorithm: bool = False


PLAIN = Effort(seconds=0.4, least=32, most=100_000, rounds=3, naive_most=20)
LARGE = Effort(seconds=0.8, least=32, most=2_000, rounds=2, naive_most=3, layers=6)

NO_GOAL = Goal()
OF_FIVE = {
    "first": Goal(1),
    "a third": Goal(1),
    "two thirds": Goal(3),
    "before last": Goal(50),
    "last": Goal(200),
}

STUDIES = (
    Study(
        "LeNet", lenet, "slice", PLAIN, images=(1, 100),
        places={"conv2": NO_GOAL, "fc1": NO_GOAL, "fc2": NO_GOAL}, algorithm=True,
    ),
    Study(
        "mnist-net", mnist_net, "slice", PLAIN,
        places={"conv2": Goal(100), "fc1": Goal(1000, most=20_000), "fc2": Goal(500)},
    ),
    Study(
        "svhn-net", svhn_net, "slice", PLAIN, images=(1,),
        places={"conv2": NO_GOAL, "conv4": NO_GOAL, "conv6": NO_GOAL}, sweep=Goal(40),
    ),
    Study(
        "svhn-net", svhn_net, "slice", PLAIN, images=(16,),
        places={"conv2": NO_GOAL, "conv4": NO_GOAL, "conv6": NO_GOAL}, sweep=Goal(20),
    ),
    Study(
        "ResNet18-64px", resnet18_64px, "filter",
        Effort(seconds=0.5, least=32, most=1_000, rounds=2, naive_most=6, layers=11),
        sweep=Goal(22), with_captum=True,
    ),
    *(
        Study(
            name.replace(" ", "-"), build, "filter", LARGE, images=(1,), places=OF_FIVE,
            sweep=Goal(3, share=0.8), with_captum=True,
        )
        for name, build in REAL.items()
    ),
)  # fmt: skip

_ROUGH = Effort(seconds=0.02, least=8, most=200, rounds=1, naive_most=4, layers=3)

QUICK_STUDIES = (
    Study("mnist-net", mnist_net, "slice", _ROUGH, images=(2,), places={"fc1": Goal(1000)}),
    Study(
        "svhn-net", svhn_net, "filter", _ROUGH, images=(1,), places={"two thirds": NO_GOAL},
        sweep=Goal(1e9), with_captum=True,
    ),
)  # fmt: skip
"""Enough to see that the benchmark runs."""
