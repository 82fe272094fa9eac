from __future__ import annotations

import logging
from threading import Thread

import pytest

from causalxai.memory import (
    DEFAULT_LIMIT,
    limited_to,
    memory_limit,
    memory_part,
    rows_that_fit,
    tell_if_too_large,
)


def test_a_limit_holds_in_its_block_and_its_thread():
    seen: list[int] = []
    with limited_to(1000):
        with limited_to(10):
            assert memory_limit() == 10
        assert memory_limit() == 1000
        thread = Thread(target=lambda: seen.append(memory_limit()))
        thread.start()
        thread.join()
    # Runs that other threads compute have limits of their own.
    assert seen == [DEFAULT_LIMIT]
    assert memory_limit() == DEFAULT_LIMIT


def test_rows_fit_into_an_eighth_of_the_limit():
    with limited_to(800):
        assert memory_part() == 100
        assert rows_that_fit(30, 50) == 3
        assert rows_that_fit(30, 2) == 2
        assert rows_that_fit(1000, 50) == 1
        assert rows_that_fit(0, 50) == 50


def test_what_takes_more_than_the_limit_is_told(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    with limited_to(3 * 2**20):
        tell_if_too_large("the images", 3 * 2**20, "take fewer")
        assert caplog.text == ""
        tell_if_too_large("the images", 5 * 2**20, "take fewer")
    assert (
        "the images take about 5 MiB of memory, more than the 3 of memory_mb; take fewer, or raise "
        "memory_mb" in caplog.text
    )
