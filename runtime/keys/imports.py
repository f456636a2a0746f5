# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules a source imports, and what it does so that nobody can tell which code or which files it uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..script.scope import SCRIPT_MODULE
from .source_tree import ANYTHING, SourceTree

#: What imports a module by a name that may be computed.
_IMPORTERS: Final = frozenset({"__import__", "builtins.__import__", "importlib.import_module", "importlib.__import__"})
#: What runs code that is no part of the source: itself, or something below it.
_RUNS_CODE: Final = (
    *("exec", "eval", "compile", "builtins.exec", "builtins.eval", "builtins.compile"),
    *("code", "codeop", "imp", "runpy", "zipimport", "importlib.machinery", "importlib.util", "importlib.abc"),
    *("sys.meta_path", "sys.path_hooks", "sys.path_importer_cache", "sys.modules", "site.addsitedir"),
)
#: What finds the files of modules.
_FINDS_FILES: Final = (
    *("__path__", "__spec__", "__loader__", "__cached__", "importlib.resources", "pkgutil", "linecache"),
    *("inspect.getfile", "inspect.getsource", "inspect.getsourcefile", "inspect.getsourcelines", "inspect.getmodule"),
)
#: The same as attributes of modules and of code.
_FILE_ATTRIBUTES: Final = frozenset({"__file__", "__path__", "__spec__", "__loader__", "__cached__", "co_filename"})

#: Modules of which all names may be imported: none of them is of interest here.
_PLAIN_MODULES: Final = frozenset({"math", "mathutils", "numpy", "typing"})

_DEPENDS_ON: Final = f"{SCRIPT_MODULE}.depends_on"
#: What leads from the path of a file or folder to the same path, spelled in another way.
_SAME_PATH: Final = frozenset(
    {"str", "os.fspath", "os.path.abspath", "os.path.normpath", "os.path.realpath", "pathlib.Path", "pathlib.PurePath"}
)
_SAME_PATH_METHODS: Final = frozenset({"absolute", "as_posix", "resolve"})


@dataclass(frozen=True, slots=True)
class Imported:
    """An import.

    Attributes:
        module: the dotted name, "" for the package itself.
        level: how many dots stand before it, 0 for an absolute name.
        names: what is taken from the module, and may be modules in it; "*" for all.
    """

    module: str
    level: int = 0
    names: tuple[str, ...] = ()


