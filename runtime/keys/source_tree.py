# SPDX-License-Identifier: GPL-3.0-or-later
"""A parsed source, with what its names may stand for. Nothing is executed.

A name is looked up as if the file had one scope: it may stand for all that it is bound to anywhere in it. So whoever
asks what a source can do hears too much at times, and never too little.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..script.scope import canonical
from ..script.without_main import RESERVED_NAMES

#: What a name stands for that stands for too much to be followed.
ANYTHING: Final = "*"
_MANY: Final = 50

#: Names that each source has without an import.
_GIVEN: Final = frozenset(dir(builtins)) | RESERVED_NAMES | {"__file__", "__path__", "__cached__", "__builtins__"}

#: Nodes that say something of the one that they are in, and hold nothing.
_WITHOUT_CONTENT: Final = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Chain:
    """A name with the attributes behind it, such as `scene.render.fps`: `node` is the whole of it."""

    node: ast.expr
    root: str
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceTree:
    """What `read` finds in a source.

    Attributes:
        nodes: its nodes, from the first line to the last.
        parents: the node that each is part of.
        stands_for: name -> the dotted names of what it may stand for, `ANYTHING` if that is too much.
        assigned: name -> what it is assigned; nothing where that is not known.
    """

    nodes: tuple[ast.AST, ...]
    parents: Mapping[ast.AST, ast.AST]
    stands_for: Mapping[str, frozenset[str]]
    assigned: Mapping[str, list[ast.expr]]

    def chains(self) -> Iterator[Chain]:
        """All names, each with the attributes behind it."""
        for node in self.nodes:
            if isinstance(node, ast.Name):
                whole: ast.expr = node
                attributes = []
                while isinstance(parent := self.parents.get(whole), ast.Attribute):
                    whole = parent
                    attributes.append(parent.attr)
                yield Chain(whole, node.id, tuple(attributes))

    def meanings(self, chain: Chain) -> set[str]:
        """The dotted names that a chain may stand for, beginning with an imported module or a name of Python's own."""
        return {canonical(".".join([base, *chain.attributes])) for base in _bases(chain.root, self)}

    def meanings_of(self, expression: ast.expr) -> set[str]:
        """The same of an expression, empty if that is no chain."""
        chain = _chain_of(expression)
        return set() if chain is None else self.meanings(chain)

    def gets_a_name(self, node: ast.expr) -> bool:
        """Whether a node is just given a name, in a module or a function: `scene = bpy.context.scene`."""
        parent = self.parents.get(node)
        statement = self.parents.get(parent) if isinstance(parent, ast.Tuple) else parent
        if statement is None or isinstance(self.definition(statement), ast.ClassDef):
            return False
        return any(value is node for _name, value in _bindings(statement))

    def definition(self, node: ast.AST) -> ast.AST | None:
        """The innermost function or class that a node is part of."""
        parent = self.parents.get(node)
        while parent is not None and not isinstance(parent, _FUNCTIONS | ast.ClassDef):
            parent = self.parents.get(parent)
        return parent


def read(module: ast.Module) -> SourceTree:
    """Read a parsed source."""
    nodes: list[ast.AST] = []
    parents: dict[ast.AST, ast.AST] = {}
    imported: dict[str, set[str]] = {}
    assigned: dict[str, list[ast.expr]] = {}
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        children = [child for child in ast.iter_child_nodes(node) if not isinstance(child, _WITHOUT_CONTENT)]
        parents.update(dict.fromkeys(children, node))
        waiting.extend(reversed(children))
        for name, target in _imports(node):
            imported.setdefault(name, set()).add(target)
        for name in _names_bound(node):
            assigned.setdefault(name, [])
        for name, value in _bindings(node):
            assigned.setdefault(name, []).append(value)
    return SourceTree(tuple(nodes), parents, _followed(imported, assigned), assigned)


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Names, and the dotted names of what is imported under them."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            yield (alias.asname, alias.name) if alias.asname else (first, first)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, f"{'.' * node.level}{node.module or ''}.{alias.name}"


def _names_bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement gives to values, if it does nothing else: `a = x`, `a: T = x`, `a, b = x, y`."""
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(values):
            yield from _named(names, values)
        case ast.Assign(targets=names, value=value):
            yield from _named(names, [value] * len(names))
        case ast.AnnAssign(target=name, value=ast.expr() as value):
            yield from _named([name], [value])


def _named(names: list[ast.expr], values: list[ast.expr]) -> Iterator[tuple[str, ast.expr]]:
    if all(isinstance(name, ast.Name) for name in names):
        yield from ((name.id, value) for name, value in zip(names, values, strict=True) if isinstance(name, ast.Name))


def _followed(imported: dict[str, set[str]], assigned: dict[str, list[ast.expr]]) -> dict[str, frozenset[str]]:
    """What each name may stand for, through all names between."""
    found = {name: frozenset(imported.get(name, ())) for name in {*imported, *assigned}}
    chains = [
        (name, chain) for name, values in assigned.items() for chain in map(_chain_of, values) if chain is not None
    ]
    has_changed = True
    while has_changed:
        has_changed = False
        for name, chain in chains:
            bases = found.get(chain.root, frozenset((chain.root,)) & _GIVEN)
            new = found[name] | {".".join((base, *chain.attributes)) for base in bases}
            if len(new) > _MANY or ANYTHING in new:
                new = frozenset((ANYTHING,))
            if new != found[name]:
                found[name] = new
                has_changed = True
    return found


def _bases(name: str, tree: SourceTree) -> frozenset[str]:
    return tree.stands_for.get(name, frozenset((name,)) & _GIVEN)


def _chain_of(expression: ast.expr) -> Chain | None:
    attributes: list[str] = []
    whole = expression
    while isinstance(expression, ast.Attribute):
        attributes.append(expression.attr)
        expression = expression.value
    return Chain(whole, expression.id, tuple(reversed(attributes))) if isinstance(expression, ast.Name) else None


def digest_of(node: object) -> str:
    """A hash of a parsed source, or of parts of it, without comments, layout and lines. Docstrings count."""
    texts: list[str] = []
    waiting: list[object] = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.AST):
            texts.append(f"({type(item).__name__}")
            waiting.append(_END)
            waiting.extend([getattr(item, name, None) for name in reversed(item._fields) if name != "ctx"])
        elif isinstance(item, list):
            texts.append("[")
            waiting.append(_END)
            waiting.extend(reversed(item))
        elif item is _END:
            texts.append(")")
        else:
            # Python does not write whole numbers of thousands of digits, but hexadecimal ones.
            texts.append(hex(item) if type(item) is int else repr(item))
    return hashlib.blake2b(" ".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


_END: Final = object()
