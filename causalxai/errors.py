"""The errors that causalxai raises, with messages for the person who can act on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches


class CausalxaiError(Exception):
    """Base of all errors that causalxai raises on purpose; the command line hides the traceback."""

    plugin: str = ""
    """The plugin that the message names as the one at fault; empty if it names none."""
    setting: str = ""
    """The setting that the message begins with, as ``graph.classes``; empty if with none."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a spec: where it stands and what is wrong with it."""

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        parts = (self.where, self.key, self.message) if self.key else (self.where, self.message)
        return one_line(": ".join(parts))


class SpecError(CausalxaiError):
    """The user's spec has mistakes; the message lists all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DataError(CausalxaiError):
    """A data set or a weights file is missing, damaged or different from what the spec says."""


class PluginError(CausalxaiError):
    """A plugin is missing, broken or ambiguous; the message names its distribution."""


class ContractError(CausalxaiError):
    """A plugin broke a promise of its interface; the message names the plugin."""


class CapabilityError(CausalxaiError):
    """A part was asked for something that it cannot do, or the run does not have the part."""


class UndecidedError(CapabilityError):
    """Whether a part can do something could not be tried out on this network."""


class NotStoredError(CausalxaiError):
    """Results that should be in the store are missing; the message names them."""


def one_line(text: str) -> str:
    """Return a text with escapes for what is not printable, so that it is one line anywhere."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'x'?`` for the closest known name, or ``""`` if none is close."""
    near = get_close_matches(str(name), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
