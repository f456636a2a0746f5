# SPDX-License-Identifier: GPL-3.0-or-later
"""Type annotations of a script -> socket types."""

from __future__ import annotations

import ast
import difflib
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Final

from ... import script
from ..errors import SignatureError
from .literals import evaluate, shortened
from .scope import SCRIPT_MODULE, Scope
from .socket_types import ANY_DATA_BLOCK, VALUE_KINDS, SocketType


@dataclass(frozen=True, slots=True)
class Annotation:
    """What an annotation says; the fields are those of `signature.Parameter`."""

    type: SocketType
    annotation: str = ""
    is_optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str | int | bool | float, ...] = ()
    is_output_path: bool = False
    has_rig_actions: bool = False


#: Dotted name -> kind, and the class the worker makes of the plain value ("" to leave it as it is).
_PLAIN: Final[dict[str, tuple[str, str]]] = {
    dotted: (name, class_name) for name, kind in VALUE_KINDS.items() for dotted, class_name in kind.annotations.items()
}

#: The aliases of `script/__init__.py` (`Length`, `Percentage` ...): name -> name of the plain type, unit.
_ALIASES: Final[dict[str, tuple[str, str]]] = {
    name: (typing.get_args(alias)[0].__name__, typing.get_args(alias)[1].name)
    for name, alias in vars(script).items()
    if typing.get_origin(alias) is Annotated and isinstance(typing.get_args(alias)[1], script.Unit)
}
_OUTPUT_PATH: Final = f"{SCRIPT_MODULE}.OutputPath"
_RIG_ACTIONS: Final = f"{SCRIPT_MODULE}.RigActions"

#: The range that a unit has if no other is given.
_UNIT_RANGES: Final[dict[str, tuple[float, float]]] = {"PERCENTAGE": (0.0, 100.0), "FACTOR": (0.0, 1.0)}

#: Names that must be imported -> the module that has them.
_IMPORTABLE: Final[dict[str, str]] = {
    **{name.rpartition(".")[2]: name.rpartition(".")[0] for name in _PLAIN if "." in name},
    **dict.fromkeys(("Annotated", "List", "Literal", "Optional", "Union"), "typing"),
    **dict.fromkeys(("OutputPath", "Range", "RigActions", "Unit", *_ALIASES), SCRIPT_MODULE),
}

_ACCEPTED: Final = (
    "a data-block of bpy.types, bool, int, float, str, a type of mathutils, Path, BlendFile, Literal, list[...] or Any"
)


