# SPDX-License-Identifier: GPL-3.0-or-later
"""What a value that is set on a node means to a task."""

from __future__ import annotations

from ..script.signature import MISSING, Parameter
from ..script.socket_types import SocketType, Value
from ..script.values import fit_parameter
from .plan import Argument
from .sources import Constant


def set_argument(value: Value, parameter: Parameter) -> Argument:
    """The argument of an input that nothing is linked to. Raises MisfitError if the parameter can't take the value."""
    return Argument(parameter, (set_constant(fit_parameter(_or_default(value, parameter), parameter), parameter.type),))


def is_missing(value: Value, parameter: Parameter) -> bool:
    """Whether nothing is set where something must be, and the script has no default."""
    value = _or_default(value, parameter)
    if value is None:
        return not parameter.is_optional
    return parameter.type.is_list and parameter.is_required and value == ()


def set_constant(value: Value, socket_type: SocketType) -> Constant:
    """What is set on a socket; a list where nothing is set is empty."""
    return Constant(() if value is None and socket_type.is_list else value, socket_type)


def _or_default(value: Value, parameter: Parameter) -> Value:
    if value is None and not parameter.is_optional and parameter.default is not MISSING:
        return parameter.default
    return value
