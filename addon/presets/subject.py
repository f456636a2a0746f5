# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to become a preset, and what of it goes into one: all that it needs, and nothing of this file."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any, Final

import bpy

from ...node_tree import sources
from ...node_tree.group_node import has_group
from ...node_tree.text_form.dumping import dump, dump_nodes
from ...runtime.errors import DumpError, PresetError, SignatureError
from ...runtime.keys import own_modules
from ...runtime.keys.own_modules import ScriptPart
from ...runtime.presets.preset import Finding, Kind
from ...runtime.script import script_files
from ...runtime.text_form.paths import PATH_TYPES

_NUMBER: Final = re.compile(r"\.\d{3,}$")

Data = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """What is to become a preset.

    Attributes:
        kind: what kind of preset.
        tree: the group or tree; of a node, the tree that it is in.
        node: the node, None for a group or a tree.
    """

    kind: Kind
    tree: bpy.types.NodeTree
    node: bpy.types.Node | None = None

    @property
    def name(self) -> str:
        """What it is called now."""
        if self.node is None:
            return without_number(self.tree.name)
        return self.node.draw_label() if hasattr(self.node, "draw_label") else self.node.name


def without_number(name: str) -> str:
    """The name that a data-block had before Blender gave it a number."""
    return _NUMBER.sub("", name)


def subject_of(node: bpy.types.Node, *, only_values: bool = False) -> Subject:
    """A node, the group that it stands for, or its values. Raises PresetError if it can be no preset."""
    if not hasattr(node, "uid"):
        raise PresetError(f'"{node.name}" is no node of Background Nodes', "Choose a script, a group or an Input node")
    if only_values:
        return Subject(Kind.VALUES, node.id_data, node)
    return Subject(Kind.GROUP, node.node_tree) if has_group(node) else Subject(Kind.NODE, node.id_data, node)


@dataclass
class Content:
    """What goes into a preset, and what is to be said of that.

    Attributes:
        data: in the text form (`runtime/text_form/form.py`), without anything of this file.
        findings: what is wrong, or is left out.
        script_digests: of each script, as the consent to run it goes by.
    """

    data: Data
    findings: list[Finding] = field(default_factory=list)
    script_digests: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_error]


def content_of(subject: Subject) -> Content:
    """What goes into a preset of it. Nothing of the open file is changed."""
    node = subject.node
    try:
        data = copy.deepcopy(dump(subject.tree) if node is None else dump_nodes([node]))
    except DumpError as error:
        found = [Finding(subject.name, each.message, each.fix, each.node) for each in error.problems]
        return Content({}, found)
    content = Content(data)
    for place, each in _nodes_of(subject):
        content.findings += _findings_of_script(place, each)
    for place, entry in nodes_in(data):
        _bring_script(place, entry, content, only_values=subject.kind is Kind.VALUES)
        content.findings += _leave_out_data_blocks(place, entry)
        content.findings += _findings_of_paths(place, entry)
    for place, items in _interfaces(data):
        content.findings += _findings_of_values(place, items)
    if node is not None and subject.kind is Kind.VALUES:
        data["texts"] = {}
        data.pop("modules", None)
        _note_fields(node, data)
    _take_off_numbers(data)
    content.script_digests = sorted(digests_of_scripts(data))
    return content


def nodes_in(data: Mapping[str, Any]) -> Iterator[tuple[str, Data]]:
    """Each node, with the way to it: its name, after that of the group that it is in."""
    for name, node in data.get("tree", data.get("part", {})).get("nodes", {}).items():
        yield name, node
    for group, tree in data.get("groups", {}).items():
        for name, node in tree["nodes"].items():
            yield f"{group} / {name}", node


def scripts_in(data: Mapping[str, Any]) -> dict[str, list[ScriptPart]]:
    """The parts of each script that is a text, by its name."""
    texts, modules = data["texts"], data.get("modules", {})
    names = {
        reference["text"]
        for _place, node in nodes_in(data)
        if isinstance(reference := node.get("settings", {}).get("script"), dict) and "text" in reference
    }
    return {
        name: [
            ScriptPart("", _encoded(texts[name].removeprefix("\ufeff"))),
            *(ScriptPart(path, _encoded(texts[text])) for path, text in sorted(modules.get(name, {}).items())),
        ]
        for name in sorted(names)
    }


