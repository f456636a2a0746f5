# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks came home for the outputs of a node. They are noted on the node, and not held by it.

A pointer would keep in the file what the artist deleted, and take it along wherever the node is pasted. So a data-block
is noted by its uid, which is good for this session and through undo, and by its name, which is good for the next one:
names are brought up to date before each save, uids after each load.

What is noted counts only where it was noted: see `owner`. A node that was copied, pasted or appended has no results.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import bpy
import numpy

from ..runtime.blender import data_block_kinds, replacing
from .baselines import baselines
from .identity import background_trees

#: Under which "output" a node notes where its results are linked; a script's output has no such name.
PLACE = "@place"
_SESSION = uuid.uuid4().hex


class Noted(NamedTuple):
    """A data-block to be noted.

    Attributes:
        place: of the result in the list of its output: see `Results.placed`.
        role: "" for the result itself; what it is in the result for a data-block that came along with it.
        is_ours: whether a run made it; if not, it is the artist's own, such as an original that was replaced.
        digest, arrangement: what it was like when it came home, see `baselines` and `hand_changes`.
        given_name: of a result: what the script called it.
    """

    data_block: bpy.types.ID
    place: str = "0"
    role: str = ""
    is_ours: bool = False
    digest: str = ""
    arrangement: str = ""
    given_name: str = ""


class BackgroundNodeResult(bpy.types.PropertyGroup):
    """A data-block that came home for an output of a node: as `Noted` says."""

    output: bpy.props.StringProperty(description="Identifier of the output")
    place: bpy.props.StringProperty()
    role: bpy.props.StringProperty()
    is_ours: bpy.props.BoolProperty()
    digest: bpy.props.StringProperty()
    arrangement: bpy.props.StringProperty()
    given_name: bpy.props.StringProperty()
    is_earlier: bpy.props.BoolProperty(description="Whether it is of an earlier run while results of another come home")
    content: bpy.props.StringProperty(description='Of a result: what the run gave, by content; "" if that is not known')
    number: bpy.props.IntProperty(
        description="Of a result: which one of the list it is; 0 for all where that is the order of the places"
    )
    kind: bpy.props.StringProperty()
    name: bpy.props.StringProperty(description='Its name when it was last seen, "" if it was gone then')
    library: bpy.props.StringProperty()
    session_uid: bpy.props.IntProperty(description="0 if there is none")

    def note(self, data_block: bpy.types.ID) -> None:
        self.kind, self.name, self.library = (
            data_block_kinds.kind_of(data_block),
            data_block.name,
            data_block_kinds.library_path(data_block),
        )
        self.session_uid = data_block.session_uid

    def find(self) -> bpy.types.ID | None:
        """The data-block; None if it is gone. A name leads to it at once, if it still has that."""
        return find_all([self])[0]

    def find_by_name(self) -> bpy.types.ID | None:
        if not self.session_uid or not self.name or self.library or self.kind not in data_block_kinds.collections():
            return None
        named = data_block_kinds.collection(self.kind).get((self.name, None))
        return named if named is not None and named.session_uid == self.session_uid else None


def find_all(rows: Sequence[BackgroundNodeResult]) -> list[bpy.types.ID | None]:
    """As `BackgroundNodeResult.find`. What is not found by its name is looked for once for all of them."""
    items = [row.find_by_name() for row in rows]
    missing = {row.session_uid: row.kind for row, item in zip(rows, items, strict=True) if item is None}
    kinds = {kind for uid, kind in missing.items() if uid and kind in data_block_kinds.collections()}
    found = {
        item.session_uid: item
        for kind in kinds
        for item in data_block_kinds.collection(kind)
        if missing.get(item.session_uid) == kind
    }
    return [item or found.get(row.session_uid) for row, item in zip(rows, items, strict=True)]


def owner(node: bpy.types.Node) -> str:
    """What `results_of` of a node is if its results were noted in this session, in its tree, for itself."""
    return f"{_SESSION} {node.id_data.session_uid} {node.uid}"


def are_own(node: bpy.types.Node) -> bool:
    return node.results_of == owner(node)


def put(node: bpy.types.Node, output: str, items: Iterable[Noted], places: Collection[str] | None = None) -> None:
    """Note what an output has, instead of what it had; instead of what is earlier at some places, if they are given."""
    if not are_own(node):
        node.results.clear()
        node.results_of = owner(node)
    if places is None:
        outdated = [index for index, row in enumerate(node.results) if row.output == output]
    else:
        outdated = [index for index, _row in _earlier(node, output, places)]
    for index in reversed(outdated):
        node.results.remove(index)
    for item in items:
        row = node.results.add()
        row.output = output
        for name in Noted._fields[1:]:
            setattr(row, name, getattr(item, name))
        row.note(item.data_block)


def put_contents(node: bpy.types.Node, output: str, contents: Mapping[str, str]) -> None:
    """Note by place what a run gave, by content, in the order in which it gave that: list nodes have their own."""
    places = list(contents)
    numbers = {} if places == sorted(places, key=_numbers) else {place: number for number, place in enumerate(places)}
    for row in noted(node, output):
        if not row.role:
            row.content = contents.get(row.place, "")
            row.number = numbers.get(row.place, len(numbers))


def noted(node: bpy.types.Node, output: str) -> list[BackgroundNodeResult]:
    """All that was noted of an output."""
    return [row for row in node.results if row.output == output] if are_own(node) else []


