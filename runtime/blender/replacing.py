# SPDX-License-Identifier: GPL-3.0-or-later
"""Results take the place of what they were made of: its name, its users, and how view layers show it.

All of one homecoming at once: in a large file, one removal takes as long as many.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import bpy

from . import driver_targets, view_layers
from .object_uses import follow
from .remapping import remap

#: Called after each replacement, with what is there now by the uid of what was there.
listeners: list[Callable[[Mapping[int, bpy.types.ID]], None]] = []


def replace(
    pairs: Sequence[tuple[bpy.types.ID, bpy.types.ID]],
    *,
    keeps_objects: bool = False,
    versions: Mapping[int, int | None] = MappingProxyType({}),
    modifiers: Mapping[int, frozenset[str]] = MappingProxyType({}),
    superfluous: Iterable[bpy.types.ID] = (),
    doubles: Mapping[bpy.types.ID, bpy.types.ID] = MappingProxyType({}),
) -> list[bpy.types.ID]:
    """Put results in the place of data-blocks of the open file. References to what is removed are invalid.

    Args:
        pairs: (original, result); nothing is in more than one of them.
        keeps_objects: whether an object stays the same one, where it is, and gets the result's data; those of its
            `modifiers` that the result has no more go. One whose type has changed can't stay.
        versions: by the uid of what came along with the results, that of what it is a changed version of. An object
            that stays uses the changed versions, too: of its parent, of what its modifiers and constraints use.
        modifiers: by the uid of an object, the modifiers that the result was made with: later ones are the artist's.
        superfluous: what is removed with the originals, and nothing takes the place of.
        doubles: what is removed, too, each with what stays for it, as it is.

    Returns:
        what is in the place of each original now: the result, or the object that has stayed.
    """
    superfluous = list(superfluous)
    if not pairs and not superfluous and not doubles:
        return []
    staying = {original for original, result in pairs if keeps_objects and can_stay(original, result)}
    leaving = {original: result for original, result in pairs if original not in staying}
    involved = {item for pair in pairs for item in pair}
    uids = {original: original.session_uid for original, _result in pairs}
    with view_layers.kept(leaving, [*superfluous, *doubles]):
        for original, result in pairs:
            if original in staying:
                old_data = _hand_over_data(original, result, modifiers)
                follow(original, result, versions)
                if old_data is not None and old_data.users == 0 and old_data not in involved:
                    leaving[old_data] = original.data
                    uids[old_data] = old_data.session_uid
        names = [_Name.handed_over(original, result) for original, result in leaving.items()]
        given = {result: original for original, result in pairs if original in staying}
        now = {uid: leaving.get(original, original) for original, uid in uids.items()}
        _remove(leaving | given | doubles, superfluous)
        _restore(names)
    for listener in listeners:
        listener(now)
    return [original if original in staying else result for original, result in pairs]


def can_stay(original: bpy.types.ID, result: bpy.types.ID) -> bool:
    """Whether an object can have the data of the result: Blender changes no object's type."""
    return isinstance(original, bpy.types.Object) and original.type == result.type


def _hand_over_data(
    original: bpy.types.Object, result: bpy.types.Object, modifiers: Mapping[int, frozenset[str]]
) -> bpy.types.ID | None:
    """Give an object the data of the result. Returns the data that it had."""
    old_data = original.data
    if result.data is not None:
        original.data = result.data
    for slot, new_slot in zip(original.material_slots, result.material_slots, strict=False):
        if new_slot.link == "OBJECT":
            slot.link, slot.material = new_slot.link, new_slot.material
    for name in superfluous_modifiers(original, result, modifiers):
        original.modifiers.remove(original.modifiers[name])
    return old_data


def superfluous_modifiers(
    original: bpy.types.Object, result: bpy.types.Object, modifiers: Mapping[int, frozenset[str]]
) -> list[str]:
    """Names of the modifiers that an object has no more when it gets the data of the result: see `replace`."""
    made_with = modifiers.get(original.session_uid, frozenset())
    return [
        name for name, _modifier in original.modifiers.items() if name in made_with and name not in result.modifiers
    ]


