"""The rules of the house that a program can check (CONTRIBUTING.md tells why they hold)."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("runtime", "node_tree", "addon")  # each may import what stands before it
BLENDER = {"bpy", "bpy_extras", "bmesh", "mathutils", "gpu", "gpu_extras", "blf", "bl_math", "addon_utils", "_bpy"}
BLENDER_PLACES = ("addon", "node_tree", "runtime/blender")
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
UNSAFE_CALLS = {"exec", "eval"}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


def package_files() -> list[str]:
    folders = [file for layer in LAYERS for file in (ROOT / layer).rglob("*.py")]
    modules = [ROOT / name for name in ("__init__.py", "script.py", "cli.py") if (ROOT / name).exists()]
    return sorted(file.relative_to(ROOT).as_posix() for file in [*folders, *modules])


def parse(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


def imported_modules(file: str, tree: ast.AST) -> Iterator[str]:
    """Absolute names of what `tree` imports; those of the project start with background_nodes."""
    package = ["background_nodes", *Path(file).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)  # `from . import x` imports a module, too


def imported_at_top(file: str) -> set[str]:
    """What the module imports just by being imported itself, type checkers' imports aside."""
    modules: set[str] = set()
    statements = list(parse(file).body)
    while statements:
        statement = statements.pop()
        if isinstance(statement, ast.Import | ast.ImportFrom):
            modules.update(imported_modules(file, statement))
        elif isinstance(statement, ast.If):
            is_for_types = "TYPE_CHECKING" in ast.unparse(statement.test)
            statements += statement.orelse + ([] if is_for_types else statement.body)
        elif isinstance(statement, ast.Try):
            statements += [*statement.body, *statement.orelse, *statement.finalbody]
            statements += [inner for handler in statement.handlers for inner in handler.body]
    return modules


def layer_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "background_nodes" and len(parts) > 1 and parts[1] in LAYERS else None


@pytest.mark.parametrize("file", [file for file in package_files() if file.split("/")[0] in LAYERS])
def test_module_imports_its_own_layer_and_those_below(file):
    own = LAYERS.index(file.split("/")[0])
    above = {module for module in imported_modules(file, parse(file)) if layer_of(module) in LAYERS[own + 1 :]}
    assert not above, f"{file} imports upwards"


@pytest.mark.parametrize("file", [file for file in package_files() if not file.startswith(BLENDER_PLACES)])
def test_module_outside_the_blender_folders_imports_no_bpy(file):
    # The modules of the root are faces to Blender and may import it in a function, once somebody calls that.
    modules = imported_modules(file, parse(file)) if file.startswith("runtime/") else imported_at_top(file)
    assert not {module for module in modules if module.split(".")[0] in BLENDER}, f"{file} needs Blender"


@pytest.mark.parametrize("file", ["__init__.py", "script.py"])
def test_face_imports_nothing_of_blender_by_way_of_others(file):
    seen: set[str] = set()
    waiting = [file]
    while waiting:
        current = waiting.pop()
        seen.add(current)
        modules = imported_at_top(current)
        assert not {module for module in modules if module.split(".")[0] in BLENDER}, f"{file} leads to {current}"
        inner = [Path(*module.split(".")[1:]) for module in modules if module.startswith("background_nodes.")]
        files = [name for path in inner for name in (f"{path}.py", f"{path}/__init__.py")]
        waiting += [Path(name).as_posix() for name in files if (ROOT / name).is_file() and name not in seen]


@pytest.mark.parametrize("file", package_files())
def test_module_neither_unpickles_nor_evaluates(file):
    tree = parse(file)
    modules = {module.split(".")[0] for module in imported_modules(file, tree)}
    assert not modules & UNSAFE_MODULES, f"{file} trusts bytes it reads"
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    allowed = {"exec"} if file.startswith("runtime/blender/") else set()  # the worker runs artists' scripts: its job
    assert not calls & UNSAFE_CALLS - allowed, f"{file} runs text as code"


def test_exec_has_one_place():
    places = [
        file
        for file in package_files()
        for node in ast.walk(parse(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "exec"
    ]
    assert len(places) <= 1


@pytest.mark.parametrize("file", package_files())
def test_module_has_a_telling_name(file):
    assert not set(Path(file).with_suffix("").parts) & VAGUE_NAMES


def test_every_package_folder_is_installed_by_pip():
    with (ROOT / "pyproject.toml").open("rb") as file:
        named = tomllib.load(file)["tool"]["setuptools"]["packages"]
    scripts = ("node_tree/library/", "addon/templates/")
    folders = {Path(file).parent for file in package_files() if not file.startswith(scripts)}
    assert {".".join(["background_nodes", *folder.parts]) for folder in folders} <= set(named)


def test_pip_and_blender_give_the_same_version():
    with (ROOT / "pyproject.toml").open("rb") as project, (ROOT / "blender_manifest.toml").open("rb") as manifest:
        assert tomllib.load(project)["project"]["version"] == tomllib.load(manifest)["version"]