@dataclass(frozen=True, slots=True)
class AnnotationReader:
    """Reads the annotations of one script. `data_block_types` is that of `signature.read_signature`."""

    scope: Scope
    data_block_types: Mapping[str, str]

    def read(self, expression: ast.expr) -> Annotation:
        """What an annotation says. Raises SignatureError, with the line, if it is no type that a socket can have."""
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            self.scope.spend(expression, len(expression.value))
        expression = unquoted(expression)
        self.scope.spend(expression)
        match expression:
            case ast.BinOp(op=ast.BitOr()):
                return self._union(expression, _members(expression))
            case ast.Subscript():
                return self._subscript(expression)
            case ast.Name() | ast.Attribute():
                return self._name(expression)
        raise _refused(expression)

    def _name(self, expression: ast.expr) -> Annotation:
        dotted = self.scope.dotted(expression)
        if dotted in _PLAIN:
            kind, annotation = _PLAIN[dotted]
            return Annotation(SocketType(kind), annotation)
        if dotted.startswith("bpy.types."):
            return self._data_block(expression, dotted)
        module, _, name = dotted.rpartition(".")
        if module == SCRIPT_MODULE and name in _ALIASES:
            plain, unit = _ALIASES[name]
            return _with_unit(Annotation(SocketType(_PLAIN[plain][0]), _PLAIN[plain][1]), unit, expression)
        if dotted == _OUTPUT_PATH:
            return Annotation(SocketType("PATH"), "Path", is_output_path=True)
        if dotted == _RIG_ACTIONS and "Action" in self.data_block_types:
            return Annotation(SocketType(self.data_block_types["Action"], is_list=True), has_rig_actions=True)
        bound = self.scope.constant(expression)
        if bound is not None:
            return self.read(bound)
        if dotted in ("list", "typing.List"):
            raise SignatureError("list does not say of what; write list[...]", expression.lineno)
        raise _not_imported(expression, dotted) or _refused(expression)

    def _data_block(self, expression: ast.expr, dotted: str) -> Annotation:
        name = dotted.removeprefix("bpy.types.")
        if name == ANY_DATA_BLOCK:
            return Annotation(SocketType(ANY_DATA_BLOCK))
        if name in self.data_block_types:
            return Annotation(SocketType(self.data_block_types[name]))
        close = difflib.get_close_matches(name, self.data_block_types, n=1)
        hint = f"; did you mean bpy.types.{close[0]}?" if close else ""
        raise SignatureError(f"{dotted} is no data-block of this Blender{hint}", expression.lineno)

    def _subscript(self, expression: ast.Subscript) -> Annotation:
        items = expression.slice.elts if isinstance(expression.slice, ast.Tuple) else [expression.slice]
        dotted = self.scope.dotted(expression.value)
        read = _SUBSCRIPTS.get(dotted)
        if read is not None:
            return read(self, expression, items)
        if dotted in ("tuple", "typing.Tuple", "collections.abc.Sequence", "typing.Sequence"):
            raise SignatureError(f"{dotted}[...] is no type a socket can have; write list[...]", expression.lineno)
        raise _not_imported(expression, dotted) or _refused(expression)

    def _list(self, expression: ast.expr, items: list[ast.expr]) -> Annotation:
        if len(items) != 1:
            raise SignatureError("list[...] takes one type", expression.lineno)
        item = self.read(items[0])
        if item.type.is_list:
            raise SignatureError("a list of lists is no type a socket can have; use Any", expression.lineno)
        if item.is_optional:
            raise SignatureError("the items of a list can't be None; write list[...] | None", expression.lineno)
        return replace(item, type=SocketType(item.type.kind, is_list=True))

    def _dict(self, expression: ast.expr, items: list[ast.expr]) -> Annotation:
        if len(items) != 2 or self.scope.dotted(items[0]) != "str":
            raise SignatureError("the keys of a dict must be strings; write dict[str, ...]", expression.lineno)
        return Annotation(SocketType("ANY"), "dict")

    def _literal(self, expression: ast.expr, items: list[ast.expr]) -> Annotation:
        values = [evaluate(item, self.scope) for item in items]
        choices = tuple(value for value in values if isinstance(value, bool | int | float | str))
        if len(choices) != len(values) or len({type(choice) for choice in choices}) != 1:
            raise SignatureError("a menu's choices must be of one type: str, int, float or bool", expression.lineno)
        if len(set(choices)) != len(choices):
            raise SignatureError("a choice of the menu is there twice; remove one", expression.lineno)
        return Annotation(SocketType("MENU"), choices=choices)

    def _union(self, expression: ast.expr, items: list[ast.expr]) -> Annotation:
        kept = [item for item in items if not _is_none(item)]
        if len(kept) != 1:
            raise SignatureError("a socket has one type; write that type, X | None or Any", expression.lineno)
        annotation = self.read(kept[0])
        return annotation if len(items) == 1 else replace(annotation, is_optional=True)

    def _optional(self, expression: ast.expr, items: list[ast.expr]) -> Annotation:
        return replace(self._union(expression, items), is_optional=True)

    def _annotated(self, _expression: ast.expr, items: list[ast.expr]) -> Annotation:
        annotation = self.read(items[0])
        for item in items[1:]:
            annotation = self._constrained(annotation, item)
        return annotation

    def _constrained(self, annotation: Annotation, item: ast.expr) -> Annotation:
        """The annotation with a Range or Unit; anything else in an Annotated is ignored."""
        dotted = self.scope.dotted(item.func if isinstance(item, ast.Call) else item)
        missing_import = _not_imported(item, dotted.partition(".")[0])
        if missing_import:
            raise missing_import
        if isinstance(item, ast.Call) and dotted == f"{SCRIPT_MODULE}.Range":
            return self._with_range(annotation, item)
        if dotted.startswith(f"{SCRIPT_MODULE}.Unit."):
            return _with_unit(annotation, dotted.rpartition(".")[2], item)
        return annotation

    def _with_range(self, annotation: Annotation, call: ast.Call) -> Annotation:
        if annotation.type.kind not in ("INT", "FLOAT"):
            raise SignatureError(f"Range does not go with {annotation.type}; remove it", call.lineno)
        names = ("minimum", "maximum")
        given = [*zip(names, call.args, strict=False), *((word.arg, word.value) for word in call.keywords)]
        ends = {name: self._end(value) for name, value in given if name in names}
        if len(ends) != len(call.args) + len(call.keywords):
            raise SignatureError("Range takes a minimum and a maximum", call.lineno)
        minimum, maximum = ends.get("minimum"), ends.get("maximum")
        if minimum is not None and maximum is not None and minimum > maximum:
            raise SignatureError(f"the range's minimum {minimum:g} is above its maximum {maximum:g}", call.lineno)
        return replace(annotation, minimum=minimum, maximum=maximum)

    def _end(self, expression: ast.expr) -> float | None:
        value = evaluate(expression, self.scope)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise SignatureError("the ends of a Range are numbers or None", expression.lineno)


