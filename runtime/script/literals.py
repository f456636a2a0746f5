# SPDX-License-Identifier: GPL-3.0-or-later
"""Values written in a script, evaluated without executing it: literals, arithmetic and a few well-known calls."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Final

from ..errors import SignatureError
from .scope import SCRIPT_MODULE, Scope
from .socket_types import OPEN_FILE, Value

_Number = int | float

#: No number in a script needs more bits than this; the limit stops `9 ** 9 ** 9` from filling the memory.
_MAX_BITS: Final = 64

_CONSTANTS: Final = {"math.pi": math.pi, "math.tau": math.tau, "math.e": math.e}

_BINARY: Final[dict[type[ast.operator], Callable[[_Number, _Number], object]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}

_IDENTITY: Final = tuple(1.0 if row == column else 0.0 for row in range(4) for column in range(4))

#: What a class of mathutils holds when it is called with nothing.
_EMPTY: Final[dict[str, Value]] = {
    "mathutils.Vector": (0.0, 0.0, 0.0),
    "mathutils.Color": (0.0, 0.0, 0.0),
    "mathutils.Euler": (0.0, 0.0, 0.0),
    "mathutils.Quaternion": (1.0, 0.0, 0.0, 0.0),
    "mathutils.Matrix": _IDENTITY,
    "pathlib.Path": "",
    f"{SCRIPT_MODULE}.BlendFile": OPEN_FILE,
}

_FUNCTIONS: Final[dict[str, Callable[[float], float]]] = {
    "math.radians": math.radians,
    "math.degrees": math.degrees,
    "math.sqrt": math.sqrt,
}


def evaluate(expression: ast.expr, scope: Scope) -> Value:
    """The value of an expression that is known from the source alone. Lists become tuples.

    Raises:
        SignatureError: if it is any other expression.
    """
    scope.spend(expression)
    match expression:
        case ast.Constant(value=int() as value) if value.bit_length() > _MAX_BITS:
            raise _too_large(expression)
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(evaluate(item, scope) for item in items)
        case ast.Dict():
            return _dictionary(expression, scope)
        case ast.UnaryOp() | ast.BinOp():
            return _arithmetic(expression, scope)
        case ast.Call(keywords=[]):
            return _call(expression, scope)
        case ast.Name() | ast.Attribute():
            return _name(expression, scope)
    raise _no_literal(expression)


def _name(expression: ast.expr, scope: Scope) -> Value:
    bound = scope.constant(expression)
    if bound is not None:
        return evaluate(bound, scope)
    dotted = scope.dotted(expression)
    if dotted in _CONSTANTS:
        return _CONSTANTS[dotted]
    raise _no_literal(expression)


def _dictionary(expression: ast.Dict, scope: Scope) -> Value:
    result: dict[str, Value] = {}
    for key, value in zip(expression.keys, expression.values, strict=True):
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            raise SignatureError("the keys of a dict must be strings", expression.lineno)
        result[key.value] = evaluate(value, scope)
    return result


def _arithmetic(expression: ast.UnaryOp | ast.BinOp, scope: Scope) -> _Number:
    try:
        if isinstance(expression, ast.BinOp):
            result = _binary(expression, scope)
        elif isinstance(expression.op, ast.USub):
            result = -_number(expression.operand, scope)
        elif isinstance(expression.op, ast.UAdd):
            result = _number(expression.operand, scope)
        else:
            raise _no_literal(expression)
    except (ArithmeticError, ValueError) as error:
        raise SignatureError(f"{shortened(expression)}: {error}", expression.lineno) from None
    if isinstance(result, int) and result.bit_length() > _MAX_BITS:
        raise _too_large(expression)
    return result


def _binary(expression: ast.BinOp, scope: Scope) -> _Number:
    compute = _BINARY.get(type(expression.op))
    if compute is None:
        raise _no_literal(expression)
    left, right = _number(expression.left, scope), _number(expression.right, scope)
    is_whole = isinstance(left, int) and isinstance(right, int)
    if compute is operator.pow and is_whole and int(left).bit_length() * right > 2 * _MAX_BITS:
        raise _too_large(expression)
    result = compute(left, right)
    if not isinstance(result, int | float):  # a root of a negative number is complex
        raise _no_literal(expression)
    return result


def _number(expression: ast.expr, scope: Scope) -> _Number:
    value = evaluate(expression, scope)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _no_literal(expression)
    return value


def _call(expression: ast.Call, scope: Scope) -> Value:
    dotted = scope.dotted(expression.func)
    arguments = [evaluate(argument, scope) for argument in expression.args]
    match arguments:
        case [] if dotted in _EMPTY:
            return _EMPTY[dotted]
        case [argument] if dotted in _EMPTY:
            return argument
        case [argument, "XYZ"] if dotted == "mathutils.Euler":
            return argument
        case [4] if dotted == "mathutils.Matrix.Identity":
            return _IDENTITY
        case [int() | float() as number] if dotted in _FUNCTIONS:
            return _function(expression, dotted, number)
    raise _no_literal(expression)


def _function(expression: ast.Call, dotted: str, number: _Number) -> float:
    try:
        return _FUNCTIONS[dotted](number)
    except (ArithmeticError, ValueError) as error:
        raise SignatureError(f"{shortened(expression)}: {error}", expression.lineno) from None


def _no_literal(expression: ast.expr) -> SignatureError:
    return SignatureError(
        f"{shortened(expression)} is only known when the script runs; use a literal", expression.lineno
    )


def _too_large(expression: ast.expr) -> SignatureError:
    return SignatureError(f"{shortened(expression)} is too large a number; use a smaller one", expression.lineno)


def shortened(expression: ast.expr, limit: int = 60) -> str:
    """The expression as it is written, for a message."""
    try:
        text = ast.unparse(expression)
    except ValueError:  # Python does not write whole numbers of thousands of digits
        text = "the expression"
    return text if len(text) <= limit else text[: limit - 3] + "..."
