# SPDX-License-Identifier: GPL-3.0-or-later
"""New results take the place of earlier ones: of those that came home for the same output and place in its list.

What came along with a result takes the place of what came along with the earlier one. What an earlier run made, and
this one did not, is removed unless something uses it that no run made. What the artist changed by hand is never lost:
it stays unless the Output node says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import bpy

from ..runtime.blender import data_block_kinds, remapping
from ..runtime.blender.homecoming import Homecoming
from ..runtime.blender.replacing import replace
from ..runtime.planning.graph import WhenChanged
from ..runtime.worker.changes.fingerprint import Users
from . import noted_results
from .baselines import Roles, baselines
from .hand_changes import Compared, Part, arrangement, hand_over_arrangement, is_changed, role_text
from .noted_results import Noted

#: Results of an output, by the places of the earlier ones that they take the place of.
Results = Mapping[str, bpy.types.ID]
#: A data-block within a result: its kind, and its role.
_Part = tuple[str, str]
#: What was brought home for one result.
_Family = dict[_Part, bpy.types.ID]

#: The roles in a family: the result itself, and what the object that is the result is made of. All else goes by name.
_RESULT, _DATA = "", "*"


class _Earlier(NamedTuple):
    """A data-block that an earlier run brought home, and what it was like then."""

    item: bpy.types.ID
    is_ours: bool
    digest: str
    arrangement: str


class Succession:
    """What takes the place of what, of all that came home at once.

    Attributes:
        heirs: the results that took the place of earlier ones.
        kept: what stays in its place because the artist changed it, by what does not come home for it.
        beside: what stays because the artist changed it, with the new result beside it.
    """

    def __init__(self, home: Homecoming, results: Collection[bpy.types.ID], in_place: Collection[bpy.types.ID]) -> None:
        """`in_place` are the results that took the place of what they were made of: they are the artist's."""
        self._home = home
        self._in_place = set(in_place)
        self._families = {result: self._family(result, items) for result, items in home.families(results).items()}
        self._new = {*results, *(item for family in self._families.values() for item in family.values())}
        self._staying: set[bpy.types.ID] = set()  # results of items that failed
        self._users = Users()
        self._going: set[bpy.types.ID] = set()
        self._pairs: dict[bpy.types.ID, bpy.types.ID] = {}
        self._noted: dict[bpy.types.ID, _Earlier] = {}  # what was noted of what is kept
        self._arrangements: dict[bpy.types.ID, str] = {}
        self.heirs: set[bpy.types.ID] = set()
        self.kept: dict[bpy.types.ID, bpy.types.ID] = {}
        self.beside: set[bpy.types.ID] = set()

    def add(
        self,
        node: bpy.types.Node,
        output: str,
        results: Results,
        places: Collection[str],
        policy: WhenChanged = WhenChanged.ASK,
    ) -> None:
        """Let results of an output take the place of its earlier ones at some places: they are given by those."""
        by_place: dict[str, dict[_Part, _Earlier]] = {}
        rows = noted_results.earlier(node, output, places)
        for row, item in zip(rows, noted_results.find_all(rows), strict=True):
            if item is None:
                continue
            is_ours = row.is_ours and item not in self._new and not self._home.has_brought(item)
            earlier = _Earlier(item, is_ours, row.digest, row.arrangement)
            by_place.setdefault(row.place, {})[row.kind, row.role] = earlier
        for place, parts in by_place.items():
            self._add_place(parts, results.get(place), policy)

    def let_stay(self, node: bpy.types.Node, output: str, places: Collection[str]) -> None:
        """Let earlier results stay, and stay noted."""
        rows = noted_results.earlier(node, output, places)
        for row, item in zip(rows, noted_results.find_all(rows), strict=True):
            row.is_earlier = False
            if item is not None:
                self._staying.add(item)

    def _add_place(self, parts: Mapping[_Part, _Earlier], result: bpy.types.ID | None, policy: WhenChanged) -> None:
        roles = _roles({part: earlier.item for part, earlier in parts.items()})
        ours = {part: earlier for part, earlier in parts.items() if earlier.is_ours}
        changed = set() if policy is WhenChanged.RESULT else _changed(ours, roles, self._users)
        if changed and (policy is WhenChanged.BOTH or result is None):
            self.beside.update(ours[part].item for part in changed)
            return
        self._going.update(earlier.item for part, earlier in ours.items() if part not in changed)
        if result is None:
            return
        if _is_deleted(parts):  # what came along with it, and is still used, has its place
            ours = {part: earlier for part, earlier in ours.items() if earlier.item.users}
        elif not _is_same_kind(parts, ours, result):
            return
        for part in ours.keys() & self._families[result].keys():
            earlier, new = ours[part], self._families[result][part]
            if earlier.item in self._pairs or new in self.heirs or new in self.kept:
                continue
            if part in changed:
                self.kept[new] = earlier.item
                self._noted[earlier.item] = earlier
                continue
            self._pairs[earlier.item] = new
            self.heirs.add(new)
            if policy is not WhenChanged.RESULT:
                self._arrangements[new] = arrangement(new, _roles(self._families[result]))
                hand_over_arrangement(earlier.item, new, earlier.arrangement, roles)

    def kept_of(self, results: Iterable[bpy.types.ID]) -> set[bpy.types.ID]:
        """What stays in its place instead of these results and of what came along with them."""
        items = {item for result in results for item in self._families[result].values()}
        return {self.kept[item] for item in items & self.kept.keys()}

    def drop_other_outputs(self, node: bpy.types.Node) -> None:
        """Let the results of outputs that a node no longer has go."""
        outputs = {noted_results.PLACE, *(socket.identifier for socket in node.outputs if socket.enabled)}
        for output in {row.output for row in node.results} - outputs:
            self.add(node, output, {}, noted_results.make_earlier(node, output))
            noted_results.put(node, output, ())

    def carry_out(self) -> None:
        """Put everything in its place. What does not come home, see `kept`, is removed."""
        self._going -= {*self.kept.values(), *self.beside, *self._staying}
        superfluous = without_users(self._going - self._pairs.keys(), self._going)
        self._families = {
            self.kept.get(result, result): {part: self.kept.get(item, item) for part, item in family.items()}
            for result, family in self._families.items()
        }
        replace(list(self._pairs.items()), superfluous=superfluous, doubles=self.kept)
        here = {*self._families, *(item for family in self._families.values() for item in family.values())}
        if self.kept:
            unused = self._home.unused({*self._families, *self.kept.values()})
            here -= unused
            for family in self._families.values():
                for part in [part for part, item in family.items() if item in unused]:
                    del family[part]
            self.heirs -= unused
            remapping.remove(unused)
        self.heirs.update(self.kept.values())
        self._home.restore_names(here - self.heirs)

    def noted(self, results: Mapping[str, bpy.types.ID], names: Mapping[str, str]) -> list[Noted]:
        """What is to be noted of results of an output, given by their places, as are what the script called them."""
        return [item for place, result in results.items() for item in self._note(place, result, names[place])]

    def _note(self, place: str, result: bpy.types.ID, given_name: str) -> Iterator[Noted]:
        family = self._families[result]
        roles = _roles({_part(result, _RESULT): result, **family})
        is_ours = result in family.values() and result not in self._in_place
        yield self._noted_as(result, roles, place, _RESULT, is_ours=is_ours)._replace(given_name=given_name)
        for (_kind, role), item in family.items():
            if item != result:
                yield self._noted_as(item, roles, place, role, is_ours=True)

    def _noted_as(self, item: bpy.types.ID, roles: Roles, place: str, role: str, *, is_ours: bool) -> Noted:
        if not is_ours:
            return Noted(item, place, role)
        earlier = self._noted.get(item)
        if earlier is not None:  # it is still what the artist made of that
            return Noted(item, place, role, is_ours, earlier.digest, earlier.arrangement)
        arranged = self._arrangements.get(item) or arrangement(item, roles)
        return Noted(item, place, role, is_ours, baselines.ticket(item, roles), arranged)

    def _family(self, result: bpy.types.ID, items: Sequence[bpy.types.ID]) -> _Family:
        return {_part(item, self._role(item, result)): item for item in items}

    def _role(self, item: bpy.types.ID, result: bpy.types.ID) -> str:
        if item == result:
            return _RESULT
        return _DATA if item == getattr(result, "data", None) else self._home.name_in_blob(item)


