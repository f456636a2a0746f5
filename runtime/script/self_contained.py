# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a script can change nothing but what it made itself: then no trace of it has to be looked for.

A task that only computes something costs little beside making sure that it left Blender and Python as they were. That
is not needed where the source of its script shows that it has no way to either: it consists of plain statements, its
names are its own or those of harmless builtins, it sets no attributes, and those that it reads are methods of numbers,
texts and containers. What is not listed here is not allowed: at worst, a worker is cleaned for nothing.
"""

from __future__ import annotations

import abc
import ast
import builtins
import collections.abc
import enum
import functools
import math
import types
import typing
import warnings
from collections.abc import Iterator
from typing import Final

from .scope import SCRIPT_MODULE
from .signature import ScriptSource

#: Kinds of values that a script may be given, and may give.
PLAIN_KINDS: Final = frozenset({"BOOLEAN", "INT", "FLOAT", "STRING", "MENU", "ANY"})

#: Builtins that change nothing, and lead nowhere.
_BUILTINS: Final = frozenset(
    {
        *("abs", "all", "any", "bin", "bool", "bytes", "chr", "complex", "dict", "divmod", "enumerate", "filter"),
        *("float", "frozenset", "hex", "int", "isinstance", "iter", "len", "list", "map", "max", "min", "next", "oct"),
        *("ord", "pow", "print", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum"),
        *("tuple", "zip", "NotImplemented"),
        *(name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)),
    }
)
#: What may be taken from modules. Of `math`, the module itself may be imported, too: it holds numbers and functions.
_IMPORTS: Final = {
    "__future__": frozenset({"annotations"}),
    "math": frozenset(name for name in vars(math) if not name.startswith("_")),
    "typing": frozenset(
        {
            *("Annotated", "Any", "Dict", "Final", "Iterable", "Iterator", "List", "Literal", "Mapping"),
            *("NamedTuple", "Optional", "Sequence", "Set", "Tuple", "Union"),
        }
    ),
    "collections.abc": frozenset({"Iterable", "Iterator", "Mapping", "Sequence"}),
    SCRIPT_MODULE: frozenset(
        {
            *("Angle", "Area", "Factor", "Length", "Percentage", "Pixels", "Range", "Time", "Unit", "Volume"),
            *("log", "progress", "track"),
        }
    ),
}

#: Statements, expressions and their parts. Neither `with`, `match` nor `async` is there, nor anything later than 3.11.
_NODES: Final = (
    *(ast.Module, ast.FunctionDef, ast.ClassDef, ast.Return, ast.Delete, ast.Assign, ast.AugAssign, ast.AnnAssign),
    *(ast.For, ast.While, ast.If, ast.Raise, ast.Try, ast.Assert, ast.Import, ast.ImportFrom, ast.Global, ast.Nonlocal),
    *(ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.BoolOp, ast.NamedExpr, ast.BinOp, ast.UnaryOp, ast.Lambda),
    *(ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Yield),
    *(ast.YieldFrom, ast.Compare, ast.Call, ast.FormattedValue, ast.JoinedStr, ast.Constant, ast.Attribute),
    *(ast.Subscript, ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice, ast.comprehension, ast.ExceptHandler),
    *(ast.arguments, ast.arg, ast.keyword, ast.alias, ast.expr_context, ast.boolop, ast.operator, ast.unaryop),
    ast.cmpop,
)

#: Methods that lead further: what they are given names attributes, or modules of codecs.
_LEAD_FURTHER: Final = frozenset({"format", "format_map", "encode", "decode"})


def _public(*objects: object) -> Iterator[str]:
    return (name for each in objects for name in dir(each) if not name.startswith("_"))


#: The attributes that a script may read, whatever it reads them of.
_ATTRIBUTES: Final = (
    frozenset(_public(str, bytes, int, float, complex, bool, list, tuple, dict, set, frozenset, range, slice))
    | _IMPORTS["math"]
    | {"LENGTH", "AREA", "VOLUME", "ANGLE", "TIME", "PERCENTAGE", "FACTOR", "PIXELS"}
) - _LEAD_FURTHER
#: Those of all else that a script can reach. No field of its own may be called so.
_OTHERS: Final = _LEAD_FURTHER.union(
    _public(
        *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, types.GeneratorType),
        *(types.FrameType, types.TracebackType, types.CodeType, types.GenericAlias, type, enum.EnumMeta),
        BaseException,
        *(getattr(typing, name) for name in _IMPORTS["typing"]),
        *(getattr(collections.abc, name) for name in _IMPORTS["collections.abc"]),
    ),
    dir(abc.ABCMeta),
)


@functools.lru_cache(maxsize=64)
def compiled(source: ScriptSource) -> types.CodeType | None:
    """The compiled source of a script, if the script is self-contained; None if it is not, or can't be compiled.

    A script of which Python would warn is not, so that it is compiled anew each time: the warning is for its log.
    """
    if source.is_without_main:
        return None
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            tree = ast.parse(source.text, source.filename)
            code: types.CodeType = compile(source.text, source.filename, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    return code if not found and _is_self_contained(tree) else None


def _is_self_contained(tree: ast.Module) -> bool:
    nodes = list(ast.walk(tree))
    if not all(isinstance(node, _NODES) for node in nodes):
        return False
    bound = {name for node in nodes for name in _bound(node)}
    fields = {name for node in nodes if isinstance(node, ast.ClassDef) for name in _fields(node)}
    # A name of its own that is not bound yet is that of a builtin.
    if any(name.startswith("__") for name in bound) or bound & (vars(builtins).keys() - _BUILTINS):
        return False
    names, attributes = bound | _BUILTINS, _ATTRIBUTES | (fields - _OTHERS)
    return all(_is_harmless(node, names, attributes) for node in nodes)


def _is_harmless(node: ast.AST, names: set[str], attributes: frozenset[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr=name, ctx=ast.Load()):
            return name in attributes
        case ast.Attribute():
            return False
        case ast.Import(names=aliases):
            return all(alias.name == "math" for alias in aliases)
        case ast.ImportFrom(module=module, names=aliases, level=0):
            return all(alias.name in _IMPORTS.get(module or "", ()) for alias in aliases)
        case ast.ImportFrom():
            return False
        case ast.ClassDef():
            return _is_plain_class(node)
        case ast.keyword(arg=name):
            return name is None or not name.startswith("_")
    return True


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            yield name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.alias():
            if node.name != "annotations":
                yield node.asname or node.name
        case ast.Global() | ast.Nonlocal():
            yield from node.names


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id


def _is_plain_class(node: ast.ClassDef) -> bool:
    """Whether a class is a NamedTuple with fields and nothing else."""
    match node:
        case ast.ClassDef(bases=[ast.Name(id="NamedTuple")], keywords=[], decorator_list=[], body=body):
            return all(
                isinstance(each, ast.AnnAssign | ast.Pass)
                or (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
                for each in body
            )
    return False