def digests_of_scripts(data: Mapping[str, Any]) -> set[str]:
    """The digests of all scripts, each with its modules."""
    return set(map(own_modules.digest, scripts_in(data).values()))


def _encoded(source: str) -> bytes:
    return source.encode("utf-8", "surrogatepass")


def _nodes_of(subject: Subject) -> Iterator[tuple[str, bpy.types.Node]]:
    """The nodes of this file that go into it, each once, with the way to it."""
    if subject.node is not None:
        yield subject.node.name, subject.node
        return
    seen, waiting = {subject.tree}, [(subject.tree, "")]
    while waiting:
        tree, way = waiting.pop()
        for node in tree.nodes:
            yield way + node.name, node
            if has_group(node) and node.node_tree not in seen:
                seen.add(node.node_tree)
                waiting.append((node.node_tree, f"{node.node_tree.name} / "))


# Scripts


def _findings_of_script(place: str, node: bpy.types.Node) -> Iterator[Finding]:
    if node.bl_idname != "BackgroundNodeScript":
        return
    try:
        source = node.source()
    except SignatureError as error:
        yield Finding(node.filepath or node.name, error.message, "Choose another script, or bring it back", place)
        return
    if source is None:
        yield Finding(node.name, "it has no script", "Choose one, or delete the node", place)
    elif node.read_script() is None:
        yield Finding(PurePath(source.filename).name, node.source_error, "Mend the script", place)
    text = node.script
    if text is not None and text.is_dirty and not text.is_in_memory:
        message = "the text has changes that its file lacks: the preset gets the text as it is now"
        yield Finding(text.name, message, "Save the text, or reload it", place, is_error=False)


def _bring_script(place: str, entry: Data, content: Content, *, only_values: bool) -> None:
    """Let a script that is a file come along as a text, with its modules as texts."""
    settings = entry.get("settings", {})
    if entry["type"] != "BackgroundNodeScript":
        return
    if only_values:
        settings.pop("script", None)
        settings.pop("filepath", None)
    elif isinstance(settings.get("filepath"), str):
        try:
            source = sources.from_file(settings["filepath"])
            parts = own_modules.read(source)
        except SignatureError:  # told already, or what follows would tell the same
            return
        modules: dict[str, str] = {}
        for part in parts[1:]:
            if part.text is None or not script_files.is_module_path(part.name):
                message = f'its module "{part.name}" can\'t come along: it is no Python source, or has an odd name'
                content.findings.append(Finding(part.name, message, "Do without it, or install it as an add-on", place))
            else:
                modules[part.name] = part.text
        name = _add_script(content.data, Path(source.filename).name, source.text, modules)
        del settings["filepath"]
        settings["script"] = {"text": name}


def _add_script(data: Data, name: str, source: str, modules: Mapping[str, str]) -> str:
    """Add a script and its modules, unless they are there. Returns its name there."""
    of_texts = data.get("modules", {})
    for known, text in data["texts"].items():
        if text == source and {path: data["texts"][each] for path, each in of_texts.get(known, {}).items()} == modules:
            return known
    new = _add_text(data, name, source)
    if modules:
        data.setdefault("modules", {})[new] = {
            path: _add_text(data, PurePosixPath(path).name, text) for path, text in modules.items()
        }
    return new


def _add_text(data: Data, name: str, source: str) -> str:
    stem, number, found = name.removesuffix(".py"), 2, name
    while found in data["texts"]:
        found, number = f"{stem} {number}.py", number + 1
    data["texts"][found] = source
    return found


def _take_off_numbers(data: Data) -> None:
    """Give groups and texts the names that they had before Blender gave them numbers, where these are free."""
    groups, texts = (_plain_names(data.get(key, {})) for key in ("groups", "texts"))
    for _place, node in nodes_in(data):
        if "group" in node:
            node["group"] = groups[node["group"]]
        for key in ("settings", "looks"):
            for value in node.get(key, {}).values():
                if isinstance(value, dict) and "text" in value:
                    value["text"] = texts[value["text"]]
    if "modules" in data:
        data["modules"] = {
            texts[name]: {path: texts[module] for path, module in found.items()}
            for name, found in data["modules"].items()
        }
    for key, names in (("groups", groups), ("texts", texts)):
        if key in data:
            data[key] = {names[name]: content for name, content in data[key].items()}


