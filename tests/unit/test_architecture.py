"""The rules of the house that a program can check (CONTRIBUTING.md tells why they hold)."""

import ast
import functools
import graphlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("runtime", "node_tree", "addon")  # each may import what stands before it
#: What is no part of the extension, with what each may import of the rest.
OUTSIDE = {"farm": {"runtime", "engines"}, "submit": {"runtime", "node_tree", "addon"}}
BLENDER = {"bpy", "bpy_extras", "bmesh", "mathutils", "gpu", "gpu_extras", "blf", "bl_math", "addon_utils", "_bpy"}
BLENDER_PLACES = ("addon", "node_tree", "runtime/blender", "runtime/worker", "farm/extension", "submit")
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
UNSAFE_CALLS = {"exec", "eval"}
#: The rooms of a layer; each may import what stands before it, and the files of the layer's own folder.
ROOMS = {
    "runtime": (
        "script",
        "text_form",
        "planning",
        "scheduling",
        "scratch",
        "keys",
        "blend_file",
        "presets",
        "store",
        "engine",
        "pool",
        "blender",
        "worker",
    ),
    "addon": (
        "consent",
        "session",
        "presets",
        "jobs",
        "drawing",
        "preferences",
        "editor",
        "auto_run",
        "adding",
        "scripts",
        "sidebar",
        "preset_library",
        "text_form",
        "command_line",
    ),
}
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}

pytestmark = pytest.mark.any_python


def package_files() -> list[str]:
    folders = [file for layer in (*LAYERS, *OUTSIDE, "script") for file in (ROOT / layer).rglob("*.py")]
    modules = [ROOT / name for name in ("__init__.py", "engines.py", "cli.py") if (ROOT / name).exists()]
    return sorted(file.relative_to(ROOT).as_posix() for file in [*folders, *modules])


@functools.cache
def parsed(source: str, file: str) -> ast.Module:
    return ast.parse(source, file)


def parse(file: str) -> ast.Module:
    return parsed((ROOT / file).read_text(encoding="utf-8"), file)


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
    """The modules that are imported when the module is, except those imported for type checkers only."""
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


