"""Modules that are neither next to a script nor Python's own: their versions are told, and nothing is imported."""

import sys

import pytest

from background_nodes.runtime.keys import files, installed
from background_nodes.runtime.keys.files import FileDigests, UnknownContentError
from background_nodes.runtime.keys.installed import ABSENT, BUNDLED, versions


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder in which Python looks for modules."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def version(name: str) -> str:
    return versions([name], FileDigests())[name]


def test_installed_package_has_its_version(place):
    (place / "some_studio").mkdir()
    (place / "some_studio" / "__init__.py").write_text("raise SystemExit")
    (place / "Some.Studio-1.2.dist-info").mkdir()
    assert version("some_studio") == "1.2"
    assert "some_studio" not in sys.modules


def test_module_that_was_put_there_counts_by_content(place):
    package = place / "some_studio"
    package.mkdir()
    (package / "__init__.py").write_text("")
    before = version("some_studio")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "__init__.cpython-313.pyc").write_text("1")
    assert version("some_studio") == before
    (package / "more.py").write_text("1")
    assert version("some_studio") != before
    (place / "some_file.py").write_text("1")
    before = version("some_file")
    (place / "some_file.py").write_text("2")
    assert version("some_file") != before


IMPORTS = [
    "import some_numbers",
    "import json, some_numbers as numbers",
    "try: from some_numbers import X\nexcept ImportError: X = 1",
    "import importlib\nX = importlib.import_module('some_numbers.inner').X",
]


@pytest.mark.parametrize("source", IMPORTS)
def test_what_a_module_imports_counts_too(place, source):
    (place / "some_studio").mkdir()
    (place / "some_studio" / "__init__.py").write_text(source)
    (place / "some_numbers.py").write_text("import some_studio\nX = 1")
    before = versions(["some_studio"], FileDigests())
    assert before.keys() == {"some_studio", "some_numbers"}
    (place / "some_numbers.py").write_text("import some_studio\nX = 2")
    after = versions(["some_studio"], FileDigests())
    assert (after["some_studio"] == before["some_studio"], after == before) == (True, False)


def test_what_an_installed_package_requires_counts_too(place):
    (place / "some_studio").mkdir()
    (place / "some_studio" / "__init__.py").write_text("")
    (place / "some_studio-1.2.dist-info").mkdir()
    (place / "some_studio-1.2.dist-info" / "METADATA").write_text(
        "Name: some-studio\nRequires-Dist: Some.Numbers (>=3)\nRequires-Dist: some_tests ; extra == 'test'\n"
    )
    assert versions(["some_studio"], FileDigests()) == {"some_studio": "1.2", "some_numbers": ABSENT}
    (place / "some_numbers-3.1.dist-info").mkdir()
    assert versions(["some_studio"], FileDigests()) == {"some_studio": "1.2", "some_numbers": "3.1"}


def test_package_that_is_being_worked_on_counts_by_content(place):
    (place / "some_studio.egg-info").mkdir()
    (place / "some_studio").mkdir()
    (place / "some_studio" / "__init__.py").write_text("X = 1")
    before = version("some_studio")
    (place / "some_studio" / "__init__.py").write_text("X = 2")
    assert version("some_studio") not in {"", before}


def test_module_that_is_nowhere_may_come(place):
    assert version("some_studio") == ABSENT
    (place / "some_studio.py").write_text("")
    assert version("some_studio") != ABSENT


def test_module_that_is_too_large_can_t_be_told_unless_it_came_with_python(place, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 0)
    (place / "some_studio").mkdir()
    (place / "some_studio" / "__init__.py").write_text("")
    with pytest.raises(UnknownContentError, match="it imports some_studio, whose content nobody can tell"):
        version("some_studio")
    monkeypatch.setattr(installed.sys, "prefix", str(place))
    assert version("some_studio") == BUNDLED
    (place / "other_name-1.0.dist-info").mkdir()
    before = version("some_studio")
    (place / "other_name-1.0.dist-info").rename(place / "other_name-1.1.dist-info")
    assert BUNDLED != version("some_studio") != before, "it may be of that package"


def test_add_on_can_t_be_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "bl_ext", type(sys)("bl_ext"))
    with pytest.raises(UnknownContentError, match="it imports bl_ext"):
        version("bl_ext")


def test_blender_s_own_modules_are_left_out():
    assert versions(["bpy", "background_nodes"], FileDigests()) == {}
