"""Runs without a network: every attempt to open a connection fails the case."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

from causalxai import compare, run
from causalxai.plugin import registry
from tests.trust.family import Case, Family
from tests.trust.small_runs import SPECS, Spec, spec

_ATTEMPTS = ("connect", "connect_ex", "sendto", "bind")
_LOOKUPS = ("getaddrinfo", "gethostbyname", "create_connection")


def _blocked(tried: list[str], name: str, *given: object, **_: Any) -> NoReturn:
    tried.append(f"{name}{given[-1:]}")
    raise OSError("this machine has no network")


@contextmanager
def _no_network() -> Iterator[list[str]]:
    """Make all sockets fail for a while; yield the list to which attempts are added."""
    tried: list[str] = []

    class Blocked(socket.socket):
        pass

    for name in _ATTEMPTS:
        setattr(Blocked, name, partial(_blocked, tried, name))
    failing = {name: partial(_blocked, tried, name) for name in _LOOKUPS}
    with patch.multiple(socket, socket=Blocked, **failing):
        yield tried


def _runs_alone(data: Spec, folder: Path) -> None:
    with _no_network() as tried:
        done = run(data, out=folder / "runs")
        assert done.report.is_file()
        assert run(data, out=folder / "runs").pipeline.computed == []
    assert not tried, f"tried to reach the network: {tried}"


def _compares_alone(folder: Path) -> None:
    with _no_network() as tried:
        done = compare({**spec("saliency"), "vary": {"seed": [0, 1]}}, out=folder / "runs", jobs=1)
        assert not done.failures()
    assert not tried, f"tried to reach the network: {tried}"


def _is_blocked(_: Path) -> None:
    """Check that the other cases would notice an attempt."""
    with _no_network() as tried, suppress(urllib.error.URLError):
        urllib.request.urlopen("http://127.0.0.1:1/")
    assert tried


def _specs() -> Mapping[str, Spec]:
    """Return a small spec for every method, and for each kind of run beside them."""
    base = spec("saliency")
    del base["explain"]
    plain = {name: {**base, "method": name} for name in registry.names("methods")}
    plain["lime"]["explain"] = {"samples": 20, "segments": 5}
    return {**plain, **SPECS}


def _cases() -> Iterator[Case]:
    for name, data in _specs().items():
        yield Case(name, partial(_runs_alone, data))
    yield Case("a comparison", _compares_alone)
    yield Case("the block works", _is_blocked, quick=True)


FAMILY = Family(
    "sockets",
    "No run opens a connection: every built-in method works without a network.",
    _cases,
)