def files_imported(file: str, source: str, files: Iterable[str]) -> set[str]:
    """The files among `files` that one imports, at any level, type checkers' imports aside."""
    names = {module_name(other): other for other in files}
    found: set[str] = set()
    nodes: list[ast.AST] = [parsed(source, file)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = set(imported_modules(file, node))
            inner = {module for module in modules if module in names}
            # `from . import x` wants the module x, and its package only if x is no module.
            is_of_package = isinstance(node, ast.ImportFrom) and len(inner) == 1 + len(node.names)
            found |= {names[module] for module in (inner - {min(inner, key=len)} if is_of_package else inner)}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes += node.orelse
        else:
            nodes += ast.iter_child_nodes(node)
    return found


@functools.cache
def module_name(file: str) -> str:
    parts = ["background_nodes", *Path(file).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def circle_in(sources: Mapping[str, str]) -> list[str]:
    """Files that import each other in a circle, with the first one again at the end; empty if there is none."""
    arrows = {file: files_imported(file, source, sources) for file, source in sources.items()}
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def product_sources() -> dict[str, str]:
    return {file: (ROOT / file).read_text(encoding="utf-8") for file in package_files()}


def layer_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "background_nodes" and len(parts) > 1 and parts[1] in LAYERS else None


@pytest.mark.parametrize("file", [file for file in package_files() if file.split("/")[0] in LAYERS])
def test_module_imports_its_own_layer_and_those_below(file):
    own = LAYERS.index(file.split("/")[0])
    above = {module for module in imported_modules(file, parse(file)) if layer_of(module) in LAYERS[own + 1 :]}
    assert not above, f"{file} imports upwards"


@pytest.mark.parametrize("folder", OUTSIDE)
def test_what_is_no_part_of_the_extension_stays_beside_it(folder):
    """The extension runs without it, and the farm uses nothing of the extension that touches Blender."""
    assert f"{folder}*" not in (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    for file in package_files():
        modules = imported_modules(file, parse(file))
        used = {module.split(".")[1] for module in modules if module.startswith("background_nodes.")}
        if file.startswith(f"{folder}/"):
            assert used <= {folder, *OUTSIDE[folder]}, f"{file} imports what it should not"
        elif file != "cli.py":
            assert folder not in used, f"{file} needs what is not in the extension"


def test_no_files_import_each_other_in_a_circle():
    circle = circle_in(product_sources())
    assert circle == []


@pytest.mark.parametrize("last", ["from .. import a", "from ..a import x", "def f():\n    from .. import a"])
def test_circle_over_three_files_is_found(last):
    sources = {"a.py": "from .b import c", "b/__init__.py": "", "b/c.py": "from . import d", "b/d.py": last}
    assert set(circle_in(sources)) == {"a.py", "b/c.py", "b/d.py"}


def test_circle_that_only_type_checkers_walk_is_none():
    sources = {"a.py": "from . import b", "b.py": "if TYPE_CHECKING:\n    from . import a"}
    assert not circle_in(sources)


def test_circle_over_the_root_package_is_found():
    sources = {"__init__.py": "from . import a", "a.py": "from . import run"}
    assert set(circle_in(sources)) == {"__init__.py", "a.py"}


@pytest.mark.parametrize("layer", ROOMS)
def test_rooms_stand_on_each_other(layer):
    """The session, which draws nothing, is the first room of the add-on: so it imports nothing that draws."""
    rooms, sources = ROOMS[layer], product_sources()
    files = [file for file in sources if file.startswith(f"{layer}/") and file.count("/") > 1]
    assert {file.split("/")[1] for file in files} == set(rooms)
    for file in files:
        own = rooms.index(file.split("/")[1])
        used = {other for other in files_imported(file, sources[file], sources) if other in files}
        above = {other for other in used if rooms.index(other.split("/")[1]) > own}
        assert not above, f"{file} imports upwards"


def test_one_file_of_the_addon_knows_the_pool():
    sources = product_sources()
    files = [file for file in sources if file.startswith("addon/")]
    knowing = [file for file in files if "runtime/pool/pool.py" in files_imported(file, sources[file], sources)]
    assert knowing == ["addon/session/blender_host.py"]


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        ("runtime/pool/pool.py", "Pool"),
        ("tests/unit/fake_engine.py", "FakeEngine"),
        ("farm/engine.py", "FarmEngine"),
    ],
)
def test_engine_has_the_methods_of_the_protocols(engine, name):
    protocols = ("runtime/engine/interface.py", "Engine"), ("runtime/engine/workers.py", "ManagedEngine")
    wanted = {method for file, cls in protocols for method in methods_of(file, cls)}
    assert wanted <= set(methods_of(engine, name))


def methods_of(file: str, name: str) -> Iterator[str]:
    """The public methods of a class."""
    (found,) = (node for node in parse(file).body if isinstance(node, ast.ClassDef) and node.name == name)
    yield from (node.name for node in found.body if isinstance(node, ast.FunctionDef) and node.name[0] != "_")


def test_command_line_knows_nothing_that_draws():
    sources = product_sources()
    for file in (file for file in sources if file.startswith("addon/command_line/")):
        used = {other.split("/")[1] for other in files_imported(file, sources[file], sources) if other.count("/") > 1}
        assert not used & {"drawing", "editor", "adding", "scripts", "sidebar", "preset_library"}, file


@pytest.mark.parametrize("file", [file for file in package_files() if not file.startswith(BLENDER_PLACES)])
def test_module_outside_the_blender_folders_imports_no_bpy(file):
    # The modules of the root are faces to Blender and may import it in a function, once somebody calls that.
    modules = imported_modules(file, parse(file)) if file.startswith("runtime/") else imported_at_top(file)
    assert not {module for module in modules if module.split(".")[0] in BLENDER}, f"{file} needs Blender"


@pytest.mark.parametrize("file", ["__init__.py", "script/__init__.py"])
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
    allowed = {"exec"} if file.startswith("runtime/worker/") else set()  # the worker runs artists' scripts: its job
    assert not calls & UNSAFE_CALLS - allowed, f"{file} runs text as code"


def test_root_imports_nothing_of_its_own_before_it_is_asked():
    """pytest imports it by the name of a clone's folder, which may be no name of a module."""
    assert not {module for module in imported_at_top("__init__.py") if module.startswith("background_nodes")}


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
    scripts = ("node_tree/library/", "addon/scripts/templates/")
    folders = {Path(file).parent for file in package_files() if not file.startswith(scripts)}
    assert {".".join(["background_nodes", *folder.parts]) for folder in folders} <= set(named)


def test_pip_and_blender_give_the_same_version():
    with (ROOT / "pyproject.toml").open("rb") as project, (ROOT / "blender_manifest.toml").open("rb") as manifest:
        assert tomllib.load(project)["project"]["version"] == tomllib.load(manifest)["version"]
