from __future__ import annotations

import torch

from causalxai import Explanation
from causalxai_dvae.flip_answers import FlipAnswers
from causalxai_dvae.report.explanation import _doubt, _finding

LOGITS = torch.eye(2)


def explanation(size: list[int], original: torch.Tensor) -> Explanation:
    n = len(size)
    details = {
        "size": torch.tensor(size),
        "turned": torch.tensor(size) > 0,
        "original": original,
    }
    names = tuple(f"bit {i}" for i in range(5))
    return Explanation(torch.rand(n, 1, 2, 2), torch.zeros(n), names, details=details)


def answers(n: int, alone: int) -> FlipAnswers:
    """All are perceived as class 0; in the first ``alone`` images one bit turns that."""
    perceived = LOGITS[:1].repeat(n, 1)
    each = perceived[:, None].repeat(1, 5, 1)
    each[:alone, 3] = LOGITS[1]
    none = torch.zeros(0, dtype=torch.int64)
    return FlipAnswers(perceived, perceived, perceived, each, none, torch.zeros(3, 0, 1, 2, 2))


def test_how_few_bits_turn_the_prediction_is_said_in_a_sentence():
    given = explanation([1, 3, 0], LOGITS[:1].repeat(3, 1))
    assert _finding(given, answers(3, alone=1)) == (
        "Flipping a few of the 5 bits, 2 in the median, changes the predicted class of 2 of 3 "
        "images; a single bit does for 1."
    )
    none = explanation([0, 0], LOGITS[:1].repeat(2, 1))
    assert _finding(none, answers(2, alone=0)) == (
        "No prediction of the 2 images was changed by flips of a few of the 5 bits."
    )


def test_images_whose_code_has_another_class_are_doubted():
    assert _doubt(explanation([1, 1], LOGITS[:1].repeat(2, 1)), answers(2, alone=0)) == ""
    assert _doubt(explanation([1, 1], LOGITS), answers(2, alone=0)) == (
        "Of 2 images, 1 has another predicted class from the decoded code: do not believe the "
        "flips of these."
    )
