# SPDX-License-Identifier: GPL-3.0-or-later
"""New results take the place of earlier ones: of those that came home for the same output and place in its list.

What came along with a result takes the place of what came along with the earlier one. What an earlier run made, and
this one did not, is removed unless something uses it that no run made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import bpy

from ..runtime.blender import data_block_kinds
from ..runtime.blender.homecoming import Homecoming
from ..runtime.blender.replacing import replace
from . import noted_results
from .noted_results import Noted

#: The results of an output in order, None for what is missing.
Results = Sequence[bpy.types.ID | None]
#: What was brought home for one result, by kind and role.
_Family = Mapping[tuple[str, str], bpy.types.ID]

#: The roles in a family: the result itself, and what the object that is the result is made of. All else goes by name.
_RESULT, _DATA = "", "*"


class Succession:
    """What takes the place of what, of all that came home at once.

    Attributes:
        heirs: the results that took the place of earlier ones.
    """

    def __init__(self, home: Homecoming, results: Collection[bpy.types.ID], in_place: Collection[bpy.types.ID]) -> None:
        """`in_place` are the results that took the place of what they were made of: they are the artist's."""
        self._home = home
        self._in_place = set(in_place)
        self._families = {result: self._family(result, items) for result, items in home.families(results).items()}
        self._new = {*results, *(item for family in self._families.values() for item in family.values())}
        self._earlier: set[bpy.types.ID] = set()
        self._pairs: dict[bpy.types.ID, bpy.types.ID] = {}
        self.heirs: set[bpy.types.ID] = set()

    def add(self, node: bpy.types.Node, output: str, results: Results) -> None:
        """Let the results of an output take the place of its earlier ones."""
        by_place: dict[int, dict[tuple[str, str], bpy.types.ID]] = {}
        for row in noted_results.noted(node, output):
            item = row.find()
            if item is not None:
                by_place.setdefault(row.place, {})[row.kind, row.role] = item
                if row.is_ours and item not in self._new:
                    self._earlier.add(item)
        for place, earlier in by_place.items():
            result = results[place] if place < len(results) else None
            if result is not None:
                self._pair(earlier, result)

    def drop_other_outputs(self, node: bpy.types.Node) -> None:
        """Let the results of outputs that a node no longer has go."""
        outputs = {noted_results.PLACE, *(socket.identifier for socket in node.outputs if socket.enabled)}
        for output in {row.output for row in node.results} - outputs:
            self.add(node, output, ())
            noted_results.put(node, output, ())

    def carry_out(self) -> None:
        superfluous = _unused(self._earlier - self._pairs.keys(), self._earlier)
        replace(list(self._pairs.items()), superfluous=superfluous)
        self._home.restore_names(self._new - self.heirs)

    def noted(self, results: Results) -> Iterator[Noted]:
        """What is to be noted of an output."""
        for place, result in enumerate(results):
            if result is None:
                continue
            family = self._families[result]
            is_ours = result in family.values() and result not in self._in_place
            yield Noted(result, place, is_ours=is_ours)
            for (_kind, role), item in family.items():
                if item != result:
                    yield Noted(item, place, role, is_ours=True)

    def _family(self, result: bpy.types.ID, items: Sequence[bpy.types.ID]) -> _Family:
        return {(data_block_kinds.kind_of(item), self._role(item, result)): item for item in items}

    def _role(self, item: bpy.types.ID, result: bpy.types.ID) -> str:
        if item == result:
            return _RESULT
        return _DATA if item == getattr(result, "data", None) else self._home.name_in_blob(item)

    def _pair(self, earlier: _Family, result: bpy.types.ID) -> None:
        """Pair what came home for one place, if that is the same kind of result, or the same original as before."""
        family, kind = self._families[result], data_block_kinds.kind_of(result)
        known = earlier.get((kind, _RESULT))
        if known is None or (known != result and known not in self._earlier):
            return
        for key in earlier.keys() & family.keys():
            old, new = earlier[key], family[key]
            if old in self._earlier and old not in self._pairs and new not in self.heirs:
                self._pairs[old] = new
                self.heirs.add(new)


def _unused(items: set[bpy.types.ID], going: set[bpy.types.ID]) -> set[bpy.types.ID]:
    """Those of the items that nothing uses but what is `going` as well. Assets are used."""
    users_of = bpy.data.user_map(subset=items)
    found, going = set(items), set(going)
    while kept := {item for item in found if _is_kept(item, users_of[item] - going)}:
        found -= kept
        going -= kept
    return found


def _is_kept(item: bpy.types.ID, users: Iterable[bpy.types.ID]) -> bool:
    return item.asset_data is not None or any(_holds(user, item) for user in users)


def _holds(user: bpy.types.ID, item: bpy.types.ID) -> bool:
    """Whether a user keeps an item. Collections and scenes don't keep what is linked to them: results are."""
    if isinstance(item, bpy.types.Object | bpy.types.Collection):
        return not isinstance(user, bpy.types.Collection | bpy.types.Scene)
    return not isinstance(user, bpy.types.Key)  # of a mesh, which is its part