def _part(item: bpy.types.ID, role: str) -> _Part:
    return data_block_kinds.kind_of(item), role


def compared(rows: Iterable[noted_results.BackgroundNodeResult]) -> Iterator[Compared]:
    """What was noted of an output, to be compared with what is there."""
    families: dict[str, list[Part]] = {}
    found: list[tuple[Part, str, str]] = []
    for row in rows:
        part = Part(row.kind, row.role, row.session_uid)
        families.setdefault(row.place, []).append(part)
        if row.is_ours:
            found.append((part, row.digest, row.place))
    return (Compared(part, digest, families[place]) for part, digest, place in found)


def is_home(node: bpy.types.Node, output: str, contents: Mapping[str, str], *, leaves_deleted: bool) -> bool:
    """Whether just these results, by place and content, are in the file, in this order, and nobody has changed them.

    With `leaves_deleted`, those that somebody has deleted need not be there.
    """
    if list(noted_results.contents(node, output).items()) != list(contents.items()) or "" in contents.values():
        return False
    by_place: dict[str, dict[_Part, _Earlier]] = {}
    rows = noted_results.noted(node, output)
    for row, item in zip(rows, noted_results.find_all(rows), strict=True):
        if item is not None:
            by_place.setdefault(row.place, {})[row.kind, row.role] = _Earlier(
                item, row.is_ours, row.digest, row.arrangement
            )
        elif not leaves_deleted:
            return False
    users = Users()
    return not any(_has_changes(parts, users) for parts in by_place.values())


def _has_changes(parts: Mapping[_Part, _Earlier], users: Users) -> bool:
    roles = _roles({part: earlier.item for part, earlier in parts.items()})
    return bool(_changed({part: earlier for part, earlier in parts.items() if earlier.is_ours}, roles, users))


def _roles(family: _Family) -> Roles:
    return {item.session_uid: role_text(*part) for part, item in family.items()}


def _changed(earlier: Mapping[_Part, _Earlier], roles: Roles, users: Users) -> set[_Part]:
    """What the artist changed since it came home."""
    return {part for part, known in earlier.items() if is_changed(known.item, known.digest, roles, users)}


def _is_deleted(parts: Iterable[_Part]) -> bool:
    """Whether of an earlier result only what came along with it is there."""
    return all(role != _RESULT for _kind, role in parts)


def _is_same_kind(parts: Mapping[_Part, _Earlier], ours: Mapping[_Part, _Earlier], result: bpy.types.ID) -> bool:
    """Whether a result is of the kind that the earlier one was of, or the same original once more."""
    root = _part(result, _RESULT)
    return root in ours or (root in parts and parts[root].item == result)


def without_users(items: set[bpy.types.ID], going: set[bpy.types.ID]) -> set[bpy.types.ID]:
    """Those of the items that nothing uses but what is `going` as well. Assets are used."""
    if not items:
        return set()
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
