"""What a script is made of: its text, and the modules that it imports from its own folder."""

from __future__ import annotations

import pytest

from background_nodes.runtime.errors import SignatureError
from background_nodes.runtime.keys import own_modules
from background_nodes.runtime.script.signature import ScriptSource


@pytest.fixture
def folder(awkward_path):
    """Files by their names, and a script among them."""

    def write(script: str, **files: str | bytes) -> ScriptSource:
        for name, content in files.items():
            path = awkward_path / name.replace("__", "/").replace("_py", ".py").replace("_so", ".so")
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ScriptSource(script, str(awkward_path / "script.py"), str(awkward_path))

    return write


def names(script: ScriptSource) -> list[str]:
    return [part.name for part in own_modules.read(script)]


def digest(script: ScriptSource) -> str:
    return own_modules.digest(own_modules.read(script))


def test_text_is_its_own_only_part():
    script = ScriptSource("import json, helper\n", "text.py")
    assert names(script) == [""]
    assert digest(script) == own_modules.digest_of_text(script.text)


@pytest.mark.parametrize(
    "statement",
    [
        "import helper",
        "def main():\n    from helper import number",
        "import os, helper.inner as inner",
        "__import__('helper')",
    ],
)
def test_module_that_is_imported_anywhere_is_a_part(folder, statement):
    assert names(folder(statement, helper_py="number = 1", other_py="")) == ["", "helper.py"]


def test_module_that_a_module_imports_is_a_part(folder):
    assert names(folder("import one", one_py="import two", two_py="import one")) == ["", "one.py", "two.py"]


def test_package_is_a_part_with_all_its_modules(folder):
    script = folder(
        "import pack", pack____init__="", pack__one_py="import helper", pack__inner__two_py="", helper_py=""
    )
    assert names(script) == ["", "helper.py", "pack/inner/two.py", "pack/one.py"]


@pytest.mark.parametrize(
    "statement",
    [
        'import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).parent / "lib"))\nimport tool',
        "import os, sys\n_ = sys.path.append(os.path.dirname(__file__) + '/lib')\nimport tool",
        "import runpy\nrunpy.run_path(path)",
        "exec(open(path).read())",
        "import importlib\nimportlib.import_module(name)",
        "import importlib.util\nimportlib.util.spec_from_file_location(name, path)",
        "import helper",
    ],
)
def test_all_modules_of_the_folder_are_parts_of_a_script_that_may_run_any(folder, statement):
    script = folder(statement, lib__tool_py="number = 1", lib__note="", helper_py="import sys\nsys.path += ['lib']")
    assert names(script) == ["", "helper.py", "lib/tool.py"]
    before = digest(script)
    assert digest(folder(statement, lib__tool_py="number = 2")) != before


def test_script_that_adds_its_own_folder_to_where_modules_are_looked_for_has_just_those_that_it_imports(folder):
    text = "import os, sys\nsys.path.append(os.path.dirname(__file__))\nimport helper"
    assert names(folder(text, helper_py="", other_py="")) == ["", "helper.py"]


def test_compiled_module_is_a_part(folder):
    script = folder("import fast", fast_so=b"\x7fELF\0")
    assert names(script) == ["", "fast.so"]
    assert own_modules.read(script)[1].text is None


def test_folder_that_python_does_not_take_for_a_module_is_none(folder):
    assert names(folder("import json", json__big_py="")) == [""]


@pytest.mark.parametrize("statement", ["import helper", "# another comment\nimport helper"])
def test_any_change_of_a_part_changes_the_digest(folder, statement):
    before = digest(folder("import helper", helper_py="number = 1"))
    after = digest(folder(statement, helper_py="number = 1  # not even that" if statement[0] == "i" else "number = 1"))
    assert before != after


def test_parts_that_are_split_otherwise_have_another_digest():
    one = [own_modules.ScriptPart("", b"ab"), own_modules.ScriptPart("c", b"d")]
    two = [own_modules.ScriptPart("", b"a"), own_modules.ScriptPart("bc", b"d")]
    assert own_modules.digest(one) != own_modules.digest(two)


def test_too_many_modules_are_refused(folder, monkeypatch):
    monkeypatch.setattr(own_modules, "MAX_FILES", 2)
    with pytest.raises(SignatureError, match="more than 2 files"):
        own_modules.read(folder("import pack", **{f"pack__m{number}_py": "" for number in range(3)}))


def test_link_that_leads_back_ends(folder, awkward_path, monkeypatch):
    monkeypatch.setattr(own_modules, "MAX_FILES", 5)
    script = folder("import pack", pack____init__="")
    (awkward_path / "pack" / "again").symlink_to(awkward_path / "pack", target_is_directory=True)
    with pytest.raises(SignatureError, match="more than 5 files"):
        own_modules.read(script)


def test_source_with_an_error_imports_nothing(folder):
    assert names(folder("import helper\ndef main(", helper_py="")) == [""]
