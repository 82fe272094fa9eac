"""What is read off a page of the documentation for somebody who follows it."""

from __future__ import annotations

from pathlib import Path

from tests.guides.__main__ import AFTER, BEFORE, LEFT_OUT, PAGES, ROOT
from tests.guides.pages import Step, steps

PAGE = """# A page
```console
make demo    # two minutes

causalxai plugins
```
```python
x = 1
```
```text
not a step
```
```python
y = x
```
```yaml
causalxai: 1
name: mine
```
```yaml
--8<-- "another/file.yaml"
```
```console
causalxai run my.yaml --set a=b
```
"""


def test_the_steps_of_a_page_come_in_its_order(tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")
    assert list(steps(page)) == [
        Step("make demo"),
        Step("causalxai plugins"),
        Step("python guide.py", "guide.py", "x = 1\n\ny = x\n"),
        Step("causalxai validate my.yaml --trust-code", "my.yaml", "causalxai: 1\nname: mine\n"),
        Step("causalxai run my.yaml --set a=b"),
    ]


def test_what_is_said_of_single_steps_is_said_of_steps_that_are_there():
    commands = {step.command for page in PAGES for step in steps(ROOT / page)}
    assert {*LEFT_OUT, *AFTER} <= commands
    assert set(BEFORE) <= set(PAGES)
