# SPDX-License-Identifier: GPL-3.0-or-later
"""The key of a task: a digest of all that its result depends on. Tasks with equal keys have equal results.

The parts of a key are kept beside the result, so that a reason for running a task is a difference between two of them.
No key holds a temporary path, a time, a worker or the number of a try.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from .. import wire
from ..planning.graph import NodeSettings, SceneSettings
from ..planning.plan import TaskOutput
from ..script.socket_types import SocketType
from ..version import RESULTS_VERSION
from .files import UnknownContentError
from .script_digest import ScriptDigest

_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Element:
    """A data-block, file or folder that a value names.

    Attributes:
        name: for people: `object "Rock"`, or a path.
        digest: of what it is, with all that it uses.
        parts: digests: of a data-block, of itself and of all that it uses, by such names; of a folder, of its files, by
            their paths in it.
        number: of a data-block, which one of the task's it is: two with one number are the same, not only equal.
        blob: which one of the task's blobs it is in: data-blocks of one blob share what they use.
        origins: which ones of the task's origins it and all that it uses are from.
        are_unchanged: whether they are as they were there: what has one origin and came unchanged by two ways is one.
        files: paths of the files that these name, if the script can see them.
    """

    name: str
    digest: str
    parts: Mapping[str, str] = field(default_factory=dict)
    number: int = 0
    blob: int = 0
    origins: tuple[int, ...] = ()
    are_unchanged: tuple[bool, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What one link or constant gives to an input.

    Attributes:
        type: of what it gives.
        conversion: what makes of it what the input takes, a name out of `socket_types.CONVERSIONS`.
        digest: of the value; of a path, of the whole path.
        text: the value for people.
        elements: the data-blocks, files and folders that it names.
        is_timed: whether these look different at another frame.
        is_relative: whether it holds a path that begins with //.
    """

    type: SocketType
    conversion: str
    digest: str
    text: str = ""
    elements: tuple[Element, ...] = ()
    is_timed: bool = False
    is_relative: bool = False


@dataclass(frozen=True, slots=True)
class InputPart:
    """An input of a task. The fields but `contents` are as in `signature.Parameter`."""

    identifier: str
    label: str
    type: SocketType
    contents: tuple[Content, ...]
    annotation: str = ""
    is_optional: bool = False
    is_output_path: bool = False

    @property
    def head(self) -> tuple[str | int, ...]:
        """All but the contents."""
        kind = self.type
        flags = kind.is_list, self.is_optional, self.is_output_path
        return self.identifier, self.label, kind.kind, self.annotation, *flags


@dataclass(frozen=True, slots=True)
class ScriptPart:
    """A script.

    Attributes:
        source: the digest of its source, without comments and layout.
        text: the digest of its text.
        is_without_main: as in `signature.ScriptSource`.
        modules: digests of the modules of its folder that it imports.
        installed: versions of the other modules that it imports.
    """

    source: str
    text: str
    is_without_main: bool = False
    modules: Mapping[str, str] = field(default_factory=dict)
    installed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OtherItems:
    """What one of several items knows of the others: which it is, and the digest of what all are given.

    Items that are skipped don't count.
    """

    item: int
    digest: str


