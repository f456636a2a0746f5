# SPDX-License-Identifier: GPL-3.0-or-later
"""A script's signature: its inputs and outputs, read from its source with `ast`; the source is never executed."""

from __future__ import annotations

import ast
import dataclasses
import enum
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Final

from ..errors import MisfitError, SignatureError
from .annotations import Annotation, AnnotationReader, unquoted
from .docstring import Docstring, read_docstring
from .literals import evaluate
from .scope import Scope, read_scope
from .socket_types import OPEN_FILE, SocketType, Value
from .values import fit_parameter
from .wording import title_of, title_of_result


class Missing(enum.Enum):
    """The default of a parameter that has none."""

    MISSING = enum.auto()


MISSING: Final = Missing.MISSING

#: The identifier of an output without a name.
RESULT: Final = "result"

#: The statement with which a script says what Blender must have been built with.
NEEDS_NAME: Final = "NEEDS"

#: Inputs, or outputs, of a script. Blender takes a second to make twice as many sockets, and each later one longer.
MAX_SOCKETS: Final = 500


@dataclass(frozen=True, slots=True)
class ScriptSource:
    """A script.

    Attributes:
        text: its source.
        filename: the name shown in tracebacks: a file's path, or a text's name.
        folder: where the modules lie that it imports: a file's folder, of a text with modules the folder that they were
            written to, else "".
        is_without_main: whether it has no `main`: see `without_main`.
    """

    text: str
    filename: str
    folder: str = ""
    is_without_main: bool = False

    @property
    def is_file(self) -> bool:
        """Whether it is a file; else it is a text."""
        return bool(self.folder) and PurePath(self.filename).parent == PurePath(self.folder)


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input of a script.

    Attributes:
        identifier: the parameter's name in `main`.
        label: that name in title case.
        type: what the script wants.
        annotation: the class the worker makes of a plain value ("Quaternion", "Euler", "Path", "dict" ...), "" if none.
        default: the value where nothing is linked, as in `socket_types.Value`; `MISSING` if there is none.
        is_optional: whether None is allowed (`X | None`).
        minimum, maximum: the inclusive range of a number, None for no limit.
        unit: one of `script.Unit`'s names, "" if none.
        choices: the values that a menu offers, as written in `Literal[...]`.
        description: the line of the docstring's `Args:`.
        is_output_path: whether it is a path that the script writes to.
        has_rig_actions: whether it is a list of the actions that only a fake user holds where nothing is linked or set.
        field_json: all that a field for a value depends on, as JSON: those of `default`, `minimum`, `maximum`, `unit`
            and `choices` that there are; "" for data-blocks and whole files, whose fields are always the same.
    """

    identifier: str
    label: str
    type: SocketType
    annotation: str = ""
    default: Value | Missing = MISSING
    is_optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str | int | bool | float, ...] = ()
    description: str = ""
    is_output_path: bool = False
    has_rig_actions: bool = False
    field_json: str = dataclasses.field(init=False, compare=False, default="")

    def __post_init__(self) -> None:
        # Made once: it is compared with what each socket has, whenever a tree is read.
        object.__setattr__(self, "field_json", _field_json(self))

    @property
    def is_required(self) -> bool:
        """Whether a run needs a link or a value here."""
        return self.default is MISSING and not self.is_optional and not self.has_rig_actions


def _field_json(parameter: Parameter) -> str:
    if parameter.type.is_data_block or parameter.type.kind == "BLEND_FILE":
        return ""
    said = {
        "default": None if parameter.default is MISSING else parameter.default,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "unit": parameter.unit or None,
        "choices": parameter.choices or None,
    }
    return json.dumps({name: value for name, value in said.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a script: a field of its `NamedTuple`, or `result` for a single return value.

    `label` is that name in title case; of `result` it is what it is, such as "Images", if that says more.
    `annotation` and `is_optional` are as in `Parameter`.
    """

    identifier: str
    label: str
    type: SocketType
    description: str = ""
    annotation: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a script takes and gives.

    Attributes:
        inputs, outputs: in the order of the script.
        description: the first paragraph of the script's (else main's) docstring.
        needs: what Blender must have been built with, by the names in `bpy.app.build_options`.
        needs_of_values: the same, where an input has a value: its identifier, the value, and what that needs.
    """

    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    description: str = ""
    needs: tuple[str, ...] = ()
    needs_of_values: tuple[tuple[str, str, str], ...] = ()

    def checked(self) -> Signature:
        """Return this signature. Raises SignatureError if it has more inputs or outputs than a node can have."""
        for sockets, what in ((self.inputs, "inputs"), (self.outputs, "outputs")):
            if len(sockets) > MAX_SOCKETS:
                message = (
                    f"there are {len(sockets)} {what}, and a node has {MAX_SOCKETS} at most; pass a list or a dict"
                )
                raise SignatureError(message)
        return self


def read_signature(source: ScriptSource, data_block_types: Mapping[str, str]) -> Signature:
    """Read the signature of a script's `main`.

    Args:
        source: the script.
        data_block_types: names in `bpy.types` that are data-blocks, each with the kind it belongs to
            ("Object": "Object", "PointLight": "Light", ...).

    Raises:
        SignatureError: with the line at fault.
    """
    try:
        module = parse(source)
        return _read_module(module, data_block_types).checked()
    except (RecursionError, MemoryError):
        raise SignatureError("the script is nested too deeply to be read; break it up") from None


def parse(source: ScriptSource) -> ast.Module:
    """The syntax tree of a script. Raises SignatureError with the line at fault, or RecursionError or MemoryError."""
    try:
        with warnings.catch_warnings():
            # An odd escape sequence is no reason to print a warning whenever the script is read.
            warnings.simplefilter("ignore")
            return ast.parse(source.text, filename=source.filename or "<script>")
    except SyntaxError as error:
        raise SignatureError(f"syntax error: {error.msg}", error.lineno) from None
    except ValueError as error:  # NUL, lone surrogates
        raise SignatureError(f"the script is no Python source: {error}") from None


def _read_module(module: ast.Module, data_block_types: Mapping[str, str]) -> Signature:
    scope = read_scope(module)
    main = _find_main(scope)
    reader = AnnotationReader(scope, data_block_types)
    module_docstring, main_docstring = _docstring(module), _docstring(main)
    descriptions = {**module_docstring.names, **main_docstring.names}
    return Signature(
        inputs=tuple(_parameters(main, reader, descriptions)),
        outputs=tuple(_outputs(main, reader, main_docstring.returns or module_docstring.returns)),
        description=module_docstring.summary or main_docstring.summary,
        **_needs(scope),
    )


def _needs(scope: Scope) -> dict[str, Any]:
    """What a script says with `NEEDS = ("alembic",)`, or `NEEDS = {"file_format": {"Alembic": "alembic"}}`."""
    expression = scope.assigned.get(NEEDS_NAME)
    if expression is None:
        return {}
    match evaluate(expression, scope):
        case tuple() as names if all(isinstance(name, str) for name in names):
            return {"needs": tuple(map(str, names))}
        case dict() as inputs if all(map(_are_needs_of_values, inputs.values())):
            found = ((name, value, part) for name, parts in inputs.items() for value, part in parts.items())
            return {"needs_of_values": tuple(found)}
    message = f'{NEEDS_NAME} must be names in bpy.app.build_options; write {NEEDS_NAME} = ("alembic",)'
    raise SignatureError(message, expression.lineno)


def _are_needs_of_values(parts: Any) -> bool:
    return isinstance(parts, dict) and all(isinstance(part, str) for part in parts.values())


def _docstring(definition: ast.Module | ast.FunctionDef | ast.ClassDef) -> Docstring:
    return read_docstring(ast.get_docstring(definition))


def _find_main(scope: Scope) -> ast.FunctionDef:
    main = scope.functions.get("main")
    if main is None:
        raise SignatureError("the script has no function main; add def main(...) with typed parameters")
    if isinstance(main, ast.AsyncFunctionDef):
        raise SignatureError("main can't be asynchronous; write def main", main.lineno)
    arguments = main.args
    if arguments.posonlyargs:
        raise SignatureError("main can't have positional-only parameters; remove the /", main.lineno)
    for several in (arguments.vararg, arguments.kwarg):
        if several is not None:
            stars = "*" if several is arguments.vararg else "**"
            raise SignatureError(f"main can't have {stars}{several.arg}; give each input a name", several.lineno)
    return main


def _parameters(
    main: ast.FunctionDef, reader: AnnotationReader, descriptions: Mapping[str, str]
) -> Iterator[Parameter]:
    seen: set[str] = set()
    seen_files: list[str] = []
    for argument, default in _arguments(main.args):
        if argument.arg in seen:
            raise SignatureError(f"the parameter {argument.arg} is there twice; rename one", argument.lineno)
        seen.add(argument.arg)
        if argument.annotation is None:
            fix = f"write {argument.arg}: float or whatever it is"
            raise SignatureError(f"the parameter {argument.arg} has no type; {fix}", argument.lineno)
        annotation = reader.read(argument.annotation)
        if annotation.type.kind == "BLEND_FILE":
            _check_blend_file(argument, annotation, seen_files)
        parameter = _parameter(argument.arg, annotation, descriptions.get(argument.arg, ""))
        yield parameter if default is None else _with_default(parameter, default, reader.scope)


def _check_blend_file(argument: ast.arg, annotation: Annotation, seen: list[str]) -> None:
    """Allow one such parameter at most, no list and no None: a worker always has exactly one file open."""
    name = argument.arg
    if annotation.type.is_list:
        message = (
            f"{name} can't be a list: a script works on one file. Write BlendFile; a list linked to it maps the node"
        )
        raise SignatureError(message, argument.lineno)
    if annotation.is_optional:
        message = f"{name} can't be None: where nothing is chosen it is the open file. Write BlendFile"
        raise SignatureError(message, argument.lineno)
    if seen:
        message = f"{seen[0]} and {name} can't both be a BlendFile: a script works on one file. Make one a Path"
        raise SignatureError(message, argument.lineno)
    seen.append(name)


def _arguments(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Each parameter with its default; defaults of positional parameters belong to the last ones."""
    num_required = len(arguments.args) - len(arguments.defaults)
    yield from zip(arguments.args, [*[None] * num_required, *arguments.defaults], strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _parameter(identifier: str, annotation: Annotation, description: str) -> Parameter:
    return Parameter(
        identifier=identifier,
        label=title_of(identifier),
        type=annotation.type,
        annotation=annotation.annotation,
        default=OPEN_FILE if annotation.type.kind == "BLEND_FILE" else MISSING,
        is_optional=annotation.is_optional,
        minimum=annotation.minimum,
        maximum=annotation.maximum,
        unit=annotation.unit,
        choices=annotation.choices,
        description=description,
        is_output_path=annotation.is_output_path,
        has_rig_actions=annotation.has_rig_actions,
    )


def _with_default(parameter: Parameter, expression: ast.expr, scope: Scope) -> Parameter:
    value = evaluate(expression, scope)
    if parameter.type.kind == "BLEND_FILE":
        if value != OPEN_FILE:
            message = f"the default of {parameter.identifier} is always the open file: write BlendFile() or nothing"
            raise SignatureError(message, expression.lineno)
        return parameter
    if value is None:
        # `source: Object = None` is often written where `Object | None` is meant.
        return replace(parameter, default=None, is_optional=True)
    if parameter.type.is_data_block and value != ():
        message = f"the default of {parameter.identifier} must be None: a script can't name a data-block"
        raise SignatureError(message, expression.lineno)
    try:
        return replace(parameter, default=fit_parameter(value, parameter))
    except MisfitError as error:
        raise SignatureError(f"the default of {parameter.identifier}: {error}", expression.lineno) from None


def _outputs(main: ast.FunctionDef, reader: AnnotationReader, description: str) -> Iterator[Output]:
    if main.returns is None:
        return
    annotation = unquoted(main.returns)
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return
    dotted = reader.scope.dotted(annotation)
    if dotted in reader.scope.classes:
        yield from _fields(reader.scope.classes[dotted], reader)
        return
    bound = reader.scope.constant(annotation)
    if isinstance(bound, ast.Call):
        raise SignatureError(f"{dotted} must be written as class {dotted}(NamedTuple)", bound.lineno)
    if _is_tuple(annotation, reader.scope):
        message = "a tuple does not name its items; write a class deriving from NamedTuple"
        raise SignatureError(message, annotation.lineno)
    yield _output(RESULT, annotation, reader, description)


def _output(name: str, expression: ast.expr, reader: AnnotationReader, description: str) -> Output:
    found = reader.read(expression)
    if found.type.kind == "BLEND_FILE":
        raise SignatureError("a BlendFile is only an input; save a file and return its Path", expression.lineno)
    label = title_of_result(found.type) if name == RESULT else title_of(name)
    return Output(name, label, found.type, description, found.annotation, found.is_optional)


def _is_tuple(annotation: ast.expr, scope: Scope) -> bool:
    generic = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return scope.dotted(generic) in ("tuple", "typing.Tuple")


def _fields(definition: ast.ClassDef, reader: AnnotationReader) -> Iterator[Output]:
    if "typing.NamedTuple" not in map(reader.scope.dotted, definition.bases):
        raise SignatureError(f"{definition.name} is no output; derive it from typing.NamedTuple", definition.lineno)
    descriptions = _docstring(definition).names
    fields = [field for field in definition.body if isinstance(field, ast.AnnAssign)]
    if not fields:
        raise SignatureError(f"{definition.name} has no fields; add name: type for each output", definition.lineno)
    for field in fields:
        if isinstance(field.target, ast.Name):
            name = field.target.id
            yield _output(name, field.annotation, reader, descriptions.get(name, ""))
