"""Documents that are made to exhaust whoever reads them, or to confuse."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from causalxai.config import load_grid
from causalxai.errors import SpecError
from tests.trust.family import Case, Family

_HEAD = b"causalxai: 1\nname: x\ndataset: digits\nclassifier: lenet\nmethod: interventional\n"
_SECONDS = 1.0
_MEGABYTES = 100
_AT_ONCE = 12


def _laughs(width: int, levels: int) -> bytes:
    levels_above = (f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels))
    return "\n".join(["a0: &a0 [x]", *levels_above]).encode()


def _chain(links: int) -> bytes:
    return "\n".join(
        ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, links))]
    ).encode()


def _merged(levels: int) -> bytes:
    maps = [f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: 1}}" for n in range(1, levels)]
    return "\n".join(["m0: &m0 {k: 1}", *maps]).encode()


_REFUSED: dict[str, bytes] = {
    "laughs 9 x 9": _laughs(9, 10),
    "laughs 2 x 40": _laughs(2, 40),
    "laughs 100 x 4": _laughs(100, 4),
    "a chain of 3000 aliases": _chain(3000),
    "merge keys 2 x 40": _merged(40),
    "a merge key of itself": b"a: &a\n  <<: *a\n  b: 1",
    "a list in itself": b"a: &a [*a]",
    "an alias of nothing": b"a: *nowhere",
    **{
        f"{mark!r} {count} times": mark.encode() * count
        for mark in (
            "[",
            "{",
            "- ",
            "? ",
            "[{a: ",
            "a: [",
            "- - ? ",
            "!!map {a: ",
            "&a [",
            "'",
            '"',
        )
        for count in (60, 1000, 20_000)
    },
    **{f"{word!r}": word.encode() for word in ("~", "3", "text", "[]", "''", "...", "---", "true")},
    "nothing": b"",
    "only a byte order mark": b"\xef\xbb\xbf",
    "UTF-16": _HEAD.decode().encode("utf-16"),
    "UTF-32": _HEAD.decode().encode("utf-32"),
    "Latin-1": _HEAD + "q: größe".encode("latin-1"),
    "a byte 0": _HEAD + b"q: a\0b",
    "an escaped 0": _HEAD + b'q: "a\\0b"',
    "an escape beyond Unicode": _HEAD + b'q: "\\UFFFFFFFF"',
    "an escape just beyond Unicode": _HEAD + b'"\\U00110000": 1',
    "an escaped surrogate": _HEAD + b'images: {classes: ["\\ud800"]}',
    "escaped terminal commands in a key": _HEAD + b'"\\e[2Jq": 1',
    "an unfinished escape": _HEAD + b'q: "\\x4',
    "an integer of 5000 digits": _HEAD + b"seed: " + b"9" * 5000,
    "an integer of 200 000 digits": _HEAD + b"seed: " + b"9" * 200_000,
    "a hexadecimal integer of 100 000 digits": _HEAD + b"seed: 0x" + b"f" * 100_000,
    "a float of 5000 digits": _HEAD + b"seed: 1." + b"3" * 5000,
    "an exponent of 5000 digits": _HEAD + b"seed: 1e" + b"9" * 5000,
    "infinity": _HEAD + b"seed: .inf",
    "not a number": _HEAD + b"seed: .nan",
    "a float beyond all": _HEAD + b"seed: 1e999",
    "a timestamp": _HEAD + b"seed: 2001-12-14t21:59:43.10-05:00",
    "a sexagesimal number": _HEAD + b"seed: 190:20:30",
    "a Python object": _HEAD + b'q: !!python/object/apply:os.system ["true"]',
    "a Python name": _HEAD + b"q: !!python/name:os.system",
    "binary": _HEAD + b"q: !!binary aGFsbG8=",
    "a set": _HEAD + b"q: !!set {a, b}",
    "an ordered map": _HEAD + b"q: !!omap [a: 1]",
    "a tag of its own": _HEAD + b"q: !mine 3",
    "a tag that is not true": _HEAD + b"seed: !!int [1]",
    "a tag of 100 000 letters": _HEAD + b"q: !" + b"a" * 100_000 + b" 3",
    "a directive of another version": b"%YAML 9.9\n---\n" + _HEAD + b"q: 1",
    "a directive twice": b"%YAML 1.2\n%YAML 1.2\n---\n" + _HEAD,
    "two documents": _HEAD + b"---\n" + _HEAD,
    "10 000 documents": b"--- a\n" * 10_000,
    "a key twice": _HEAD + b"seed: 1\nseed: 2\n",
    "5000 keys": _HEAD + b"".join(b"k%d: 1\n" % n for n in range(5000)),
    "900 unknown keys": _HEAD + b"".join(b"k%d: 1\n" % n for n in range(900)),
    "30 000 keys": _HEAD + b"".join(b"k%d: 1\n" % n for n in range(30_000)),
    "a list of 50 000": _HEAD + b"metrics: [" + b"x," * 50_000 + b"]",
    "4000 unknown classes": _HEAD + b"images: {classes: [" + b"1.5," * 4000 + b"]}",
    "4000 unknown metrics": _HEAD + b"metrics: [" + b"x," * 4000 + b"]",
    "a key of 100 000 letters": _HEAD + b"? " + b"k" * 100_000 + b"\n: 1",
    "a plugin of 100 000 letters": _HEAD.replace(b"lenet", b"l" * 100_000),
    "a name of 100 000 letters": _HEAD.replace(b"name: x", b"name: " + b"x" * 100_000),
    "a name of 300 letters": _HEAD.replace(b"name: x", b"name: " + b"x" * 300),
    "a name with a slash": _HEAD.replace(b"name: x", b"name: ../x"),
    "a name of two dots": _HEAD.replace(b"name: x", b"name: .."),
    "a list as a key": _HEAD + b"? [a, b]\n: 1",
    "a mapping as a key": _HEAD + b"? {a: b}\n: 1",
    "nothing as a key": _HEAD + b"~: 1",
    "a tab": _HEAD + b"\tseed: 1",
    "anchors used again 3000 times": _HEAD + b"q: [" + b"&a x," * 3000 + b"]",
    "200 000 spaces and an unknown key": _HEAD + b" " * 200_000 + b"\nq: 1",
    "200 000 lines and an unknown key": _HEAD + b"\n" * 200_000 + b"q: 1",
    "comments of 200 000 letters": _HEAD + b"# " + b"x" * 200_000 + b"\nq: 1",
    "a text of 200 000 letters": _HEAD + b'q: "' + b"x" * 200_000 + b'"',
    "a text of 100 000 quotes": _HEAD + b"q: '" + b"''" * 100_000 + b"'",
    "a text of 20 000 lines": _HEAD + b"q: |\n" + b"  xxx yyy\n" * 20_000,
    "a text of 20 000 folded lines": _HEAD + b"q:\n" + b"  xxx yyy\n" * 20_000,
    "10 MB of comments": _HEAD + b"# xxxxxxx\n" * 1_000_000,
    "10 MB of keys": _HEAD + b"".join(b"k%09d: 1\n" % n for n in range(700_000)),
    "a grid of 50 ** 6": _HEAD
    + b"vary: {%s}" % b", ".join(b"a%d: [%s]" % (n, b"0," * 50) for n in range(6)),
    "a grid of 2 ** 64": _HEAD + b"vary: {%s}" % b", ".join(b"a%d: [0, 1]" % n for n in range(64)),
    "an axis that varies": _HEAD + b"vary: {vary: [1, 2]}",
    "a label that varies": _HEAD + b"vary: {m: {a: {vary.seed: [1, 2]}}}",
    "a label with a key of 3000 parts": _HEAD
    + b'vary: {m: {a: {? "%s" : 1}}}' % (b"a." * 3000 + b"a"),
}

_READ: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + _HEAD,
    "lines of Windows": _HEAD.replace(b"\n", b"\r\n"),
    "lines of an old Mac": _HEAD.replace(b"\n", b"\r"),
    "JSON": b'{"causalxai": 1, "name": "x", "dataset": "digits", "classifier": "lenet", '
    b'"method": "interventional"}',
    "anchors": _HEAD.replace(b"name: x", b"name: &n x") + b"images: &i {count: 3}\n",
    "tags of the core": _HEAD.replace(b"name: x", b"name: !!str 2024"),
    "an end": _HEAD + b"...\n",
    "a grid of 500 runs": _HEAD + b"vary: {seed: [%s]}" % b",".join(b"%d" % n for n in range(500)),
}


def _refused(documents: Mapping[str, bytes], folder: Path) -> None:
    path = folder / "spec.yaml"
    path.write_bytes(_HEAD)
    load_grid(path)  # what is loaded once for all documents does not count
    for name, content in documents.items():
        path.write_bytes(content)
        memory, begin = _memory(), time.process_time()
        lines = _mistakes(path)
        seconds, more = time.process_time() - begin, _memory() - memory
        assert lines, f"{name}: it was read"
        assert len(lines) <= 101, f"{name}: {len(lines)} lines"
        assert all(map(str.isprintable, lines)), f"{name}: a line has control characters"
        assert max(map(len, lines)) < 2_500, f"{name}: a line has {max(map(len, lines))} letters"
        wrong = [line for line in lines if not line.startswith(str(path))]
        assert not wrong, f"{name}: no place in {wrong[0]!r}"
        assert seconds < _SECONDS, f"{name}: it took {seconds:.1f} s"
        assert more < _MEGABYTES, f"{name}: it took {more:.0f} MB"


def _mistakes(path: Path) -> list[str]:
    try:
        load_grid(path)
    except SpecError as error:
        return [str(problem) for problem in error.problems]
    return []


def _read(folder: Path) -> None:
    path = folder / "spec.yaml"
    for name, content in _READ.items():
        path.write_bytes(content)
        assert load_grid(path).cells, name


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cases() -> Iterator[Case]:
    names = list(_REFUSED)
    for start in range(0, len(names), _AT_ONCE):
        some = {name: _REFUSED[name] for name in names[start : start + _AT_ONCE]}
        first, *_, last = some
        case = partial(_refused, some)
        yield Case(f"{first} … {last}", case, quick=start == 0, seconds=120)
    yield Case("sound documents are read", _read, seconds=120)


FAMILY = Family(
    "nasty-documents",
    "A document that is made to exhaust its reader is refused within a second and 100 MB, with a "
    "line for each mistake.",
    _cases,
)
