from __future__ import annotations

import logging

import pytest
import torch

from causalxai.image_data.repeats import digest_of, tell_repeats


def told(
    caplog: pytest.LogCaptureFixture, digests: str, labels: str, in_test: str
) -> list[tuple[int, str]]:
    caplog.clear()
    caplog.set_level(logging.INFO)
    names = [f"{label}/{row}.png" for row, label in enumerate(labels)]
    tell_repeats(list(digests), list(labels), [sign == "t" for sign in in_test], names)
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_repeats_are_told_by_the_harm_that_they_do(caplog: pytest.LogCaptureFixture):
    assert told(caplog, "xyz", "aab", "..t") == []
    assert told(caplog, "xxz", "aab", "..t") == [
        (logging.INFO, "2 images have the same pixels as another one of their class: a/0.png = "
         "a/1.png"),
    ]  # fmt: skip
    assert told(caplog, "xyxxy", "aaaab", "..tt.") == [
        (logging.WARNING, "2 of 2 test images have the same pixels as a training image, so that "
         "test results are too optimistic: a/0.png = a/2.png = a/3.png"),
        (logging.WARNING, "2 images have the same pixels as an image of another class: a/1.png = "
         "b/4.png"),
    ]  # fmt: skip


def test_digests_are_those_of_the_pixels():
    image = torch.rand(3, 4, 4)
    assert digest_of(image) == digest_of(image.clone())
    assert digest_of(image) == digest_of(image.transpose(1, 2).contiguous().transpose(1, 2))
    assert digest_of(image) != digest_of(image + 1e-6)
