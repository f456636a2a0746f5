# SPDX-License-Identifier: GPL-3.0-or-later
"""Detects the inputs and outputs of a script without `main` in its source, with `ast`; the source is never executed.

Inputs are the names it reads before it has set them. Outputs are the keys it writes into `python_data`, and
`data_blocks` if it puts something there. Their types are guessed.
"""

from __future__ import annotations

import ast
import builtins
import functools
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeGuard

from ..errors import SignatureError
from .docstring import Docstring, read_docstring
from .scope import read_scope
from .signature import Output, Parameter, Signature
from .socket_types import ANY_DATA_BLOCK, SocketType
from .without_main import DATA_BLOCKS, PASSED_DATA_BLOCKS, PYTHON_DATA, RESERVED_NAMES, name_fault

#: The error for a source that has no `main`, and is no script without `main` either.
NO_MAIN: Final = "the script has no function main; add def main(...) with typed parameters"

_PROGRESS: Final = "update_job_progress"
_BUILTINS: Final = frozenset(dir(builtins))
#: Attributes of plain values. A name of which the script reads any other attribute is taken for a data-block.
_PLAIN_ATTRIBUTES: Final = frozenset(dir(str)) | frozenset(dir(list)) | frozenset(dir(dict)) | frozenset(dir(float))
_DATA_BLOCKS_OUTPUT: Final = Output(DATA_BLOCKS, DATA_BLOCKS, SocketType(ANY_DATA_BLOCK, is_list=True))


def is_without_main(text: str) -> bool:
    """Whether a source is a script without `main`: it can be parsed, is not empty and defines no `main`."""
    return _read(text) is not None


def has_marks(text: str) -> bool:
    """Whether a script without `main` uses a name that only such scripts have. If not, it may be a module."""
    reading = _read(text)
    return reading is not None and reading.has_marks


def detect(text: str) -> Signature:
    """The inputs and outputs that a script without `main` seems to have; their identifiers are their names.

    Raises:
        SignatureError: if the source is no such script.
    """
    reading = _read(text)
    if reading is None:
        raise SignatureError(NO_MAIN)
    return Signature(reading.inputs, reading.outputs, reading.docstring.summary).checked()


def signature(text: str) -> Signature:
    """As `detect`, but raises SignatureError also if the script has no marks: see `has_marks`."""
    if not has_marks(text):
        raise SignatureError(NO_MAIN)
    return detect(text)


#: A line that names, outside a comment, what only scripts without `main` have.
_MARK: Final = re.compile(
    rf"^[^#\n]*\b(?:{PYTHON_DATA}|{DATA_BLOCKS}|{PASSED_DATA_BLOCKS}|{_PROGRESS})\b", re.MULTILINE
)


def seems_to_have_marks(text: str) -> bool:
    """A quick guess at `has_marks` that parses nothing, so that it can be called while Blender draws."""
    return _MARK.search(text) is not None


def docstring(text: str) -> Docstring:
    """What a script says of itself and, in a section such as `Args:`, of its inputs and outputs."""
    reading = _read(text)
    return Docstring() if reading is None else reading.docstring


@dataclass(frozen=True, slots=True)
class _Reading:
    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    has_marks: bool
    docstring: Docstring