@dataclass(frozen=True, slots=True)
class Environment:
    """All that the results of a run may depend on beside scripts and inputs.

    Attributes:
        blender: the version.
        build: which build of it, on which system.
        color: the configuration of colour management, "" for Blender's own.
        scene: the settings of the artist's scene.
        open_file: the path of the open file, "" if it was never saved.
        devices: what Cycles renders with.
        addons: versions of add-ons, by their modules.
    """

    blender: str
    build: str
    color: str = ""
    scene: SceneSettings = field(default_factory=SceneSettings)
    open_file: str = ""
    devices: tuple[str, ...] = ()
    addons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What the result of one item of a task depends on. `scene`, `open_file` and `devices` are None if it does not.

    `open_file` is the path of the open file, or of its folder if only that can be seen.
    """

    script: ScriptPart
    inputs: tuple[InputPart, ...]
    outputs: tuple[TaskOutput, ...]
    blender: str
    build: str
    color: str = ""
    scene: SceneSettings | None = None
    open_file: str | None = None
    devices: tuple[str, ...] | None = None
    addons: Mapping[str, str] = field(default_factory=dict)
    others: OtherItems | None = None
    version: int = RESULTS_VERSION

    def key(self) -> str:
        """The key: equal if, and only if, all counts as equal. What is only there for people does not count."""
        found = hashlib.blake2b(digest_size=32)
        for line in self._lines():
            found.update(f"{line}\n".encode())
        return found.hexdigest()

    def _lines(self) -> Iterator[str]:
        """All that counts, as lines of JSON; they also tell how many outputs, inputs and contents there are."""
        script = self.script
        yield _json((self.version, self.blender, self.build, self.color, self.open_file, self.devices, self.addons))
        yield _json((script.source, script.is_without_main, script.modules, script.installed))
        yield _json((len(self.outputs), len(self.inputs), *(len(part.contents) for part in self.inputs)))
        yield from map(_record_json, (self.scene, self.others, *self.outputs))
        for part in self.inputs:
            yield _head_json(part.head)
            yield from map(_content_json, part.contents)

    def place(self) -> str:
        """A key of all but the contents of files and folders: what a task writes into its inputs leaves it as it is."""
        return replace(self, inputs=tuple(_without_files(each) for each in self.inputs)).key()

    def to_json(self) -> str:
        return _json(wire.encode(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> KeyParts:
        """Raises TypeError or ValueError if the text is none that `to_json` gave."""
        return wire.decode(cls, json.loads(text))


def key_parts(
    script: ScriptDigest,
    inputs: tuple[InputPart, ...],
    outputs: tuple[TaskOutput, ...],
    settings: NodeSettings,
    environment: Environment,
    installed: Mapping[str, str],
    others: OtherItems | None,
) -> KeyParts:
    """What the result of one item depends on.

    Args:
        script: its script.
        inputs: what it is given.
        outputs: what it must give.
        settings: how its node runs.
        environment: all that it may depend on; what it can't see is left out.
        installed: what `installed.versions` says of `script.installed`.
        others: what it knows of the other items of its node, None if there are none.

    Raises:
        UnknownContentError: if nobody can tell what the script is. The message says why.
    """
    if script.obstacle:
        raise UnknownContentError(script.obstacle)
    sees, contents = script.sees, [content for each in inputs for content in each.contents]
    has_addons = bool(settings.addons)  # which may look at the scene whenever it changes
    has_own_file = any(each.type.kind == "BLEND_FILE" for each in inputs)  # and in it the settings of its scene
    sees_scene = sees.scene or has_addons or any(content.is_timed for content in contents)
    sees_folder = sees.folder or has_addons or any(content.is_relative for content in contents)
    folder = _folder_of(environment.open_file)
    return KeyParts(
        script=ScriptPart(script.source, script.text, script.is_without_main, script.modules, installed),
        inputs=inputs,
        outputs=outputs,
        blender=environment.blender,
        build=environment.build,
        color=environment.color,
        scene=environment.scene if sees_scene and not has_own_file else None,
        open_file=environment.open_file if sees.open_file else folder if sees_folder else None,
        devices=environment.devices if sees.devices or has_addons else None,
        addons={name: environment.addons.get(name, "") for name in settings.addons},
        others=others if sees.items else None,
    )


@functools.lru_cache(maxsize=16)
def _folder_of(path: str) -> str:
    return str(Path(path).parent) if path else ""


def _without_files(part: InputPart) -> InputPart:
    if part.type.kind != "PATH":
        return part
    return replace(part, contents=tuple(replace(content, elements=()) for content in part.contents))


def _content_json(content: Content) -> str:
    kind, elements = content.type, [wire.encode(element) for element in content.elements]
    for element in elements:
        del element["name"]
    head = kind.kind, kind.is_list, content.conversion, content.is_timed, content.is_relative, len(elements)
    return "\n".join((_head_json(head), _json(content.digest), *map(_json, elements)))


@functools.lru_cache(maxsize=1024)  # many items have the same
def _record_json(record: Any) -> str:
    return _json(wire.encode(record))


@functools.lru_cache(maxsize=1024)
def _head_json(head: tuple[str | int, ...]) -> str:
    return _json(head)


def _json(value: Any) -> str:
    return _ENCODER.encode(value)