_SUBSCRIPTS: Final[dict[str, Callable[[AnnotationReader, ast.expr, list[ast.expr]], Annotation]]] = {
    "list": AnnotationReader._list,
    "typing.List": AnnotationReader._list,
    "dict": AnnotationReader._dict,
    "typing.Dict": AnnotationReader._dict,
    "typing.Literal": AnnotationReader._literal,
    "typing.Optional": AnnotationReader._optional,
    "typing.Union": AnnotationReader._union,
    "typing.Annotated": AnnotationReader._annotated,
}


def _with_unit(annotation: Annotation, unit: str, expression: ast.expr) -> Annotation:
    if unit not in script.Unit.__members__:
        raise SignatureError(
            f"Unit.{unit} is no unit; use one of {', '.join(script.Unit.__members__)}", expression.lineno
        )
    if annotation.type.kind not in ("INT", "FLOAT", "VECTOR"):
        raise SignatureError(f"a unit does not go with {annotation.type}; remove it", expression.lineno)
    annotation = replace(annotation, unit=unit)
    if annotation.minimum is None and annotation.maximum is None and unit in _UNIT_RANGES:
        minimum, maximum = _UNIT_RANGES[unit]
        return replace(annotation, minimum=minimum, maximum=maximum)
    return annotation


def unquoted(expression: ast.expr) -> ast.expr:
    """The annotation inside the quotes, if it is written as a string; any other as it is."""
    if not (isinstance(expression, ast.Constant) and isinstance(expression.value, str)):
        return expression
    text = expression.value.strip()
    try:
        parsed = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        raise SignatureError(f'"{text}" is no annotation', expression.lineno) from None
    ast.increment_lineno(parsed, expression.lineno - 1)
    return unquoted(parsed.body)


def _members(expression: ast.expr) -> list[ast.expr]:
    """The types between the bars of `A | B | None`."""
    members: list[ast.expr] = []
    while isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.BitOr):
        members.append(expression.right)
        expression = expression.left
    return [expression, *reversed(members)]


def _is_none(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and expression.value is None


def _not_imported(expression: ast.expr, name: str) -> SignatureError | None:
    if name not in _IMPORTABLE:
        return None
    return SignatureError(f"{name} is not imported; add: from {_IMPORTABLE[name]} import {name}", expression.lineno)


def _refused(expression: ast.expr) -> SignatureError:
    return SignatureError(f"{shortened(expression)} is no type a socket can have; use {_ACCEPTED}", expression.lineno)
