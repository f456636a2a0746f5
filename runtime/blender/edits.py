# SPDX-License-Identifier: GPL-3.0-or-later
"""Which data-blocks of the open file may have been changed since a moment of this session.

    Blender's handlers and message bus, calls of Python, operators, modes, what Background Nodes changes --> edits

A change that is told of no data-block is one of all of them. Where Blender does not tell, there is doubt: in background
mode, before 5.1, and of some kinds of data-blocks. See docs/digests.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

import bpy

from . import set_values, view_layers
from .python_calls import PythonCalls, is_called_by_us

#: The kinds of data-blocks of which Blender tells that the artist has changed them. Scenes are not among them: what
#: the artist looks at changes them all the time.
_TOLD: Final = frozenset(
    {
        "ACTION",
        "ARMATURE",
        "CAMERA",
        "COLLECTION",
        "CURVE",
        "CURVES",
        "GREASEPENCIL_V3",
        "IMAGE",
        "KEY",
        "LATTICE",
        "LIGHT",
        "LIGHT_PROBE",
        "MATERIAL",
        "MESH",
        "META",
        "NODETREE",
        "OBJECT",
        "PARTICLE",
        "POINTCLOUD",
        "TEXTURE",
        "WORLD",
    }
)


class Edits:
    """What was changed, by moments. It listens from the first moment that anybody asked for until `stop`."""

    def __init__(self) -> None:
        self._moment = 0
        self._changed: dict[int, int] = {}  # by uid: the moment before its last change
        self._doubted = 0  # the moment before the last change of which it is not known what was changed
        self._told = 0  # the moment before Blender told the last time
        self._told_types: set[type] = set()  # of what it has named then
        self._seen: set[int] = set()  # of what Blender tells: the data-blocks in the windows
        self._operators: list[int] = []  # those that were called
        self._is_on = self._is_sure = self._is_own = False
        self._is_turn = self._must_listen = False
        self._calls = PythonCalls(self.doubt)

    def start(self) -> None:
        """Listen to what Blender tells."""
        if not self._is_on:
            self._is_on = True
            for handlers, function in _handlers():
                handlers.append(function)

    def stop(self) -> None:
        """Listen no more: from now on, all may be changed."""
        if self._is_on:
            self._is_on = False
            for handlers, function in _handlers():
                handlers.remove(function)
            self._calls.stop()
            set_values.stop()
            self.doubt()

    # What was changed

    def note(self, uids: Iterable[int]) -> None:
        """These were changed."""
        self._changed.update(dict.fromkeys(uids, self._moment))

    def note_items(self, items: Collection[bpy.types.ID]) -> None:
        """These came or were changed, and so may have been what uses them: Blender does not tell all that we do."""
        users_of = bpy.data.user_map(subset=items) if items else {}
        self.note(item.session_uid for item in {*items}.union(*users_of.values()))

    def doubt(self) -> None:
        """Something was changed, and nobody knows what."""
        self._doubted = self._moment
        self._changed.clear()  # all that was changed until now is in doubt anyway
        self._is_sure = False

    def tell(self, items: Collection[bpy.types.ID]) -> None:
        """Blender has told of a change. It tells of what is in a window, and names nothing else."""
        if self._is_own:
            return
        self._told, self._told_types = self._moment, {*map(type, items)}
        uids = {item.session_uid for item in items}
        self.note(uids)
        if not uids or 0 in uids:
            self.doubt()

    def value_set(self, struct: type) -> None:
        """A value of such a struct was set. If Blender names nothing that may have it, it may be of any data-block."""
        self._told_types = set()
        view_layers.update()
        if issubclass(struct, bpy.types.ID):
            is_named = any(issubclass(cls, struct) or issubclass(struct, cls) for cls in self._told_types)
        else:
            is_named = bool(self._told_types)
        if not is_named:
            self.doubt()

    @contextlib.contextmanager
    def own(self) -> Iterator[None]:
        """Within the block, `note` tells of all that is changed. Blender names all that is in the same collection."""
        self.look()
        self._is_own = True
        try:
            yield
            self.look()
        finally:
            self._is_own = False
            if self._is_sure:
                self._listen()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """A call by Blender in which only we change anything: what is set after the block counts as set by others.

        To listen anew takes Blender 2 ms, for it has 1,700 types of structs; so that is done once, at the end.
        """
        is_outermost, self._is_turn = not self._is_turn, True
        try:
            yield
        finally:
            if is_outermost:
                self._is_turn = False
                if self._must_listen and self._is_sure:
                    set_values.listen(_value_set)
                self._must_listen = False

    def _listen(self) -> None:
        """Hear of what is set from now on, and of nothing that we have set."""
        if self._is_turn:
            self._must_listen = True
        else:
            set_values.listen(_value_set)

    # What is known

    def now(self) -> int:
        """This moment, for `may_have_changed`. Changes that Blender has yet to tell of were made before it."""
        if not bpy.app.background:
            self.start()
            self.look()
        if not self._is_sure:
            self.doubt()
            self._is_sure = self._is_on and self._calls.watch()
            if self._is_sure:
                self._listen()
        self._moment += 1
        return self._moment

    def mark(self) -> int:
        """This moment, for `has_told`, before which the artist can do nothing. It puts nothing in doubt."""
        self.look(awaits_artist=True)
        self._moment += 1
        return self._moment

    def look(self, *, awaits_artist: bool = False) -> None:
        """Let Blender tell what was changed until now. To be called before `may_have_changed`, once for many.

        With `awaits_artist`, nobody has worked in a mode of which Blender does not tell.
        """
        if not self._is_on:
            return
        view_layers.update()
        operators = [operator.as_pointer() for operator in bpy.context.window_manager.operators]
        is_in_mode = not awaits_artist and any(item.mode != "OBJECT" for item in bpy.data.objects)
        if operators != self._operators or is_in_mode:
            self._operators = operators
            self.doubt()
        if self._told == self._moment:
            graphs = (window.view_layer.depsgraph for window in bpy.context.window_manager.windows)
            self._seen = {each.original.session_uid for graph in graphs for each in graph.ids}

    def has_told(self, since: int) -> bool:
        """Whether Blender has told since a moment of any change that we have not made."""
        return max(self._told, self._doubted) >= since

    def is_all_in_doubt(self, since: int) -> bool:
        """Whether each data-block may be another one than at a moment."""
        return not self._is_sure or self._doubted >= since

    def may_have_changed(self, item: bpy.types.ID, since: int) -> bool:
        """Whether a data-block itself, without what it uses, may be another one than at a moment."""
        if self.is_all_in_doubt(since) or not _is_told(item):
            return True
        if self._told >= since and item.session_uid not in self._seen:
            return True
        return any(self._changed.get(part.session_uid, 0) >= since for part in _parts(item))


def _is_told(item: bpy.types.ID) -> bool:
    if item.id_type not in _TOLD or item.library is not None or item.override_library is not None:
        return False
    return not (isinstance(item, bpy.types.Image) and (item.is_dirty or item.source in {"MOVIE", "VIEWER"}))


def _parts(item: bpy.types.ID) -> Iterator[bpy.types.ID]:
    """A data-block and those that only it has."""
    yield item
    tree = getattr(item, "node_tree", None)
    if tree is not None:
        yield tree


edits = Edits()


@bpy.app.handlers.persistent
def _after_depsgraph_update(_scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
    edits.tell([update.id.original for update in depsgraph.updates])


def _value_set(struct: type) -> None:
    edits.value_set(struct)


@bpy.app.handlers.persistent
def _doubt(*_arguments: object) -> None:
    edits.doubt()


@bpy.app.handlers.persistent
def _after_import(*_arguments: object) -> None:
    if not is_called_by_us():
        edits.doubt()


def _handlers() -> list[tuple[list[Callable[..., None]], Callable[..., None]]]:
    known: Any = bpy.app.handlers
    unknown = ("undo_post", "redo_post", "load_post", "frame_change_post", "object_bake_complete")
    found = [
        (known.depsgraph_update_post, _after_depsgraph_update),
        *((getattr(known, name), _doubt) for name in unknown),
    ]
    if hasattr(known, "blend_import_post"):  # since 4.5
        found.append((known.blend_import_post, _after_import))
    return found