@functools.lru_cache(maxsize=1024)  # of the scripts of a large file; it keeps the texts
def _read(text: str) -> _Reading | None:
    """What is detected in a script without `main`; None if the source is no such script."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(text)
            table = symtable.symtable(text, "<script>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not module.body or "main" in read_scope(module).functions:
        return None
    try:
        return _reading(module, table)
    except RecursionError:  # the source is nested too deeply
        return None


def _reading(module: ast.Module, table: symtable.SymbolTable) -> _Reading:
    flow = _Flow()
    flow.visit(module)
    bound, in_functions = set(flow.bound), set[str]()
    for inner in _inner_tables(table):
        for symbol in inner.get_symbols():
            if symbol.is_global() and symbol.is_assigned():
                bound.add(symbol.get_name())
            elif symbol.is_global() and symbol.is_referenced():
                in_functions.add(symbol.get_name())
    unset = flow.unset | {name for name in in_functions if name not in bound}
    has_marks = bool(flow.touched & {PYTHON_DATA, DATA_BLOCKS, PASSED_DATA_BLOCKS}) or _PROGRESS in unset
    return _Reading(
        tuple(_inputs(module, unset)), tuple(_outputs(module)), has_marks, read_docstring(ast.get_docstring(module))
    )


def _inner_tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """The scopes of functions, classes and comprehensions."""
    for child in table.get_children():
        yield child
        yield from _inner_tables(child)


@dataclass
class _Flow(ast.NodeVisitor):
    """Walks the top level in the order in which it is executed.

    Attributes:
        bound: the names that are set.
        unset: those that are read before they are set.
        touched: all that are set or read.
    """

    bound: set[str] = field(default_factory=set)
    unset: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)

    def _visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _load(self, name: str) -> None:
        if name not in self.bound:
            self.unset.add(name)

    def visit_Name(self, node: ast.Name) -> None:
        self.touched.add(node.id)
        if isinstance(node.ctx, ast.Load):
            self._load(node.id)
        elif isinstance(node.ctx, ast.Store):
            self.bound.add(node.id)

    # What is not executed in the order in which it is written

    def visit_Assign(self, node: ast.Assign) -> None:
        self._visit_all([node.value, *node.targets])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:  # else nothing is set
            self._visit_all([node.value, node.target])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._load(node.target.id)
        self._visit_all([node.value, node.target])

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._visit_all([node.value, node.target])

    def visit_For(self, node: ast.For) -> None:
        self._visit_all([node.iter, node.target, *node.body, *node.orelse])

    # What binds a name that is no ast.Name

    def visit_alias(self, node: ast.alias) -> None:
        self.bound.add(node.asname or node.name.partition(".")[0])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._visit_all([node.type])
        if node.name:
            self.bound.add(node.name)
        self._visit_all(node.body)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._visit_all([node.pattern])
        if node.name:
            self.bound.add(node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.bound.add(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self.generic_visit(node)
        if node.rest:
            self.bound.add(node.rest)

    # What has a scope of its own; for functions and classes, the symbol table has the names used inside

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults])
        self.bound.add(node.name)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        self.bound.add(node.name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_all([*node.args.defaults, *node.args.kw_defaults])

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        own = {name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)}
        own -= self.bound
        for part in node.generators:
            self._visit_all([part.iter, part.target, *part.ifs])
        self._visit_all([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.bound -= own

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self.visit_ListComp(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self.visit_ListComp(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self.visit_ListComp(node)


# Inputs


def _inputs(module: ast.Module, unset: set[str]) -> Iterator[Parameter]:
    """In the order in which the source names them."""
    uses = _Uses()
    uses.visit(module)
    names = [name for name in uses.places if name in unset and name not in uses.called and _can_be_input(name)]
    for name in sorted(names, key=uses.places.__getitem__):
        yield Parameter(name, name, uses.type_of(name))


def _can_be_input(name: str) -> bool:
    return name not in _BUILTINS and name not in RESERVED_NAMES and not name_fault(name)


@dataclass
class _Uses(ast.NodeVisitor):
    """How names are used, which tells of their types.

    Attributes:
        places: the first line and column of each name.
        called: those that are called, which values are not.
        kinds: the types of those whose use shows it.
    """

    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    kinds: dict[str, SocketType] = field(default_factory=dict)

    def type_of(self, name: str) -> SocketType:
        return self.kinds.get(name, SocketType("FLOAT"))

    def _tell(self, node: ast.AST, kind: str, *, is_list: bool = False) -> None:
        if isinstance(node, ast.Name):
            self.kinds.setdefault(node.id, SocketType(kind, is_list))

    def visit_Name(self, node: ast.Name) -> None:
        place = node.lineno, node.col_offset
        self.places[node.id] = min(self.places.get(node.id, place), place)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            self.called.add(node.func.id)
            for argument in node.args if node.func.id == "range" else ():
                self._tell(argument, "INT")
        if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and _is_collection(node.func.value):
            self._tell(node.args[0] if node.args else node, "STRING")
        for word in node.keywords:
            if word.arg in ("filepath", "directory"):
                self._tell(word.value, "PATH")
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if _is_collection(node.value):
            self._tell(node.slice, "STRING")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr not in _PLAIN_ATTRIBUTES:
            self._tell(node.value, "Object")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        self._tell(node.test, "BOOLEAN")
        self.generic_visit(node)


def _is_collection(node: ast.AST) -> bool:
    """Whether it is `bpy.data.objects` or another of that kind."""
    match node:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="bpy"), attr="data") | ast.Name(id="D")):
            return True
    return False


# Outputs


def _outputs(module: ast.Module) -> Iterator[Output]:
    found: dict[str, Output] = {}
    gives_data_blocks = False
    for node in ast.walk(module):
        for key, value in _entries(node):
            found.setdefault(key, Output(key, key, SocketType(_kind_of(value))))
        gives_data_blocks = gives_data_blocks or _gives_data_blocks(node)
    yield from found.values()
    if gives_data_blocks:
        yield _DATA_BLOCKS_OUTPUT


def _entries(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The keys, each with its value, that a statement writes into `python_data`."""
    for target, value in _assignments(node):
        if _is_name(target, PYTHON_DATA) and isinstance(value, ast.Dict):
            for key, item in zip(value.keys, value.values, strict=True):
                constant = key.value if isinstance(key, ast.Constant) else None
                if _can_be_output(constant):
                    yield constant, item
        match target:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=entry)):
                if name == PYTHON_DATA and _can_be_output(entry):
                    yield entry, value


def _can_be_output(key: object) -> TypeGuard[str]:
    return isinstance(key, str) and key not in ("", PYTHON_DATA, DATA_BLOCKS)


def _gives_data_blocks(node: ast.AST) -> bool:
    for target, value in _assignments(node):
        if _is_name(target, DATA_BLOCKS) and not _is_nothing(value):
            return True
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend" | "insert")):
            return name == DATA_BLOCKS
    return False


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target with the value that a statement gives it."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign | ast.AugAssign) and node.value is not None:
        yield node.target, node.value


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_nothing(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=None):
            return True
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return not elements
        case ast.Call(func=ast.Name(id="list" | "set" | "tuple"), args=[]):
            return True
    return False


_KINDS: Final = {bool: "BOOLEAN", int: "INT", float: "FLOAT", str: "STRING"}


def _kind_of(value: ast.expr) -> str:
    """The kind of a value that is written into `python_data`; ANY if its source does not show it."""
    match value:
        case ast.Constant(value=constant):
            return _KINDS.get(type(constant), "ANY")
        case ast.JoinedStr():
            return "STRING"
        case ast.Compare():
            return "BOOLEAN"
        case ast.Call(func=ast.Name(id="len" | "int")):
            return "INT"
        case ast.Call(func=ast.Name(id="float")):
            return "FLOAT"
        case ast.Call(func=ast.Name(id="str")) | ast.Attribute(attr="name"):
            return "STRING"
    return "ANY"
