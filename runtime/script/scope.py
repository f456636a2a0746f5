# SPDX-License-Identifier: GPL-3.0-or-later
"""What the names at the top level of a script stand for, as far as its source shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ..errors import SignatureError

#: The name under which scripts know `script/`, however the extension is installed.
SCRIPT_MODULE: Final = "background_nodes.script"

# An extension's modules live below "bl_ext.<repository>.".
_INSTALLED_SCRIPT_MODULE: Final = re.compile(r"bl_ext\.\w+\.background_nodes\.script\b")


@dataclass(slots=True)
class Scope:
    """The names a module binds.

    Attributes:
        functions, classes: its definitions; of two with the same name the later one.
        imports: local name -> dotted name of what it stands for.
        assigned: name -> the expression it is bound to, for names bound once.
        effort: how many more steps may be taken to find out what names stand for. Names that stand for two others each,
            and so on, would take forever.
    """

    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    assigned: dict[str, ast.expr | None] = field(default_factory=dict)
    effort: int = 200_000

    def spend(self, expression: ast.expr, effort: int = 1) -> None:
        """Count steps of work on an expression. Raises SignatureError if there were too many."""
        self.effort -= effort
        if self.effort < 0:
            message = "what the names in the signature stand for is too long; write the types and values themselves"
            raise SignatureError(message, expression.lineno)

    def dotted(self, expression: ast.expr) -> str:
        """The dotted name an expression such as `t.Object` stands for, "" if it is none."""
        attributes: list[str] = []
        while isinstance(expression, ast.Attribute):
            attributes.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name):
            return ""
        first = self.imports.get(expression.id, expression.id)
        return canonical(".".join([first, *reversed(attributes)]))

    def constant(self, expression: ast.expr) -> ast.expr | None:
        """What a name was bound to, None if `expression` is no name or was not bound exactly once."""
        return self.assigned.get(expression.id) if isinstance(expression, ast.Name) else None


def read_scope(module: ast.Module) -> Scope:
    """Read the top level of a module, with the statements inside its `if` and `try`."""
    scope = Scope()
    for statement in _statements(module.body):
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                scope.functions[statement.name] = statement
            case ast.ClassDef():
                scope.classes[statement.name] = statement
            case ast.Import() | ast.ImportFrom():
                scope.imports.update(_imported(statement))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                _bind(scope, name, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                _bind(scope, name, value)
            case ast.AugAssign(target=ast.Name(id=name)):
                scope.assigned[name] = None
    return scope


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module in order, also those inside `if TYPE_CHECKING:` and `try:`."""
    pending = list(reversed(body))
    while pending:
        statement = pending.pop()
        yield statement
        if isinstance(statement, ast.If):
            pending.extend(reversed([*statement.body, *statement.orelse]))
        elif isinstance(statement, ast.Try):
            handlers = [inner for handler in statement.handlers for inner in handler.body]
            pending.extend(reversed([*statement.body, *handlers, *statement.orelse, *statement.finalbody]))


def _imported(statement: ast.Import | ast.ImportFrom) -> dict[str, str]:
    if isinstance(statement, ast.ImportFrom):
        module = "." * statement.level + (statement.module or "")
        return {alias.asname or alias.name: f"{module}.{alias.name}" for alias in statement.names}
    # `import a.b` binds a; `import a.b as c` binds c to a.b.
    return {alias.asname or alias.name.partition(".")[0]: _target(alias) for alias in statement.names}


def _target(alias: ast.alias) -> str:
    return alias.name if alias.asname else alias.name.partition(".")[0]


def _bind(scope: Scope, name: str, value: ast.expr) -> None:
    # Which of two values a default sees depends on when it is evaluated, so neither is taken.
    scope.assigned[name] = None if name in scope.assigned else value


def canonical(dotted: str) -> str:
    """The one name of what a dotted name stands for, for those that have several."""
    if dotted.startswith("typing_extensions."):
        return dotted.replace("_extensions", "", 1)
    return _INSTALLED_SCRIPT_MODULE.sub(SCRIPT_MODULE, dotted, count=1)