def _remove(others: Mapping[bpy.types.ID, bpy.types.ID], superfluous: Sequence[bpy.types.ID]) -> None:
    """Remove what is `superfluous`, and the keys of `others`; what uses these uses the values from now on."""
    going = {*others, *superfluous}
    for old, collections in _collections_of({old for old in others if isinstance(old, bpy.types.Object)}, going):
        for collection in collections:  # `remap` would look at everything in the file
            _replace_in(collection, old, others[old])
    view_layers.sync()  # to 5.2, what they have shown is still used
    users = bpy.data.user_map(subset={*others, *driver_targets.parts(going)})  # a walk through all of the file
    driver_targets.follow([*others.items(), *((item, None) for item in superfluous)], users)
    for old, new in others.items():
        # A light probe is no user: see `remap`.
        if users.get(old, set()) - going or isinstance(old, bpy.types.Collection):
            remap(old, new)
    scenes = [item for item in going if isinstance(item, bpy.types.Scene)]
    for scene in scenes:
        bpy.data.scenes.remove(scene)  # a window may show it
    bpy.data.batch_remove([item for item in going if item not in scenes])


def _collections_of(
    objects: set[bpy.types.ID], going: set[bpy.types.ID]
) -> Iterator[tuple[bpy.types.ID, list[bpy.types.Collection]]]:
    """The collections that hold each of some objects, but for what goes; not of one that is also in a scene's own."""
    found: dict[bpy.types.ID, list[bpy.types.ID]] = {}
    for holder in (*bpy.data.collections, *bpy.data.scenes) if objects else ():
        for item in objects.intersection(_collection(holder).objects) if holder not in going else ():
            found.setdefault(item, []).append(holder)
    for item, holders in found.items():
        is_foreign = any(holder.library is not None or holder.override_library is not None for holder in holders)
        if not is_foreign and (len(holders) == 1 or not any(isinstance(each, bpy.types.Scene) for each in holders)):
            yield item, list(map(_collection, holders))


def _collection(holder: bpy.types.ID) -> bpy.types.Collection:
    return holder.collection if isinstance(holder, bpy.types.Scene) else holder


def _replace_in(collection: bpy.types.Collection, old: bpy.types.Object, new: bpy.types.Object) -> None:
    """Let an object be where another one is; not where that is used in another way, such as the camera of a scene."""
    with contextlib.suppress(RuntimeError):  # it is there already; to look for it takes long in a large one
        collection.objects.link(new)
    collection.objects.unlink(old)


@dataclass(frozen=True, slots=True)
class _Name:
    """What a result takes over from its original: the name, the fake user, the name of the shape keys."""

    result: bpy.types.ID
    name: str
    use_fake_user: bool
    name_of_keys: str

    @classmethod
    def handed_over(cls, original: bpy.types.ID, result: bpy.types.ID) -> _Name:
        _hand_over_asset(original, result)
        keys = getattr(original, "shape_keys", None)
        return cls(result, original.name, original.use_fake_user, "" if keys is None else keys.name)


def _restore(names: Iterable[_Name]) -> None:
    for item in names:
        item.result.name, item.result.use_fake_user = item.name, item.use_fake_user
        if item.name_of_keys and item.result.shape_keys is not None:
            item.result.shape_keys.name = item.name_of_keys


def _hand_over_asset(original: bpy.types.ID, result: bpy.types.ID) -> None:
    """If the original is an asset, make the result one, with the same catalog, tags, preview and description."""
    old = original.asset_data
    if old is None:
        return
    result.asset_mark()
    new = result.asset_data
    for name in ("author", "catalog_id", "copyright", "description", "license"):
        setattr(new, name, getattr(old, name))
    for tag in old.tags:
        new.tags.new(tag.name, skip_if_exists=True)
    for key, value in old.items():
        new[key] = value
    if original.preview is not None and all(original.preview.image_size):
        preview = result.preview_ensure()
        preview.image_size = original.preview.image_size
        preview.image_pixels = original.preview.image_pixels[:]
