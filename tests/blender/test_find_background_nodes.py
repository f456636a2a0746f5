"""What add-ons copy to find the extension: it says why there is none."""

import ast
import importlib.util
import sys
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "examples" / "find_background_nodes.py"


@pytest.fixture
def example():
    spec = importlib.util.spec_from_file_location("copied", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def nothing_enabled():
    """The preferences name no Background Nodes."""
    addons = bpy.context.preferences.addons
    names = [add_on.module for add_on in addons if add_on.module.split(".")[-1] == "background_nodes"]
    for name in names:
        addons.remove(addons[name])
    yield addons
    for name in names:
        addons.new().module = name


def test_extension_that_is_enabled_is_found(example, enabled_name):
    assert example.background_nodes() is sys.modules[enabled_name]


def test_other_add_on_of_a_similar_name_is_not_taken_for_it(example, enabled_name, monkeypatch):
    other = bpy.context.preferences.addons.new()
    other.module = "bl_ext.studio.my_background_nodes"
    monkeypatch.setitem(sys.modules, other.module, type(sys)(other.module))
    try:
        assert example.background_nodes() is sys.modules[enabled_name]
    finally:
        bpy.context.preferences.addons.remove(other)


def test_copy_of_it_that_did_not_load_does_not_hide_the_one_that_did(example, nothing_enabled, name_of_extension):
    for name in ("bl_ext.studio.background_nodes", name_of_extension):
        nothing_enabled.new().module = name
    try:
        assert example.background_nodes() is sys.modules[name_of_extension]
    finally:
        for name in ("bl_ext.studio.background_nodes", name_of_extension):
            nothing_enabled.remove(nothing_enabled[name])


def test_too_old_an_extension_is_told_with_the_version_that_is_needed(example, enabled_name, monkeypatch):
    monkeypatch.setattr(sys.modules[enabled_name], "__version__", "0.1.0", raising=False)
    assert example.background_nodes((0, 1, 0)) is sys.modules[enabled_name]
    with pytest.raises(RuntimeError, match=r"Background Nodes 0\.1\.0 is too old: update it to 0\.10\.0"):
        example.background_nodes((0, 10, 0))


@pytest.mark.parametrize(
    ("installed", "reason"),
    [
        ([], "Background Nodes is not installed: see Preferences > Add-ons"),
        (["bl_ext.studio.background_nodes"], "Background Nodes is not enabled: see Preferences > Add-ons"),
        (["bl_ext.studio.my_background_nodes"], "Background Nodes is not installed: see Preferences > Add-ons"),
    ],
)
def test_extension_that_is_missing_or_off_is_told(example, nothing_enabled, monkeypatch, installed, reason):
    """Its module may still be there after it was disabled."""
    monkeypatch.setattr(example.addon_utils, "modules", lambda: [type(sys)(name) for name in installed])
    with pytest.raises(RuntimeError, match=f"^{reason}$"):
        example.background_nodes()


def test_it_has_15_lines_of_code_at_most():
    source = FILE.read_text(encoding="utf-8")
    docstrings = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node):
            docstrings.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(source.splitlines(), start=1)
    code = [line for number, line in lines if number not in docstrings and line.strip() and not line.startswith("#")]
    assert len(code) <= 15


def test_page_of_jobs_shows_the_same_lines():
    _header, imports, code = FILE.read_text(encoding="utf-8").partition("import sys\n")
    assert f"```python\n{imports}{code}```" in (ROOT / "docs" / "job_manager.md").read_text(encoding="utf-8")