def earlier(node: bpy.types.Node, output: str, places: Collection[str]) -> list[BackgroundNodeResult]:
    """What was noted of an output at some places, and is earlier."""
    return [row for _index, row in _earlier(node, output, places)] if are_own(node) else []


def _earlier(node: bpy.types.Node, output: str, places: Collection[str]) -> Iterator[tuple[int, BackgroundNodeResult]]:
    """The same, with the number of each row. What is not earlier is not looked at: there may be thousands of rows."""
    if not places:
        return
    are_earlier = numpy.empty(len(node.results), numpy.bool_)
    node.results.foreach_get("is_earlier", are_earlier)
    for index, (row, is_earlier) in enumerate(zip(node.results, are_earlier.tolist(), strict=True)):
        if is_earlier and row.place in places and row.output == output:
            yield index, row


def make_earlier(node: bpy.types.Node, output: str) -> dict[str, tuple[str, str] | None]:
    """Let all that was noted of an output be earlier. Returns kind and given name of the result at each place.

    None stands for a name that is not known.
    """
    found: dict[str, tuple[str, str] | None] = {}
    for row in noted(node, output):
        row.is_earlier = True
        found.setdefault(row.place, None)
        if not row.role and row.given_name:
            found[row.place] = row.kind, row.given_name
    return found


def contents(node: bpy.types.Node, output: str) -> dict[str, str]:
    """What a run gave for an output, by place and content, in order; "" where the content is not known."""
    return {row.place: row.content for row in _results(node, output)}


def found(node: bpy.types.Node, output: str) -> list[bpy.types.ID]:
    """The results of an output that are still in the file, in order."""
    return [item for item in find_all(_results(node, output)) if item is not None]


def num_results(node: bpy.types.Node, output: str) -> int:
    """How many results of an output were noted."""
    return sum(not row.role for row in noted(node, output))


def _results(node: bpy.types.Node, output: str) -> list[BackgroundNodeResult]:
    """What was noted of the results themselves, in the order in which they were given."""
    rows = (row for row in noted(node, output) if not row.role)
    return sorted(rows, key=lambda row: (row.number, _numbers(row.place)))


def _numbers(place: str) -> list[int]:
    return [int(number) for number in place.split(".")]


def hand_over(old: bpy.types.Node, new: bpy.types.Node, renamed: Mapping[str, str] | None = None) -> None:
    """Let a node have the id and the results of another one, which is to be removed: new results take their place.

    Args:
        old: the other one.
        new: the node, which has no results yet.
        renamed: the new identifiers of outputs that were renamed.
    """
    are_there = are_own(old)
    new.uid, new.home_action = old.uid, old.home_action
    if not are_there:
        return
    for row in old.results:
        other = new.results.add()
        for name in BackgroundNodeResult.__annotations__:
            setattr(other, name, getattr(row, name))
        other.output = (renamed or {}).get(row.output, row.output)
    new.results_of = owner(new)
    forget(old)


def forget(node: bpy.types.Node) -> None:
    """Forget all results of a node, which may be in no tree."""
    node.results.clear()
    node.results_of = ""
    for socket in node.outputs:
        if hasattr(socket, "forget_result"):
            socket.forget_result()


def _nodes() -> Iterator[bpy.types.Node]:
    for tree in background_trees():
        if tree.library is None:
            yield from (node for node in tree.nodes if hasattr(node, "results_of"))


def _nodes_with_results() -> Iterator[bpy.types.Node]:
    return (node for node in _nodes() if node.results_of)


def _follow(replaced: Mapping[int, bpy.types.ID]) -> None:
    """Note what is in the place of a result now."""
    for node in _nodes_with_results():
        if not are_own(node):
            continue
        uids = numpy.empty(len(node.results), numpy.int32)
        node.results.foreach_get("session_uid", uids)
        for index, uid in enumerate(uids.tolist()):
            if uid in replaced:
                node.results[index].note(replaced[uid])


@bpy.app.handlers.persistent
def _before_save(*_arguments: object) -> None:
    """Bring the names up to date. What was noted elsewhere, such as in the file of an appended tree, is forgotten."""
    for node in _nodes_with_results():
        if not are_own(node):
            forget(node)
        rows = list(node.results)
        for row, data_block in zip(rows, find_all(rows), strict=True):
            row.digest = baselines.digest(row.digest)
            if data_block is None:
                row.name = ""
            else:
                row.note(data_block)


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    """Bring the uids up to date. No run is there any more that could offer anything."""
    baselines.forget()
    for node in _nodes():
        if getattr(node, "num_kept", 0):  # of an Output node
            node.num_kept = 0
        for socket in node.outputs:
            if getattr(socket, "offered_by", 0):
                socket.forget_result()
    for node in _nodes_with_results():
        node.results_of = owner(node)
        for row in node.results:
            row.digest = baselines.digest(row.digest)
            data_block = data_block_kinds.find(row.kind, row.name, row.library) if row.name else None
            row.session_uid = 0 if data_block is None else data_block.session_uid


classes = (BackgroundNodeResult,)


def register() -> None:
    replacing.listeners.append(_follow)
    bpy.app.handlers.save_pre.append(_before_save)
    bpy.app.handlers.load_post.append(_after_load)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_after_load)
    bpy.app.handlers.save_pre.remove(_before_save)
    replacing.listeners.remove(_follow)
