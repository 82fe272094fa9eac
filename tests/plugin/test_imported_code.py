from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from causalxai.plugin.imported_code import ImportedCode
from causalxai.plugin.settings import told_of_folders


def test_code_is_looked_for_beside_the_spec(tmp_path: Path):
    context = told_of_folders(lambda setting: tmp_path if setting == "import_path" else None)
    settings = {"import_path": "nets:Net"}
    assert ImportedCode.model_validate(settings, context=context).import_from == tmp_path
    assert ImportedCode(import_path="nets:Net").import_from is None
    given = ImportedCode.model_validate({**settings, "import_from": "own"}, context=context)
    assert given.import_from == Path("own")


def test_the_path_and_the_folder_are_named():
    assert ImportedCode().named_code() == {}
    assert ImportedCode(import_path="nets:Net").named_code() == {"import_path": "nets:Net"}
    given = ImportedCode(import_path="nets:Net", import_from=Path("own"))
    assert given.named_code() == {"import_path": "nets:Net", "import_from": "own"}


@pytest.mark.parametrize("path", ["nets", "nets:Net.inner", ":Net"])
def test_a_path_has_a_module_and_a_name(path: str):
    with pytest.raises(ValidationError, match="import_path"):
        ImportedCode(import_path=path)