def imports(tree: SourceTree) -> Iterator[Imported]:
    """What a source imports, wherever in it."""
    for node in tree.nodes:
        match node:
            case ast.Import(names=aliases):
                yield from (Imported(alias.name) for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                yield Imported(module or "", level, tuple(alias.name for alias in aliases))
            case ast.Call(func=function) if not _IMPORTERS.isdisjoint(tree.meanings_of(function)):
                if name := _literal_name(node):
                    yield Imported(name.lstrip("."), len(name) - len(name.lstrip(".")))


def obstacle(tree: SourceTree, *, is_script: bool) -> str:
    """Why nobody can tell from a source what its results depend on, with the line; "" if that can be told.

    Args:
        tree: the source.
        is_script: whether it is the script itself, whose names no other source sees.
    """
    return next((f"it {what}, line {line}" for line, what in sorted(_obstacles(tree, is_script))), "")


def hides_code(tree: SourceTree) -> bool:
    """Whether a source may run code of other files than those of its `imports`."""
    return any(True for _line, _what in _hidden_code(tree))


def _obstacles(tree: SourceTree, is_script: bool) -> Iterator[tuple[int, str]]:
    """Lines, and what is done there."""
    yield from _hidden_code(tree)
    for node in tree.nodes:
        match node:
            case ast.ImportFrom(module=module, names=[ast.alias(name="*")]) if (
                node.level or module not in _PLAIN_MODULES
            ):
                yield node.lineno, f"imports all names of {module or 'a module'} (*)"
    known = set(_known_uses_of_file(tree))
    places = _names_of_place(tree, known) if is_script else {"__file__"}
    for chain in tree.chains():
        if chain.root in places and chain.node not in known and not _is_bound_here(chain.node):
            yield chain.node.lineno, "looks for files next to it (__file__) that it does not name to depends_on"


def _hidden_code(tree: SourceTree) -> Iterator[tuple[int, str]]:
    """Lines in which code of other files may be found and run, and what is done there."""
    for node in tree.nodes:
        match node:
            case ast.Attribute(attr=name) if name in _FILE_ATTRIBUTES:
                yield node.lineno, f"looks for files of a module ({name})"
            case ast.Attribute(attr="import_module") if _IMPORTERS.isdisjoint(tree.meanings_of(node)):
                yield node.lineno, "imports a module by way of another one (import_module)"
            case ast.Attribute(attr="as_module"):
                yield node.lineno, "runs code that is no part of it (as_module)"
    known = set(_known_uses_of_file(tree))
    for chain in tree.chains():
        for name in sorted(tree.meanings(chain)):
            if what := _use(name, chain.node, tree, known):
                yield chain.node.lineno, what


def _use(name: str, node: ast.expr, tree: SourceTree, known: set[ast.AST]) -> str:
    """What of interest is done with what a name stands for, "" if nothing is."""
    if name in _IMPORTERS:
        is_literal = _literal_name(tree.parents.get(node), node) != ""
        return "" if is_literal else "imports a module by a name that is computed"
    if _is_below(name, _RUNS_CODE):
        return f"runs code that is no part of it ({name})"
    if _is_below(name, _FINDS_FILES):
        return f"looks for files of a module ({name})"
    if _is_below(name, (ANYTHING,)):
        return "has a name for too many things to be followed"
    is_search = _is_below(name, ("sys.path",)) and node not in known
    return "changes where modules are looked for (sys.path)" if is_search else ""


def _is_below(name: str, names: tuple[str, ...]) -> bool:
    return any(f"{name}.".startswith(f"{other}.") for other in names)


def _literal_name(call: ast.AST | None, function: ast.AST | None = None) -> str:
    """The name that a call imports, "" if that is computed, or `function` is not what is called."""
    match call:
        case ast.Call(func=called, args=[ast.Constant(value=str(name)), *packages], keywords=[]):
            is_own = all(isinstance(each, ast.Name) and each.id == "__package__" for each in packages)
            if (function is None or called is function) and len(packages) == name.startswith(".") and is_own:
                return name
    return ""


# The script's own path


def _known_uses_of_file(tree: SourceTree) -> Iterator[ast.AST]:
    """The nodes in which `__file__`, or a name of its folder, does no harm.

    These are arguments of `depends_on`, `sys.path.append(folder)`, and `folder in sys.path`.
    """
    for node in tree.nodes:
        match node:
            case ast.Call(func=function, args=arguments) if _DEPENDS_ON in tree.meanings_of(function):
                for argument in arguments:
                    yield from ast.walk(argument)
            case ast.Call(func=ast.Attribute(attr="append") as function, args=[folder]):
                yield from _known_search(tree, function, folder)
            case ast.Call(func=ast.Attribute(attr="insert") as function, args=[_, folder]):
                yield from _known_search(tree, function, folder)
            case ast.Compare(left=folder, ops=[ast.In() | ast.NotIn()], comparators=[path]):
                if "sys.path" in tree.meanings_of(path) and _is_own_folder(folder, tree):
                    yield from ast.walk(node)


def _known_search(tree: SourceTree, function: ast.Attribute, folder: ast.expr) -> Iterator[ast.AST]:
    if "sys.path" in tree.meanings_of(function.value) and _is_own_folder(folder, tree):
        yield from ast.walk(function)
        yield from ast.walk(folder)


def _names_of_place(tree: SourceTree, known: set[ast.AST]) -> set[str]:
    """`__file__`, and the names of what is made of it. The assignments that name it so become known."""
    places = {"__file__"}
    has_changed = True
    while has_changed:
        has_changed = False
        for name, values in tree.assigned.items():
            for value in values:
                inner = set(ast.walk(value))
                if any(isinstance(node, ast.Name) and node.id in places for node in inner) and not inner <= known:
                    places.add(name)
                    known |= inner
                    has_changed = True
    return places


def _is_bound_here(node: ast.expr) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Store)


def _is_own_folder(expression: ast.expr, tree: SourceTree, depth: int = 5) -> bool:
    match expression:
        case ast.Name(id=name) if depth and len(tree.assigned.get(name, ())) == 1:
            return _is_own_folder(tree.assigned[name][0], tree, depth - 1)
        case ast.Attribute(value=value, attr="parent"):
            return _is_own_file(value, tree, depth)
        case ast.Call(func=function, args=[value], keywords=[]):
            names = tree.meanings_of(function)
            return (names == {"os.path.dirname"} and _is_own_file(value, tree, depth)) or (
                len(names) == 1 and names <= _SAME_PATH and _is_own_folder(value, tree, depth)
            )
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=[], keywords=[]):
            return method in _SAME_PATH_METHODS and _is_own_folder(value, tree, depth)
    return False


def _is_own_file(expression: ast.expr, tree: SourceTree, depth: int) -> bool:
    match expression:
        case ast.Name(id="__file__"):
            return True
        case ast.Name(id=name) if depth and len(tree.assigned.get(name, ())) == 1:
            return _is_own_file(tree.assigned[name][0], tree, depth - 1)
        case ast.Call(func=ast.Attribute(value=value, attr=method), args=[], keywords=[]):
            return method in _SAME_PATH_METHODS and _is_own_file(value, tree, depth)
        case ast.Call(func=function, args=[value], keywords=[]):
            names = tree.meanings_of(function)
            return len(names) == 1 and names <= _SAME_PATH and _is_own_file(value, tree, depth)
    return False