def _plain_names(names: Iterable[str]) -> dict[str, str]:
    taken, found = set(names), {}
    for name in sorted(taken):
        plain = _NUMBER.sub("", name)
        found[name] = name if plain in taken else plain
        taken.add(found[name])
    return found


def _note_fields(node: bpy.types.Node, data: Data) -> None:
    """Note what the script says of inputs: it tells those without a value from those with that of the script."""
    (entry,) = data["part"]["nodes"].values()
    said = {socket.identifier: getattr(socket, "field_json", "") for socket in node.inputs}
    for socket in entry.get("inputs", []) if not getattr(node, "library_script", "") else ():
        if field_json := said.get(socket["identifier"]):
            socket["field"] = json.loads(field_json)


# Data-blocks and paths


def _leave_out_data_blocks(place: str, entry: Data) -> Iterator[Finding]:
    """Values that are data-blocks stay in this file."""
    fix = "Choose it anew where the preset is used, or link it to an input of a group"
    for socket in (*entry.get("inputs", []), *entry.get("outputs", [])):
        if names := list(_data_blocks(socket.get("value"))):
            del socket["value"]
            socket.pop("own", None)
            message = f'"{socket["identifier"]}" is {names[0]} of this file, which does not come along'
            yield Finding(place, message, fix, place, is_error=False)
    settings = entry.get("settings", {})
    for name in [name for name, value in settings.items() if any(_data_blocks(value))]:
        message = f'"{name}" is {next(_data_blocks(settings[name]))} of this file, which does not come along'
        del settings[name]
        yield Finding(place, message, fix, place, is_error=False)
    looks = entry.get("looks", {})
    for name in [name for name, value in looks.items() if any(_data_blocks(value))]:
        del looks[name]


def _data_blocks(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _data_blocks(each)
    elif isinstance(value, dict) and "kind" in value and "name" in value:
        yield f'the {value["kind"]} "{value["name"]}"'


def _is_absolute(path: str) -> bool:
    if path.startswith("//"):  # the folder of the file
        return False
    return PurePosixPath(path).is_absolute() or bool(PureWindowsPath(path).drive)


def _findings_of_paths(place: str, entry: Data) -> Iterator[Finding]:
    """Paths that only this machine has, and files that are missing."""
    is_saving = entry["type"] == "BackgroundNodeOutput"
    sockets = (*entry.get("inputs", []), *entry.get("outputs", []))
    yield from _findings_of_values(place, sockets, may_be_missing=is_saving)
    if entry["type"] != "BackgroundNodeScript":
        value = {"identifier": "filepath", "type": "Path", "value": entry.get("settings", {}).get("filepath")}
        yield from _findings_of_values(place, [value], may_be_missing=is_saving)


def _interfaces(data: Mapping[str, Any]) -> Iterator[tuple[str, list[Data]]]:
    """The inputs and outputs of the tree and of its groups, whose values are the defaults of nodes."""
    for name, tree in [("", data.get("tree", {})), *data.get("groups", {}).items()]:
        yield name or tree.get("name", ""), list(_flat(tree.get("interface", [])))


def _flat(items: Iterable[Data]) -> Iterator[Data]:
    for item in items:
        if "panel" in item:
            yield from _flat(item.get("items", []))
        else:
            yield {**item, "identifier": item["name"]}


def _findings_of_values(place: str, sockets: Iterable[Data], *, may_be_missing: bool = False) -> Iterator[Finding]:
    for name, value in [(each["identifier"], each.get("value")) for each in sockets if each["type"] in PATH_TYPES]:
        for path in value if isinstance(value, list) else [value]:
            if not isinstance(path, str) or not path:
                continue
            if _is_absolute(path):
                message = f'"{name}" is the path {path}, which only this machine has'
                yield Finding(place, message, 'Let it begin with "//", the folder of the file', place, is_error=False)
            elif not may_be_missing and not Path(bpy.path.abspath(path)).exists():
                message = f'"{name}" is the file {path}, which is missing here'
                fix = "Nothing, if it is there where the preset is used, or is made by it"
                yield Finding(place, message, fix, place, is_error=False)
