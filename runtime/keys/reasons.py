# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task runs: the difference between the key of its last result and the one it has now, in words for an artist."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Final

from ..planning.graph import SceneSettings
from .files import MISSING
from .installed import is_content
from .key import Content, Element, InputPart, KeyParts
from .script_changes import changed_line

#: What follows the version of an add-on that Blender did not bring.
_OUTLINE: Final = re.compile(r" [0-9a-f]{32}$")


class Cause(enum.Enum):
    """What makes a task run; the value says how it is told, with the fields of a `Reason`."""

    NEVER_RAN = "never ran"
    FORCED = "forced"
    NEVER_CACHED = "set to never cache"
    UNKNOWN = "can't be cached: {subject}"
    REMOVED = "result was removed to make room"
    OUTPUT_GONE = 'output file "{subject}" is gone'
    OUTPUT_CHANGED = 'output file "{subject}" was changed'
    OUTPUT_CLAIMED = "another task writes to one of its files"
    FILE_CHANGED = '{before} "{subject}" changed'
    FILE_MOVED = 'file "{subject}" is elsewhere now'
    SCRIPT_CHANGED = "script changed"
    SCRIPT_CHANGED_AT = "script changed (line {subject})"
    MODULE_CHANGED = 'module "{subject}" changed'
    MODULE_UPDATED = 'module "{subject}" {before} → {after}'
    INPUT_CHANGED = '"{subject}" {before} → {after}'
    VALUE_CHANGED = '"{subject}" changed'
    DATA_BLOCK_CHANGED = "{subject} changed"
    PART_CHANGED = "{subject}: {before} changed"
    PART_NEW = "{subject}: {before} is new"
    PART_GONE = "{subject}: {before} is gone"
    SOCKETS_CHANGED = "inputs or outputs changed"
    OTHERS_CHANGED = "other items of its list changed"
    SCENE_CHANGED = "{subject} {before} → {after}"
    OPEN_FILE_CHANGED = "the file was moved or renamed"
    DEVICES_CHANGED = "render devices changed"
    ADDON_CHANGED = 'add-on "{subject}" changed'
    ADDON_UPDATED = 'add-on "{subject}" {before} → {after}'
    BLENDER_CHANGED = "Blender {before} → {after}"
    BUILD_CHANGED = "another build of Blender {subject}"
    COLOR_CHANGED = "colour management (OpenColorIO) changed"
    ENGINE_CHANGED = "Background Nodes was updated"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a task runs. What the texts hold is told in `Cause`."""

    cause: Cause
    subject: str = ""
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        return self.cause.value.format(subject=self.subject, before=self.before, after=self.after)


#: How the settings of a scene are called.
_SETTINGS: Final[Mapping[str, str]] = {
    "frame_current": "frame",
    "frame_start": "first frame",
    "frame_end": "last frame",
    "fps": "frame rate",
    "fps_base": "frame rate base",
    "unit_system": "unit system",
    "unit_scale_length": "unit scale",
    "length_unit": "length unit",
}
_IMAGES: Final = frozenset({".bmp", ".exr", ".hdr", ".jpeg", ".jpg", ".png", ".tga", ".tif", ".tiff", ".webp"})


def reasons(
    old: KeyParts | None, new: KeyParts, text_of: Callable[[str], str | None] = lambda _digest: None
) -> tuple[Reason, ...]:
    """Why a task with the key `new` has not the result of its last one; nothing if that is its result.

    Args:
        old: the parts of the key of its last result, None if it has none.
        new: the parts of the key it has now.
        text_of: gives the text of a script by its digest, None if it is not there.
    """
    if old is None:
        return (Reason(Cause.NEVER_RAN),)
    if old.key() == new.key():
        return ()
    found = (
        *_of_versions(old, new),
        *_of_script(old, new, text_of),
        *_of_inputs(old, new),
        *_of_surroundings(old, new),
    )
    return tuple(dict.fromkeys(found)) or (Reason(Cause.SOCKETS_CHANGED),)


def file_changed(path: str, digest: str, *, is_output: bool) -> Reason:
    """The reason for a file of a result, written or read, that is not as it was; `digest` is what it has now."""
    name = PurePath(path).name
    if is_output:
        return Reason(Cause.OUTPUT_GONE if digest == MISSING else Cause.OUTPUT_CHANGED, name)
    return _file_reason(path)


def _file_reason(path: str) -> Reason:
    word = "image file" if PurePath(path).suffix.lower() in _IMAGES else "file"
    return Reason(Cause.FILE_CHANGED, PurePath(path).name, word)


def _of_versions(old: KeyParts, new: KeyParts) -> Iterator[Reason]:
    if old.version != new.version:
        yield Reason(Cause.ENGINE_CHANGED)
    if old.blender != new.blender:
        yield Reason(Cause.BLENDER_CHANGED, before=old.blender, after=new.blender)
    elif old.build != new.build:
        yield Reason(Cause.BUILD_CHANGED, new.blender)
    if old.color != new.color:
        yield Reason(Cause.COLOR_CHANGED)


def _of_script(old: KeyParts, new: KeyParts, text_of: Callable[[str], str | None]) -> Iterator[Reason]:
    before, after = old.script, new.script
    if before.source != after.source:
        texts = text_of(before.text), text_of(after.text)
        line = changed_line(texts[0], texts[1]) if texts[0] is not None and texts[1] is not None else None
        yield Reason(Cause.SCRIPT_CHANGED) if line is None else Reason(Cause.SCRIPT_CHANGED_AT, str(line))
    for name in _differing(before.modules, after.modules):
        yield Reason(Cause.MODULE_CHANGED, name)
    for name in _differing(before.installed, after.installed):
        versions = [each.installed.get(name) or "nothing" for each in (before, after)]
        if any(map(is_content, versions)):
            yield Reason(Cause.MODULE_CHANGED, name)
        else:
            yield Reason(Cause.MODULE_UPDATED, name, *versions)


def _of_inputs(old: KeyParts, new: KeyParts) -> Iterator[Reason]:
    before = {each.identifier: each for each in old.inputs}
    after = {each.identifier: each for each in new.inputs}
    if before.keys() != after.keys() or old.outputs != new.outputs:
        yield Reason(Cause.SOCKETS_CHANGED)
    for name, part in after.items():
        if name in before:
            yield from _of_input(before[name], part)


def _of_input(old: InputPart, new: InputPart) -> Iterator[Reason]:
    if len(old.contents) != len(new.contents):
        links = [f"{len(each.contents)} link{'' if len(each.contents) == 1 else 's'}" for each in (old, new)]
        yield Reason(Cause.INPUT_CHANGED, new.label, *links)
        return
    for before, after in zip(old.contents, new.contents, strict=True):
        yield from _of_content(before, after, new)


def _of_content(old: Content, new: Content, part: InputPart) -> Iterator[Reason]:
    if old == new:
        return
    if old.text != new.text:
        yield Reason(Cause.INPUT_CHANGED, part.label, old.text, new.text)
        return
    before, after = ({each.name: each for each in content.elements} for content in (old, new))
    found = [
        reason for name in _differing(before, after) for reason in _of_element(before.get(name), after.get(name), part)
    ]
    yield from found or [Reason(Cause.VALUE_CHANGED, part.label)]


def _of_element(old: Element | None, new: Element | None, part: InputPart) -> Iterator[Reason]:
    if old is None or new is None:
        there = old or new
        assert there is not None
        yield Reason(Cause.PART_NEW if old is None else Cause.PART_GONE, f'"{part.label}"', there.name)
        return
    changed = _differing(old.parts, new.parts)
    for name in changed:
        if part.type.kind == "PATH":
            yield _file_reason(name or new.name)
        elif name == new.name:
            if len(changed) == 1:  # else it may have changed because it uses the others
                yield Reason(Cause.DATA_BLOCK_CHANGED, new.name)
        else:
            cause = Cause.PART_NEW if name not in old.parts else Cause.PART_GONE if name not in new.parts else None
            yield Reason(cause or Cause.PART_CHANGED, new.name, _shortened(name, new.name))


def _shortened(name: str, whole: str) -> str:
    """The name of a part: `mesh` of an object of the same name."""
    kind, _, own = name.partition(" ")
    return kind if own and own == whole.partition(" ")[2] else name


def _of_surroundings(old: KeyParts, new: KeyParts) -> Iterator[Reason]:
    if old.others != new.others:
        yield Reason(Cause.OTHERS_CHANGED)
    if old.scene != new.scene:
        yield from _of_scene(old.scene or SceneSettings(), new.scene or SceneSettings())
    if old.open_file != new.open_file:
        yield Reason(Cause.OPEN_FILE_CHANGED)
    if old.devices != new.devices:
        yield Reason(Cause.DEVICES_CHANGED)
    for name in _differing(old.addons, new.addons):
        before, after = (_OUTLINE.sub("", each.get(name, "off") or "missing") for each in (old.addons, new.addons))
        is_updated = before != after
        yield Reason(Cause.ADDON_UPDATED, name, before, after) if is_updated else Reason(Cause.ADDON_CHANGED, name)


def _of_scene(old: SceneSettings, new: SceneSettings) -> Iterator[Reason]:
    before, after = asdict(old), asdict(new)
    for name in _differing(before, after):
        yield Reason(Cause.SCENE_CHANGED, _SETTINGS[name], f"{before[name]}", f"{after[name]}")


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """The names under which two mappings don't hold the same, in the order of the new one."""
    return [name for name in {**new, **old} if old.get(name) != new.get(name)]
